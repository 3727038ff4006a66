//! Fuzzing: every law of `tests/fuzz` by libFuzzer, beginning with its seeds and with what earlier runs found.

use crate::{shell, tool};
use anyhow::{Context, Result, bail};
use std::fmt::Display;
use std::fs;
use std::process::Stdio;

const TARGETS: &str = "fuzz/fuzz_targets";
const SEEDS: &str = "tests/fuzz/seeds";
const TOKENS: &str = "tests/fuzz/tokens.dict";
/// What a run leaves: seeds in files of their own, inputs that found a new way, logs.
const WORK: &str = "target/fuzz";
/// The laws whose targets need the AWS SDK.
const OF_CARRIERS: [&str; 2] = ["queue_batch", "web_event"];

/// Fuzzes each law, or the one that is named, for so many seconds, and reports how far it came.
pub(crate) fn run(seconds: u32, law: Option<&str>) -> Result<()> {
    let mut laws = laws()?;
    if let Some(law) = law {
        if !laws.iter().any(|known| known == law) {
            bail!("there is no law {law}; there are {}", laws.join(", "));
        }
        laws = vec![law.to_owned()];
    }
    let mut table = vec![row("law", ["executions", "edges", "features"])];
    let mut broken = Vec::new();
    for law in laws {
        let (numbers, holds) = fuzz(&law, seconds)?;
        table.push(row(&law, numbers));
        if !holds {
            broken.push(law);
        }
    }
    shell::say(&format!("\n{}", table.join("\n")));
    if !broken.is_empty() {
        bail!(
            "inputs were found in fuzz/artifacts for {}; the logs are in {WORK}",
            broken.join(", ")
        );
    }
    Ok(())
}

fn row(law: &str, [executions, edges, features]: [impl Display; 3]) -> String {
    format!("{law:<18}{executions:>14}{edges:>9}{features:>11}")
}

/// Every law that has a target.
fn laws() -> Result<Vec<String>> {
    let mut laws = Vec::new();
    for entry in fs::read_dir(shell::root().join(TARGETS)).context(TARGETS)? {
        let path = entry?.path();
        laws.extend(
            path.file_stem()
                .map(|stem| stem.to_string_lossy().into_owned()),
        );
    }
    laws.sort();
    Ok(laws)
}

/// Fuzzes one law; gives back how far it came, and whether the law held.
fn fuzz(law: &str, seconds: u32) -> Result<([u64; 3], bool)> {
    let seeds = lay_out_seeds(law)?;
    let corpus = format!("{WORK}/corpus/{law}");
    fs::create_dir_all(shell::root().join(&corpus)).context("the corpus")?;
    let is_of_carriers = OF_CARRIERS.contains(&law);
    let features = if is_of_carriers {
        "--features carriers"
    } else {
        ""
    };
    // Without a sanitizer: the code is safe Rust, and its assertions are what it is judged by.
    let words = format!(
        "run {law} {corpus} {seeds} --sanitizer none --target-dir {WORK}/build {features} \
         -- -max_total_time={seconds} -dict={TOKENS} -print_final_stats=1 \
         -max_len=16384 -rss_limit_mb=512 -timeout=10"
    );
    let log = shell::root().join(format!("{WORK}/{law}.log"));
    let file = fs::File::create(&log).with_context(|| log.display().to_string())?;
    shell::say(&format!("── {law}: {seconds} s ──"));
    let status = tool::installed(tool::FUZZ, &words)?
        .stdout(Stdio::null())
        .stderr(file)
        .status()
        .context("starting cargo-fuzz")?;
    let text = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    if !status.success() {
        let lines: Vec<&str> = text.lines().collect();
        let end = lines.get(lines.len().saturating_sub(30)..);
        shell::say(&end.unwrap_or_default().join("\n"));
    }
    Ok((reached(&text), status.success()))
}

/// The seeds of a law, each in a file of its own, as libFuzzer wants them.
fn lay_out_seeds(law: &str) -> Result<String> {
    let folder = format!("{WORK}/seeds/{law}");
    drop(fs::remove_dir_all(shell::root().join(&folder)));
    fs::create_dir_all(shell::root().join(&folder)).context("the seeds")?;
    let text = shell::text(&format!("{SEEDS}/{law}.txt"))?;
    for (number, seed) in (1..).zip(seeds_in(&text)) {
        shell::write(&format!("{folder}/{number}"), seed)?;
    }
    Ok(folder)
}

/// The seeds of a file, which lines of `%%` part.
fn seeds_in(text: &str) -> impl Iterator<Item = &str> {
    text.strip_suffix('\n').unwrap_or(text).split("\n%%\n")
}

/// The last numbers in a log of libFuzzer: executions, edges, features.
fn reached(log: &str) -> [u64; 3] {
    ["stat::number_of_executed_units:", " cov: ", " ft: "].map(|name| {
        let last = log.rsplit_once(name).map(|(_, rest)| rest);
        let number = last.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        number.unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_numbers_of_a_log_are_read() {
        let log = "#2\tINITED cov: 10 ft: 11 corp: 1/1b exec/s: 0 rss: 40Mb\n\
                   #99\tDONE   cov: 123 ft: 456 corp: 7/1b lim: 4 exec/s: 9 rss: 40Mb\n\
                   stat::number_of_executed_units: 4711\nstat::peak_rss_mb:              40\n";
        assert_eq!(reached(log), [4711, 123, 456]);
        assert_eq!(reached("nothing"), [0; 3]);
    }

    #[test]
    fn every_law_has_a_target_and_those_of_carriers_are_named() {
        let laws = laws().unwrap();
        assert!(laws.len() >= 13);
        assert!(
            OF_CARRIERS
                .iter()
                .all(|law| laws.iter().any(|known| known == law))
        );
    }

    #[test]
    fn a_file_of_seeds_falls_apart_at_its_marks() {
        assert_eq!(
            seeds_in("a\n%%\n\n%%\nb\nc\n").collect::<Vec<_>>(),
            ["a", "", "b\nc"]
        );
    }
}
