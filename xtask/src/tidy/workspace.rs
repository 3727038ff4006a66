//! What there is to check: the packages as `cargo metadata` knows them, and the files.

use crate::shell;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};

/// How files of snapshots end: accepted, and waiting for review.
pub(super) const ACCEPTED: &str = ".snap";
pub(super) const PENDING: [&str; 2] = [".snap.new", ".pending-snap"];

/// One line of a package's dependencies.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dev`, `build`, or none for what the package itself needs.
    pub(crate) kind: Option<String>,
}

/// A package of the workspace.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    /// Its Cargo.toml.
    #[serde(skip)]
    pub(crate) manifest: toml::Table,
}

impl Member {
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}

/// A text file of ours, by its path from the root.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl SourceFile {
    pub(crate) fn is_rust(&self) -> bool {
        self.path
            .extension()
            .is_some_and(|extension| extension == "rs")
    }
}

/// The workspace.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Workspace {
    #[serde(rename = "packages")]
    pub(crate) members: Vec<Member>,
    #[serde(skip)]
    pub(crate) files: Vec<SourceFile>,
    /// Snapshots of tests, accepted or pending, by their paths from the root; tracked or not.
    #[serde(skip)]
    pub(crate) snapshots: Vec<PathBuf>,
}

impl Workspace {
    /// Reads the packages and every file of them.
    pub(crate) fn read() -> Result<Self> {
        let metadata = shell::read(&mut shell::cargo("metadata --no-deps --format-version 1"))?;
        let mut workspace: Self = serde_json::from_str(&metadata).context("cargo metadata")?;
        for member in &mut workspace.members {
            let path = &member.manifest_path;
            let manifest = fs::read_to_string(path).with_context(|| path.display().to_string())?;
            member.manifest = manifest
                .parse()
                .with_context(|| path.display().to_string())?;
        }
        workspace.collect(&shell::root())?;
        Ok(workspace)
    }

    /// Collects the texts and snapshots below a folder. Hidden folders and what tools write are not ours.
    fn collect(&mut self, folder: &Path) -> Result<()> {
        for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let extension = path.extension().unwrap_or_default().to_string_lossy();
            if path.is_symlink() || (path.is_dir() && (name.starts_with('.') || name == "target")) {
                continue;
            }
            let ours = path.strip_prefix(shell::root()).unwrap_or(&path);
            if path.is_dir() {
                self.collect(&path)?;
            } else if ["rs", "toml", "yaml", "py"].contains(&&*extension) {
                let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
                let path = ours.to_path_buf();
                self.files.push(SourceFile { path, text });
            } else if name.ends_with(ACCEPTED) || PENDING.iter().any(|end| name.ends_with(end)) {
                self.snapshots.push(ours.to_path_buf());
            }
        }
        Ok(())
    }
}

/// Every crate that the command brings as it is built by default.
pub(crate) fn default_command_tree() -> Result<Vec<String>> {
    let words = "tree --package leadwire --edges normal,build --prefix none --format {p}";
    let tree = shell::read(&mut shell::cargo(words))?;
    let names = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next());
    Ok(names.map(str::to_owned).collect())
}
