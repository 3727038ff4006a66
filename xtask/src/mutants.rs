//! Mutants: whatever small thing is broken, a test fails, or docs/MUTANTS.md says why none can.

use crate::{shell, tool};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;

/// The packages whose code is broken, each with the tests that judge it, as arguments of `cargo test`.
const SUBJECTS: [(&str, &str); 2] = [
    // The one that is left out is about time, and takes half of it.
    (
        "leadwire-domain",
        "--lib -- --skip a_million_keys_and_a_mebibyte",
    ),
    ("leadwire-pipeline", "--test scenario"),
];
/// Cases of a property: most mutants die of the first few.
const CASES: &str = "64";
const EXPLAINED: &str = "docs/MUTANTS.md";
const WORK: &str = "target/mutants";

/// Breaks the code, all of it or that of some files, or again what survived the last run, and judges what no test saw.
pub(crate) fn run(files: &[String], survivors: bool) -> Result<()> {
    for (package, tests) in SUBJECTS {
        let output = format!("{WORK}/{package}");
        fs::create_dir_all(shell::root().join(&output)).context(WORK)?;
        let again = if survivors { "--iterate" } else { "" };
        let words = format!(
            "mutants --profile mutants --jobs 1 --no-shuffle --package {package} --output {output} {again}"
        );
        let mut command = tool::installed(tool::MUTANTS, &words)?;
        for file in files {
            command.args(["--re", &format!("^{}:", file.replace('.', "\\."))]);
        }
        command.arg("--").args(tests.split(' '));
        // It fails where a mutant survives; whether that is explained is judged by itself.
        let status = command.env("PROPTEST_CASES", CASES).status();
        let status = status.context("starting cargo-mutants")?;
        shell::say(&format!("{package}: cargo-mutants ended with {status}"));
    }
    judge()
}

/// Judges what the last run left.
pub(crate) fn judge() -> Result<()> {
    let ended = |(package, _): (&str, &str)| {
        let outcomes = format!("{WORK}/{package}/mutants.out/outcomes.json");
        shell::root().join(outcomes).exists()
    };
    if !SUBJECTS.into_iter().any(ended) {
        bail!("there is no run in {WORK} to judge");
    }
    let count = |kind: &str| left(kind).lines().count();
    shell::say(&format!(
        "{} caught or not compiling in earlier runs; {} caught, {} hung and so caught, {} missed, {} that do not compile",
        count("previously_caught"),
        count("caught"),
        count("timeout"),
        count("missed"),
        count("unviable")
    ));
    let strange = unexplained(&left("missed"), &shell::text(EXPLAINED)?);
    let strange: Vec<String> = strange.into_iter().collect();
    shell::judge(
        &strange,
        &format!("mutants survive, and {EXPLAINED} does not say why"),
    )
}

/// The mutants of a kind that the last runs left, one a line.
fn left(kind: &str) -> String {
    let files = SUBJECTS.map(|(package, _)| format!("{WORK}/{package}/mutants.out/{kind}.txt"));
    let texts = files
        .iter()
        .map(|file| shell::text(file).unwrap_or_default());
    texts.collect()
}

/// The survivors that the document does not explain. Lines move, so a mutant is known by its file and by what it does.
fn unexplained(missed: &str, document: &str) -> BTreeSet<String> {
    let explained: BTreeSet<&str> = document
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .filter(|(_, reason)| reason.trim_matches([' ', '|']).len() > 10)
        .map(|(mutant, _)| mutant)
        .collect();
    let known_as = missed.lines().map(known_as);
    known_as
        .filter(|mutant| !explained.contains(mutant.as_str()))
        .collect()
}

/// `file.rs:12:5: replace a with b` without its line and column, and with the bar that would end a cell of a table written otherwise.
fn known_as(line: &str) -> String {
    let mut parts = line.splitn(4, ':');
    match (parts.next(), parts.nth(2)) {
        (Some(file), Some(what)) => format!("{file}:{}", what.replace('|', "¦")),
        _ => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_survivor_is_known_by_its_file_and_by_what_it_does() {
        let missed = "a.rs:12:5: replace < with <= in f\nb.rs:1:1: replace || with && in g\n";
        let document = "| mutant | why |\n|---|---|\n| `a.rs: replace < with <= in f` | both sides are never the same |\n";
        let strange = unexplained(missed, document);
        assert_eq!(
            strange.into_iter().collect::<Vec<_>>(),
            ["b.rs: replace ¦¦ with && in g"]
        );
        let empty = document.replace("both sides are never the same", "");
        assert_eq!(
            unexplained(missed, &empty).len(),
            2,
            "a reason must be given"
        );
    }
}
