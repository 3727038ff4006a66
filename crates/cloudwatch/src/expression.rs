//! Metric math: the part of `CloudWatch`'s grammar that is used here. What is read here, `CloudWatch` takes as well, so it is also the check
//! that an expression was written right.

use super::token::{Cursor, ReadError, Token, read, unexpected};

/// `CloudWatch`'s limit on the length of an expression.
const EXPRESSION_BYTES_MAX: usize = 2048;

/// How a value is compared with another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is greater.
    Greater,
    /// It is greater or the same.
    GreaterOrEqual,
    /// It is less.
    Less,
    /// It is less or the same.
    LessOrEqual,
}

impl Comparison {
    /// Whether it holds.
    pub fn holds(self, one: f64, other: f64) -> bool {
        match self {
            Self::Greater => one > other,
            Self::GreaterOrEqual => one >= other,
            Self::Less => one < other,
            Self::LessOrEqual => one <= other,
        }
    }

    /// Its sign.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }
}

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `OR`, also written `||`.
    Or,
    /// `AND`, also written `&&`.
    And,
    /// `==`.
    Equal,
    /// `!=`.
    NotEqual,
    /// `<`, `<=`, `>` or `>=`.
    Compare(Comparison),
    /// `+`.
    Add,
    /// `-`.
    Subtract,
    /// `*`.
    Multiply,
    /// `/`.
    Divide,
}

/// The operators by their signs. AWS does not say in its documentation which of these binds closer. This is the order of every other
/// language; an expression that leans on it should set parentheses instead.
const LEVELS: [&[(&str, Operator)]; 5] = [
    &[("||", Operator::Or)],
    &[("&&", Operator::And)],
    &[
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        ("<=", Operator::Compare(Comparison::LessOrEqual)),
        (">=", Operator::Compare(Comparison::GreaterOrEqual)),
        ("<", Operator::Compare(Comparison::Less)),
        (">", Operator::Compare(Comparison::Greater)),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide)],
];

/// Takes an operator by its sign, or by its word where it has one, if it is next.
fn take(cursor: &mut Cursor, sign: &'static str) -> bool {
    let word = match sign {
        "||" => "OR",
        "&&" => "AND",
        _ => return cursor.take_sign(sign),
    };
    cursor.take_word(word) || cursor.take_sign(sign)
}

/// An expression of metric math.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A number, not below zero.
    Number(f64),
    /// The id of a metric or of another expression.
    Id(String),
    /// Two operands and the operator between them. `-x` is `0 - x`.
    Binary(Box<Self>, Operator, Box<Self>),
    /// `IF(condition, then, else)`; points for which there is no value are dropped.
    If(Box<Self>, Box<Self>, Option<Box<Self>>),
    /// `FILL(series, number)`: a value for each period that has none.
    Fill(Box<Self>, Box<Self>),
}

impl Expression {
    /// Reads an expression: an error where it is none, or uses what is not known here.
    pub fn parse(text: &str) -> Result<Self, ReadError> {
        read("expression", text, EXPRESSION_BYTES_MAX, |cursor| {
            operands(cursor, 0)
        })
    }

    /// The ids that it names, some more than once.
    pub fn ids(&self) -> Vec<&str> {
        match self {
            Self::Number(_) => Vec::new(),
            Self::Id(id) => vec![id],
            Self::Binary(one, _, other) | Self::Fill(one, other) => {
                [one.ids(), other.ids()].concat()
            }
            Self::If(condition, then, otherwise) => {
                let otherwise = otherwise.as_ref().map(|of| of.ids());
                [condition.ids(), then.ids(), otherwise.unwrap_or_default()].concat()
            }
        }
    }
}

/// Operands with operators of this level between them, taken from left to right.
fn operands(cursor: &mut Cursor, level: usize) -> Result<Expression, String> {
    let Some(operators) = LEVELS.get(level) else {
        return operand(cursor);
    };
    let mut whole = operands(cursor, level + 1)?;
    while let Some((_, operator)) = operators.iter().find(|known| take(cursor, known.0)) {
        let other = operands(cursor, level + 1)?;
        whole = Expression::Binary(Box::new(whole), *operator, Box::new(other));
    }
    Ok(whole)
}

fn operand(cursor: &mut Cursor) -> Result<Expression, String> {
    match cursor.next() {
        Some(Token::Number(number)) => Ok(Expression::Number(number)),
        Some(Token::Sign("-")) => {
            let (zero, of) = (Expression::Number(0.0), cursor.deeper(operand)?);
            let (zero, of) = (Box::new(zero), Box::new(of));
            Ok(Expression::Binary(zero, Operator::Subtract, of))
        }
        Some(Token::Sign("(")) => {
            let inside = cursor.deeper(|cursor| operands(cursor, 0))?;
            cursor.expect_sign(")").map(|()| inside)
        }
        Some(Token::Word(word)) if word.starts_with(|c: char| c.is_ascii_lowercase()) => {
            Ok(Expression::Id(word))
        }
        Some(Token::Word(word)) if cursor.take_sign("(") => {
            cursor.deeper(|cursor| function(cursor, &word))
        }
        found => Err(unexpected(found, "an operand")),
    }
}

