//! The data folder's layout.

use std::path::{Path, PathBuf};

/// What kind of file system a folder lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// A local one.
    Local,
    /// One whose storage cannot be told from here.
    Unusual(&'static str),
    /// A network one, where neither locks nor fsync can be relied on.
    Network(&'static str),
}

/// A data folder and the names in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataFolder {
    path: PathBuf,
}

impl DataFolder {
    /// The folder at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database: the durable truth.
    pub fn database(&self) -> PathBuf {
        self.path.join("leadwire.db")
    }

    /// The lock of the one process that serves.
    pub fn lock(&self) -> PathBuf {
        self.path.join("leadwire.lock")
    }

    /// The view of raw events.
    pub fn raw(&self) -> PathBuf {
        self.path.join("raw")
    }

    /// The view of enriched documents.
    pub fn enriched(&self) -> PathBuf {
        self.path.join("enriched")
    }

    /// The owner files, written by others.
    pub fn lookup(&self) -> PathBuf {
        self.path.join("lookup")
    }

    /// The mails of a home without SMTP.
    pub fn outbox(&self) -> PathBuf {
        self.path.join("outbox")
    }

    /// The sources document, with secrets.
    pub fn sources(&self) -> PathBuf {
        self.path.join("sources.json")
    }
}
