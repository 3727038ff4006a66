//! Settings on the command line: their flags, variables, defaults and help come from their entries.

use super::entry;
use crate::usage::Usage;
use clap::{Arg, ArgMatches, Args, Command, Error, FromArgMatches};
use leadwire_pipeline::settings::{
    self, AnySetting, Facts, Naming, Preset, SettingsReader, Values, read,
};
use std::collections::BTreeMap;
use std::marker::PhantomData;

/// A command that has settings.
pub(crate) trait Configured {
    /// Its name.
    const NAME: &'static str;
}

macro_rules! configured {
    ($($command:ident $name:literal),+) => {$(
        #[doc = concat!("`", $name, "`.")]
        #[derive(Clone, Copy, Debug)]
        pub(crate) struct $command;
        impl Configured for $command {
            const NAME: &'static str = $name;
        }
    )+};
}
configured!(Up "up", Sweep "sweep", Audit "audit", Alarms "alarms", Slo "slo", Forget "forget", Doctor "doctor");

/// What was typed of the settings of a command, or stands in their variables: texts, by flag.
#[derive(Clone, Debug)]
pub(crate) struct Typed<C> {
    texts: BTreeMap<&'static str, String>,
    command: PhantomData<C>,
}

impl<C> Typed<C> {
    /// The text of a flag.
    pub(crate) fn text(&self, flag: &str) -> Option<String> {
        self.texts.get(flag).cloned()
    }

    /// Sets the text of a flag.
    pub(crate) fn set(&mut self, flag: &'static str, text: &str) {
        self.texts.insert(flag, text.to_owned());
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

/// The settings of a command.
fn of<C: Configured>() -> impl Iterator<Item = (&'static str, &'static dyn AnySetting)> {
    let all = settings::SETTINGS.iter().chain(entry::SETTINGS).copied();
    all.filter(|setting| setting.facts().commands.contains(&C::NAME))
        .filter_map(|setting| Some((setting.facts().flag?, setting)))
}

impl<C: Configured> FromArgMatches for Typed<C> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let texts = of::<C>().filter_map(|(flag, _)| {
            let text = matches.get_one::<String>(flag)?;
            Some((flag, text.clone()))
        });
        Ok(Self {
            texts: texts.collect(),
            command: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<C: Configured> Args for Typed<C> {
    fn augment_args(command: Command) -> Command {
        command.args(of::<C>().map(|(flag, setting)| arg(flag, setting)))
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
        Values::Seconds(range) => (
            "TIME".to_owned(),
            format!("{help} ({} to {} s)", range.start(), range.end()),
        ),
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
