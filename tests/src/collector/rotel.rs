//! A real collector: rotel, in a process of its own, which exports what it takes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use leadwire_pipeline::testkit::free_port;

use crate::clock;
use crate::emulator::process::{Reaper, daemon};
use crate::emulator::registry::Run;
use crate::emulator::venv;

const LOCK: &str = include_str!("../emulator/rotel.lock");

/// A running rotel, until it is dropped.
#[derive(Debug)]
pub struct Rotel {
    url: String,
    log: PathBuf,
    _daemon: Reaper,
}

impl Rotel {
    /// Starts one with an exporter of this kind, which has these options.
    ///
    /// # Errors
    /// Its environment cannot be made: it needs Python 3.10 or later, and a package index the first time.
    pub async fn start(kind: &str, options: &[(&str, &str)]) -> Result<Self> {
        let options = options.iter().flat_map(|(name, value)| [*name, *value]);
        let exporter = ["--exporter", kind].into_iter().chain(options);
        let exporter: Vec<String> = exporter.map(str::to_owned).collect();
        let rotel = tokio::task::spawn_blocking(move || Self::start_blocking(&exporter)).await??;
        let address = rotel.url.trim_start_matches("http://");
        clock::eventually("rotel listens", || async {
            let connected = tokio::net::TcpStream::connect(address).await;
            Ok(connected.is_ok().then_some(()))
        })
        .await
        .with_context(|| std::fs::read_to_string(&rotel.log).unwrap_or_default())?;
        Ok(rotel)
    }

    fn start_blocking(exporter: &[String]) -> Result<Self> {
        let environment = venv::environment("rotel", LOCK)?;
        let (http, grpc) = (free_port()?, free_port()?);
        let folder = Run::current()?.folder().join(format!("rotel-{http}"));
        let mut command = Command::new(agent(&environment)?);
        command
            .arg("start")
            .args(["--otlp-http-endpoint", &format!("127.0.0.1:{http}")])
            .args(["--otlp-grpc-endpoint", &format!("127.0.0.1:{grpc}")])
            .args(["--batch-timeout", "50ms"])
            .args(exporter)
            .arg("--pid-file")
            .arg(folder.join("pid"))
            .env_clear()
            .env("AWS_ACCESS_KEY_ID", "test")
            .env("AWS_SECRET_ACCESS_KEY", "test")
            .env("AWS_SESSION_TOKEN", "test");
        Ok(Self {
            url: format!("http://127.0.0.1:{http}"),
            log: folder.join("log"),
            _daemon: daemon(command, &folder)?,
        })
    }

    /// The value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// The program within the wheel; it has no name in `bin`.
fn agent(environment: &Path) -> Result<PathBuf> {
    let libraries = std::fs::read_dir(environment.join("lib"))?;
    let mut programs = libraries
        .filter_map(Result::ok)
        .map(|python| python.path().join("site-packages/rotel/rotel-agent"));
    let program = programs.find(|program| program.is_file());
    program.context("rotel's wheel has no rotel-agent")
}
