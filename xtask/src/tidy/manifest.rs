//! Manifests: workspace lints, dependencies from the workspace table only, and none unused.

use super::workspace::{Member, SourceFile, Workspace};
use crate::shell;
use toml::{Table, Value};

const SECTIONS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// What is wrong with the manifests.
pub(crate) fn breaches(workspace: &Workspace) -> Vec<String> {
    let per_member = workspace.members.iter().flat_map(|member| {
        let mut found = table(member);
        found.extend(lints(member));
        found.extend(unused(member, &files_of(member, workspace)));
        found
    });
    per_member.collect()
}

/// The files of a package, those of packages nested in it left out.
fn files_of<'a>(member: &Member, workspace: &'a Workspace) -> Vec<&'a SourceFile> {
    let nested: Vec<_> = workspace
        .members
        .iter()
        .map(|other| &other.folder)
        .filter(|folder| **folder != member.folder && folder.starts_with(&member.folder))
        .collect();
    let ours = |file: &&SourceFile| {
        let path = shell::root().join(&file.path);
        path.starts_with(&member.folder) && !nested.iter().any(|folder| path.starts_with(folder))
    };
    workspace.files.iter().filter(ours).collect()
}

fn lints(member: &Member) -> Option<String> {
    let inherited = member
        .manifest
        .get("lints")
        .and_then(|lints| lints.get("workspace"))
        .and_then(Value::as_bool);
    (inherited != Some(true)).then(|| format!("{}: say `[lints] workspace = true`", member.name))
}

/// The dependencies as written, with their section.
fn written(member: &Member) -> impl Iterator<Item = (&String, &Value)> {
    let sections = SECTIONS
        .iter()
        .filter_map(|section| member.manifest.get(*section));
    sections.filter_map(Value::as_table).flat_map(Table::iter)
}

fn table(member: &Member) -> Vec<String> {
    let outside = |(name, value): &(&String, &Value)| {
        let inherited = value.get("workspace").and_then(Value::as_bool) == Some(true);
        // A package that tests itself with a feature on names itself by its path; the table cannot say that.
        let itself =
            **name == member.name && value.get("path").and_then(Value::as_str) == Some(".");
        !inherited && !itself
    };
    let tell = |(name, _)| {
        format!(
            "{}: {name} is not taken from the workspace table",
            member.name
        )
    };
    written(member).filter(outside).map(tell).collect()
}

/// Dependencies that no file names, except those listed as `package.metadata.cargo-machete.ignored`.
fn unused(member: &Member, files: &[&SourceFile]) -> Vec<String> {
    let excused = member
        .manifest
        .get("package")
        .and_then(|package| {
            package
                .get("metadata")?
                .get("cargo-machete")?
                .get("ignored")?
                .as_array()
        })
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>();
    let named = |name: &str| {
        let word = name.replace('-', "_");
        files
            .iter()
            .filter(|file| file.path.extension().is_some_and(|e| e == "rs"))
            .any(|file| has_word(&file.text, &word))
    };
    let idle =
        |name: &&String| **name != member.name && !excused.contains(&name.as_str()) && !named(name);
    let tell = |name: &String| format!("{}: nothing uses the dependency {name}", member.name);
    written(member)
        .map(|(name, _)| name)
        .filter(idle)
        .map(tell)
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
        assert!(table(&member("[dependencies]\nserde.workspace = true")).is_empty());
        assert!(
            table(&member(
                "[dev-dependencies]\nroom = { path = '.', features = ['fakes'] }"
            ))
            .is_empty()
        );
        assert_eq!(
            table(&member(
                "[dependencies]\nserde = '1'\n[build-dependencies]\ncc = '1'"
            ))
            .len(),
            2
        );
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
