//! `completion`: a script that completes what is typed.

use super::Cli;
use crate::output::{Ended, Output};
use clap::{Args, CommandFactory as _};

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire completion bash > ~/.local/share/bash-completion/completions/leadwire
  leadwire completion zsh > ~/.zfunc/_leadwire
  leadwire completion fish > ~/.config/fish/completions/leadwire.fish")]
pub(crate) struct CompletionArgs {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

/// Writes the script.
pub(super) fn run(args: &CompletionArgs, output: &mut Output) -> anyhow::Result<Ended> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "leadwire", &mut script);
    output.bytes(&script)?;
    Ok(Ended::Done)
}
