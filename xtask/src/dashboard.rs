//! Dashboards: read, drawn from sample data, and made ready to be imported by hand.

pub(crate) mod board;
mod draw;
mod export;
pub(crate) mod family;
pub(crate) mod palette;
pub(crate) mod sample;
pub(crate) mod source;
pub(crate) mod unit;

pub(crate) use export::export;

use crate::shell;
use anyhow::{Context, Result, bail};
use board::Board;
use leadwire_cloudwatch::{State, evaluate, read_alarms};
use sample::Day;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Is it healthy, and where is it stuck.
pub(crate) const OPERATIONS: &str = "operations";
/// How many leads, and how fast.
pub(crate) const LEADS: &str = "leads";
/// Every dashboard.
pub(crate) const NAMES: [&str; 2] = [OPERATIONS, LEADS];

/// Where a dashboard is kept.
pub(crate) fn path(root: &Path, name: &str) -> PathBuf {
    root.join("dashboards").join(format!("{name}.json"))
}

/// Every dashboard by name, with its rows of sources written out.
pub(crate) fn read_all(root: &Path) -> Result<BTreeMap<String, Value>> {
    let read = |name: &str| {
        let path = path(root, name);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let json = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        Ok((name.to_owned(), source::expand(json)))
    };
    NAMES.into_iter().map(read).collect()
}

/// The alarms of the template, as they are kept beside it.
pub(crate) fn kept_alarms(root: &Path) -> Result<Value> {
    let path = root.join("alarms/alarms.json");
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).with_context(|| path.display().to_string())
}

/// The state of each alarm at the end of the day, by its name without the stack's.
fn states(root: &Path, day: &Day) -> Result<BTreeMap<String, State>> {
    let kept = kept_alarms(root)?;
    let resources = kept.get("Resources").context("alarms/alarms.json")?;
    let (alarms, wrong) = read_alarms(resources, &sample::names(&kept));
    if let Some(wrong) = wrong.first() {
        bail!("{wrong}");
    }
    let verdicts = evaluate(&alarms, &day.points, sample::NOW, &BTreeMap::new());
    let prefix = format!("{}-", sample::STACK);
    let mut states = BTreeMap::new();
    for alarm in &alarms {
        let name = alarm.name.strip_prefix(&prefix).unwrap_or(&alarm.name);
        if let Some(Ok(verdict)) = verdicts.get(&alarm.id) {
            states.insert(name.to_owned(), verdict.state);
        }
    }
    Ok(states)
}

/// The picture of each dashboard: where it lies, and what it is.
fn pictures(root: &Path) -> Result<Vec<(PathBuf, String)>> {
    let day = sample::day();
    let states = states(root, &day)?;
    let draw = |(name, json): (String, Value)| {
        let board = Board::read(&json).with_context(|| name.clone())?;
        let picture = draw::draw(&name, &board, &day, &states)?;
        Ok((root.join("docs").join(format!("{name}.svg")), picture))
    };
    read_all(root)?.into_iter().map(draw).collect()
}

/// Draws every dashboard into `docs/`.
pub(crate) fn render() -> Result<()> {
    for (path, picture) in pictures(&shell::root())? {
        fs::write(&path, picture).with_context(|| path.display().to_string())?;
        shell::say(&format!("{}", path.display()));
    }
    Ok(())
}

/// The pictures that are others than their dashboards would be drawn now.
pub(crate) fn stale_pictures(root: &Path) -> Result<Vec<String>> {
    let all = pictures(root)?.into_iter();
    let stale =
        all.filter(|(path, picture)| fs::read_to_string(path).ok().as_ref() != Some(picture));
    let told = |(path, _): (PathBuf, String)| {
        let path = path
            .strip_prefix(root)
            .unwrap_or(&path)
            .display()
            .to_string();
        format!("{path} is stale; run `cargo xtask dashboards --render`")
    };
    Ok(stale.map(told).collect())
}
