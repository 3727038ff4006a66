//! What there is to check: the packages as `cargo metadata` knows them, and the files.

use crate::shell;
use anyhow::{Context, Result};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// How files of snapshots end: accepted, and waiting for review.
pub(super) const ACCEPTED: &str = ".snap";
pub(super) const PENDING: [&str; 2] = [".snap.new", ".pending-snap"];

/// Who needs a dependency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

/// One line of a package's dependencies.
#[derive(Clone, Debug)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// A package of the workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    /// Its Cargo.toml.
    pub(crate) manifest: toml::Table,
}

/// A text file of ours, by its path from the root.
#[derive(Clone, Debug)]
pub(crate) struct SourceFile {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

/// The workspace.
#[derive(Clone, Debug)]
pub(crate) struct Workspace {
    pub(crate) members: Vec<Member>,
    pub(crate) files: Vec<SourceFile>,
    /// Snapshots of tests, accepted or pending, by their paths from the root; tracked or not.
    pub(crate) snapshots: Vec<PathBuf>,
}

impl Workspace {
    /// Reads the packages and every file of them.
    pub(crate) fn read() -> Result<Self> {
        let metadata = shell::read(&mut shell::cargo(&[
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
        ]))?;
        let metadata: Value = serde_json::from_str(&metadata).context("cargo metadata")?;
        let packages = metadata
            .get("packages")
            .and_then(Value::as_array)
            .context("cargo metadata has no packages")?;
        let members = packages.iter().map(member).collect::<Result<Vec<_>>>()?;
        let mut workspace = Self {
            members,
            files: Vec::new(),
            snapshots: Vec::new(),
        };
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
            } else if [ACCEPTED, PENDING[0], PENDING[1]]
                .iter()
                .any(|end| name.ends_with(end))
            {
                self.snapshots.push(ours.to_path_buf());
            }
        }
        Ok(())
    }
}

/// Every crate that the command brings as it is built by default.
pub(crate) fn default_command_tree() -> Result<Vec<String>> {
    let tree = [
        "tree",
        "--package",
        "leadwire",
        "--edges",
        "normal,build",
        "--prefix",
        "none",
        "--format",
        "{p}",
    ];
    let tree = shell::read(&mut shell::cargo(&tree))?;
    Ok(tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect())
}

fn member(package: &Value) -> Result<Member> {
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let manifest_path =
        PathBuf::from(text(package, "manifest_path").context("a package without manifest")?);
    let manifest =
        fs::read_to_string(&manifest_path).with_context(|| manifest_path.display().to_string())?;
    let dependencies = package
        .get("dependencies")
        .and_then(Value::as_array)
        .context("a package without dependencies")?;
    let dependencies = dependencies.iter().map(|dependency| {
        let kind = match text(dependency, "kind").as_deref() {
            Some("dev") => Kind::Dev,
            Some("build") => Kind::Build,
            _ => Kind::Normal,
        };
        Dependency {
            name: text(dependency, "name").unwrap_or_default(),
            kind,
        }
    });
    Ok(Member {
        name: text(package, "name").context("a package without name")?,
        folder: manifest_path
            .parent()
            .map(Path::to_path_buf)
            .unwrap_or_default(),
        dependencies: dependencies.collect(),
        manifest: manifest
            .parse()
            .with_context(|| manifest_path.display().to_string())?,
    })
}
