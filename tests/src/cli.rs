//! The AWS CLI, for commands that a document shows.

use std::path::PathBuf;

use anyhow::Result;

use crate::emulator::venv;

const LOCK: &str = include_str!("emulator/awscli.lock");

/// The folder that it lies in, made now where it is not there yet.
///
/// # Errors
/// It needs Python 3.10 or later, and a package index the first time.
pub async fn folder() -> Result<PathBuf> {
    let made = tokio::task::spawn_blocking(|| venv::environment("awscli", LOCK));
    Ok(made.await??.join("bin"))
}
