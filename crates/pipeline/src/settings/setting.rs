//! What an entry says.

use super::rule::{Rule, Values};
use std::borrow::Cow;

/// A function of the AWS home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Function {
    /// Takes webhooks.
    Ingest,
    /// Enriches and notifies.
    Enrich,
    /// Queues again what lost its message.
    Sweep,
}

impl Function {
    /// Every function.
    pub const ALL: &[Self] = &[Self::Ingest, Self::Enrich, Self::Sweep];

    /// The name of its binary.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Enrich => "enrich",
            Self::Sweep => "sweep",
        }
    }
}

/// Where the template has a variable's value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Template {
    /// The parameter of this name, with the entry's default and bounds.
    Parameter(&'static str),
    /// The entry's default, as a literal.
    Literal,
    /// The stack itself: a resource of it, or a value that suits it.
    Stack,
    /// Nowhere: the variable is not set.
    Absent,
}

/// What holds where a setting is not set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preset {
    /// A mistake.
    Required,
    /// Nothing.
    Unset,
    /// This number.
    Number(u32),
    /// This text.
    Text(&'static str),
    /// What the home makes of it, in words.
    Derived(&'static str),
}

impl Preset {
    /// The text of a value.
    pub fn text(self) -> Option<Cow<'static, str>> {
        match self {
            Self::Number(number) => Some(number.to_string().into()),
            Self::Text(text) => Some(text.into()),
            Self::Required | Self::Unset | Self::Derived(_) => None,
        }
    }
}

/// All that an entry says beside its rule.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The variable of the functions.
    pub variable: Option<&'static str>,
    /// The functions that read it.
    pub functions: &'static [Function],
    /// Where the template has it from.
    pub template: Template,
    /// The flag of the command, with its hyphens.
    pub flag: Option<&'static str>,
    /// The command's variable of the same meaning.
    pub env: Option<&'static str>,
    /// The commands that have the flag.
    pub commands: &'static [&'static str],
    /// What holds where it is not set.
    pub default: Preset,
    /// Whether its value must not be shown.
    pub is_secret: bool,
    /// What it is for, in a sentence.
    pub help: &'static str,
    /// What else `--help` says about it.
    pub details: &'static str,
}

/// A setting's entry. [`crate::settings!`] writes them.
#[derive(Clone, Copy, Debug)]
pub struct Setting<R> {
    pub(super) rule: R,
    pub(super) facts: Facts,
}

impl<R> Setting<R> {
    /// An entry that no home has yet, and that need not be set.
    pub const fn new(rule: R) -> Self {
        let facts = Facts {
            variable: None,
            functions: &[],
            template: Template::Absent,
            flag: None,
            env: None,
            commands: &[],
            default: Preset::Unset,
            is_secret: false,
            help: "",
            details: "",
        };
        Self { rule, facts }
    }

    /// What holds where it is not set.
    #[must_use]
    pub const fn default(mut self, default: Preset) -> Self {
        self.facts.default = default;
        self
    }

    /// It is a variable of functions.
    #[must_use]
    pub const fn aws(
        mut self,
        variable: &'static str,
        functions: &'static [Function],
        template: Template,
    ) -> Self {
        self.facts.variable = Some(variable);
        self.facts.functions = functions;
        self.facts.template = template;
        self
    }

    /// The variable of the functions, or nothing.
    pub const fn variable(&self) -> &'static str {
        match self.facts.variable {
            Some(variable) => variable,
            None => "",
        }
    }

    /// It is a flag of commands.
    #[must_use]
    pub const fn flag(mut self, flag: &'static str, commands: &'static [&'static str]) -> Self {
        self.facts.flag = Some(flag);
        self.facts.commands = commands;
        self
    }

    /// The flag has a variable too.
    #[must_use]
    pub const fn env(mut self, env: &'static str) -> Self {
        self.facts.env = Some(env);
        self
    }

    /// Its value must not be shown.
    #[must_use]
    pub const fn secret(mut self) -> Self {
        self.facts.is_secret = true;
        self
    }

    /// What it is for.
    #[must_use]
    pub const fn help(mut self, help: &'static str) -> Self {
        self.facts.help = help.trim_ascii();
        self
    }

    /// What else `--help` says about it.
    #[must_use]
    pub const fn details(mut self, details: &'static str) -> Self {
        self.facts.details = details;
        self
    }
}

/// A setting, whatever its rule.
pub trait AnySetting: Sync {
    /// All that is said beside its rule.
    fn facts(&self) -> &Facts;
    /// What its rule takes.
    fn values(&self) -> Values;
}

impl<R: Rule> AnySetting for Setting<R> {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn values(&self) -> Values {
        self.rule.values()
    }
}

/// Writes entries, and lists them as `SETTINGS`. The doc comment of each is its help too.
#[macro_export]
macro_rules! settings {
    ($($(#[doc = $help:literal])+ $name:ident: $rule:ty = $setting:expr;)+) => {
        $(
            $(#[doc = $help])+
            pub static $name: $crate::settings::Setting<$rule> = $setting.help(concat!($($help),+));
        )+

        /// Every setting of this table.
        pub static SETTINGS: &[&dyn $crate::settings::AnySetting] = &[$(&$name),+];
    };
}
