//! Why a data folder cannot be opened, and what is reported although it can.

use jiff::Timestamp;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A data folder that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A command found nothing to operate on.
    #[error("there is no data folder at {}; `leadwire up` makes one", path.display())]
    Absent {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Another process serves it.
    #[error(
        "the data folder is served by process {pid} since {since}; stop that one first, or use another folder"
    )]
    Served {
        /// Its process id, or `unknown`.
        pid: String,
        /// When it took the folder, or `an unknown time`.
        since: String,
    },
    /// It lies on a file system where `SQLite`'s locks and fsync cannot be relied on.
    #[error("{} lies on {kind}, a network file system; use a folder on a local disk", path.display())]
    NetworkFileSystem {
        /// The folder.
        path: PathBuf,
        /// The file system's name.
        kind: &'static str,
    },
    /// A newer leadwire wrote it.
    #[error(
        "the data folder has schema {found}, and this leadwire knows {known}; use the newer leadwire that wrote it"
    )]
    SchemaTooNew {
        /// The folder's schema.
        found: u32,
        /// The newest that this code knows.
        known: u32,
    },
    /// An older leadwire serves it, so that it cannot be brought up to date.
    #[error(
        "the data folder has schema {found} and is served by an older leadwire; stop it, then try again"
    )]
    SchemaInUse {
        /// The folder's schema.
        found: u32,
    },
    /// `leadwire.db` is a file of something else.
    #[error("{} is not a leadwire database", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// It cannot be written, or not by this user.
    #[error(
        "the data folder {} cannot be written; check its owner, its permissions and how its disk is mounted", path.display()
    )]
    Unwritable {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The folder or a file in it cannot be made, read or written.
    #[error("could not {action} {}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database refused.
    #[error("could not {action}")]
    Database {
        /// What was attempted.
        action: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}

impl OpenError {
    /// Why `action` on a file or folder did not work.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }

    /// Why `action` on a file of the data folder, or on the folder itself, did not work.
    pub(crate) fn during(
        action: &'static str,
        path: &Path,
        folder: &Path,
        source: io::Error,
    ) -> Self {
        use ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
        if matches!(source.kind(), PermissionDenied | ReadOnlyFilesystem) {
            let path = folder.to_owned();
            return Self::Unwritable { path, source };
        }
        Self::io(action, path)(source)
    }
}

/// Something that a person should know about a data folder that was opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenWarning {
    /// The clock stands before the newest time in the database.
    #[error(
        "the clock says {now}, but something was stored at {newest}: the clock went back; what waits, waits longer"
    )]
    ClockWentBack {
        /// What the clock says.
        now: Timestamp,
        /// The newest time stored.
        newest: Timestamp,
    },
    /// It is not known whether fsync reaches a disk there.
    #[error("the data folder lies on {kind}; whether it keeps what was synced is not known")]
    UnusualFileSystem {
        /// The file system's name.
        kind: &'static str,
    },
    /// `sources.json` holds secrets and others may read it.
    #[error("sources.json holds secrets and other users of this machine can read it; chmod 600 it")]
    SecretsReadableByOthers,
}
