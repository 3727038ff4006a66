//! A mail server of a few lines, which answers by script.

use crate::mail::SmtpUrl;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Instead of an answer: the connection is closed.
pub(super) const DROP: &str = "drop";
/// Instead of an answer: it waits until `let_go`, then goes on as usual.
pub(super) const HOLD: &str = "hold";
/// Before an answer: it is written as it is, without its end, and then the connection is closed.
pub(super) const HALF: &str = "half ";
/// Before an answer: the same, and then nothing more ever comes.
pub(super) const STALL: &str = "stall ";
/// Before an answer: it comes late.
pub(super) const LATE: &str = "late ";
/// How late that is.
const LATE_FOR: Duration = Duration::from_millis(300);

/// A server that takes everything, but for one step or one receiver.
#[derive(Clone, Copy, Default)]
pub(super) struct Script {
    /// A step that is answered so; the empty one stands for each.
    step: Option<&'static str>,
    reply: &'static str,
    /// A receiver that is answered so.
    receiver: Option<(&'static str, &'static str)>,
    /// More receivers in one mail are refused for now.
    receivers_max: Option<usize>,
    /// The step is answered so only on a connection that has brought a mail.
    is_of_kept: bool,
    /// What the server can do beside mail.
    offer: Option<&'static str>,
}

impl Script {
    pub(super) fn with(step: &'static str, reply: &'static str) -> Self {
        Self {
            step: Some(step),
            reply,
            ..Self::default()
        }
    }

    /// A step on a connection that has brought a mail already.
    pub(super) fn on_kept(step: &'static str, reply: &'static str) -> Self {
        Self {
            is_of_kept: true,
            ..Self::with(step, reply)
        }
    }

    /// How one may log in.
    pub(super) fn offering(offer: &'static str) -> Self {
        Self {
            offer: Some(offer),
            ..Self::default()
        }
    }

    /// One receiver is gone for good.
    pub(super) fn without(receiver: &'static str) -> Self {
        Self::answering(receiver, "550 5.1.1 gone")
    }

    pub(super) fn answering(receiver: &'static str, reply: &'static str) -> Self {
        Self {
            receiver: Some((receiver, reply)),
            ..Self::default()
        }
    }

    pub(super) fn with_receivers_max(max: usize) -> Self {
        Self {
            receivers_max: Some(max),
            ..Self::default()
        }
    }

    fn reply(self, step: &str, mails: usize) -> &'static str {
        if self.is_of_kept && mails == 0 {
            return usual(step);
        }
        match (self.step, self.offer) {
            (Some(special), _) if special == step || special.is_empty() => self.reply,
            (_, Some(offer)) if step == "EHLO" => offer,
            _ => usual(step),
        }
    }

    /// What a receiver is answered beside others of the same mail, where it is refused.
    fn refuses(self, receiver: &str, before: usize) -> Option<&'static str> {
        let special = self.receiver.filter(|(who, _)| receiver.contains(who));
        let too_many = self.receivers_max.filter(|max| before >= *max);
        special
            .map(|(_, reply)| reply)
            .or_else(|| too_many.map(|_| "452 4.5.3 too many receivers"))
    }
}

fn usual(step: &str) -> &'static str {
    match step {
        "greeting" => "220 ready",
        "EHLO" => "250-here\r\n250 AUTH PLAIN LOGIN",
        "AUTH" => "235 welcome",
        "MAIL" | "RCPT" | "NOOP" => "250 ok",
        "DATA" => "354 go on",
        "message" => "250 taken",
        "QUIT" => "221 bye",
        _ => "500 what?",
    }
}

/// A mail that the server took.
#[derive(Clone, Debug, Default)]
pub(super) struct Received {
    pub(super) from: String,
    pub(super) to: Vec<String>,
    pub(super) message: String,
}

#[derive(Default)]
struct Seen {
    connections: usize,
    hellos: Vec<String>,
    goodbyes: usize,
    logins: Vec<String>,
    /// Whole messages, whatever was answered to them.
    messages: usize,
    received: Vec<Received>,
}

/// A server on a port of its own.
pub(super) struct Server {
    port: u16,
    session: Arc<Session>,
}

struct Session {
    script: Script,
    seen: Mutex<Seen>,
    /// Steps whose answer is held back, and answers that may go.
    held: Semaphore,
    go: Semaphore,
}

impl Server {
    pub(super) async fn start(script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let session = Arc::new(Session {
            script,
            seen: Mutex::default(),
            held: Semaphore::new(0),
            go: Semaphore::new(0),
        });
        let serving = Arc::clone(&session);
        tokio::spawn(async move {
            let mut sessions = JoinSet::new();
            while let Ok((stream, _peer)) = listener.accept().await {
                serving.seen().connections += 1;
                let session = Arc::clone(&serving);
                // A client that hangs up is no trouble.
                sessions.spawn(async move { session.serve(stream).await.is_ok() });
            }
        });
        Self { port, session }
    }

