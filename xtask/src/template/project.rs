//! What the template must agree with: files of the project beside it.

use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

pub(super) const TEMPLATE: &str = "template.yaml";
pub(super) const DASHBOARD: &str = "dashboards/operations.json";
/// The one file that names the environment variables of the Lambda binaries.
const VARIABLES: &str = "crates/lambda/src/vars.rs";

/// The project as far as the template must agree with it.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    /// Environment variables that the binaries read.
    pub(crate) variables: BTreeSet<String>,
    /// Logical ids of the alarms that have a page in `alarms/`.
    pub(crate) alarm_pages: BTreeSet<String>,
    /// `profile.release.panic` of the workspace.
    pub(crate) panic: String,
    /// `dashboards/operations.json`.
    pub(crate) dashboard: Value,
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
        let pages = fs::read_dir(root.join("alarms"))
            .context("alarms")?
            .filter_map(|entry| {
                let name = entry.ok()?.file_name().to_string_lossy().into_owned();
                name.strip_suffix(".md")
                    .filter(|id| *id != "README")
                    .map(str::to_owned)
            });
        Ok(Self {
            variables: variables(&read(VARIABLES)?),
            alarm_pages: pages.collect(),
            panic: panic.unwrap_or_default().to_owned(),
            dashboard: serde_json::from_str(&read(DASHBOARD)?).context(DASHBOARD)?,
        })
    }
}

/// The values of `pub const NAME: &str = "NAME";`.
fn variables(source: &str) -> BTreeSet<String> {
    let constants = source
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("pub const "));
    let values = constants.filter_map(|rest| rest.split_once("&str = \"")?.1.split('"').next());
    values.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_from_their_constants() {
        let source = "/// Where raw events lie.\npub const RAW_BUCKET: &str = \"RAW_BUCKET\";\nconst OTHER: u8 = 1;\n";
        assert_eq!(variables(source), BTreeSet::from(["RAW_BUCKET".to_owned()]));
    }
}
