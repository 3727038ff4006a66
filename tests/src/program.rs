//! The real binaries, built once per test process.
//!
//! They are built into the target folder and profile that the test itself runs from, by
//! `cargo build --workspace --bins --tests`: that selects exactly what `cargo test --workspace` selects, so features
//! resolve alike and nothing that `cargo test --workspace` has compiled is compiled again (building
//! `-p leadwire-lambda` alone would compile the whole AWS SDK a second time). For a quick run of this package by
//! itself, build the binaries once and name their folder in `LEADWIRE_TEST_BIN_DIR`; the same serves for trying
//! release binaries.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, ensure};
use tokio::process::Command;
use tokio::sync::OnceCell;

use crate::settings;

/// See [`adopt`].
static ADOPTED: OnceLock<PathBuf> = OnceLock::new();

/// The path of a built binary.
pub async fn built(name: &str) -> Result<PathBuf> {
    static FOLDER: OnceCell<Result<PathBuf, String>> = OnceCell::const_new();
    let folder =
        FOLDER.get_or_init(|| async { build().await.map_err(|error| format!("{error:#}")) });
    let folder = folder
        .await
        .as_ref()
        .map_err(|message| anyhow!("{message}"))?;
    let path = folder.join(name);
    ensure!(path.is_file(), "no binary at {}", path.display());
    Ok(path)
}

/// Takes the binaries from this folder from now on, instead of building them as this process was built.
pub fn adopt(folder: PathBuf) {
    // The first one stays: whoever runs already has its binaries.
    drop(ADOPTED.set(folder));
}

/// The folder of the functions as they are deployed, optimised, for a benchmark: [`settings::BIN_DIR`], or built now.
pub async fn released() -> Result<PathBuf> {
    if let Some(folder) = settings::bin_dir() {
        return Ok(folder);
    }
    let target = target_dir()?;
    let mut command = cargo_build(&target)?;
    command.args(["--release", "--bins", "--package", "leadwire-lambda"]);
    run(command).await?;
    Ok(target.join("release"))
}

/// Some tests call `curl`, as a person does, or as a runtime in shell does.
///
/// # Errors
/// It is not installed; the message says so.
pub async fn need_curl() -> Result<()> {
    let asked = Command::new("curl").arg("--version").output().await;
    let version = asked.context("the integration tests need the command `curl`: install it")?;
    ensure!(version.status.success(), "curl --version: {version:?}");
    Ok(())
}

/// The root of the workspace.
pub fn workspace() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .context("this package lies in the workspace")
}

/// The target folder that this process runs from.
pub fn target_dir() -> Result<PathBuf> {
    static TARGET: OnceLock<Option<PathBuf>> = OnceLock::new();
    TARGET
        .get_or_init(|| {
            let executable = std::env::current_exe().ok()?;
            let root = executable
                .ancestors()
                .find(|folder| folder.join("CACHEDIR.TAG").exists());
            root.map(Path::to_path_buf)
        })
        .clone()
        .context("this process does not run from a target folder of Cargo's")
}

/// `target/debug`, or `target/<triple>/release`: where the binaries beside this process lie.
fn profile_dir() -> Result<PathBuf> {
    let executable = std::env::current_exe()?;
    let folder = executable.parent();
    let folder = folder.context("an executable lies in a folder")?;
    let above = folder.parent().filter(|_| folder.ends_with("deps"));
    Ok(above.unwrap_or(folder).to_path_buf())
}

async fn build() -> Result<PathBuf> {
    if let Some(folder) = ADOPTED.get().cloned().or_else(settings::bin_dir) {
        return Ok(folder);
    }
    let (target, profile) = (target_dir()?, profile_dir()?);
    let mut parts = profile.strip_prefix(&target)?.iter();
    let name = parts.next_back().context("a profile has a folder")?;
    let name = if name == "debug" {
        "dev".as_ref()
    } else {
        name
    };
    let mut command = cargo_build(&target)?;
    command.args(["--workspace", "--bins", "--tests", "--profile"]);
    command.arg(name);
    if let Some(triple) = parts.next() {
        command.arg("--target").arg(triple);
    }
    run(command).await?;
    Ok(profile)
}

/// `cargo build`, without what `cargo test` sets for this process: build scripts (that of `ring` is one) that watch such variables would run
/// again, and everything after them.
fn cargo_build(target: &Path) -> Result<Command> {
    const OUTER: [&str; 4] = [
        "CARGO_PKG_",
        "CARGO_MANIFEST_",
        "CARGO_BIN_",
        "CARGO_CRATE_",
    ];
    let mut command = Command::new("cargo");
    command
        .current_dir(workspace()?)
        .args(["build", "--quiet", "--target-dir"])
        .arg(target);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let is_outer = OUTER.iter().any(|prefix| name.starts_with(prefix));
        if is_outer || ["CARGO", "CARGO_PRIMARY_PACKAGE", "OUT_DIR"].contains(&&*name) {
            command.env_remove(&*name);
        }
    }
    Ok(command)
}

async fn run(mut command: Command) -> Result<()> {
    let output = command.output().await.context("cargo")?;
    let message = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "the binaries do not build: {message}"
    );
    Ok(())
}
