//! Way 2: virtual environments of Python, made once per lock file and shared by every later run.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use leadwire_pipeline::testkit::free_port;
use sha2::{Digest, Sha256};

use super::process::{Reaper, daemon};
use super::registry::{self, Run};
use super::{LOCALSTACK_ENVIRONMENT, Started};

const LOCALSTACK_LOCK: &str = include_str!("localstack.lock");
const MOTO_LOCK: &str = include_str!("moto.lock");

pub(super) async fn start() -> Result<Started> {
    tokio::task::spawn_blocking(start_blocking).await?
}

fn start_blocking() -> Result<Started> {
    let (localstack, moto) = std::thread::scope(|scope| {
        let moto = scope.spawn(|| environment("moto", MOTO_LOCK));
        (environment("localstack", LOCALSTACK_LOCK), moto.join())
    });
    let (Ok(moto), localstack) = (moto, localstack?) else {
        bail!("the thread that made moto's environment panicked");
    };
    let (aws_port, mail_port) = (free_port()?, free_port()?);
    let hold = (
        start_localstack(&localstack, aws_port)?,
        start_moto(&moto?, mail_port)?,
    );
    Ok(Started {
        aws: format!("http://127.0.0.1:{aws_port}"),
        mail: format!("http://127.0.0.1:{mail_port}"),
        hold: Box::new(hold),
    })
}

fn start_localstack(environment: &Path, port: u16) -> Result<Reaper> {
    let (mut command, folder) = program(environment, "python", &format!("localstack-{port}"))?;
    command
        .args(["-m", "localstack.runtime.main"])
        .env("FILESYSTEM_ROOT", &folder)
        .env("GATEWAY_LISTEN", format!("127.0.0.1:{port}"))
        .envs(LOCALSTACK_ENVIRONMENT);
    daemon(command, &folder)
}

fn start_moto(environment: &Path, port: u16) -> Result<Reaper> {
    let (mut command, folder) = program(environment, "moto_server", &format!("moto-{port}"))?;
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
    daemon(command, &folder)
}

/// A program of an environment, at home in a folder of this run.
fn program(environment: &Path, name: &str, folder: &str) -> Result<(Command, PathBuf)> {
    let folder = Run::current()?.folder().join(folder);
    let mut command = Command::new(environment.join("bin").join(name));
    command
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", &folder);
    Ok((command, folder))
}

/// The environment of a lock file, made now where it is not there yet. A file lock keeps parallel processes from
/// making it twice; a marker tells a whole environment from one whose making was interrupted.
pub(crate) fn environment(name: &str, lock: &str) -> Result<PathBuf> {
    let digest = hex::encode(Sha256::digest(lock));
    let digest = digest.get(..16).unwrap_or(&digest);
    let root = registry::root()?;
    let guard = File::create(root.join(format!("{name}-{digest}.making")))?;
    guard.lock()?;
    let folder = root.join(format!("{name}-{digest}"));
    let complete = folder.join("complete");
    if !complete.exists() {
        if folder.exists() {
            std::fs::remove_dir_all(&folder)?;
        }
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let requirements = folder.join("lock.txt");
        std::fs::write(&requirements, lock)?;
        run(Command::new(folder.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-input"])
            .args(["--disable-pip-version-check", "--requirement"])
            .arg(&requirements))?;
        File::create(complete)?;
    }
    Ok(folder)
}

fn run(command: &mut Command) -> Result<()> {
    let output = command
        .output()
        .with_context(|| format!("{} cannot be started", command.get_program().display()))?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed ({}): {message}", output.status);
    }
    Ok(())
}
