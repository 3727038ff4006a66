//! What no file of ours may contain.

use super::workspace::SourceFile;

const LINES_MAX: usize = 500;
/// Written in two halves, so that this file keeps its own rule.
const MARK: &str = concat!("TO", "DO");
/// What the domain does without: it is pure (docs/ARCHITECTURE.md, Code map).
const IMPURE: [&str; 8] = [
    "std::fs",
    "std::net",
    "std::env",
    "std::thread",
    "SystemTime",
    "Timestamp::now",
    "async fn",
    ".await",
];

/// What is wrong in the files.
pub(crate) fn breaches(files: &[SourceFile]) -> Vec<String> {
    files.iter().flat_map(breaches_in).collect()
}

fn breaches_in(file: &SourceFile) -> Vec<String> {
    let path = file.path.display();
    let mut found = Vec::new();
    let rust = file.is_rust();
    let lines = file.text.lines().count();
    if rust && lines > LINES_MAX {
        found.push(format!(
            "{path}: {lines} lines, split it (at most {LINES_MAX})"
        ));
    }
    for (number, line) in (1..).zip(file.text.lines()) {
        if has_bare_mark(line) {
            found.push(format!("{path}:{number}: say {MARK}(#issue), or nothing"));
        }
        let attribute = line.trim_start();
        if rust && (attribute.starts_with("#[ignore") || attribute.starts_with("#[should_panic")) {
            found.push(format!(
                "{path}:{number}: no test is ignored, and none should panic"
            ));
        }
    }
    if rust && file.path.starts_with("crates/domain/src") && !file.path.ends_with("tests.rs") {
        let production = file.text.split("#[cfg(test)]").next().unwrap_or_default();
        let impure = IMPURE.iter().filter(|word| production.contains(**word));
        found.extend(
            impure.map(|word| format!("{path}: the domain is pure and does without `{word}`")),
        );
    }
    found
}

/// Whether a line has the mark without the number of an issue.
fn has_bare_mark(line: &str) -> bool {
    let bare = |rest: &str| {
        let number = rest
            .strip_prefix("(#")
            .and_then(|rest| rest.split(')').next());
        !number
            .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    line.match_indices(MARK)
        .filter_map(|(at, mark)| line.get(at + mark.len()..))
        .any(bare)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    #[track_caller]
    fn check(path: &str, text: &str, expected: usize) {
        let file = SourceFile {
            path: PathBuf::from(path),
            text: text.to_owned(),
        };
        let found = breaches(&[file]);
        assert_eq!(found.len(), expected, "{found:?}");
    }

    #[test]
    fn a_file_over_the_limit_is_told() {
        check("crates/aws/src/lib.rs", &"\n".repeat(LINES_MAX), 0);
        check("crates/aws/src/lib.rs", &"\n".repeat(LINES_MAX + 1), 1);
    }

    #[test]
    fn a_mark_needs_the_number_of_an_issue() {
        check("template.yaml", &format!("# {MARK}(#12) later"), 0);
        check("template.yaml", &format!("# {MARK} later"), 1);
        check("src/lib.rs", &format!("// {MARK}(soon)"), 1);
    }

    #[test]
    fn a_test_that_is_left_out_is_told() {
        check(
            "src/lib.rs",
            "    #[ignore = \"slow\"]\n    #[should_panic]",
            2,
        );
    }

    #[test]
    fn the_domain_stays_pure_but_for_its_tests() {
        check("crates/domain/src/id.rs", "use std::time::SystemTime;", 1);
        check(
            "crates/domain/src/id.rs",
            "#[cfg(test)]\nmod tests { use std::fs; }",
            0,
        );
        check("crates/pipeline/src/enrich.rs", "async fn enrich() {}", 0);
    }
}
