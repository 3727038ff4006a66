//! A folder of views that stays usable: the first ten thousand files lie in it, later ones in a folder for each day, and in a further one
//! where a day has more.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Files that a folder holds: what a file manager still opens and `ls` still lists.
pub(crate) const FILES_MAX: usize = 10_000;

/// A folder of views.
#[derive(Debug)]
pub(crate) struct Shelf {
    folder: PathBuf,
    files_max: usize,
    /// Files in the folder itself, once they were counted.
    flat: Option<usize>,
    newest: Option<Part>,
}

/// The folder that takes what comes now.
#[derive(Debug)]
struct Part {
    day: String,
    number: u32,
    files: usize,
}

impl Shelf {
    pub(crate) fn new(folder: PathBuf, files_max: usize) -> Self {
        Self {
            folder,
            files_max,
            flat: None,
            newest: None,
        }
    }

    /// Where a new file goes that is of `day` (`2026-11-30`).
    pub(crate) fn place(&mut self, name: &str, day: &str) -> PathBuf {
        let flat = self.flat.get_or_insert_with(|| count(&self.folder));
        if *flat < self.files_max {
            *flat += 1;
            return self.folder.join(name);
        }
        let mut part = match self.newest.take() {
            Some(part) if part.day == day => part,
            _ => self.part(day, 1),
        };
        while part.files >= self.files_max {
            part = self.part(day, part.number + 1);
        }
        part.files += 1;
        let path = self.part_folder(day, part.number).join(name);
        self.newest = Some(part);
        path
    }

    /// The file of that name, where there is one.
    pub(crate) fn find(&self, name: &str, day: &str) -> Option<PathBuf> {
        let parts = (1..)
            .map(|number| self.part_folder(day, number))
            .take_while(|folder| folder.is_dir());
        let mut folders = std::iter::once(self.folder.clone()).chain(parts);
        folders.find_map(|folder| Some(folder.join(name)).filter(|path| is_there(path)))
    }

    /// Removes the file of that name, wherever it lies.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        for folder in folders(&self.folder)? {
            match fs::remove_file(folder.join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Makes the folder of a path that [`place`](Self::place) gave: somebody tidied it away, or a day began. A data folder that has gone is
    /// not made anew.
    pub(crate) fn make_room(&self, path: &Path) -> io::Result<()> {
        let parent = path.parent().unwrap_or(&self.folder);
        for folder in [&*self.folder, parent] {
            match fs::create_dir(folder) {
                Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    fn part(&self, day: &str, number: u32) -> Part {
        Part {
            day: day.to_owned(),
            number,
            files: count(&self.part_folder(day, number)),
        }
    }

    fn part_folder(&self, day: &str, number: u32) -> PathBuf {
        match number {
            1 => self.folder.join(day),
            _ => self.folder.join(format!("{day}.{number}")),
        }
    }
}

/// The folder and those in it; none where it is not there.
pub(crate) fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut folders = vec![folder.to_owned()];
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// How many entries a folder has.
fn count(folder: &Path) -> usize {
    fs::read_dir(folder).map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Places and makes a file.
    fn put(shelf: &mut Shelf, name: &str, day: &str) -> PathBuf {
        let path = shelf.place(name, day);
        shelf.make_room(&path).unwrap();
        fs::write(&path, "").unwrap();
        path
    }

    #[test]
    fn what_is_beyond_a_full_folder_goes_into_one_of_its_day_and_is_found_and_removed_there() {
        let folder = tempfile::tempdir().unwrap();
        let raw = folder.path().join("raw");
        let mut shelf = Shelf::new(raw.clone(), 2);
        let names = ["a", "b", "c", "d", "e"];
        let paths = names.map(|name| put(&mut shelf, name, "2026-11-30"));
        let wanted = ["a", "b", "2026-11-30/c", "2026-11-30/d", "2026-11-30.2/e"];
        assert_eq!(paths, wanted.map(|path| raw.join(path)));
        let next = put(&mut shelf, "f", "2026-12-01");
        assert_eq!(next, raw.join("2026-12-01/f"));
        // Another process goes on where this one was.
        let mut shelf = Shelf::new(raw.clone(), 2);
        let next = put(&mut shelf, "g", "2026-11-30");
        assert_eq!(next, raw.join("2026-11-30.2/g"));
        for (name, path) in names.iter().zip(&paths) {
            assert_eq!(shelf.find(name, "2026-11-30").as_ref(), Some(path));
            shelf.remove(name).unwrap();
            assert_eq!(shelf.find(name, "2026-11-30"), None);
        }
    }

    #[test]
    fn a_folder_that_has_gone_is_made_anew_but_not_what_it_lay_in() {
        let folder = tempfile::tempdir().unwrap();
        let gone = folder.path().join("gone");
        let mut shelf = Shelf::new(gone.join("raw"), 2);
        let path = shelf.place("a", "2026-11-30");
        let error = shelf.make_room(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        shelf.remove("a").unwrap();
    }
}
