//! The dashboards of `dashboards/`: read, and made ready to be imported by hand.

pub(crate) mod board;
mod export;
pub(crate) mod family;
pub(crate) mod source;

pub(crate) use export::export;

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Every dashboard, and its logical id in the template.
pub(crate) const NAMES: [(&str, &str); 2] = [
    ("operations", "OperationsDashboard"),
    ("leads", "LeadsDashboard"),
];

/// The file of a dashboard.
pub(crate) fn path(root: &Path, name: &str) -> PathBuf {
    root.join("dashboards").join(format!("{name}.json"))
}

/// Every dashboard by name, with its rows of sources written out.
pub(crate) fn read_all(root: &Path) -> Result<BTreeMap<String, Value>> {
    let read = |(name, _): (&str, &str)| {
        let path = path(root, name);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let json = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        Ok((name.to_owned(), source::expand(json)))
    };
    NAMES.into_iter().map(read).collect()
}
