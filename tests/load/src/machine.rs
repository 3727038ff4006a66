//! The command at work: a process of `leadwire up` over a data folder.

use crate::vital::Vital;
use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;
use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longest that a process may take to begin, or to end, on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);
/// Between two looks at a state.
const LOOK: Duration = Duration::from_millis(20);

/// How `up` is run.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The command.
    pub binary: PathBuf,
    /// A folder of this run: the data folder and the logs are in it.
    pub folder: PathBuf,
    /// Where it listens.
    pub address: SocketAddr,
    /// More flags.
    pub flags: Vec<String>,
}

/// A running process. It is killed when dropped.
#[derive(Debug)]
pub struct Running(Child);

impl Machine {
    /// A machine on a port that is free now.
    ///
    /// # Errors
    /// No port is free, or the folder cannot be made.
    pub fn new(binary: &Path, folder: &Path, flags: &[&str]) -> Result<Self> {
        fs::create_dir_all(folder.join("data/lookup")).context("the data folder")?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        Ok(Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            address: listener.local_addr()?,
            flags: flags.iter().map(|flag| (*flag).to_owned()).collect(),
        })
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Starts the process and waits until it listens. Its lines go to a file, as under a service manager.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(&self, generation: usize) -> Result<Running> {
        let log = self.log(generation);
        let out = File::create(&log)?;
        let child = Command::new(&self.binary)
            .args(["up", "--json", "--canary", "off", "--data"])
            .arg(self.data())
            .args(["--bind", &self.address.to_string()])
            .args(&self.flags)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stderr(out.try_clone()?)
            .stdout(out)
            .spawn()
            .with_context(|| format!("{} does not start", self.binary.display()))?;
        let mut running = Running(child);
        let began = Instant::now();
        while !fs::read_to_string(&log)?.contains("\"server_started\"") {
            let ended = running.0.try_wait()?;
            ensure!(
                ended.is_none() && began.elapsed() < DEADLINE,
                "`up` did not start: {}",
                fs::read_to_string(&log)?
            );
            std::thread::park_timeout(LOOK);
        }
        Ok(running)
    }

    fn log(&self, generation: usize) -> PathBuf {
        self.folder.join(format!("up-{generation}.log"))
    }

    /// What a process told, as far as it is whole: a kill may cut its last line.
    ///
    /// # Errors
    /// It told nothing.
    pub fn told(&self, generation: usize) -> Result<Vec<Value>> {
        let text = fs::read_to_string(self.log(generation))?;
        let lines = text.lines();
        Ok(lines
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }

    /// Runs another command on the same folder, and gives the documents that it writes.
    ///
    /// # Errors
    /// It fails.
    pub fn ask(&self, line: &[&str]) -> Result<Vec<Value>> {
        let output = Command::new(&self.binary)
            .args(line)
            .arg("--json")
            .arg("--data")
            .arg(self.data())
            .env_remove("RUST_LOG")
            .output()?;
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        ensure!(output.status.success(), "{line:?}: {err}");
        let documents = out.lines().map(serde_json::from_str);
        documents.collect::<Result<_, _>>().context("not JSON")
    }
}

impl Running {
    /// What it holds now.
    pub fn vital(&self) -> Option<Vital> {
        Vital::of(self.0.id())
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.0.id()
    }

    /// As a power cut: nothing is finished.
    ///
    /// # Errors
    /// It had ended by itself, which nobody asked for.
    pub fn kill(mut self) -> Result<()> {
        if let Some(status) = self.0.try_wait()? {
            bail!("`up` ended by itself: {status}");
        }
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// As an operator stops it.
    ///
    /// # Errors
    /// It does not end well, or not in time.
    pub fn stop(mut self) -> Result<()> {
        let pid = self.pid().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status()?;
        ensure!(asked.success(), "`up` had gone");
        let began = Instant::now();
        loop {
            if let Some(status) = self.0.try_wait()? {
                ensure!(status.success(), "`up` ended with {status}");
                return Ok(());
            }
            ensure!(began.elapsed() < DEADLINE, "`up` does not end");
            std::thread::park_timeout(LOOK);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
