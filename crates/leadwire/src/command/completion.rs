//! `completion`: a script that completes what is typed.

use crate::cli::{Cli, CompletionArgs};
use crate::output::{Ended, Output};
use clap::CommandFactory as _;

/// Writes the script.
pub(super) fn run(args: &CompletionArgs, output: &mut Output) -> anyhow::Result<Ended> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "leadwire", &mut script);
    output.bytes(&script)?;
    Ok(Ended::Done)
}
