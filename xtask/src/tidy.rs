//! House rules that no other tool knows.

mod arrow;
mod circle;
mod document;
mod manifest;
mod snapshot;
mod text;
mod workspace;

use crate::shell;
use anyhow::Result;
use document::Documents;
use workspace::Workspace;

/// Checks every rule and reports every breach.
pub(crate) fn check() -> Result<()> {
    let workspace = Workspace::read()?;
    shell::judge(&breaches(&workspace)?, "house rules are broken")?;
    let (members, files) = (workspace.members.len(), workspace.files.len());
    shell::say(&format!(
        "{members} packages and {files} files are in order."
    ));
    Ok(())
}

fn breaches(workspace: &Workspace) -> Result<Vec<String>> {
    let Workspace {
        members,
        files,
        snapshots,
    } = workspace;
    let found = [
        arrow::breaches(members),
        arrow::breaches_of_default_command(&workspace::default_command_tree()?),
        circle::breaches(members, files),
        manifest::breaches(members, files),
        text::breaches(files),
        snapshot::breaches(snapshots, files),
        Documents::read()?.breaches(),
    ];
    Ok(found.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    // What `cargo xtask tidy` does; this is here so that `cargo test` alone keeps the rules.
    #[test]
    fn the_workspace_keeps_the_house_rules() {
        let workspace = Workspace::read().unwrap();
        assert_eq!(breaches(&workspace).unwrap(), [""; 0]);
    }
}
