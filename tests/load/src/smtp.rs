//! A mail server that keeps what it takes, and fails as often as it is told.

use anyhow::Result;
use leadwire_pipeline::testkit::Chance;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How the server fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailFault {
    /// 451 to `DATA`: definite, and for now.
    Busy,
    /// 550 to the message: definite, and for good.
    Refuse,
    /// It takes the message and closes the connection without a word: nobody knows.
    Close,
}

/// A message that was taken.
#[derive(Clone, Debug)]
pub struct Taken {
    /// All of it.
    pub text: String,
    /// Which process sent it.
    pub generation: usize,
    /// Whether the sender was left without an answer.
    pub in_doubt: bool,
}

impl Taken {
    /// What its Message-ID says: event and effect.
    pub fn name(&self) -> String {
        let header = self.header("Message-ID:");
        let id = header.split_whitespace().last();
        name_in(id.unwrap_or_default()).to_owned()
    }

    /// The subject as it is in the header, folded lines and all.
    pub fn subject(&self) -> String {
        self.header("Subject:")
    }

    fn header(&self, name: &str) -> String {
        let lines = self.text.lines();
        let mut lines = lines.skip_while(|line| !line.starts_with(name));
        let first = lines.next().unwrap_or_default().to_owned();
        let folded = lines.take_while(|line| line.starts_with(' '));
        folded.fold(first, |header, line| header + line)
    }
}

#[derive(Debug)]
struct Plan {
    faults: Vec<MailFault>,
    percent: AtomicU32,
    chance: Mutex<Chance>,
    generation: AtomicUsize,
    taken: Mutex<Vec<Taken>>,
    done: Mutex<Vec<MailFault>>,
}

/// A running server. It ends with the process.
#[derive(Clone, Debug)]
pub struct MailServer {
    address: SocketAddr,
    plan: Arc<Plan>,
}

impl MailServer {
    /// A server that does one of `faults`, in turn, to so many messages in a hundred.
    pub fn start(faults: &[MailFault], percent: u32, seed: u64) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let plan = Arc::new(Plan {
            faults: faults.to_vec(),
            percent: AtomicU32::new(percent),
            chance: Mutex::new(Chance::new(seed)),
            generation: AtomicUsize::new(0),
            taken: Mutex::default(),
            done: Mutex::default(),
        });
        let shared = Arc::clone(&plan);
        std::thread::Builder::new()
            .name("mail-server".to_owned())
            .spawn(move || {
                for stream in listener.incoming().map_while(Result::ok) {
                    let plan = Arc::clone(&shared);
                    // The process that sent is known when the connection is made: a kill ends all of its connections.
                    let generation = plan.generation.load(Ordering::SeqCst);
                    std::thread::spawn(move || {
                        // A client that hangs up, or is killed, is what this is about.
                        drop(serve(&stream, generation, &plan));
                    });
                }
            })?;
        Ok(Self { address, plan })
    }

    /// For `--smtp`.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Says that connections from now on are of the next process. The last one must be dead.
    pub fn next_generation(&self) {
        self.plan.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// From now on it takes everything.
    pub fn heal(&self) {
        self.plan.percent.store(0, Ordering::SeqCst);
    }

    /// Every message that was taken.
    pub fn taken(&self) -> Vec<Taken> {
        guard(&self.plan.taken).clone()
    }

    /// Every fault that was done.
    pub fn faults(&self) -> Vec<MailFault> {
        guard(&self.plan.done).clone()
    }
}

impl Plan {
    fn fault(&self) -> Option<MailFault> {
        let percent = self.percent.load(Ordering::SeqCst);
        if !guard(&self.chance).percent(percent) {
            return None;
        }
        // By turns, so that two faults are one of each.
        let mut done = guard(&self.done);
        let turn = done.len().checked_rem(self.faults.len())?;
        let fault = self.faults.get(turn).copied()?;
        done.push(fault);
        Some(fault)
    }

    fn take(&self, text: String, generation: usize, in_doubt: bool) {
        guard(&self.taken).push(Taken {
            text,
            generation,
            in_doubt,
        });
    }
}

fn serve(mut stream: &TcpStream, generation: usize, plan: &Plan) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream).lines();
    stream.write_all(b"220 ready\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let verb = line.split([' ', ':']).next().unwrap_or_default();
        if verb != "DATA" {
            let is_over = verb == "QUIT";
            let answer = if is_over { "221 bye" } else { "250 ok" };
            stream.write_all(format!("{answer}\r\n").as_bytes())?;
            continue;
        }
        let fault = plan.fault();
        if fault == Some(MailFault::Busy) {
            stream.write_all(b"451 4.3.2 later\r\n")?;
            continue;
        }
        stream.write_all(b"354 go on\r\n")?;
        let Some(text) = message(&mut lines)? else {
            return Ok(());
        };
        match fault {
            Some(MailFault::Refuse) => stream.write_all(b"550 5.7.1 not wanted\r\n")?,
            Some(MailFault::Close) => {
                plan.take(text, generation, true);
                return Ok(());
            }
            Some(MailFault::Busy) | None => {
                plan.take(text, generation, false);
                stream.write_all(b"250 taken\r\n")?;
            }
        }
    }
    Ok(())
}

/// The message up to its dot; none where the sender died in the middle of it.
fn message(lines: &mut std::io::Lines<BufReader<&TcpStream>>) -> std::io::Result<Option<String>> {
    let mut text = String::new();
    while let Some(line) = lines.next().transpose()? {
        if line == "." {
            return Ok(Some(text));
        }
        text.push_str(&line);
        text.push('\n');
    }
    Ok(None)
}

/// A Message-ID without its brackets and its host.
pub fn name_in(message_id: &str) -> &str {
    let name = message_id.trim_start_matches('<');
    name.split_once('@').map_or(name, |(name, _)| name)
}

fn guard<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
