//! Mutants: whatever small thing is broken, a test fails, or docs/MUTANTS.md says why none can.

use crate::{shell, tool};
use anyhow::{Context, Result, bail};
use std::collections::BTreeSet;
use std::fs;

/// The packages whose code is broken; each is judged by its own tests.
const PACKAGES: [&str; 2] = ["leadwire-domain", "leadwire-pipeline"];
const EXPLAINED: &str = "docs/MUTANTS.md";
const WORK: &str = "target/mutants";

/// Breaks the code and judges what no test saw.
pub(crate) fn run(files: &[String], judge_only: bool) -> Result<()> {
    if !judge_only {
        let mut arguments = vec!["mutants", "--jobs", "1", "--no-shuffle", "--output", WORK];
        for package in PACKAGES {
            arguments.extend(["--package", package]);
        }
        for file in files {
            arguments.extend(["--file", file]);
        }
        fs::create_dir_all(shell::root().join(WORK)).context(WORK)?;
        // It fails where a mutant survives; whether that is explained is judged here.
        let status = tool::mutants(&arguments)?
            .status()
            .context("starting cargo-mutants")?;
        shell::say(&format!("cargo-mutants ended with {status}"));
    }
    let read = |name: &str| {
        let file = shell::root().join(format!("{WORK}/mutants.out/{name}.txt"));
        fs::read_to_string(&file).with_context(|| file.display().to_string())
    };
    let [caught, missed, timeout, unviable] = [
        read("caught")?,
        read("missed")?,
        read("timeout")?,
        read("unviable")?,
    ];
    let count = |text: &str| text.lines().count();
    shell::say(&format!(
        "{} caught, {} hung and so caught, {} missed, {} that do not compile",
        count(&caught),
        count(&timeout),
        count(&missed),
        count(&unviable)
    ));
    let document = fs::read_to_string(shell::root().join(EXPLAINED)).context(EXPLAINED)?;
    let strange = unexplained(&missed, &document);
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
