//! The log events of the code: their names, levels and fields.

use crate::tidy::SourceFile;
use std::collections::{BTreeMap, BTreeSet};

/// The macros, each a level.
pub(super) const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
/// What begins a function that tells events of which it is given the name.
const TELLER: &str = "(event: &'static str";
/// Fields of many events; docs/TELEMETRY.md says once what they are.
const COMMON: [&str; 3] = ["event", "lead_id", "event_id"];

/// How an event is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manner {
    pub(super) levels: BTreeSet<String>,
    /// All fields that it has anywhere, but for the common ones.
    pub(super) fields: BTreeSet<String>,
}

/// Events by their names.
pub(super) type Events = BTreeMap<String, Manner>;

/// Every event that production code tells.
pub(super) fn events(files: &[SourceFile]) -> Events {
    let sources: Vec<&str> = files.iter().filter_map(production).collect();
    let mut events = Events::new();
    let mut tellers: BTreeMap<&str, Manner> = BTreeMap::new();
    for source in &sources {
        for (level, call) in calls(source) {
            let arguments = arguments(call);
            let name = arguments
                .iter()
                .find_map(|argument| argument.strip_prefix("event = \""));
            let manner = manner(level, &arguments);
            if let Some(name) = name {
                let name = name.trim_end_matches('"').to_owned();
                add(events.entry(name).or_default(), &manner);
            } else if arguments.contains(&"event") {
                let teller = teller(source, call);
                tellers.extend(teller.map(|teller| (teller, manner)));
            }
        }
    }
    for source in &sources {
        for (teller, manner) in &tellers {
            for call in source.split(&format!("{teller}(")).skip(1) {
                let name = call.trim_start().strip_prefix('"');
                if let Some(name) = name.and_then(|name| name.split('"').next()) {
                    add(events.entry(name.to_owned()).or_default(), manner);
                }
            }
        }
    }
    events
}

fn add(all: &mut Manner, one: &Manner) {
    all.levels.extend(one.levels.iter().cloned());
    all.fields.extend(one.fields.iter().cloned());
}

/// The part of a source file that is not its tests.
fn production(file: &SourceFile) -> Option<&str> {
    let has = |name: &str| file.path.components().any(|part| part.as_os_str() == name);
    let ours = file.path.starts_with("crates") && has("src") && !has("tests");
    let text = file.text.split("#[cfg(test)]\nmod ").next();
    text.filter(|_| ours && !file.path.ends_with("tests.rs"))
}

/// Calls of the macros: the level, and the source from its arguments on.
fn calls(source: &str) -> impl Iterator<Item = (&'static str, &str)> {
    LEVELS.into_iter().flat_map(move |level| {
        let name = format!("{level}!(");
        let found: Vec<&str> = source
            .match_indices(&name)
            .filter_map(|(at, name)| source.get(at + name.len()..))
            .collect();
        found.into_iter().map(move |call| (level, call))
    })
}

/// The arguments of a call, up to the parenthesis that ends it.
fn arguments(call: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut escaped, mut begin) = (0_u32, false, false, 0);
    let mut found = Vec::new();
    for (at, c) in call.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth > 0 => depth -= 1,
            ')' | ',' if depth == 0 => {
                found.extend(call.get(begin..at).map(str::trim));
                begin = at + 1;
                if c == ')' {
                    break;
                }
            }
            _ => {}
        }
    }
    found
}

/// Names stand alone, or before `=`; what is no name is the message or belongs to it.
fn manner(level: &str, arguments: &[&str]) -> Manner {
    let fields = arguments.iter().filter_map(|argument| {
        let name = argument.split(" = ").next()?.trim_start_matches(['%', '?']);
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        (is_name && !COMMON.contains(&name)).then(|| name.to_owned())
    });
    Manner {
        levels: BTreeSet::from([level.to_owned()]),
        fields: fields.collect(),
    }
}

/// The function that a call stands in, if it is one that is given an event's name.
fn teller<'a>(source: &'a str, call: &str) -> Option<&'a str> {
    let before = source.get(..source.len() - call.len())?;
    let (before, body) = before.rsplit_once(TELLER)?;
    let name = before.rsplit_once("fn ")?.1;
    (!body.contains("\n}")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[track_caller]
    fn check(path: &str, text: &str, expected: &[(&str, &[&str], &[&str])]) {
        let file = SourceFile {
            path: PathBuf::from(path),
            text: text.to_owned(),
        };
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let expected = expected.iter().map(|(name, levels, fields)| {
            let manner = Manner {
                levels: set(levels),
                fields: set(fields),
            };
            ((*name).to_owned(), manner)
        });
        assert_eq!(events(&[file]), expected.collect());
    }

    #[test]
    fn an_event_is_told_by_a_macro_at_a_level_with_fields() {
        let text = "fn a() {\n    tracing::error!(\n        event = \"oven_hot\",\n        lead_id = self.lead(),\n        degrees = f(1, 2),\n        %error,\n        \"too, (hot\"\n    );\n    warn!(event = \"oven_hot\", path = 1);\n    info!(\"no event\");\n}\n";
        check(
            "crates/a/src/b.rs",
            text,
            &[(
                "oven_hot",
                &["error", "warn"],
                &["degrees", "error", "path"],
            )],
        );
    }

    #[test]
    fn an_event_is_told_by_a_function_that_is_given_its_name() {
        let text = "fn a() {\n    tell(\n        \"oven_cold\",\n        1);\n}\n\nfn tell(event: &'static str, error: u8) {\n    tracing::error!(event, error, \"{error}\");\n}\n\nfn other(event: u8) {\n    info!(event);\n}\n";
        check(
            "crates/a/src/b.rs",
            text,
            &[("oven_cold", &["error"], &["error"])],
        );
    }

    #[test]
    fn tests_tell_nothing() {
        let text = "#[cfg(test)]\nmod tests {\n    fn a() { info!(event = \"x\"); }\n}\n";
        check("crates/a/src/b.rs", text, &[]);
        check("crates/a/tests/b.rs", "info!(event = \"x\");", &[]);
        check("crates/a/src/b/tests/c.rs", "info!(event = \"x\");", &[]);
    }
}
