//! Manifests: workspace lints, dependencies from the workspace table only, and none unused.

use super::workspace::{Member, SourceFile};
use crate::shell;
use toml::{Table, Value};

const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// What is wrong with the manifests.
pub(crate) fn breaches(members: &[Member], files: &[SourceFile]) -> Vec<String> {
    let mut found = Vec::new();
    for member in members {
        found.extend(table(member));
        found.extend(lints(member));
        let is_ours = |file: &&SourceFile| is_of(member, members, file);
        let ours: Vec<_> = files.iter().filter(is_ours).collect();
        found.extend(unused(member, &ours));
    }
    found
}

/// Whether a file is a package's own, not one of a package nested in it.
fn is_of(member: &Member, members: &[Member], file: &SourceFile) -> bool {
    let path = shell::root().join(&file.path);
    let around = members
        .iter()
        .map(Member::folder)
        .filter(|folder| path.starts_with(folder));
    around.max_by_key(|folder| folder.components().count()) == Some(member.folder())
}

fn lints(member: &Member) -> Option<String> {
    let lints = member.manifest.get("lints");
    let is_inherited = lints.is_some_and(is_of_workspace);
    (!is_inherited).then(|| format!("{}: say `[lints] workspace = true`", member.name))
}

fn is_of_workspace(value: &Value) -> bool {
    value.get("workspace").and_then(Value::as_bool) == Some(true)
}

/// The dependencies as written.
fn written(member: &Member) -> impl Iterator<Item = (&String, &Value)> {
    let sections = SECTIONS
        .iter()
        .filter_map(|section| member.manifest.get(*section));
    sections.filter_map(Value::as_table).flat_map(Table::iter)
}

fn table(member: &Member) -> Vec<String> {
    let is_outside = |(name, value): &(&String, &Value)| {
        // A package that tests itself with a feature on names itself by its path; the table cannot say that.
        let path = value.get("path").and_then(Value::as_str);
        let is_itself = **name == member.name && path == Some(".");
        !is_of_workspace(value) && !is_itself
    };
    let outside = written(member).filter(is_outside);
    let room = &member.name;
    outside
        .map(|(name, _)| format!("{room}: {name} is not taken from the workspace table"))
        .collect()
}

/// Dependencies that no file names, except those listed as `package.metadata.cargo-machete.ignored`.
fn unused(member: &Member, files: &[&SourceFile]) -> Vec<String> {
    let package = member.manifest.get("package");
    let excused = package.and_then(|package| {
        package
            .get("metadata")?
            .get("cargo-machete")?
            .get("ignored")?
            .as_array()
    });
    let is_excused = |name: &str| {
        excused.is_some_and(|names| names.iter().any(|excused| excused.as_str() == Some(name)))
    };
    let is_named = |name: &str| {
        let word = name.replace('-', "_");
        let mut rust = files.iter().filter(|file| file.is_rust());
        rust.any(|file| has_word(&file.text, &word))
    };
    let idle = written(member)
        .map(|(name, _)| name)
        .filter(|name| **name != member.name && !is_excused(name) && !is_named(name));
    idle.map(|name| format!("{}: nothing uses the dependency {name}", member.name))
        .collect()
}

/// Whether a text has a word that is not part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text.get(..at), text.get(at + word.len()..));
        !before.is_some_and(|s| s.ends_with(part)) && !after.is_some_and(|s| s.starts_with(part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn member(manifest: &str) -> Member {
        Member {
            name: "room".to_owned(),
            manifest: manifest.parse().unwrap(),
            ..Member::default()
        }
    }

    #[test]
    fn a_package_with_lints_of_its_own_is_told() {
        assert!(lints(&member("[lints]\nworkspace = true")).is_none());
        assert!(lints(&member("[lints.rust]\nunsafe_code = 'forbid'")).is_some());
        assert!(lints(&member("")).is_some());
    }

    #[test]
    fn a_dependency_outside_the_workspace_table_is_told() {
        let count = |manifest: &str| table(&member(manifest)).len();
        assert_eq!(count("[dependencies]\nserde.workspace = true"), 0);
        let itself = "[dev-dependencies]\nroom = { path = '.', features = ['fakes'] }";
        assert_eq!(count(itself), 0);
        let two = "[dependencies]\nserde = '1'\n[build-dependencies]\ncc = '1'";
        assert_eq!(count(two), 2);
    }

    #[test]
    fn a_dependency_that_no_file_names_is_told() {
        let file = SourceFile {
            path: PathBuf::from("src/lib.rs"),
            text: "use serde_json::Value;".to_owned(),
        };
        let manifest = "[dependencies]\nserde.workspace = true\nserde-json.workspace = true";
        assert_eq!(
            unused(&member(manifest), &[&file]),
            ["room: nothing uses the dependency serde"]
        );
        let excused = format!("{manifest}\n[package.metadata.cargo-machete]\nignored = ['serde']");
        assert_eq!(unused(&member(&excused), &[&file]), [""; 0]);
    }
}