/// The arguments of a function, whose opening parenthesis has been read.
fn function(cursor: &mut Cursor, name: &str) -> Result<Expression, String> {
    let first = Box::new(operands(cursor, 0)?);
    cursor.expect_sign(",")?;
    let second = Box::new(operands(cursor, 0)?);
    let call = match name {
        "IF" => {
            let third = if cursor.take_sign(",") {
                Some(Box::new(operands(cursor, 0)?))
            } else {
                None
            };
            Expression::If(first, second, third)
        }
        "FILL" => Expression::Fill(first, second),
        _ => return Err(format!("the function {name} is not known")),
    };
    cursor.expect_sign(")").map(|()| call)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An expression as it can be read again, each operation in parentheses of its own.
    fn written(expression: &Expression) -> String {
        match expression {
            Expression::Number(number) => number.to_string(),
            Expression::Id(id) => id.clone(),
            Expression::Binary(one, operator, other) => {
                let all = LEVELS.concat();
                let (sign, _) = all.iter().find(|(_, known)| known == operator).unwrap();
                format!("({} {sign} {})", written(one), written(other))
            }
            Expression::If(condition, then, otherwise) => {
                let otherwise = otherwise.as_ref().map(|of| format!(", {}", written(of)));
                let otherwise = otherwise.unwrap_or_default();
                format!("IF({}, {}{otherwise})", written(condition), written(then))
            }
            Expression::Fill(series, with) => {
                format!("FILL({}, {})", written(series), written(with))
            }
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let read = Expression::parse(text).map(|expression| written(&expression));
        assert_eq!(read.as_deref(), Ok(expected), "{text}");
    }

    #[track_caller]
    fn refused(text: &str) {
        let read = Expression::parse(text);
        assert!(read.is_err(), "{text}: {read:?}");
    }

    #[test]
    fn operators_bind_as_everywhere() {
        check("a+b*c", "(a + (b * c))");
        check("(a+b)*c", "((a + b) * c)");
        check("a - b - c", "((a - b) - c)");
        check("a - (b - c)", "(a - (b - c))");
        check(
            "100*a/(a+b) >= 5 && c > 1",
            "((((100 * a) / (a + b)) >= 5) && (c > 1))",
        );
        check("a OR b AND c", "(a || (b && c))");
        check("(a || b) AND c", "((a || b) && c)");
        check("-a * -(b + 1.50)", "((0 - a) * (0 - (b + 1.5)))");
    }

    #[test]
    fn functions_take_their_arguments() {
        check("IF(a>5,a)", "IF((a > 5), a)");
        check("IF(a != 5, a, 0)", "IF((a != 5), a, 0)");
        check("FILL( m1 , 0 )", "FILL(m1, 0)");
        check("IF(FILL(a,0)<=1,1,-1)", "IF((FILL(a, 0) <= 1), 1, (0 - 1))");
    }

    #[test]
    fn what_cloudwatch_would_refuse_is_refused() {
        for text in [
            "",
            "a b",
            "a +",
            "+ a",
            "a = b",
            "A",
            "if(a, b)",
            "IF(a)",
            "IF(a, b, c, d)",
            "FILL(a)",
            "FILL(a, 0, 1)",
            "RATE(a, b)",
            "IF",
            "IF(a, b",
            "(a",
            "a)",
            "1.2.3",
            "a ? b",
            "\"a\"",
            "a & b",
            "1e5",
        ] {
            refused(text);
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        let deep = |depth: usize| format!("{}a{}", "(".repeat(depth), ")".repeat(depth));
        assert!(Expression::parse(&deep(50)).is_ok());
        refused(&deep(51));
        refused(&format!("a{}", "-".repeat(1000)));
        refused(&format!("a{}", "+a".repeat(1024)));
        assert!(Expression::parse(&format!("a{}", "+a".repeat(1023))).is_ok());
    }

    #[test]
    fn an_expression_names_its_ids() {
        let read = Expression::parse("IF(a > FILL(b, 0), -c / 2, d)").unwrap();
        assert_eq!(read.ids(), ["a", "b", "c", "d"]);
    }

    fn any_expression() -> impl Strategy<Value = Expression> {
        let operator = prop::sample::select(LEVELS.concat()).prop_map(|(_, operator)| operator);
        let leaf = prop_oneof![
            (0_u32..10_000).prop_map(|n| Expression::Number(f64::from(n) / 8.0)),
            "[a-z][A-Za-z0-9_]{0,5}".prop_map(Expression::Id),
        ];
        leaf.prop_recursive(5, 40, 3, move |inner| {
            let inner = inner.prop_map(Box::new);
            prop_oneof![
                (inner.clone(), operator.clone(), inner.clone())
                    .prop_map(|(one, operator, other)| Expression::Binary(one, operator, other)),
                (
                    inner.clone(),
                    inner.clone(),
                    prop::option::of(inner.clone())
                )
                    .prop_map(|(c, a, b)| Expression::If(c, a, b)),
                (inner.clone(), inner).prop_map(|(one, other)| Expression::Fill(one, other)),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(expression in any_expression()) {
            let text = written(&expression);
            prop_assume!(text.len() <= EXPRESSION_BYTES_MAX);
            prop_assert_eq!(Expression::parse(&text), Ok(expression));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,60}") {
            drop(Expression::parse(&text));
        }

        #[test]
        fn no_words_make_the_reader_panic(words in prop::collection::vec(prop::sample::select(vec!["a", "1", "IF", "FILL", "(", ")", ",", "-", "AND", ">", "\"", ">="]), 0..60)) {
            drop(Expression::parse(&words.concat()));
            drop(Expression::parse(&words.join(" ")));
        }
    }
}
