//! Tests that fail now and then: every suite, many times over.

use crate::shell;
use crate::view::{at, texts};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Where the output of failed runs is written.
const OUTPUT: &str = "target/flaky";
/// The suite over the emulators: minutes a run.
const EMULATED: &str = "tests/it";
/// A suite that takes longer hangs.
const SUITE_MAX: Duration = Duration::from_mins(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// What is run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// How often each suite runs.
    #[arg(long, value_name = "N", default_value_t = 30)]
    rounds: u32,
    /// How often the suite over the emulators runs.
    #[arg(long, value_name = "N", default_value_t = 5)]
    emulated: u32,
    /// Keeps every core busy meanwhile, twice over.
    #[arg(long)]
    load: bool,
    /// Only suites whose name contains this, such as `crates/telemetry/it`.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Handed to each suite: a filter of its tests, or other flags of theirs.
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// A test binary.
#[derive(Debug, PartialEq, Eq)]
struct Suite {
    /// The folder of its package, and its target: `crates/telemetry/it`.
    name: String,
    executable: PathBuf,
    package: PathBuf,
}

/// Builds every suite once and runs each so many times; fails where a test ever failed.
pub(crate) fn run(options: &Options) -> Result<()> {
    let build = "test --workspace --no-run --message-format=json";
    let messages = shell::read(&mut shell::cargo(build))?;
    let mut suites = suites(&messages, &shell::root())?;
    let is_wanted = |suite: &Suite| options.only.iter().any(|only| suite.name.contains(only));
    suites.retain(|suite| options.only.is_empty() || is_wanted(suite));
    let output = shell::root().join(OUTPUT);
    fs::create_dir_all(&output).context(OUTPUT)?;
    if options.load {
        burn();
    }
    // How often each test failed, and the output of its last failure.
    let mut failures = BTreeMap::<String, (u32, PathBuf)>::new();
    for round in 1..=options.rounds.max(options.emulated) {
        for suite in &suites {
            let is_emulated = suite.name == EMULATED;
            let rounds = if is_emulated {
                options.emulated
            } else {
                options.rounds
            };
            if round <= rounds {
                let file = output.join(format!("{}-{round}.txt", suite.name.replace('/', "-")));
                let failed = run_one(suite, &options.arguments, &file)?;
                let verdict = if failed.is_empty() { "✓" } else { "✗" };
                shell::say(&format!("{verdict} {round} of {rounds}  {}", suite.name));
                for test in failed {
                    let name = format!("{} {test}", suite.name);
                    let (count, last) = failures.entry(name).or_default();
                    *count += 1;
                    file.clone_into(last);
                }
            }
        }
    }
    let failures = failures.iter();
    let failures =
        failures.map(|(name, (count, last))| format!("{count} × {name}  {}", last.display()));
    shell::judge(&failures.collect::<Vec<_>>(), "tests failed now and then")?;
    shell::say("No test ever failed.");
    Ok(())
}

/// Runs a suite once, and gives the tests that failed. The output stays where one did.
fn run_one(suite: &Suite, arguments: &[String], output: &Path) -> Result<Vec<String>> {
    let file = File::create(output).with_context(|| output.display().to_string())?;
    let mut child = Command::new(&suite.executable)
        .args(arguments)
        .current_dir(&suite.package)
        .env("CARGO_MANIFEST_DIR", &suite.package)
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| suite.executable.display().to_string())?;
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if began.elapsed() > SUITE_MAX {
            child.kill()?;
            child.wait()?;
            break None;
        }
        thread::park_timeout(LOOK_EVERY);
    };
    let failed = failed(status, &String::from_utf8_lossy(&fs::read(output)?));
    if failed.is_empty() {
        fs::remove_file(output)?;
    }
    Ok(failed)
}

/// The names under the last `failures:` of libtest, or how else the suite ended.
fn failed(status: Option<ExitStatus>, output: &str) -> Vec<String> {
    let Some(status) = status else {
        return vec!["(it hangs)".to_owned()];
    };
    if status.success() {
        return Vec::new();
    }
    let listed = output.rsplit_once("\nfailures:\n").map(|(_, listed)| {
        let names = listed.lines().map_while(|line| line.strip_prefix("    "));
        names.map(str::to_owned).collect::<Vec<_>>()
    });
    match listed {
        Some(names) if !names.is_empty() => names,
        _ => vec![format!("({status})")],
    }
}

/// The test binaries among the messages of Cargo.
fn suites(messages: &str, root: &Path) -> Result<Vec<Suite>> {
    let mut suites = Vec::new();
    for line in messages.lines() {
        let message: Value = serde_json::from_str(line).context("a message of Cargo")?;
        let text = |place: &str| at(&message, place).as_str();
        let (Some(executable), Some(manifest), Some(target)) = (
            text("/executable"),
            text("/manifest_path"),
            text("/target/name"),
        ) else {
            continue;
        };
        if at(&message, "/profile/test") != true {
            continue;
        }
        let package = Path::new(manifest)
            .parent()
            .context("a manifest lies in a folder")?;
        let folder = package.strip_prefix(root).unwrap_or(package).display();
        let is_library = texts(at(&message, "/target/kind")).contains(&"lib");
        let target = if is_library { "lib" } else { target };
        suites.push(Suite {
            name: format!("{folder}/{target}"),
            executable: executable.into(),
            package: package.to_owned(),
        });
    }
    suites.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(suites)
}

/// Keeps the machine busy until this process ends.
fn burn() {
    let cores = thread::available_parallelism().map_or(2, usize::from);
    for _ in 0..2 * cores {
        thread::spawn(|| {
            loop {
                std::hint::spin_loop();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::process::ExitStatusExt as _;

    #[test]
    fn suites_are_the_executables_that_are_tests() {
        let artifact = |name: &str, kind: &str, executable: &str, test: bool| {
            serde_json::json!({
                "reason": "compiler-artifact",
                "manifest_path": "/root/crates/local/Cargo.toml",
                "target": { "name": name, "kind": [kind] },
                "profile": { "test": test },
                "executable": (!executable.is_empty()).then_some(executable),
            })
            .to_string()
        };
        let messages = [
            artifact("it", "test", "/target/it-1", true),
            artifact("leadwire_local", "lib", "/target/leadwire_local-1", true),
            artifact("leadwire_local", "lib", "", false),
            artifact("tool", "bin", "/target/tool", false),
            r#"{"reason":"build-finished","success":true}"#.to_owned(),
        ];
        let found = suites(&messages.join("\n"), Path::new("/root")).unwrap();
        let found = found.iter();
        let found = found.map(|suite| format!("{}: {}", suite.name, suite.executable.display()));
        let expected = [
            "crates/local/it: /target/it-1",
            "crates/local/lib: /target/leadwire_local-1",
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_failed_is_known_by_its_name_or_by_how_the_suite_ended() {
        let output = "test a::b ... FAILED\n\nfailures:\n\n---- a::b stdout ----\nboom\n\n\nfailures:\n    a::b\n    c\n\ntest result: FAILED. 0 passed; 2 failed\n";
        let (good, bad) = (ExitStatus::from_raw(0), ExitStatus::from_raw(101 << 8));
        assert_eq!(failed(Some(bad), output), ["a::b", "c"]);
        assert_eq!(failed(Some(good), output), [""; 0]);
        assert_eq!(failed(Some(bad), "killed"), ["(exit status: 101)"]);
        assert_eq!(failed(None, ""), ["(it hangs)"]);
    }
}
