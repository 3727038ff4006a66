//! What the template must agree with: files of the project beside it.

use crate::dashboard;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

pub(super) const TEMPLATE: &str = "template.yaml";
pub(super) const ALARMS: &str = "alarms/alarms.json";
const RUNBOOK: &str = "docs/RUNBOOK.md";
/// The one file that names the environment variables of the Lambda binaries.
const VARIABLES: &str = "crates/lambda/src/vars.rs";

/// The lists in it, and the functions that run these binaries.
const LISTS: [(&str, &str); 3] = [
    ("INGEST", "IngestionFunction"),
    ("ENRICH", "EnrichmentFunction"),
    ("SWEEP", "SweepFunction"),
];

/// The project as far as the template must agree with it.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    /// The environment variables that the binary of each function reads, by the function's logical id.
    pub(crate) variables: BTreeMap<String, BTreeSet<String>>,
    /// Headings of `docs/RUNBOOK.md` that name an alarm.
    pub(crate) alarm_headings: BTreeSet<String>,
    /// `alarms/alarms.json`.
    pub(crate) alarms: Value,
    /// `profile.release.panic` of the workspace.
    pub(crate) panic: String,
    /// The dashboards of `dashboards/`, by name.
    pub(crate) dashboards: BTreeMap<String, Value>,
}

impl Project {
    /// Reads it below the root of the workspace.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let read =
            |path: &str| fs::read_to_string(root.join(path)).with_context(|| path.to_owned());
        let manifest: toml::Table = read("Cargo.toml")?.parse().context("Cargo.toml")?;
        let panic = manifest
            .get("profile")
            .and_then(|p| p.get("release")?.get("panic")?.as_str());
        Ok(Self {
            variables: variables(&read(VARIABLES)?),
            alarm_headings: alarm_headings(&read(RUNBOOK)?),
            alarms: serde_json::from_str(&read(ALARMS)?).context(ALARMS)?,
            panic: panic.unwrap_or_default().to_owned(),
            dashboards: dashboard::read_all(root)?,
        })
    }
}

/// The headings that are one word ending in `Alarm`.
fn alarm_headings(runbook: &str) -> BTreeSet<String> {
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    let alarms = headings.filter(|heading| heading.ends_with("Alarm") && !heading.contains(' '));
    alarms.map(str::to_owned).collect()
}

/// Reads `pub const NAME: &str = "NAME";` and, of these names, the lists that the binaries read.
fn variables(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let constants = source
        .lines()
        .filter_map(|line| line.strip_prefix("pub const ")?.split_once(": &str = \""));
    let values: BTreeMap<&str, &str> = constants
        .map(|(name, rest)| (name, rest.trim_end_matches("\";")))
        .collect();
    let list = |name: &str| {
        let text = source
            .split_once(&format!("pub const {name}: &[&str]"))
            .and_then(|(_, rest)| rest.split(';').next());
        let words = text
            .unwrap_or_default()
            .split(|c: char| !c.is_alphanumeric() && c != '_');
        words
            .filter_map(|word| values.get(word))
            .map(|value| (*value).to_owned())
            .collect()
    };
    LISTS
        .iter()
        .map(|(name, function)| ((*function).to_owned(), list(name)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_from_their_constants_and_lists() {
        let source = "/// A.\npub const RAW: &str = \"RAW_BUCKET\";\npub const DELAY: &str = \"DELAY\";\n\
            /// B.\npub const INGEST: &[&str] =\n    &[RAW, DELAY];\npub const SWEEP: &[&str] = &[\n    DELAY,\n];\n";
        let read = variables(source);
        let names = |function: &str| {
            read.get(function)
                .into_iter()
                .flatten()
                .map(String::as_str)
                .collect::<Vec<_>>()
        };
        assert_eq!(names("IngestionFunction"), ["DELAY", "RAW_BUCKET"]);
        assert_eq!(names("EnrichmentFunction"), [""; 0]);
        assert_eq!(names("SweepFunction"), ["DELAY"]);
    }
}
