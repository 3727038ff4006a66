//! The tools that are not Cargo's: installed under `target/tools`, at pinned versions, when first needed.

use crate::shell;
use anyhow::{Context, Result};
use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

const REQUIREMENTS: &str = include_str!("../requirements.txt");
const DENY_VERSION: &str = "0.20.2";
const FUZZ_VERSION: &str = "0.13.2";
const MUTANTS_VERSION: &str = "27.1.0";

/// Where the tools are.
fn folder() -> PathBuf {
    shell::root().join("target/tools")
}

/// A program of the Python environment, which is made first where it is absent or of other versions.
pub(crate) fn python(program: &str, arguments: &[&str]) -> Result<Command> {
    let environment = folder().join("python");
    let stamp = environment.join("installed.txt");
    if fs::read_to_string(&stamp).ok().as_deref() != Some(REQUIREMENTS) {
        shell::say("Installing sam, cargo-lambda and cfn-lint …");
        let place = environment.to_string_lossy();
        shell::run(&mut shell::command(
            "python3",
            &["-m", "venv", "--clear", &place],
        ))?;
        let requirements = shell::root().join("xtask/requirements.txt");
        let install = [
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "-r",
            &requirements.to_string_lossy(),
        ];
        shell::run(&mut shell::command(environment.join("bin/pip"), &install))?;
        fs::write(&stamp, REQUIREMENTS).context("writing the stamp of the Python environment")?;
    }
    let bin = environment.join("bin");
    let mut command = shell::command(bin.join(program), arguments);
    command
        .env("PATH", in_front(bin)?)
        .env("SAM_CLI_TELEMETRY", "0");
    // sam asks botocore for a region even where nothing is called.
    command.env("AWS_DEFAULT_REGION", "us-east-1");
    Ok(command)
}

/// `PATH` with a folder in front of it.
fn in_front(folder: PathBuf) -> Result<OsString> {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(std::iter::once(folder).chain(std::env::split_paths(&rest)))
        .context("PATH")
}

/// The program of a tool from crates.io, which is installed first where it is absent.
fn installed(name: &str, version: &str, features: &[&str]) -> Result<PathBuf> {
    let place = folder().join(format!("{name}-{version}"));
    let program = place.join("bin").join(name);
    if !program.exists() {
        shell::say(&format!("Installing {name} …"));
        // Unoptimised, it is built in a minute and still done in seconds.
        let (package, root) = (
            format!("{name}@{version}"),
            place.to_string_lossy().into_owned(),
        );
        let mut install = vec!["install", &package, "--locked", "--debug", "--root", &root];
        install.extend(features);
        shell::run(shell::cargo(&install).env("CARGO_TARGET_DIR", folder().join("build")))?;
        drop(fs::remove_dir_all(folder().join("build")));
    }
    Ok(program)
}

/// cargo-fuzz, with these arguments.
pub(crate) fn fuzz(arguments: &[&str]) -> Result<Command> {
    let program = installed("cargo-fuzz", FUZZ_VERSION, &[])?;
    Ok(shell::command(program, arguments))
}

/// cargo-mutants, with these arguments.
pub(crate) fn mutants(arguments: &[&str]) -> Result<Command> {
    let program = installed("cargo-mutants", MUTANTS_VERSION, &[])?;
    Ok(shell::command(program, arguments))
}

/// Checks licences, bans and sources by cargo-deny.
pub(crate) fn deny() -> Result<()> {
    let program = installed("cargo-deny", DENY_VERSION, &["--no-default-features"])?;
    shell::run(&mut shell::command(
        program,
        &["--all-features", "check", "bans", "licenses", "sources"],
    ))
}

/// Builds the Lambda binaries by `sam build`, for arm64 where that target is installed, else for this machine.
pub(crate) fn build() -> Result<()> {
    let libraries = shell::read(&mut shell::command(
        "rustc",
        &["--print", "target-libdir", "--target", ARM],
    ))?;
    let architecture = if PathBuf::from(libraries.trim()).exists() {
        "arm64"
    } else {
        "x86_64"
    };
    let parameter = format!("Architecture={architecture}");
    shell::run(&mut python(
        "sam",
        &["build", "--parameter-overrides", &parameter],
    )?)?;
    for function in ["IngestionFunction", "EnrichmentFunction", "SweepFunction"] {
        let binary = shell::root()
            .join(".aws-sam/build")
            .join(function)
            .join("bootstrap");
        let size = fs::metadata(&binary)
            .with_context(|| format!("{} was not built", binary.display()))?
            .len();
        shell::say(&format!("{function}: {architecture}, {} KiB", size / 1024));
    }
    Ok(())
}

const ARM: &str = "aarch64-unknown-linux-gnu";
