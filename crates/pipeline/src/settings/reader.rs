//! Reads settings and collects every mistake.

use super::rule::Rule;
use super::setting::{AnySetting, Preset, Setting};
use std::borrow::Cow;
use std::fmt;

/// A setting that cannot be used. A value that may be an address or a secret is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// Which one, by the name that it was looked up by.
    pub name: &'static str,
    /// Its value, where it may be shown.
    pub value: Option<String>,
    /// What is wrong with it.
    pub problem: Cow<'static, str>,
    /// What would be right.
    pub expected: String,
}

impl ConfigError {
    /// A mistake whose value is not shown.
    pub fn new(
        name: &'static str,
        problem: impl Into<Cow<'static, str>>,
        expected: impl Into<String>,
    ) -> Self {
        Self {
            name,
            value: None,
            problem: problem.into(),
            expected: expected.into(),
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            value,
            problem,
            expected,
        } = self;
        f.write_str(name)?;
        if let Some(value) = value {
            write!(f, " {value:?}")?;
        }
        write!(f, " {problem}; expected: {expected}")
    }
}

impl std::error::Error for ConfigError {}

/// Which of its names a setting is looked up by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// The variable of the functions. No value is ever shown: errors end in logs.
    Variable,
    /// The flag of the command. Values are shown to the person who typed them.
    Flag,
}

impl Naming {
    fn name_of(self, setting: &dyn AnySetting) -> Option<&'static str> {
        match self {
            Self::Variable => setting.facts().variable,
            Self::Flag => setting.facts().flag,
        }
    }
}

/// Reads a configuration by `lookup`, from the environment or from flags.
///
/// # Errors
/// Every mistake, not only the first.
pub fn read<T>(
    naming: Naming,
    lookup: &dyn Fn(&str) -> Option<String>,
    configure: impl FnOnce(&mut SettingsReader<'_>) -> Option<T>,
) -> Result<T, Vec<ConfigError>> {
    let mut reader = SettingsReader {
        naming,
        lookup,
        mistakes: Vec::new(),
    };
    match configure(&mut reader) {
        Some(config) if reader.mistakes.is_empty() => Ok(config),
        _ => Err(reader.mistakes),
    }
}

/// Reads settings and collects every mistake. A setting without a name in this home has its default.
pub struct SettingsReader<'a> {
    naming: Naming,
    lookup: &'a dyn Fn(&str) -> Option<String>,
    mistakes: Vec<ConfigError>,
}

impl SettingsReader<'_> {
    /// A setting with a default, which also stands in for a value that is a mistake.
    pub fn get<R: Rule>(&mut self, setting: &Setting<R>) -> R::Value {
        self.take(setting)
            .or_else(|| default(setting))
            .expect("what is read so has a default that holds to its rule")
    }

    /// Any setting: `None` is a mistake, or nothing where it need not be set.
    pub fn take<R: Rule>(&mut self, setting: &Setting<R>) -> Option<R::Value> {
        if !self.is_set(setting) && setting.facts.default != Preset::Required {
            return default(setting);
        }
        self.require(setting)
    }

    /// A setting that need not be set here, whatever its entry says.
    pub fn optional<R: Rule>(&mut self, setting: &Setting<R>) -> Option<R::Value> {
        self.is_set(setting).then(|| self.require(setting))?
    }

    /// A setting that must be set here, whatever its entry says.
    pub fn require<R: Rule>(&mut self, setting: &Setting<R>) -> Option<R::Value> {
        let text = self.text(setting);
        let parsed = match text.as_deref().map(str::trim) {
            None => Err("is not set".into()),
            Some("") => Err("is empty".into()),
            Some(text) => setting.rule.parse(text),
        };
        parsed
            .map_err(|problem| self.reject(setting, problem, setting.values().to_string()))
            .ok()
    }

    /// Any setting of which this home makes more: `refine` may say what is wrong with it.
    pub fn take_as<R: Rule, T>(
        &mut self,
        setting: &Setting<R>,
        refine: impl FnOnce(R::Value) -> Result<T, String>,
    ) -> Option<T> {
        let refined = refine(self.take(setting)?);
        refined
            .map_err(|problem| self.reject(setting, problem, setting.values().to_string()))
            .ok()
    }

    /// Whether it is set, well or not.
    pub fn is_set(&self, setting: &dyn AnySetting) -> bool {
        self.text(setting).is_some()
    }

    /// Reports a mistake in a setting.
    pub fn reject(
        &mut self,
        setting: &dyn AnySetting,
        problem: impl Into<Cow<'static, str>>,
        expected: impl Into<String>,
    ) {
        let is_shown = self.naming == Naming::Flag && !setting.facts().is_secret;
        let name = self.naming.name_of(setting).unwrap_or_default();
        let value = self.text(setting).filter(|_| is_shown);
        self.note([ConfigError {
            value,
            ..ConfigError::new(name, problem, expected)
        }]);
    }

    /// Reports mistakes, each once: a setting may be read by several configurations.
    pub fn note(&mut self, mistakes: impl IntoIterator<Item = ConfigError>) {
        for mistake in mistakes {
            if !self.mistakes.contains(&mistake) {
                self.mistakes.push(mistake);
            }
        }
    }

    fn text(&self, setting: &dyn AnySetting) -> Option<String> {
        (self.lookup)(self.naming.name_of(setting)?)
    }
}

fn default<R: Rule>(setting: &Setting<R>) -> Option<R::Value> {
    setting.rule.parse(&setting.facts.default.text()?).ok()
}
