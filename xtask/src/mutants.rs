//! Mutants: whatever small thing is broken, a test fails, or docs/MUTANTS.md says why none can.

use crate::{shell, tool};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;

/// A package whose code is broken, and the tests that judge it, as arguments of `cargo test`.
struct Subject {
    package: &'static str,
    tests: &'static [&'static str],
}

const SUBJECTS: [Subject; 2] = [
    Subject {
        package: "leadwire-domain",
        // The one that is left out is about time, and takes half of it.
        tests: &["--lib", "--", "--skip", "a_million_keys_and_a_mebibyte"],
    },
    Subject {
        package: "leadwire-pipeline",
        tests: &["--test", "scenario"],
    },
];
/// Cases of a property: most mutants die of the first few.
const CASES: &str = "64";
const EXPLAINED: &str = "docs/MUTANTS.md";
const WORK: &str = "target/mutants";

/// What cargo-mutants found, a mutant a line.
#[derive(Debug, Default)]
struct Found {
    /// Caught, or not compiling, in earlier runs, of which only the survivors were run again.
    before: String,
    caught: String,
    missed: String,
    timeout: String,
    unviable: String,
}

/// Breaks the code, all of it or that of some files, or again what survived the last run, and judges what no test saw.
pub(crate) fn run(files: &[String], survivors: bool) -> Result<()> {
    for subject in &SUBJECTS {
        break_one(subject, files, survivors)?;
    }
    judge()
}

/// Judges what the last run left.
pub(crate) fn judge() -> Result<()> {
    let found = found()?;
    let count = |text: &str| text.lines().count();
    shell::say(&format!(
        "{} caught or not compiling in earlier runs; {} caught, {} hung and so caught, {} missed, {} that do not compile",
        count(&found.before),
        count(&found.caught),
        count(&found.timeout),
        count(&found.missed),
        count(&found.unviable)
    ));
    let document = fs::read_to_string(shell::root().join(EXPLAINED)).context(EXPLAINED)?;
    let strange = unexplained(&found.missed, &document);
    for mutant in &strange {
        shell::say(&format!("  {mutant}"));
    }
    if !strange.is_empty() {
        bail!(
            "{} mutants survive, and {EXPLAINED} does not say why",
            strange.len()
        );
    }
    Ok(())
}

fn break_one(subject: &Subject, files: &[String], survivors: bool) -> Result<()> {
    let output = format!("{WORK}/{}", subject.package);
    fs::create_dir_all(shell::root().join(&output)).context(WORK)?;
    let mut arguments = vec![
        "mutants",
        "--profile",
        "mutants",
        "--jobs",
        "1",
        "--no-shuffle",
    ];
    arguments.extend(["--package", subject.package, "--output", &output]);
    let patterns: Vec<String> = files
        .iter()
        .map(|file| format!("^{}:", file.replace('.', "\\.")))
        .collect();
    for pattern in &patterns {
        arguments.extend(["--re", pattern]);
    }
    if survivors {
        arguments.push("--iterate");
    }
    arguments.push("--");
    arguments.extend(subject.tests);
    // It fails where a mutant survives; whether that is explained is judged by itself.
    let status = tool::mutants(&arguments)?
        .env("PROPTEST_CASES", CASES)
        .status()
        .context("starting cargo-mutants")?;
    shell::say(&format!(
        "{}: cargo-mutants ended with {status}",
        subject.package
    ));
    Ok(())
}

/// What the last runs left.
fn found() -> Result<Found> {
    let mut found = Found::default();
    let mut runs = 0;
    for subject in &SUBJECTS {
        let folder = shell::root().join(format!("{WORK}/{}/mutants.out", subject.package));
        let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default();
        runs += u32::from(folder.join("outcomes.json").exists());
        found.before += &read("previously_caught.txt");
        found.caught += &read("caught.txt");
        found.missed += &read("missed.txt");
        found.timeout += &read("timeout.txt");
        found.unviable += &read("unviable.txt");
    }
    if runs == 0 {
        bail!("there is no run in {WORK} to judge");
    }
    Ok(found)
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
