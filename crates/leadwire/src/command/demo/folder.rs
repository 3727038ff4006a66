//! The demo's folder: its own, made anew each time, and never somebody else's.

use crate::home;
use anyhow::Context as _;
use leadwire_local::DataFolder;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file that says that the folder is the demo's, so that nothing else is ever deleted.
const MARKER: &str = "made-by-leadwire-demo";

/// Makes the folder anew.
pub(super) fn make(path: &str) -> anyhow::Result<PathBuf> {
    let dir = PathBuf::from(path);
    if dir.exists() {
        remove(&dir)?;
    }
    fs::create_dir_all(&dir).with_context(|| format!("could not make {path}"))?;
    fs::write(
        dir.join(MARKER),
        "The next `leadwire demo` deletes this folder.\n",
    )
    .with_context(|| format!("could not write to {path}"))?;
    Ok(dir)
}

fn remove(dir: &Path) -> anyhow::Result<()> {
    anyhow::ensure!(
        dir.join(MARKER).is_file(),
        "{} is there and is not a demo's folder; move it away, or run the demo elsewhere",
        dir.display()
    );
    if let Some(holder) = home::served_by(&DataFolder::new(dir))? {
        anyhow::bail!("{} is served {holder}; stop that one first", dir.display());
    }
    fs::remove_dir_all(dir).with_context(|| format!("could not remove {}", dir.display()))
}

/// Mails of a lead in the outbox: files whose name has its event's name in it.
pub(super) fn count_mails(folder: &DataFolder, lead_id: &str) -> anyhow::Result<usize> {
    let entries = match fs::read_dir(folder.outbox()) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error).context("could not read the outbox"),
    };
    let name = format!("crm_event_{lead_id}_");
    let mut count = 0;
    for entry in entries {
        let file = entry.context("could not read the outbox")?.file_name();
        let file = file.to_string_lossy();
        count += usize::from(file.contains(&name) && file.ends_with(".eml"));
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_not_the_demos_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mine");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("precious"), "").unwrap();
        assert!(make(path.to_str().unwrap()).is_err());
        assert!(path.join("precious").exists());
    }
}
