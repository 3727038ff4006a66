//! What the template must agree with: files of the project beside it.

use crate::{dashboard, settings, shell};
use anyhow::{Context, Result};
use leadwire_pipeline::settings::{Facts, Function, Values};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const TEMPLATE: &str = "template.yaml";
pub(super) const ALARMS: &str = "alarms/alarms.json";
const RUNBOOK: &str = "docs/RUNBOOK.md";
/// The logical ids of the functions.
pub(super) const FUNCTIONS: [(Function, &str); 3] = [
    (Function::Ingest, "IngestionFunction"),
    (Function::Enrich, "EnrichmentFunction"),
    (Function::Sweep, "SweepFunction"),
];

/// A setting of a function.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// The function's logical id.
    pub(crate) function: &'static str,
    pub(crate) variable: &'static str,
    pub(crate) facts: Facts,
    pub(crate) values: Values,
}

/// The project as far as the template must agree with it.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    /// The settings that each function reads.
    pub(crate) settings: Vec<Entry>,
    /// Headings of `docs/RUNBOOK.md` that name an alarm.
    pub(crate) alarm_headings: BTreeSet<String>,
    /// `alarms/alarms.json`.
    pub(crate) alarms: Value,
    /// `profile.release.panic` of the workspace.
    pub(crate) panic: String,
    /// `samconfig.toml`.
    pub(crate) samconfig: toml::Table,
    /// `rust-toolchain.toml`.
    pub(crate) toolchain: toml::Table,
    /// `README.md`.
    pub(crate) readme: String,
    /// The dashboards of `dashboards/`, by name.
    pub(crate) dashboards: BTreeMap<String, Value>,
}

impl Project {
    /// Reads it.
    pub(crate) fn read() -> Result<Self> {
        let table = |path: &'static str| -> Result<toml::Table> {
            shell::text(path)?.parse().context(path)
        };
        let manifest = table("Cargo.toml")?;
        let panic = manifest
            .get("profile")
            .and_then(|p| p.get("release")?.get("panic")?.as_str());
        Ok(Self {
            settings: entries(),
            alarm_headings: alarm_headings(&shell::text(RUNBOOK)?),
            alarms: serde_json::from_str(&shell::text(ALARMS)?).context(ALARMS)?,
            panic: panic.unwrap_or_default().to_owned(),
            samconfig: table("samconfig.toml")?,
            toolchain: table("rust-toolchain.toml")?,
            readme: shell::text("README.md")?,
            dashboards: dashboard::read_all()?,
        })
    }
}

/// The headings that are one word ending in `Alarm`.
fn alarm_headings(runbook: &str) -> BTreeSet<String> {
    let headings = runbook.lines().filter_map(|line| line.strip_prefix("## "));
    let alarms = headings.filter(|heading| heading.ends_with("Alarm") && !heading.contains(' '));
    alarms.map(str::to_owned).collect()
}

/// The settings that each function reads.
pub(super) fn entries() -> Vec<Entry> {
    let of = |(function, id): (Function, &'static str)| {
        let read =
            settings::all().filter(move |setting| setting.facts().functions.contains(&function));
        read.filter_map(move |setting| {
            Some(Entry {
                function: id,
                variable: setting.facts().variable?,
                facts: *setting.facts(),
                values: setting.values(),
            })
        })
    };
    FUNCTIONS.into_iter().flat_map(of).collect()
}
