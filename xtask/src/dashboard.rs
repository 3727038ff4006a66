//! The dashboards of `dashboards/`: read, and made ready to be imported by hand.

pub(crate) mod board;
mod export;
pub(crate) mod family;
mod source;

pub(crate) use export::export;

use crate::shell;
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;

/// Every dashboard, and its logical id in the template.
pub(crate) const NAMES: [(&str, &str); 2] = [
    ("operations", "OperationsDashboard"),
    ("leads", "LeadsDashboard"),
];

/// Every dashboard by name, with its rows of sources written out.
pub(crate) fn read_all() -> Result<BTreeMap<String, Value>> {
    let read = |(name, _): (&str, &str)| {
        let path = format!("dashboards/{name}.json");
        let json = serde_json::from_str(&shell::text(&path)?).context(path)?;
        Ok((name.to_owned(), source::expand(json)))
    };
    NAMES.into_iter().map(read).collect()
}
