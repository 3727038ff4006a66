//! Who owns which emulator: a run's lock file, held by the kernel for as long as the process lives.
//!
//! A container or a folder that names a lock nobody holds was left by a process that is dead.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow};

/// A run of the suite: its folder under `target/` and the lock in it.
#[derive(Debug)]
pub(crate) struct Run {
    folder: PathBuf,
    _lock: File,
}

impl Run {
    /// The run of this process.
    pub(crate) fn current() -> Result<&'static Self> {
        static CURRENT: OnceLock<Result<Run, String>> = OnceLock::new();
        CURRENT
            .get_or_init(|| Self::open().map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|message| anyhow!("{message}"))
    }

    fn open() -> Result<Self> {
        let root = root()?;
        remove_dead_runs(&root)?;
        let folder = tempfile::Builder::new().prefix("run-").tempdir_in(&root);
        let folder = folder.context("a folder for this run")?.keep();
        let lock = File::create(folder.join("lock"))?;
        lock.lock()?;
        Ok(Self {
            folder,
            _lock: lock,
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(super) fn lock_path(&self) -> PathBuf {
        self.folder.join("lock")
    }
}

/// `target/emulators`.
pub(super) fn root() -> Result<PathBuf> {
    let root = crate::program::target_dir()?.join("emulators");
    std::fs::create_dir_all(&root)?;
    Ok(root)
}

/// Whether no process holds this lock any more; `None` where the file is not here, so that nobody can tell.
pub(super) fn is_dead(lock: &Path) -> Option<bool> {
    match File::open(lock).ok()?.try_lock() {
        Ok(()) => Some(true),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => Some(false),
    }
}

fn remove_dead_runs(root: &Path) -> Result<()> {
    for entry in std::fs::read_dir(root)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("run-") && is_dead(&path.join("lock")) == Some(true) {
            // Another process may be removing the same folder.
            drop(std::fs::remove_dir_all(&path));
        }
    }
    Ok(())
}
