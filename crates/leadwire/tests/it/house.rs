//! A folder, the command, and a running `up`.

use rustix::pty::OpenptFlags;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longest that anything may take before a test gives up.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);
/// Between two looks at a state.
const LOOK: Duration = Duration::from_millis(20);

/// A folder of its own, in which the command runs.
pub(crate) struct House {
    dir: TempDir,
}

/// What a command gave.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    fn of(command: &mut Command) -> Self {
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().expect("the command runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self {
            code: status.code(),
            out: text(stdout),
            err: text(stderr),
        }
    }

    /// The documents that it wrote, one a line.
    pub(crate) fn documents(&self) -> Vec<Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
            .collect()
    }

    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout: {}\nstderr: {}",
            self.out,
            self.err
        );
        self
    }
}

impl House {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The data folder of commands that are not told another.
    pub(crate) fn data(&self) -> PathBuf {
        self.path().join("leadwire-data")
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn command(&self, line: &[&str]) -> Command {
        self.in_house(Command::new(env!("CARGO_BIN_EXE_leadwire")), line)
    }

    fn through_shell(&self, script: &str, line: &[&str]) -> Command {
        let mut shell = Command::new("sh");
        shell.args(["-c", script, env!("CARGO_BIN_EXE_leadwire")]);
        self.in_house(shell, line)
    }

    fn in_house(&self, mut command: Command, line: &[&str]) -> Command {
        command
            .args(line)
            .current_dir(self.path())
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, line: &[&str]) -> Ran {
        Ran::of(&mut self.command(line))
    }

    /// The same, with a terminal as its standard input, on which a person answers.
    pub(crate) fn run_at_terminal(&self, line: &[&str], answer: &str) -> Ran {
        let keyboard = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        rustix::pty::grantpt(&keyboard).unwrap();
        rustix::pty::unlockpt(&keyboard).unwrap();
        let name = rustix::pty::ptsname(&keyboard, Vec::new()).unwrap();
        let terminal = File::options().read(true).open(name.to_str().unwrap());
        let mut keyboard = File::from(keyboard);
        writeln!(keyboard, "{answer}").unwrap();
        Ran::of(self.command(line).stdin(terminal.unwrap()))
    }

    /// The same, with these variables in its environment.
    #[cfg(feature = "aws")]
    pub(crate) fn run_with(&self, line: &[&str], variables: &[(&str, &str)]) -> Ran {
        Ran::of(self.command(line).envs(variables.iter().copied()))
    }

    /// Starts `up` on a free port and waits until it says where it listens. It sends no canary, unless the flags want one.
    pub(crate) fn up(&self, flags: &[&str]) -> Up {
        self.up_after("", flags)
    }

    /// The same, by a shell that first does this.
    pub(crate) fn up_after(&self, first: &str, flags: &[&str]) -> Up {
        let canary: &[&str] = if flags.contains(&"--canary") {
            &[]
        } else {
            &["--canary", "off"]
        };
        let line = [
            &["up", "--json", "--bind", "127.0.0.1:0"][..],
            canary,
            flags,
        ]
        .concat();
        let mut command = if first.is_empty() {
            self.command(&line)
        } else {
            self.through_shell(&format!("{first}; exec \"$0\" \"$@\""), &line)
        };
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("up starts");
        let (tell, told) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            out.lines()
                .map_while(Result::ok)
                .try_for_each(|line| tell.send(line))
        });
        let mut up = Up {
            child,
            told,
            url: String::new(),
        };
        let started = up.wait_for("server_started");
        started["url"]
            .as_str()
            .expect("a URL")
            .clone_into(&mut up.url);
        up
    }

    /// Mails in the outbox, by file name.
    pub(crate) fn mails(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.data().join("outbox")) else {
            return Vec::new();
        };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut mails: Vec<String> = names
            .filter(|name| {
                Path::new(name)
                    .extension()
                    .is_some_and(|kind| kind == "eml")
            })
            .collect();
        mails.sort();
        mails
    }
}

/// A running `up`. It dies with the test.
pub(crate) struct Up {
    child: Child,
    told: Receiver<String>,
    /// Where leads are posted.
    pub(crate) url: String,
}

impl Up {
    /// Waits until it tells an event.
    #[track_caller]
    pub(crate) fn wait_for(&self, event: &str) -> Value {
        let deadline = Instant::now() + DEADLINE;
        loop {
            match self
                .told
                .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            {
                Ok(line) => {
                    let told: Value =
                        serde_json::from_str(&line).unwrap_or_else(|_| panic!("not JSON: {line}"));
                    if told["event"] == event {
                        return told;
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("up never told {event}")
                }
            }
        }
    }

    /// As a power cut: nothing is finished.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The same while others still post to it.
    pub(crate) fn kill_now(&self) {
        self.signal("-KILL");
    }

    fn signal(&self, signal: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// As an operator stops it.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.child.wait().unwrap().code()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The address without `/ingest`.
    pub(crate) fn base(&self) -> &str {
        self.url.strip_suffix("/ingest").unwrap()
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Waits until a state holds.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::park_timeout(LOOK);
    }
}

/// A client that does not take a status for an error.
pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(DEADLINE))
        .build()
        .into()
}

/// Posts a lead with an event id of its own. `None` where nobody answered.
pub(crate) fn post(agent: &ureq::Agent, url: &str, lead_id: &str) -> Option<u16> {
    let body = serde_json::json!({ "lead_id": lead_id, "display_name": "A", "lead_email": "a@example.com" }).to_string();
    let request = agent
        .post(url)
        .header("content-type", "application/json")
        .header("idempotency-key", lead_id);
    Some(request.send(&body).ok()?.status().as_u16())
}

/// Writes a request's bytes as they are and reads until the other side closes.
pub(crate) fn raw_exchange(url: &str, request: &[u8]) -> String {
    let host = url
        .strip_prefix("http://")
        .unwrap()
        .split('/')
        .next()
        .unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is an end too.
    drop(std::io::Read::read_to_end(&mut stream, &mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}
