//! Settings on the command line: their flags, variables, defaults and help come from their entries.

use super::entry;
use crate::usage::Usage;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use leadwire_pipeline::settings::{
    self, AnySetting, Facts, Naming, Preset, SettingsReader, Values, read,
};
use std::collections::BTreeMap;

/// What was typed of the settings of a command, or stands in their variables: texts, by flag.
#[derive(Clone, Debug)]
pub(crate) struct Typed(BTreeMap<&'static str, String>);

impl Typed {
    /// The text of a flag.
    pub(crate) fn text(&self, flag: &str) -> Option<String> {
        self.0.get(flag).cloned()
    }

    /// Sets the text of a flag.
    pub(crate) fn set(&mut self, flag: &'static str, text: &str) {
        self.0.insert(flag, text.to_owned());
    }

    /// Reads a configuration from it.
    pub(crate) fn read<T>(
        &self,
        configure: impl FnOnce(&mut SettingsReader<'_>) -> T,
    ) -> Result<T, Usage> {
        let lookup = |flag: &str| self.text(flag);
        let config = read(Naming::Flag, &lookup, |settings| Some(configure(settings)));
        config.map_err(|mistakes| Usage::all(&mistakes))
    }
}

/// The settings that any command has, by their flags.
fn all() -> impl Iterator<Item = (&'static str, &'static dyn AnySetting)> {
    let all = settings::SETTINGS.iter().chain(entry::SETTINGS).copied();
    all.filter_map(|setting| Some((setting.facts().flag?, setting)))
}

impl FromArgMatches for Typed {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let texts = all().filter_map(|(flag, _)| {
            // A flag that the command does not have is an error to ask for.
            let text = matches.try_get_one::<String>(flag).ok()??;
            Some((flag, text.clone()))
        });
        Ok(Self(texts.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// The settings that the command of this name has.
impl Args for Typed {
    fn augment_args(command: Command) -> Command {
        let name = command.get_name().to_owned();
        let own = all().filter(|(_, setting)| setting.facts().commands.contains(&&*name));
        command.args(own.map(|(flag, setting)| arg(flag, setting)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn arg(flag: &'static str, setting: &dyn AnySetting) -> Arg {
    let Facts {
        env,
        default,
        is_secret,
        help,
        details,
        ..
    } = *setting.facts();
    let help = help.trim_end_matches('.');
    let (shape, help) = match setting.values() {
        Values::Seconds(range) => {
            let range = format!("{} to {} s", range.start(), range.end());
            ("TIME".to_owned(), format!("{help} ({range})"))
        }
        Values::Count(_) => ("N".to_owned(), help.to_owned()),
        Values::Words(words) => (words.join("|"), help.to_owned()),
        Values::Text { shape, .. } => (shape.to_owned(), help.to_owned()),
    };
    let mut arg = Arg::new(flag)
        .long(flag.trim_start_matches('-'))
        .hide_env_values(is_secret);
    if !details.is_empty() {
        arg = arg.long_help(format!("{help}\n\n{details}"));
    }
    arg = match (default, setting.values()) {
        (Preset::Number(seconds), Values::Seconds(_)) => arg.default_value(span(seconds)),
        _ => match default.text() {
            Some(text) => arg.default_value(text.into_owned()),
            None => arg,
        },
    };
    if shape == "true|false" {
        arg = arg.num_args(0..=1).default_missing_value("true");
    }
    if let Some(env) = env {
        arg = arg.env(env);
    }
    arg.value_name(shape).help(help)
}

/// Seconds as people type them.
fn span(seconds: u32) -> String {
    match seconds {
        0 => "0s".to_owned(),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}
