//! What can go wrong with the database, and what a person does about it.

use leadwire_pipeline::port::PortError;
use rusqlite::ErrorCode;
use std::sync::Arc;

/// Why the database refused. One failed commit is reported to every caller whose work was in it.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the disk is full; make room on it, and work goes on by itself")]
    Full(#[source] Arc<rusqlite::Error>),
    #[error("the database cannot be written; check the data folder's owner and permissions")]
    ReadOnly(#[source] Arc<rusqlite::Error>),
    #[error(
        "another process holds the database for too long; see what else runs on the data folder"
    )]
    Busy(#[source] Arc<rusqlite::Error>),
    #[error("the disk does not read or write; look at the system's log")]
    Disk(#[source] Arc<rusqlite::Error>),
    #[error("the database is damaged; stop, keep a copy of the data folder, and restore a backup")]
    Damaged(#[source] Arc<rusqlite::Error>),
    #[error("the database refused")]
    Refused(#[source] Arc<rusqlite::Error>),
    #[error("the database has been closed")]
    Closed,
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        let error = Arc::new(error);
        match code {
            Some(ErrorCode::DiskFull) => Self::Full(error),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly(error)
            }
            Some(
                ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::FileLockingProtocolFailed,
            ) => Self::Busy(error),
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::OutOfMemory
                | ErrorCode::OperationInterrupted,
            ) => Self::Disk(error),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error),
            _ => Self::Refused(error),
        }
    }
}

impl Fault {
    /// The failure of a port's call. Only what time cannot cure is permanent.
    pub(crate) fn during(self, action: &'static str) -> PortError {
        match self {
            Self::Damaged(_) | Self::Refused(_) => PortError::permanent(action, self),
            Self::Full(_) | Self::ReadOnly(_) | Self::Busy(_) | Self::Disk(_) | Self::Closed => {
                PortError::transient(action, self)
            }
        }
    }
}
