//! House rules that no other tool knows.

mod arrow;
mod circle;
mod document;
mod manifest;
mod snapshot;
mod text;
mod workspace;

use crate::shell;
use anyhow::{Result, bail};
use document::Documents;
use workspace::Workspace;

/// Checks every rule and tells every breach.
pub(crate) fn check() -> Result<()> {
    let workspace = Workspace::read()?;
    let mut breaches = arrow::breaches(&workspace.members);
    breaches.extend(arrow::breaches_of_default_command(
        &workspace::default_command_tree()?,
    ));
    breaches.extend(circle::breaches(&workspace.members, &workspace.files));
    breaches.extend(manifest::breaches(&workspace));
    breaches.extend(text::breaches(&workspace.files));
    breaches.extend(snapshot::breaches(&workspace.snapshots, &workspace.files));
    breaches.extend(document::breaches(&Documents::read()?, &workspace.files));
    for breach in &breaches {
        shell::say(&format!("  {breach}"));
    }
    if !breaches.is_empty() {
        bail!("{} house rules are broken", breaches.len());
    }
    shell::say(&format!(
        "{} packages and {} files are in order.",
        workspace.members.len(),
        workspace.files.len()
    ));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    // `cargo xtask tidy` tells more; these are here so that `cargo test` alone keeps the arrows, the snapshots and the documents.

    #[test]
    fn the_arrows_of_the_workspace_point_inward() {
        let workspace = Workspace::read().unwrap();
        assert_eq!(arrow::breaches(&workspace.members), [""; 0]);
    }

    #[test]
    fn no_modules_of_a_crate_need_each_other_in_a_circle() {
        let workspace = Workspace::read().unwrap();
        let found = circle::breaches(&workspace.members, &workspace.files);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn the_command_as_built_by_default_knows_no_aws() {
        let tree = workspace::default_command_tree().unwrap();
        assert_eq!(arrow::breaches_of_default_command(&tree), [""; 0]);
    }

    #[test]
    fn no_snapshot_is_pending_or_left_behind() {
        let workspace = Workspace::read().unwrap();
        let found = snapshot::breaches(&workspace.snapshots, &workspace.files);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn the_documents_name_what_the_code_tells() {
        let workspace = Workspace::read().unwrap();
        let documents = Documents::read().unwrap();
        assert_eq!(document::breaches(&documents, &workspace.files), [""; 0]);
    }
}
