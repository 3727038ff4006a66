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

/// Creates files of one folder like [`create_whole`], all with two flushes. What becomes of one is no matter of another's.
pub(crate) fn create_all(files: &[(&Path, &[u8])]) -> Vec<io::Result<bool>> {
    if let [(path, bytes)] = files {
        return vec![create_whole(path, bytes)];
    }
    let written = files.iter().map(|(path, bytes)| {
        if fs::symlink_metadata(path).is_ok() {
            return Ok(None);
        }
        let temporary = temporary_beside(path);
        write_new(&temporary, bytes, FOR_ALL, |_file| Ok(()))?;
        Ok(Some(temporary))
    });
    let written: Vec<io::Result<Option<PathBuf>>> = written.collect();
    let synced = sync_contents(written.iter().flatten().flatten());
    let named = files.iter().zip(written).map(|((path, _), written)| {
        let Some(temporary) = written? else {
            return Ok(false);
        };
        again(&synced).inspect_err(|_error| drop(fs::remove_file(&temporary)))?;
        move_to_free_name(&temporary, path)
    });
    let named: Vec<io::Result<bool>> = named.collect();
    let folder = files.first().map_or(Ok(()), |(path, _)| sync_folder(path));
    let survives = named.into_iter().map(|named| {
        let is_new = named?;
        again(&folder).map(|()| is_new)
    });
    survives.collect()
}

/// The same failure once more, for everybody whom it concerns.
fn again(result: &io::Result<()>) -> io::Result<()> {
    result
        .as_ref()
        .copied()
        .map_err(|error| match error.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => error.kind().into(),
        })
}

/// Makes the contents of files of one folder survive, by one flush of the file system.
#[cfg(target_os = "linux")]
fn sync_contents<'a>(mut files: impl Iterator<Item = &'a PathBuf>) -> io::Result<()> {
    let Some(first) = files.next() else {
        return Ok(());
    };
    rustix::fs::syncfs(File::open(first)?).map_err(io::Error::from)
}

/// Makes the contents of files survive, one by one.
#[cfg(not(target_os = "linux"))]
fn sync_contents<'a>(mut files: impl Iterator<Item = &'a PathBuf>) -> io::Result<()> {
    files.try_for_each(|path| File::open(path)?.sync_all())
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
    take_name(&temporary, path)
}

/// Gives a file that is whole its name, where nothing has that name, and makes that survive. False where something has.
pub(crate) fn take_name(temporary: &Path, path: &Path) -> io::Result<bool> {
    let is_new = move_to_free_name(temporary, path)?;
    if is_new {
        sync_folder(path)?;
    }
    Ok(is_new)
}

/// Gives a file another name, where nothing has that name; else it goes.
fn move_to_free_name(temporary: &Path, path: &Path) -> io::Result<bool> {
    // Done or not, at once; a name that is taken is never replaced.
    let moved = rename_to_free_name(temporary, path);
    let is_over = match &moved {
        Ok(()) => return Ok(true),
        Err(error) => error.kind() == ErrorKind::AlreadyExists,
    };
    // Else a file system that has no such renaming.
    let named = if is_over {
        moved
    } else {
        fs::hard_link(temporary, path)
    };
    drop(fs::remove_file(temporary));
    match named {
        Ok(()) => Ok(true),
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
    let temporary = temporary_beside(path);
    write_new(&temporary, bytes, mode, File::sync_all)?;
    Ok(temporary)
}

fn temporary_beside(path: &Path) -> PathBuf {
    folder_of(path).join(format!(".{}.tmp", random_hex()))
}

/// Writes a new file, and leaves none where that fails.
fn write_new(
    path: &Path,
    bytes: &[u8],
    mode: u32,
    then: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let written = open_new(path, mode).and_then(|mut file| {
        file.write_all(bytes)?;
        then(&file)
    });
    written.inspect_err(|_error| drop(fs::remove_file(path)))
}

fn open_new(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(mode).open(path)
}
