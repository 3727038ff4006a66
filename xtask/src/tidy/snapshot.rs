//! Snapshots of tests: none waits for review, and none has lost its test.

use super::workspace::{ACCEPTED, PENDING, SourceFile};
use std::path::{Path, PathBuf};

/// Files whose own name is no part of a module's path.
const ROOTS: [&str; 3] = ["lib", "main", "mod"];

fn is_pending(name: &str) -> bool {
    PENDING.iter().any(|ending| name.ends_with(ending))
}

/// What is wrong with the snapshots.
pub(crate) fn breaches(snapshots: &[PathBuf], files: &[SourceFile]) -> Vec<String> {
    let breach = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?;
        let shown = path.display();
        if is_pending(name) {
            Some(format!("{shown}: accept this snapshot or remove it"))
        } else if !files.iter().any(|file| names(file, path, name)) {
            Some(format!("{shown}: no test names this snapshot, remove it"))
        } else {
            None
        }
    };
    snapshots.iter().filter_map(breach).collect()
}

/// Whether a source names the snapshot. insta puts it into `snapshots/` beside the source, as `<module>__<name>.snap`; a snapshot without
/// a name of its own has the test's.
fn names(file: &SourceFile, path: &Path, name: &str) -> bool {
    let beside = path.parent().and_then(Path::parent);
    if file.path.parent() != beside {
        return false;
    }
    let stem = name.trim_end_matches(ACCEPTED);
    let mut segments: Vec<&str> = stem.split("__").collect();
    let last = segments.pop().unwrap_or_default();
    let module = file.path.file_stem().unwrap_or_default().to_string_lossy();
    let of_module = ROOTS.contains(&&*module) || segments.contains(&&*module);
    // The second snapshot of a test without a name is called `<test>-2`.
    let test = last
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .trim_end_matches('-');
    of_module
        && (file.text.contains(&format!("\"{last}\""))
            || file.text.contains(&format!("fn {last}("))
            || file.text.contains(&format!("fn {test}(")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "#[test]\nfn a_letter_greets() {\n    insta::assert_snapshot!(\"greeting\", letter());\n    insta::assert_snapshot!(letter());\n}";

    #[track_caller]
    fn check(snapshot: &str, expected: usize) {
        let file = SourceFile {
            path: PathBuf::from("crates/domain/src/letter/tests.rs"),
            text: SOURCE.to_owned(),
        };
        let found = breaches(&[PathBuf::from(snapshot)], &[file]);
        assert_eq!(found.len(), expected, "{found:?}");
    }

    #[test]
    fn a_pending_snapshot_is_told() {
        check(
            "crates/domain/src/letter/snapshots/leadwire_domain__letter__tests__greeting.snap.new",
            1,
        );
        check("crates/domain/src/letter/.tests.rs.pending-snap", 1);
    }

    #[test]
    fn a_snapshot_belongs_to_a_test_that_names_it() {
        let folder = "crates/domain/src/letter/snapshots/leadwire_domain__letter";
        check(&format!("{folder}__tests__greeting.snap"), 0);
        check(&format!("{folder}__tests__a_letter_greets.snap"), 0);
        check(&format!("{folder}__tests__a_letter_greets-2.snap"), 0);
    }

    #[test]
    fn a_snapshot_without_its_test_is_told() {
        let folder = "crates/domain/src/letter/snapshots/leadwire_domain__letter";
        check(&format!("{folder}__tests__farewell.snap"), 1);
        check(&format!("{folder}__laws__greeting.snap"), 1);
        check(
            "crates/domain/src/snapshots/leadwire_domain__tests__greeting.snap",
            1,
        );
    }
}
