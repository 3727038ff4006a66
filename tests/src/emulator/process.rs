//! Processes that must not outlive the test process, however it ends.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// A shell that waits for the end of the test process (its standard input closes then, also after a kill -9) and
/// cleans up after it.
#[derive(Debug)]
pub(crate) struct Reaper {
    _child: Child,
}

impl Reaper {
    /// Removes containers at the end. Needs the `docker` command; without it the next run removes them.
    pub(super) fn of_containers(ids: &[&str]) -> Result<Self> {
        Self::start("docker rm -f -v \"$@\"", ids)
    }

    /// Kills a group of processes and removes its folder at the end.
    fn of_group(pid: u32, folder: &Path) -> Result<Self> {
        let folder = folder.display().to_string();
        Self::start(
            "kill -s KILL -- -\"$1\"; rm -rf -- \"$2\"",
            &[&pid.to_string(), &folder],
        )
    }

    fn start(then: &str, arguments: &[&str]) -> Result<Self> {
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("read -r _; {then}"))
            .arg("reaper")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("a shell")?;
        Ok(Self { _child: child })
    }
}

/// Starts a server in a process group of its own, with its output in `folder`, which is removed at the end.
pub(crate) fn daemon(mut command: Command, folder: &Path) -> Result<Reaper> {
    std::fs::create_dir_all(folder)?;
    let log = File::create(folder.join("log"))?;
    let child = command
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
        .with_context(|| format!("{}", command.get_program().display()))?;
    Reaper::of_group(child.id(), folder)
}
