//! The tools that are not Cargo's: installed under `target/tools`, at pinned versions, when first needed.

use crate::shell;
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const REQUIREMENTS: &str = include_str!("../requirements.txt");
pub(crate) const DENY: &str = "cargo-deny@0.20.2 --no-default-features";
pub(crate) const FUZZ: &str = "cargo-fuzz@0.13.2";
pub(crate) const MUTANTS: &str = "cargo-mutants@27.1.0";
const ARM: &str = "aarch64-unknown-linux-gnu";

/// Where the tools are.
fn folder() -> PathBuf {
    shell::root().join("target/tools")
}

/// The version of a tool that `requirements.txt` pins.
pub(crate) fn pinned(package: &str) -> Option<&'static str> {
    let mut lines = REQUIREMENTS.lines();
    lines.find_map(|line| line.strip_prefix(package)?.strip_prefix("=="))
}

/// A program of the Python environment, which is made first where it is absent or of other versions.
pub(crate) fn python(program: &str, words: &str) -> Result<Command> {
    let environment = folder().join("python");
    let bin = environment.join("bin");
    let stamp = environment.join("installed.txt");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(REQUIREMENTS) {
        shell::say("Installing sam, cargo-lambda and cfn-lint …");
        shell::run(shell::command("python3", "-m venv --clear").arg(&environment))?;
        let install = "install --quiet --disable-pip-version-check -r xtask/requirements.txt";
        shell::run(&mut shell::command(bin.join("pip"), install))?;
        fs::write(&stamp, REQUIREMENTS).context("writing the stamp of the Python environment")?;
    }
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(bin.clone()).chain(std::env::split_paths(&rest));
    let mut command = shell::command(bin.join(program), words);
    command
        .env("PATH", std::env::join_paths(folders).context("PATH")?)
        .env("SAM_CLI_TELEMETRY", "0")
        // sam asks botocore for a region even where nothing is called.
        .env("AWS_DEFAULT_REGION", "us-east-1");
    Ok(command)
}

/// A tool from crates.io, with these arguments; it is installed first where it is absent.
pub(crate) fn installed(tool: &str, words: &str) -> Result<Command> {
    let package = tool.split(' ').next().unwrap_or(tool);
    let (name, _) = package.split_once('@').context("a pinned version")?;
    let place = folder().join(package.replace('@', "-"));
    let program = place.join("bin").join(name);
    if !program.exists() {
        shell::say(&format!("Installing {name} …"));
        // Unoptimised, it is built in a minute and still done in seconds.
        let mut install = shell::cargo(&format!("install {tool} --locked --debug --root"));
        let build = folder().join("build");
        shell::run(install.arg(&place).env("CARGO_TARGET_DIR", &build))?;
        drop(fs::remove_dir_all(build));
    }
    Ok(shell::command(program, words))
}

/// Builds the Lambda binaries by `sam build`, for arm64 where that target is installed, else for this machine.
pub(crate) fn build() -> Result<()> {
    let libraries = format!("--print target-libdir --target {ARM}");
    let libraries = shell::read(&mut shell::command("rustc", &libraries))?;
    let is_installed = PathBuf::from(libraries.trim()).exists();
    let architecture = if is_installed { "arm64" } else { "x86_64" };
    let words = format!("build --parameter-overrides Architecture={architecture}");
    shell::run(&mut python("sam", &words)?)?;
    for function in ["IngestionFunction", "EnrichmentFunction", "SweepFunction"] {
        let binary = format!(".aws-sam/build/{function}/bootstrap");
        let size = fs::metadata(shell::root().join(&binary))
            .with_context(|| format!("{binary} was not built"))?
            .len();
        shell::say(&format!("{function}: {architecture}, {} KiB", size / 1024));
    }
    Ok(())
}
