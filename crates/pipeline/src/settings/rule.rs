//! Rules: what a setting's text must be.

use jiff::SignedDuration;
use std::borrow::Cow;
use std::fmt;
use std::ops::RangeInclusive;

/// What a setting's text must be.
pub trait Rule: Sync {
    /// What it stands for.
    type Value;
    /// Takes a text without space around it, or says what is wrong with it, without showing it.
    fn parse(&self, text: &str) -> Result<Self::Value, Cow<'static, str>>;
    /// What it takes.
    fn values(&self) -> Values;
}

/// What a rule takes. It is displayed as what is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Values {
    /// A time of whole seconds within bounds.
    Seconds(RangeInclusive<u32>),
    /// A number within bounds.
    Count(RangeInclusive<u32>),
    /// One of these words.
    Words(Vec<&'static str>),
    /// Something else.
    Text {
        /// What `--help` calls it.
        shape: &'static str,
        /// What it is in words.
        expected: &'static str,
    },
}

impl fmt::Display for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seconds(range) => write!(
                f,
                "{} to {} s, such as 90s or 10m",
                range.start(),
                range.end()
            ),
            Self::Count(range) => write!(f, "{} to {}", range.start(), range.end()),
            Self::Words(words) => f.write_str(&words.join(" or ")),
            Self::Text { expected, .. } => f.write_str(expected),
        }
    }
}

/// A time of whole seconds within bounds: a number of seconds, or with units.
#[derive(Clone, Debug)]
pub struct Seconds(pub RangeInclusive<u32>);

impl Rule for Seconds {
    type Value = u32;

    fn parse(&self, text: &str) -> Result<u32, Cow<'static, str>> {
        let seconds = parse_seconds(text).filter(|seconds| self.0.contains(seconds));
        seconds.ok_or("is not a time within its bounds".into())
    }

    fn values(&self) -> Values {
        Values::Seconds(self.0.clone())
    }
}

/// Takes `10m`, `1h30m`, `90 s`, or a bare number of seconds.
pub fn parse_seconds(text: &str) -> Option<u32> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let span: SignedDuration = text.parse().ok()?;
    let whole = span.subsec_nanos() == 0;
    u32::try_from(span.as_secs()).ok().filter(|_seconds| whole)
}

/// A number within bounds.
#[derive(Clone, Debug)]
pub struct Count(pub RangeInclusive<u32>);

impl Rule for Count {
    type Value = u32;

    fn parse(&self, text: &str) -> Result<u32, Cow<'static, str>> {
        let number = text.parse().ok().filter(|number| self.0.contains(number));
        number.ok_or("is not a number within its bounds".into())
    }

    fn values(&self) -> Values {
        Values::Count(self.0.clone())
    }
}

/// One of these words.
#[derive(Clone, Copy, Debug)]
pub struct Words<T: 'static>(pub &'static [(&'static str, T)]);

impl<T: Copy + Sync> Rule for Words<T> {
    type Value = T;

    fn parse(&self, text: &str) -> Result<T, Cow<'static, str>> {
        let chosen = self.0.iter().find(|(word, _)| *word == text);
        chosen
            .map(|(_, value)| *value)
            .ok_or("is none of its words".into())
    }

    fn values(&self) -> Values {
        Values::Words(self.0.iter().map(|(word, _)| *word).collect())
    }
}

/// Whatever a function takes.
#[derive(Clone, Copy, Debug)]
pub struct Parsed<T> {
    shape: &'static str,
    expected: &'static str,
    parse: fn(&str) -> Result<T, Cow<'static, str>>,
}

impl<T> Parsed<T> {
    /// `shape` is what `--help` calls it, `expected` what it is in words.
    pub const fn new(
        shape: &'static str,
        expected: &'static str,
        parse: fn(&str) -> Result<T, Cow<'static, str>>,
    ) -> Self {
        Self {
            shape,
            expected,
            parse,
        }
    }
}

impl Parsed<String> {
    /// Any text.
    pub const fn text(shape: &'static str, expected: &'static str) -> Self {
        Self::new(shape, expected, |text| Ok(text.to_owned()))
    }
}

impl<T> Rule for Parsed<T> {
    type Value = T;

    fn parse(&self, text: &str) -> Result<T, Cow<'static, str>> {
        (self.parse)(text)
    }

    fn values(&self) -> Values {
        Values::Text {
            shape: self.shape,
            expected: self.expected,
        }
    }
}
