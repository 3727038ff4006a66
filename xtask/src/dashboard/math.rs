//! As much of `CloudWatch`'s metric math as the dashboards use: `+ - * /`, parentheses, numbers, ids and `FILL(id, number)`.

use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;

/// What is computed for each point of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Number(f64),
    /// Another row of the same graph.
    Id(String),
    /// A value in the place of one that is missing.
    Fill(Box<Expression>, f64),
    Binary(Operator, Box<Expression>, Box<Expression>),
}

/// What two values make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Plus,
    Minus,
    Times,
    Over,
}

impl Expression {
    /// Reads an expression.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let mut rest = text.chars().peekable();
        let parsed = sum(&mut rest).with_context(|| format!("the expression {text:?}"))?;
        match rest.next() {
            None => Ok(parsed),
            Some(left) => bail!("the expression {text:?} cannot be read from {left:?} on"),
        }
    }

    /// The rows that it is computed from.
    pub(crate) fn ids(&self) -> BTreeSet<&str> {
        match self {
            Self::Number(_) => BTreeSet::new(),
            Self::Id(id) => BTreeSet::from([id.as_str()]),
            Self::Fill(inner, _) => inner.ids(),
            Self::Binary(_, left, right) => left.ids().into_iter().chain(right.ids()).collect(),
        }
    }

    /// Its value, where those that it needs are there. Nothing is divided by zero.
    pub(crate) fn value(&self, of: &impl Fn(&str) -> Option<f64>) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Id(id) => of(id),
            Self::Fill(inner, missing) => Some(inner.value(of).unwrap_or(*missing)),
            Self::Binary(operator, left, right) => {
                let (left, right) = (left.value(of)?, right.value(of)?);
                match operator {
                    Operator::Plus => Some(left + right),
                    Operator::Minus => Some(left - right),
                    Operator::Times => Some(left * right),
                    Operator::Over => (right != 0.0).then(|| left / right),
                }
            }
        }
    }
}

type Rest<'a> = Peekable<Chars<'a>>;

fn sum(rest: &mut Rest<'_>) -> Result<Expression> {
    let mut left = product(rest)?;
    while let Some(sign) = rest.next_if(|c| matches!(c, '+' | '-')) {
        let operator = if sign == '+' {
            Operator::Plus
        } else {
            Operator::Minus
        };
        left = Expression::Binary(operator, Box::new(left), Box::new(product(rest)?));
    }
    Ok(left)
}

fn product(rest: &mut Rest<'_>) -> Result<Expression> {
    let mut left = atom(rest)?;
    while let Some(sign) = rest.next_if(|c| matches!(c, '*' | '/')) {
        let operator = if sign == '*' {
            Operator::Times
        } else {
            Operator::Over
        };
        left = Expression::Binary(operator, Box::new(left), Box::new(atom(rest)?));
    }
    Ok(left)
}

fn atom(rest: &mut Rest<'_>) -> Result<Expression> {
    if rest.next_if_eq(&'(').is_some() {
        let inner = sum(rest)?;
        expect(rest, ')')?;
        return Ok(inner);
    }
    let mut word = String::new();
    while let Some(next) = rest.next_if(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.')) {
        word.push(next);
    }
    if word == "FILL" {
        expect(rest, '(')?;
        let inner = sum(rest)?;
        expect(rest, ',')?;
        let Expression::Number(missing) = atom(rest)? else {
            bail!("FILL wants a number");
        };
        expect(rest, ')')?;
        return Ok(Expression::Fill(Box::new(inner), missing));
    }
    match word.chars().next() {
        Some(first) if first.is_ascii_digit() => Ok(Expression::Number(word.parse()?)),
        // CloudWatch wants ids to begin with a small letter.
        Some(first) if first.is_ascii_lowercase() => Ok(Expression::Id(word)),
        _ => bail!("{word:?} is neither a number nor an id"),
    }
}

fn expect(rest: &mut Rest<'_>, wanted: char) -> Result<()> {
    match rest.next() {
        Some(next) if next == wanted => Ok(()),
        other => bail!("{wanted:?} is expected, not {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<f64>) {
        let of = |id: &str| match id {
            "a" => Some(6.0),
            "b" => Some(2.0),
            _ => None,
        };
        assert_eq!(Expression::parse(text).unwrap().value(&of), expected);
    }

    #[test]
    fn products_are_computed_before_sums() {
        check("a+b*10-1", Some(25.0));
        check("100*(a-b)/(a+b)", Some(50.0));
    }

    #[test]
    fn what_is_missing_leaves_a_gap_unless_it_is_filled() {
        check("a+none", None);
        check("a+FILL(none,0)", Some(6.0));
        check("a/(b-2)", None);
    }

    #[test]
    fn every_id_is_named() {
        let parsed = Expression::parse("100*FILL(a,0)/(a+b1)").unwrap();
        assert_eq!(parsed.ids(), BTreeSet::from(["a", "b1"]));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for text in ["", "a+", "(a", "A", "SUM(a)", "a b", "FILL(a,b)"] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }
}
