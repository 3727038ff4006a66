//! The data folder: its layout, and whether the disk under it can be relied on.

use crate::error::OpenError;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// What kind of file system a folder lies on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileSystem {
    /// A local one.
    Local,
    /// One whose storage is not known here.
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

    /// Traces and metrics. It may be deleted at any time.
    pub fn telemetry(&self) -> PathBuf {
        self.path.join("telemetry.db")
    }

    /// The view of raw events.
    pub fn raw(&self) -> PathBuf {
        self.path.join("raw")
    }

    /// The view of enriched documents.
    pub fn enriched(&self) -> PathBuf {
        self.path.join("enriched")
    }

    /// How far the views are. It may be deleted at any time.
    pub(crate) fn views(&self) -> PathBuf {
        self.path.join("leadwire.views")
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

    /// The canary's secret.
    pub fn canary(&self) -> PathBuf {
        self.path.join("canary.json")
    }

    /// Makes the folder where there is none, for its owner alone: leads are personal data.
    pub(crate) fn make(&self) -> Result<(), OpenError> {
        make_folder(&self.path, &self.path)
    }

    /// Makes the folders in it.
    pub(crate) fn make_rooms(&self) -> Result<(), OpenError> {
        [self.raw(), self.enriched(), self.lookup(), self.outbox()]
            .iter()
            .try_for_each(|room| make_folder(room, &self.path))
    }
}

fn make_folder(path: &Path, folder: &Path) -> Result<(), OpenError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|source| OpenError::during("make the folder", path, folder, source))
}

/// Asks the kernel what a folder lies on.
#[cfg(target_os = "linux")]
pub(crate) fn file_system(path: &Path) -> io::Result<FileSystem> {
    let kind = rustix::fs::statfs(path)?.f_type;
    // The magic numbers are 32 bits wide, also where the field is signed or wider.
    let magic = u32::try_from(i128::from(kind) & 0xffff_ffff).unwrap_or_default();
    Ok(classify(magic))
}

/// Other systems are not asked: SQLite's own checks are all there is.
#[cfg(not(target_os = "linux"))]
pub(crate) fn file_system(_path: &Path) -> io::Result<FileSystem> {
    Ok(FileSystem::Local)
}

/// The numbers are in statfs(2) and Linux's `magic.h`.
#[cfg(target_os = "linux")]
fn classify(magic: u32) -> FileSystem {
    match magic {
        0x0000_6969 => FileSystem::Network("NFS"),
        0x0000_517b | 0xff53_4d42 | 0xfe53_4d42 => FileSystem::Network("SMB"),
        0x0000_564c => FileSystem::Network("NCP"),
        0x7375_7245 => FileSystem::Network("Coda"),
        0x5346_414f | 0x6b41_4653 => FileSystem::Network("AFS"),
        0x00c3_6400 => FileSystem::Network("Ceph"),
        0x0bd0_0bd0 => FileSystem::Network("Lustre"),
        0x4750_4653 => FileSystem::Network("GPFS"),
        0x0116_1970 => FileSystem::Network("GFS2"),
        0x7461_636f => FileSystem::Network("OCFS2"),
        0x0102_1997 => FileSystem::Network("9P"),
        0x6573_5546 => FileSystem::Unusual("FUSE"),
        0x786f_4256 => FileSystem::Unusual("VirtualBox's shared folders"),
        0x0102_1994 | 0x8584_58f6 => FileSystem::Unusual("memory, which no restart survives"),
        _ => FileSystem::Local,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_file_systems_are_known_by_their_numbers() {
        assert_eq!(classify(0x6969), FileSystem::Network("NFS"));
        assert_eq!(classify(0xfe53_4d42), FileSystem::Network("SMB"));
        assert_eq!(classify(0xef53), FileSystem::Local);
    }

    #[test]
    fn the_kernel_is_asked() {
        assert_eq!(file_system(Path::new("/proc")).unwrap(), FileSystem::Local);
        assert!(file_system(Path::new("/no/such/folder")).is_err());
    }
}
