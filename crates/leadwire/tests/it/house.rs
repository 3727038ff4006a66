//! A folder, the command, and a running `up`.

use leadwire_local::{LocalHome, Mode};
use leadwire_pipeline::port::OutgoingMessage;
use leadwire_pipeline::trace::TraceContext;
use rustix::pty::OpenptFlags;
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::net::TcpSocket;

/// Longest that anything may take before a test gives up.
pub(crate) const DEADLINE: Duration = Duration::from_mins(1);
/// Between two looks at a state.
const LOOK: Duration = Duration::from_millis(20);

/// Flags of an `up` that mails leads which nobody owns.
pub(crate) const UNOWNED: &str = "--owner-missing mail --owner-wait 0s";

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
        let ran = command.output().expect("the command runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Self {
            code: ran.status.code(),
            out: text(ran.stdout),
            err: text(ran.stderr),
        }
    }

    /// The documents that it wrote, one a line.
    pub(crate) fn documents(&self) -> Vec<Value> {
        self.out.lines().map(parse).collect()
    }

    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        let (out, err) = (&self.out, &self.err);
        assert_eq!(self.code, Some(code), "stdout: {out}\nstderr: {err}");
        self
    }

    /// Of a command that wrote these words.
    #[track_caller]
    pub(crate) fn expect_out(self, code: i32, words: &str) -> Self {
        let ran = self.expect_code(code);
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
        ran
    }

    /// Of a command that failed, and said so with these words.
    #[track_caller]
    pub(crate) fn expect_error(self, code: i32, words: &str) -> Self {
        let ran = self.expect_code(code);
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
        ran
    }
}

#[track_caller]
fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}"))
}

/// A message without a trace.
pub(crate) fn message(body: &str, delay_seconds: u32) -> OutgoingMessage {
    OutgoingMessage {
        body: body.to_owned(),
        delay_seconds,
        trace: TraceContext::default(),
    }
}

