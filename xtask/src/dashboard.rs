//! Dashboards: read, drawn from sample data, and made ready to be imported by hand.

pub(crate) mod board;
pub(crate) mod family;
pub(crate) mod math;
pub(crate) mod palette;
pub(crate) mod unit;

use anyhow::{Context, Result};
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

/// Every dashboard as it is kept, by name.
pub(crate) fn read_all(root: &Path) -> Result<BTreeMap<String, Value>> {
    let read = |name: &str| {
        let path = path(root, name);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let json = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        Ok((name.to_owned(), json))
    };
    NAMES.into_iter().map(read).collect()
}
