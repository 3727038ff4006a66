//! Running commands, reading and writing files of the workspace, and reporting how it goes.

use anyhow::{Context, Result, bail};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let parent = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    parent.map(Path::to_path_buf).unwrap_or_default()
}

/// The text of a file, by its path from the root.
pub(crate) fn text(path: &str) -> Result<String> {
    fs::read_to_string(root().join(path)).with_context(|| path.to_owned())
}

/// Writes a file, by its path from the root.
pub(crate) fn write(path: &str, text: &str) -> Result<()> {
    fs::write(root().join(path), text).with_context(|| path.to_owned())
}

/// One line of progress. A closed pipe is no reason to stop the gate.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

/// Reports every breach, and fails where there is one: "3 house rules are broken".
pub(crate) fn judge(breaches: &[String], what: &str) -> Result<()> {
    for breach in breaches {
        say(&format!("  {breach}"));
    }
    if !breaches.is_empty() {
        bail!("{} {what}", breaches.len());
    }
    Ok(())
}

/// A command in the root of the workspace, with these words as its arguments.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>, words: &str) -> Command {
    let mut command = Command::new(program);
    command
        .args(words.split_whitespace())
        .current_dir(root())
        .stdin(Stdio::null());
    command
}

/// Cargo in the root of the workspace.
pub(crate) fn cargo(words: &str) -> Command {
    command("cargo", words)
}

/// Runs a command with its output in sight and fails when it fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    say(&format!("$ {}", shown(command)));
    let status = command
        .status()
        .with_context(|| format!("starting {}", shown(command)))?;
    if !status.success() {
        bail!("{} failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs a command and returns what it writes to its standard output.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("starting {}", shown(command)))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        bail!("{} failed: {}\n{errors}", shown(command), output.status);
    }
    String::from_utf8(output.stdout).context("output is not UTF-8")
}

/// The command as a person would type it.
fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words = words.map(|word| word.to_string_lossy().into_owned());
    words.collect::<Vec<_>>().join(" ")
}
