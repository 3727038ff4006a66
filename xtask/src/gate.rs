//! The gate: its steps, their order, and how long each took.

use crate::{shell, telemetry, template, tidy, tool};
use anyhow::{Result, bail};
use clap::ValueEnum;
use std::time::Instant;

/// One step of the gate, the quick ones first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    Fmt,
    Tidy,
    Telemetry,
    Clippy,
    Doc,
    Test,
    Stack,
    Bench,
    Deny,
    Template,
    Build,
}

impl Step {
    /// Runs the step and reports how long it took.
    pub(crate) fn run(self) -> Result<()> {
        let began = Instant::now();
        shell::say(&format!("── {self:?} ──"));
        let result = self.work();
        let verdict = if result.is_ok() { "✓" } else { "✗" };
        let seconds = began.elapsed().as_secs_f64();
        shell::say(&format!("{verdict} {self:?} {seconds:.1} s\n"));
        result
    }

    fn work(self) -> Result<()> {
        let cargo = |words: &str| shell::run(&mut shell::cargo(words));
        match self {
            Self::Fmt => cargo("fmt --all --check"),
            Self::Tidy => tidy::check(),
            Self::Telemetry => telemetry::check(),
            Self::Clippy => cargo("clippy --workspace --all-targets --all-features -- -D warnings"),
            Self::Doc => shell::run(
                shell::cargo("doc --workspace --no-deps --all-features --document-private-items")
                    .env("RUSTDOCFLAGS", "-D warnings"),
            ),
            Self::Test => cargo("test --workspace"),
            // The other home of the command: not in its default build, hence not in the step before. The whole workspace is selected, here
            // and below, so that features resolve alike and the AWS SDK is not compiled once more.
            Self::Stack => cargo("test --workspace --features leadwire/aws --test it stack::"),
            // In the test profile: criterion then runs each once.
            Self::Bench => cargo("test --workspace --bench *"),
            Self::Deny => {
                let words = "--all-features check bans licenses sources";
                shell::run(&mut tool::installed(tool::DENY, words)?)
            }
            Self::Template => template::check(),
            Self::Build => tool::build(),
        }
    }
}

/// Runs the gate.
pub(crate) fn run(skipped: &[Step], keep_going: bool) -> Result<()> {
    let began = Instant::now();
    let mut failed = Vec::new();
    for step in Step::value_variants() {
        if skipped.contains(step) {
            shell::say(&format!("── {step:?} ── left out, as told\n"));
        } else if let Err(error) = step.run() {
            shell::say(&format!("{step:?}: {error:#}\n"));
            failed.push(format!("{step:?}"));
            if !keep_going {
                break;
            }
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    shell::say(&format!("The gate took {seconds:.0} s."));
    if !failed.is_empty() {
        bail!("the gate is closed: {}", failed.join(", "));
    }
    Ok(())
}