/// Waits for work of a store or a queue.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(work)
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

    /// Opens the data folder beside whoever has it open.
    pub(crate) fn open(&self, mode: Mode) -> LocalHome {
        LocalHome::open(&self.data(), mode).unwrap()
    }

    fn command(&self, line: &str) -> Command {
        self.in_house(Command::new(env!("CARGO_BIN_EXE_leadwire")), line)
    }

    fn in_house(&self, mut command: Command, line: &str) -> Command {
        command
            .args(line.split_whitespace())
            .current_dir(self.path())
            .env_remove("RUST_LOG")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command to its end. No word of the line has a space in it.
    pub(crate) fn run(&self, line: &str) -> Ran {
        Ran::of(&mut self.command(line))
    }

    /// The documents of a command that was carried out.
    #[track_caller]
    pub(crate) fn json(&self, line: &str) -> Vec<Value> {
        self.json_with(0, line)
    }

    /// The documents of a command that ends with this code.
    #[track_caller]
    pub(crate) fn json_with(&self, code: i32, line: &str) -> Vec<Value> {
        let ran = self.run(&format!("{line} --json"));
        ran.expect_code(code).documents()
    }

    /// The account of an audit that finds nothing wrong.
    #[track_caller]
    pub(crate) fn account(&self) -> Value {
        self.json("audit").pop().unwrap()["account"].clone()
    }

    /// The first check of that name that `doctor` lists, whatever it says of others.
    #[track_caller]
    pub(crate) fn diagnosis(&self, flags: &str, check: &str) -> Value {
        let checks = self.run(&format!("doctor --json {flags}")).documents();
        let found = checks.into_iter().find(|one| one["check"] == check);
        found.unwrap_or_else(|| panic!("no check {check}"))
    }

    /// The newest event of a lead, where there is one.
    pub(crate) fn lead(&self, lead_id: &str) -> Value {
        let told = self.run(&format!("lead {lead_id} --json"));
        told.documents().pop().unwrap_or_default()
    }

    /// The same, with a terminal as its standard input, on which a person answers.
    pub(crate) fn run_at_terminal(&self, line: &str, answer: &str) -> Ran {
        let keyboard = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        rustix::pty::grantpt(&keyboard).unwrap();
        rustix::pty::unlockpt(&keyboard).unwrap();
        let name = rustix::pty::ptsname(&keyboard, Vec::new()).unwrap();
        let terminal = File::options().read(true).open(name.to_str().unwrap());
        let mut keyboard = File::from(keyboard);
        writeln!(keyboard, "{answer}").unwrap();
        Ran::of(self.command(line).stdin(terminal.unwrap()))
    }

    /// The same, with this file as its standard input.
    pub(crate) fn run_reading(&self, line: &str, file: &str) -> Ran {
        let file = File::open(self.path().join(file)).unwrap();
        Ran::of(self.command(line).stdin(file))
    }

    /// The same, with these variables in its environment.
    pub(crate) fn run_with(&self, line: &str, variables: &[(&str, &str)]) -> Ran {
        Ran::of(self.command(line).envs(variables.iter().copied()))
    }

    /// Starts `up` on a free port and waits until it says where it listens. It sends no canary, unless the flags want one.
    pub(crate) fn up(&self, flags: &str) -> Up {
        self.up_after(":", flags)
    }

    /// The same, by a shell that first does this.
    pub(crate) fn up_after(&self, first: &str, flags: &str) -> Up {
        let canary = if flags.contains("--canary") {
            ""
        } else {
            "--canary off"
        };
        let mut command = Command::new("sh");
        let script = format!("{first}; exec \"$0\" \"$@\"");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_leadwire")]);
        let line = format!("up --json --bind 127.0.0.1:0 {canary} {flags}");
        let mut child = self
            .in_house(command, &line)
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
        up.url = started["url"].as_str().expect("a URL").into();
        up
    }

    /// The names in a folder of the data folder; none where it is not there.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.data().join(folder));
        let names = entries.into_iter().flatten();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// A house in which a lead was mailed, and what serves it.
    pub(crate) fn with_mailed(lead_id: &str) -> (Self, Up) {
        let house = Self::new();
        house.json(&format!("lookup put --create {lead_id} --owner Omar"));
        let up = house.up("--delay 0s");
        up.accept(lead_id);
        up.wait_for("email_sent");
        wait_until("the lead is settled", || {
            house.lead(lead_id)["stage"] == "mailed"
        });
        (house, up)
    }

    /// Mails in the outbox, by file name.
    pub(crate) fn mails(&self) -> Vec<String> {
        let is_mail = |name: &String| {
            Path::new(name)
                .extension()
                .is_some_and(|kind| kind == "eml")
        };
        let mut mails = self.files("outbox");
        mails.retain(is_mail);
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
        self.told_until(event).pop().unwrap()
    }

    /// Everything that it tells up to an event, which it waits for.
    #[track_caller]
    pub(crate) fn told_until(&self, event: &str) -> Vec<Value> {
        let deadline = Instant::now() + DEADLINE;
        let mut all = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.told.recv_timeout(left);
            let told = parse(&line.unwrap_or_else(|_| panic!("up never told {event}")));
            let is_last = told["event"] == event;
            all.push(told);
            if is_last {
                return all;
            }
        }
    }

    /// Posts a lead that is accepted.
    #[track_caller]
    pub(crate) fn accept(&self, lead_id: &str) {
        assert_eq!(post(&agent(), &self.url, lead_id), Some(202));
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
        let mut kill = Command::new("kill");
        kill.args([signal, &self.child.id().to_string()]);
        assert!(kill.status().unwrap().success());
    }

    /// As an operator stops it.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.signal("-TERM");
        self.child.wait().unwrap().code()
    }

    /// Asks it to read its configuration again.
    pub(crate) fn hang_up(&self) {
        self.signal("-HUP");
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

/// An address at which nobody listens, for as long as the socket lives.
pub(crate) fn nobody_listens() -> (TcpSocket, SocketAddr) {
    let bound = TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = bound.local_addr().unwrap();
    (bound, address)
}

/// Writes a request's bytes as they are and reads until the other side closes.
pub(crate) fn raw_exchange(url: &str, request: &[u8]) -> String {
    let host = url.split('/').nth(2).unwrap();
    let mut stream = std::net::TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    // A reset after the answer is an end too.
    drop(std::io::Read::read_to_end(&mut stream, &mut answer));
    String::from_utf8_lossy(&answer).into_owned()
}
