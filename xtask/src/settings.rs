//! The settings of both homes: docs/CONFIG.md's tables of them are written from their entries.

use crate::document::{self, table};
use anyhow::Result;
use leadwire_pipeline::settings::{self, AnySetting, Facts, Function, Preset, Template, Values};
use leadwire_telemetry::config;

const CONFIG: &str = "docs/CONFIG.md";

/// What one home alone has. Mounted, not linked: the AWS SDK would be built before any step of the gate could run.
#[path = "../../crates/lambda/src/settings.rs"]
mod functions;
#[path = "../../crates/leadwire/src/settings/entry.rs"]
mod machine;

/// Every setting.
pub(crate) fn all() -> impl Iterator<Item = &'static dyn AnySetting> {
    let tables = [
        functions::SETTINGS,
        machine::SETTINGS,
        settings::SETTINGS,
        config::SETTINGS,
    ];
    tables.into_iter().flatten().copied()
}

/// Writes the tables.
pub(crate) fn write() -> Result<()> {
    document::write(CONFIG, &parts())
}

/// What is wrong with the tables.
pub(crate) fn stale() -> Option<String> {
    document::stale(CONFIG, &parts(), "settings")
}

fn parts() -> [(&'static str, String); 2] {
    let flags = all().filter_map(|setting| Some(of_command(setting, setting.facts().flag?)));
    let variables =
        all().filter_map(|setting| Some(of_functions(setting, setting.facts().variable?)));
    let of_flags = "flag | variable | of | default | what";
    let of_variables = "variable | of | default | template parameter | what";
    [
        ("flags", table(of_flags, flags)),
        ("variables", table(of_variables, variables)),
    ]
}

fn of_command(setting: &dyn AnySetting, flag: &str) -> Vec<String> {
    let Facts { env, commands, .. } = setting.facts();
    vec![
        format!("`{flag}`"),
        env.map_or(String::new(), |env| format!("`{env}`")),
        commands.join(", "),
        default(setting),
        what(setting),
    ]
}

fn of_functions(setting: &dyn AnySetting, variable: &str) -> Vec<String> {
    let Facts {
        functions,
        template,
        ..
    } = setting.facts();
    let names: Vec<&str> = functions.iter().map(|function| function.name()).collect();
    let of = if *functions == Function::ALL {
        "all".to_owned()
    } else {
        names.join(", ")
    };
    let parameter = match template {
        Template::Parameter(name) => format!("`{name}`"),
        Template::Literal => "none: the default".to_owned(),
        Template::Stack => "none: set by the stack".to_owned(),
        Template::Absent => "none: not set".to_owned(),
    };
    vec![
        format!("`{variable}`"),
        of,
        default(setting),
        parameter,
        what(setting),
    ]
}

fn default(setting: &dyn AnySetting) -> String {
    let unit = match setting.values() {
        Values::Seconds(_) => " s",
        Values::Count(_) | Values::Words(_) | Values::Text { .. } => "",
    };
    match setting.facts().default {
        Preset::Required => "required".to_owned(),
        Preset::Unset => "none".to_owned(),
        Preset::Number(number) => format!("{number}{unit}"),
        Preset::Text(text) => format!("`{text}`"),
        Preset::Derived(words) => words.to_owned(),
    }
}

/// The help, and what values there are.
fn what(setting: &dyn AnySetting) -> String {
    let values = match setting.values() {
        Values::Seconds(range) => format!("{}–{} s", range.start(), range.end()),
        Values::Count(range) => format!("{}–{}", range.start(), range.end()),
        Values::Words(words) => format!("`{}`", words.join("`, `")),
        Values::Text { expected, .. } => expected.to_owned(),
    };
    format!("{} ({values})", setting.facts().help.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    // `cargo xtask telemetry` checks more; this is here so that `cargo test` alone keeps the tables fresh.
    #[test]
    fn the_tables_of_settings_are_fresh() {
        assert_eq!(stale(), None);
    }

    #[test]
    fn no_two_settings_have_a_name_in_common() {
        let mut seen = BTreeSet::new();
        for Facts { variable, flag, .. } in all().map(AnySetting::facts) {
            for name in [variable, flag].into_iter().flatten() {
                assert!(seen.insert(*name), "{name}");
            }
        }
    }
}
