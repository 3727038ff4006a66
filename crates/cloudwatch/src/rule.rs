//! The rule of a composite alarm.

use super::token::{Cursor, ReadError, Token, read, unexpected};
use std::collections::BTreeMap;
use std::fmt;

/// `CloudWatch`'s limit on the length of a rule.
const RULE_BYTES_MAX: usize = 10_240;

/// The state of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// All is well.
    Ok,
    /// What it warns of is there.
    Alarm,
    /// Too little is known.
    InsufficientData,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Ok, Self::Alarm, Self::InsufficientData];

    /// Its name in `CloudWatch`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A rule over the states of other alarms, which it knows by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// `ALARM("name")`, `OK("name")` or `INSUFFICIENT_DATA("name")`.
    Is(State, String),
    /// `NOT x`.
    Not(Box<Self>),
    /// `x AND y`.
    And(Box<Self>, Box<Self>),
    /// `x OR y`.
    Or(Box<Self>, Box<Self>),
}

impl Rule {
    /// Reads a rule: an error where it is none, or uses what is not known here.
    pub fn parse(text: &str) -> Result<Self, ReadError> {
        read("rule", text, RULE_BYTES_MAX, any_of)
    }

    /// The names of the alarms that it looks at.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Is(_, name) => vec![name],
            Self::Not(of) => of.names(),
            Self::And(one, other) | Self::Or(one, other) => [one.names(), other.names()].concat(),
        }
    }

    /// Whether it holds. An alarm that is not known is in no state.
    pub fn holds(&self, states: &BTreeMap<&str, State>) -> bool {
        match self {
            Self::Is(state, name) => states.get(name.as_str()) == Some(state),
            Self::Not(of) => !of.holds(states),
            Self::And(one, other) => one.holds(states) && other.holds(states),
            Self::Or(one, other) => one.holds(states) || other.holds(states),
        }
    }
}

fn any_of(cursor: &mut Cursor) -> Result<Rule, String> {
    let mut whole = all_of(cursor)?;
    while cursor.take_word("OR") {
        whole = Rule::Or(Box::new(whole), Box::new(all_of(cursor)?));
    }
    Ok(whole)
}

fn all_of(cursor: &mut Cursor) -> Result<Rule, String> {
    let mut whole = term(cursor)?;
    while cursor.take_word("AND") {
        whole = Rule::And(Box::new(whole), Box::new(term(cursor)?));
    }
    Ok(whole)
}

fn term(cursor: &mut Cursor) -> Result<Rule, String> {
    if cursor.take_word("NOT") {
        let of = cursor.deeper(term)?;
        return Ok(Rule::Not(Box::new(of)));
    }
    if cursor.take_sign("(") {
        let inside = cursor.deeper(any_of)?;
        return cursor.expect_sign(")").map(|()| inside);
    }
    let state = match cursor.next() {
        Some(Token::Word(word)) => {
            State::from_name(&word).ok_or_else(|| format!("the function {word} is not known"))?
        }
        found => return Err(unexpected(found, "a state")),
    };
    cursor.expect_sign("(")?;
    let name = match cursor.next() {
        Some(Token::Word(name) | Token::Text(name)) if !name.is_empty() => name,
        found => return Err(unexpected(found, "the name of an alarm")),
    };
    cursor.expect_sign(")").map(|()| Rule::Is(state, name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A rule as it can be read again, each operation in parentheses of its own.
    fn written(rule: &Rule) -> String {
        match rule {
            Rule::Is(state, name) => format!("{state}(\"{name}\")"),
            Rule::Not(of) => format!("NOT ({})", written(of)),
            Rule::And(one, other) => format!("({} AND {})", written(one), written(other)),
            Rule::Or(one, other) => format!("({} OR {})", written(one), written(other)),
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let read = Rule::parse(text).map(|rule| written(&rule).replace('"', ""));
        assert_eq!(read.as_deref(), Ok(expected), "{text}");
    }

    #[test]
    fn a_rule_is_read_as_it_binds() {
        check("ALARM(\"a b\")", "ALARM(a b)");
        check("ALARM(a) AND NOT OK(b)", "(ALARM(a) AND NOT (OK(b)))");
        check(
            "(ALARM(a) OR ALARM(b)) AND NOT (OK(c) AND INSUFFICIENT_DATA(d))",
            "((ALARM(a) OR ALARM(b)) AND NOT ((OK(c) AND INSUFFICIENT_DATA(d))))",
        );
        check(
            "ALARM(a) OR ALARM(b) AND ALARM(c)",
            "(ALARM(a) OR (ALARM(b) AND ALARM(c)))",
        );
    }

    #[test]
    fn what_is_no_rule_is_refused() {
        for text in [
            "",
            "ALARM",
            "ALARM()",
            "ALARM(\"\")",
            "alarm(a)",
            "ALARM(a",
            "ALARM(a) ALARM(b)",
            "ALARM(a) AND",
            "NOT",
            "(ALARM(a)",
            "ALARM(\"a)",
            "TRUE OR",
            "ALARM(a) XOR ALARM(b)",
            "ALARM(1)",
        ] {
            assert!(Rule::parse(text).is_err(), "{text}");
        }
        let deep = format!("{}ALARM(a){}", "(".repeat(60), ")".repeat(60));
        assert!(Rule::parse(&deep).is_err());
        assert!(Rule::parse(&format!("{}ALARM(a)", "NOT ".repeat(60))).is_err());
    }

    #[test]
    fn a_rule_holds_or_not() {
        let states = BTreeMap::from([
            ("a", State::Alarm),
            ("b", State::Ok),
            ("c", State::InsufficientData),
        ]);
        for (text, expected) in [
            ("ALARM(a)", true),
            ("OK(a)", false),
            ("OK(b)", true),
            ("INSUFFICIENT_DATA(c)", true),
            ("ALARM(a) AND ALARM(b)", false),
            ("ALARM(a) OR ALARM(b)", true),
            ("NOT ALARM(b)", true),
            ("ALARM(unknown)", false),
            ("ALARM(b) AND ALARM(b) OR ALARM(a)", true),
            ("NOT (ALARM(a) OR ALARM(b))", false),
        ] {
            let rule = Rule::parse(text).unwrap();
            assert_eq!(rule.holds(&states), expected, "{text}");
        }
    }

    fn any_rule() -> impl Strategy<Value = Rule> {
        let leaf = (prop::sample::select(State::ALL.to_vec()), "[^\"]{1,12}");
        let leaf = leaf.prop_map(|(state, name)| Rule::Is(state, name));
        leaf.prop_recursive(5, 30, 2, |inner| {
            let inner = inner.prop_map(Box::new);
            prop_oneof![
                inner.clone().prop_map(Rule::Not),
                (inner.clone(), inner.clone()).prop_map(|(one, other)| Rule::And(one, other)),
                (inner.clone(), inner).prop_map(|(one, other)| Rule::Or(one, other)),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(rule in any_rule()) {
            prop_assert_eq!(Rule::parse(&written(&rule)), Ok(rule));
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,60}") {
            drop(Rule::parse(&text));
        }
    }
}
