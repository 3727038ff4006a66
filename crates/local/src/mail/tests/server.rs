//! A mail server of a few lines, which answers as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Instead of an answer: the connection is closed.
pub(super) const DROP: &str = "drop";
/// Instead of an answer: it waits until `let_go`, then accepts.
pub(super) const HOLD: &str = "hold";
/// Before an answer: it is written as it is, without its end, and then the connection is closed.
pub(super) const HALF: &str = "half ";
/// Before an answer: the same, and then nothing more ever comes.
pub(super) const STALL: &str = "stall ";
/// Before an answer: it comes late.
pub(super) const LATE: &str = "late ";
/// How late that is.
const LATE_FOR: Duration = Duration::from_millis(300);

/// What the server answers to each step.
#[derive(Clone, Copy)]
pub(super) struct Script {
    greeting: &'static str,
    ehlo: &'static str,
    auth: &'static str,
    mail: &'static str,
    rcpt: &'static str,
    data: &'static str,
    message: &'static str,
    noop: &'static str,
    /// A recipient that is refused for good.
    gone: Option<&'static str>,
}

impl Script {
    /// A server that takes everything, but for one step.
    pub(super) fn with(step: &str, reply: &'static str) -> Self {
        let mut script = Self::default();
        let answer = match step {
            "greeting" => &mut script.greeting,
            "EHLO" => &mut script.ehlo,
            "AUTH" => &mut script.auth,
            "MAIL" => &mut script.mail,
            "RCPT" => &mut script.rcpt,
            "DATA" => &mut script.data,
            "message" => &mut script.message,
            "NOOP" => &mut script.noop,
            _ => panic!("no step {step}"),
        };
        *answer = reply;
        script
    }

    /// A server that takes everything, but for one recipient.
    pub(super) fn without(recipient: &'static str) -> Self {
        Self {
            gone: Some(recipient),
            ..Self::default()
        }
    }
}

impl Default for Script {
    fn default() -> Self {
        Self {
            greeting: "220 ready",
            ehlo: "250-here\r\n250 AUTH PLAIN LOGIN",
            auth: "235 welcome",
            mail: "250 ok",
            rcpt: "250 ok",
            data: "354 go on",
            message: "250 taken",
            noop: "250 ok",
            gone: None,
        }
    }
}

/// A mail that the server took.
#[derive(Clone, Default)]
pub(super) struct Received {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) message: String,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    logins: Vec<String>,
    /// Whole messages, whatever was answered to them.
    messages: usize,
    received: Vec<Received>,
}

/// A server on a port of its own.
pub(super) struct Server {
    pub(super) port: u16,
    seen: Arc<Mutex<Seen>>,
    held: Arc<Notify>,
    go: Arc<Notify>,
}

impl Server {
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (seen, held, go) = (
            Arc::<Mutex<Seen>>::default(),
            Arc::<Notify>::default(),
            Arc::<Notify>::default(),
        );
        let session = Session {
            script,
            seen: Arc::clone(&seen),
            held: Arc::clone(&held),
            go: Arc::clone(&go),
        };
        let session = Arc::new(session);
        tokio::spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, _peer)) = listener.accept().await {
                session.seen.lock().unwrap().connections += 1;
                let session = Arc::clone(&session);
                // A client that hangs up is no trouble.
                sessions.spawn(async move { session.serve(stream).await.is_ok() });
            }
        });
        Self {
            port,
            seen,
            held,
            go,
        }
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.lock().unwrap().connections
    }

    /// Whole messages that came, whatever was answered.
    pub(super) fn messages(&self) -> usize {
        self.seen.lock().unwrap().messages
    }

    pub(super) fn logins(&self) -> Vec<String> {
        self.seen.lock().unwrap().logins.clone()
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.seen.lock().unwrap().received.clone()
    }

    /// Waits until a message is there and its answer is held back.
    pub(super) async fn message_is_held(&self) {
        self.held.notified().await;
    }

    pub(super) fn let_go(&self) {
        self.go.notify_one();
    }
}

struct Session {
    script: Script,
    seen: Arc<Mutex<Seen>>,
    held: Arc<Notify>,
    go: Arc<Notify>,
}

impl Session {
    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut mail = Received::default();
        if !answer(&mut stream, self.script.greeting).await? {
            return Ok(());
        }
        let mut line = String::new();
        while {
            line.clear();
            stream.read_line(&mut line).await? > 0
        } {
            let (verb, rest) = line
                .trim_end()
                .split_once([' ', ':'])
                .unwrap_or((line.trim_end(), ""));
            let reply = match verb {
                "EHLO" => self.script.ehlo,
                "AUTH" => {
                    self.seen
                        .lock()
                        .unwrap()
                        .logins
                        .push(rest.trim_start_matches("PLAIN ").to_owned());
                    self.script.auth
                }
                "MAIL" => {
                    mail = Received {
                        from: rest.trim_start_matches("FROM:").to_owned(),
                        ..Received::default()
                    };
                    self.script.mail
                }
                "RCPT" if self.script.gone.is_some_and(|gone| rest.contains(gone)) => "550 gone",
                "RCPT" => {
                    mail.to.push(rest.trim_start_matches("TO:").to_owned());
                    self.script.rcpt
                }
                "DATA" if self.script.data.trim_start_matches(LATE).starts_with('3') => {
                    answer(&mut stream, self.script.data).await?;
                    mail.message = read_message(&mut stream).await?;
                    self.seen.lock().unwrap().messages += 1;
                    self.take(&mail).await
                }
                "DATA" => self.script.data,
                "NOOP" => self.script.noop,
                "QUIT" => "221 bye",
                _ => "500 what?",
            };
            if !answer(&mut stream, reply).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    async fn take(&self, mail: &Received) -> &'static str {
        let reply = if self.script.message == HOLD {
            self.held.notify_one();
            self.go.notified().await;
            "250 taken"
        } else {
            self.script.message
        };
        if reply.trim_start_matches(LATE).starts_with('2') {
            self.seen.lock().unwrap().received.push(mail.clone());
        }
        reply
    }
}

/// False where the connection is to be closed.
async fn answer(stream: &mut BufReader<TcpStream>, reply: &str) -> std::io::Result<bool> {
    if reply == DROP {
        return Ok(false);
    }
    for (prefix, stays) in [(HALF, false), (STALL, true)] {
        if let Some(begun) = reply.strip_prefix(prefix) {
            stream.get_mut().write_all(begun.as_bytes()).await?;
            if stays {
                std::future::pending::<()>().await;
            }
            return Ok(false);
        }
    }
    let reply = match reply.strip_prefix(LATE) {
        Some(late) => {
            tokio::time::sleep(LATE_FOR).await;
            late
        }
        None => reply,
    };
    stream
        .get_mut()
        .write_all(format!("{reply}\r\n").as_bytes())
        .await?;
    Ok(true)
}

/// Up to the line of a single dot, with doubled dots undone.
async fn read_message(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let (mut message, mut line) = (String::new(), String::new());
    while {
        line.clear();
        stream.read_line(&mut line).await? > 0
    } && line != ".\r\n"
    {
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
    Ok(message)
}
