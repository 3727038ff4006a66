//! Files that survive a power cut, written whole or not at all.

use crate::system::random_hex;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// As the umask has it.
const FOR_ALL: u32 = 0o666;
/// Readable by the owner alone, whatever the umask.
const FOR_OWNER: u32 = 0o600;

/// Writes a file, replacing what is there: a temporary file, synced, then renamed, then its folder synced.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = write_temporary(path, bytes, FOR_ALL)?;
    fs::rename(&temporary, path).inspect_err(|_error| drop(fs::remove_file(&temporary)))?;
    sync_folder(path)
}

/// Writes a file only where there is none, whole and synced. False where there is one.
pub(crate) fn create_whole(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    create(path, bytes, FOR_ALL)
}

/// The same, for its owner alone.
pub(crate) fn create_private(path: &Path, bytes: &[u8]) -> io::Result<bool> {
    create(path, bytes, FOR_OWNER)
}

/// An empty file, for its owner alone, where there is none; a write-ahead log takes its permissions over.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.append(true).create(true).mode(FOR_OWNER);
    options.open(path).map(drop)
}

fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<bool> {
    if fs::symlink_metadata(path).is_ok() {
        return Ok(false);
    }
    let temporary = write_temporary(path, bytes, mode)?;
    let is_new = take_name(&temporary, path);
    drop(fs::remove_file(&temporary));
    is_new
}

/// Gives a file that is whole a further name, where nothing has that name, and makes that survive. False where something has.
pub(crate) fn take_name(temporary: &Path, path: &Path) -> io::Result<bool> {
    // A link is made or not made, at once; a name that is taken is never replaced.
    let linked = fs::hard_link(temporary, path).or_else(|error| {
        let is_taken = error.kind() == ErrorKind::AlreadyExists;
        // A file system without hard links.
        if is_taken {
            Err(error)
        } else {
            rename_to_free_name(temporary, path)
        }
    });
    match linked {
        Ok(()) => sync_folder(path).map(|()| true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes an empty file in a folder, for its owner alone.
pub(crate) fn make_temporary(folder: &Path) -> io::Result<PathBuf> {
    let temporary = folder.join(format!(".{}.tmp", random_hex()));
    open_new(&temporary, FOR_OWNER)?;
    Ok(temporary)
}

/// The folder that a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    let folder = path.parent().unwrap_or(Path::new("."));
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}

fn rename_to_free_name(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(io::Error::from)
}

/// Makes what was created, renamed or linked in the file's folder survive.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn write_temporary(path: &Path, bytes: &[u8], mode: u32) -> io::Result<PathBuf> {
    let temporary = folder_of(path).join(format!(".{}.tmp", random_hex()));
    let written = open_new(&temporary, mode).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.inspect_err(|_error| drop(fs::remove_file(&temporary)))?;
    Ok(temporary)
}

fn open_new(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode).open(path)
}