    /// Where it is, for a user: `user:password@`, or nothing.
    pub(super) fn url(&self, user: &str) -> SmtpUrl {
        SmtpUrl::parse(&format!("smtp://{user}127.0.0.1:{}", self.port)).unwrap()
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn connections(&self) -> usize {
        self.session.seen().connections
    }

    /// Whole messages that came, whatever was answered.
    pub(super) fn messages(&self) -> usize {
        self.session.seen().messages
    }

    /// What it was greeted with.
    pub(super) fn hellos(&self) -> Vec<String> {
        self.session.seen().hellos.clone()
    }

    /// Connections that were ended as it should be.
    pub(super) fn goodbyes(&self) -> usize {
        self.session.seen().goodbyes
    }

    pub(super) fn logins(&self) -> Vec<String> {
        self.session.seen().logins.clone()
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.session.seen().received.clone()
    }

    /// Waits until the answer to one more step is held back, or never comes.
    pub(super) async fn is_held(&self) {
        self.session.held.acquire().await.unwrap().forget();
    }

    /// Lets one answer go.
    pub(super) fn let_go(&self) {
        self.session.go.add_permits(1);
    }
}

impl Session {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = BufReader::new(stream);
        let mut mail = Received::default();
        let mut mails = 0;
        let greeting = self.reply("greeting", mails).await;
        if !self.answer(&mut stream, greeting).await? {
            return Ok(());
        }
        while let Some(line) = read_line(&mut stream).await? {
            let line = line.trim_end();
            let (verb, rest) = line.split_once([' ', ':']).unwrap_or((line, ""));
            let mut reply = self.reply(verb, mails).await;
            match verb {
                "EHLO" => self.seen().hellos.push(rest.to_owned()),
                "QUIT" => self.seen().goodbyes += 1,
                "AUTH" => {
                    let login = rest.trim_start_matches("PLAIN ").to_owned();
                    self.seen().logins.push(login);
                }
                "MAIL" => {
                    mail = Received::default();
                    rest.trim_start_matches("FROM:").clone_into(&mut mail.from);
                }
                "RCPT" => match self.script.refuses(rest, mail.to.len()) {
                    Some(refused) => reply = refused,
                    None => mail.to.push(rest.trim_start_matches("TO:").to_owned()),
                },
                "DATA" if reply.trim_start_matches(LATE).starts_with('3') => {
                    self.answer(&mut stream, reply).await?;
                    mail.message = read_message(&mut stream).await?;
                    self.seen().messages += 1;
                    reply = self.take(&mail, mails).await;
                    mails += 1;
                }
                _ => {}
            }
            if !self.answer(&mut stream, reply).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The answer to a step, once it may go.
    async fn reply(&self, step: &str, mails: usize) -> &'static str {
        let reply = self.script.reply(step, mails);
        if reply != HOLD {
            return reply;
        }
        self.held.add_permits(1);
        self.go.acquire().await.unwrap().forget();
        usual(step)
    }

    /// False where the connection is to be closed.
    async fn answer(
        &self,
        stream: &mut BufReader<TcpStream>,
        reply: &str,
    ) -> std::io::Result<bool> {
        if reply == DROP {
            return Ok(false);
        }
        for (prefix, stays) in [(HALF, false), (STALL, true)] {
            if let Some(begun) = reply.strip_prefix(prefix) {
                stream.get_mut().write_all(begun.as_bytes()).await?;
                if stays {
                    self.held.add_permits(1);
                    std::future::pending::<()>().await;
                }
                return Ok(false);
            }
        }
        let late = reply.strip_prefix(LATE);
        if late.is_some() {
            tokio::time::sleep(LATE_FOR).await;
        }
        let reply = format!("{}\r\n", late.unwrap_or(reply));
        stream.get_mut().write_all(reply.as_bytes()).await?;
        Ok(true)
    }

    async fn take(&self, mail: &Received, mails: usize) -> &'static str {
        let reply = self.reply("message", mails).await;
        if reply.trim_start_matches(LATE).starts_with('2') {
            self.seen().received.push(mail.clone());
        }
        reply
    }
}

/// A line with its end; none after the last.
async fn read_line(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<String>> {
    let mut line = String::new();
    let length = stream.read_line(&mut line).await?;
    Ok((length > 0).then_some(line))
}

/// Up to the line of a single dot, with doubled dots undone.
async fn read_message(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut message = String::new();
    while let Some(line) = read_line(stream).await?
        && line != ".\r\n"
    {
        message.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
    Ok(message)
}
