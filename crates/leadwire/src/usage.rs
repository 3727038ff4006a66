//! A mistake of the caller.

use leadwire_pipeline::settings::ConfigError;
use std::fmt;

/// The command line or the environment is wrong: exit code 2, each mistake on a line of its own.
#[derive(Debug)]
pub(crate) struct Usage(Vec<String>);

impl Usage {
    /// One mistake.
    pub(crate) fn of(mistake: impl Into<String>) -> Self {
        Self(vec![mistake.into()])
    }

    /// Each of them.
    pub(crate) fn each(mistakes: Vec<String>) -> Self {
        Self(mistakes)
    }

    /// All that were made.
    pub(crate) fn all(mistakes: &[ConfigError]) -> Self {
        Self(mistakes.iter().map(ToString::to_string).collect())
    }

    /// The mistakes.
    pub(crate) fn mistakes(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("; "))
    }
}

impl std::error::Error for Usage {}
