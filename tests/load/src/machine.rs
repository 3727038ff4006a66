//! One machine: a process of `leadwire up` over a data folder.

use crate::lead::Event;
use crate::post::Connection;
use crate::report::Report;
use crate::smtp::{MailFault, MailServer, Taken, name_in};
use crate::soak::await_views;
use crate::target::{Flooded, Keys, Killed, Mail, Mails, Sender as _, Target};
use anyhow::{Context as _, Result, bail, ensure};
use leadwire_pipeline::testkit::free_port;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Longest that a process may take to begin, or to end, on a busy machine.
const DEADLINE: Duration = Duration::from_mins(1);
/// Between two looks at a state.
const LOOK: Duration = Duration::from_millis(20);
/// Who is told of each event.
const RECEIVERS: [&str; 2] = ["sales@example.com", "desk@example.com"];
/// Longest time without another mail before the rest counts as lost.
const STALL: Duration = Duration::from_secs(30);

/// An event, and a receiver of it by the digits of the address.
type Effect = (String, String);

/// A machine at work.
#[derive(Debug)]
pub struct Machine {
    binary: PathBuf,
    folder: PathBuf,
    address: SocketAddr,
    flags: Vec<String>,
    server: Option<MailServer>,
    running: RefCell<Option<Running>>,
    generation: Cell<usize>,
}

/// A running process. It is killed when dropped.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Machine {
    /// Starts the command in a folder of this run, on a port that is free now. It mails to this server, or to its outbox.
    pub async fn start(
        binary: &Path,
        folder: &Path,
        delay: Duration,
        server: Option<MailServer>,
    ) -> Result<Self> {
        fs::create_dir_all(folder.join("data/lookup")).context("the data folder")?;
        let (delay, to) = (format!("{}s", delay.as_secs()), RECEIVERS.join(","));
        let mut flags = ["--delay", &delay, "--to", &to].map(str::to_owned).to_vec();
        if let Some(server) = &server {
            let smtp = server.url();
            flags.extend(["--smtp", &smtp, "--from", "crm@example.com"].map(str::to_owned));
        }
        let machine = Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
            address: (Ipv4Addr::LOCALHOST, free_port()?).into(),
            flags,
            server,
            running: RefCell::new(None),
            generation: Cell::new(0),
        };
        machine.begin().await?;
        Ok(machine)
    }

    fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn log(&self, generation: usize) -> PathBuf {
        self.folder.join(format!("up-{generation}.log"))
    }

    /// Starts the process and waits until it listens. Its lines go to a file, as under a service manager.
    async fn begin(&self) -> Result<()> {
        let log = self.log(self.generation.get());
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
            sleep(LOOK).await;
        }
        *self.running.borrow_mut() = Some(running);
        Ok(())
    }

    /// The names of the mails that each process says it sent, as their Message-IDs have them. A kill may cut its last line.
    fn sent(&self) -> Result<Vec<(usize, String)>> {
        let mut sent = Vec::new();
        for generation in 0..=self.generation.get() {
            let log = fs::read_to_string(self.log(generation))?;
            let lines = log
                .lines()
                .filter_map(|line| serde_json::from_str(line).ok());
            let lines = lines.filter(|line: &Value| text(line, "event") == "email_sent");
            sent.extend(lines.map(|line| {
                let id = text(&line, "message_id");
                (generation, name_in(&id).to_owned())
            }));
        }
        Ok(sent)
    }

    /// The mails of the outbox; one that the log says was sent twice is there twice.
    fn outbox(&self) -> Result<Mails> {
        let mut mails: Vec<String> = names(&self.data().join("outbox"), ".eml")?
            .into_iter()
            .collect();
        let mut seen = BTreeSet::new();
        for (_, mail) in self.sent()? {
            if !seen.insert(mail.clone()) {
                mails.push(mail);
            }
        }
        let mails = mails.into_iter().map(|mail| {
            let (event, to) = effect_of(&mail);
            Mail {
                event,
                to,
                ..Mail::default()
            }
        });
        Ok(Mails {
            taken: mails.collect(),
            ..Mails::default()
        })
    }
}

impl Machine {
    /// Stops as an operator asks it to, starts again, and gives how long it takes from the start until this event is accepted.
    pub async fn restart(&self, event: &Event) -> Result<Duration> {
        self.stop().await?;
        self.generation.set(self.generation.get() + 1);
        let began = Instant::now();
        self.begin().await?;
        let answer = self.sender().post(event).await;
        let status = answer.map(|answer| answer.status);
        ensure!(status == Some(202), "after a start: {status:?}");
        Ok(began.elapsed())
    }

    /// Runs a command of this folder to its end, and gives how long it takes.
    pub fn command(&self, words: &[&str]) -> Result<Duration> {
        let began = Instant::now();
        let output = Command::new(&self.binary)
            .args(words)
            .arg("--data")
            .arg(self.data())
            .env_remove("RUST_LOG")
            .output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`{}`: {told}", words.join(" "));
        Ok(began.elapsed())
    }
}

impl Target for Machine {
    type Sender = Connection;

    fn sender(&self) -> Connection {
        Connection::to(self.address)
    }

    fn receivers(&self) -> usize {
        RECEIVERS.len()
    }

    fn put_owner(&self, lead_id: &str, owner: &str) -> Result<()> {
        // Whole, as whoever assigns owners would.
        let file = json!({"lead_id": lead_id, "lead_owner": owner, "funnel": "Lookup"});
        let folder = self.data().join("lookup");
        let temporary = folder.join(format!(".{lead_id}.new"));
        fs::write(&temporary, file.to_string())?;
        fs::rename(temporary, folder.join(format!("{lead_id}.json")))?;
        Ok(())
    }

    fn processes(&self) -> Vec<u32> {
        let running = self.running.borrow();
        running.iter().map(|running| running.0.id()).collect()
    }

    fn stored(&self, room: &str, name: &str) -> Result<Option<Vec<u8>>> {
        for folder in folders(&self.data().join(room))? {
            match fs::read(folder.join(format!("{name}.json"))) {
                Ok(bytes) => return Ok(Some(bytes)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    fn names(&self, room: &str) -> Result<BTreeSet<String>> {
        let mut all = BTreeSet::new();
        for folder in folders(&self.data().join(room))? {
            all.extend(names(&folder, ".json")?);
        }
        Ok(all)
    }

    fn mails(&self, _accepted: &Keys) -> Result<Mails> {
        let Some(server) = &self.server else {
            return self.outbox();
        };
        let mut settled = BTreeMap::new();
        for (generation, mail) in self.sent()? {
            settled.entry(effect_of(&mail)).or_insert(generation);
        }
        Ok(judged(&server.taken(), &settled))
    }

    fn says(&self, mail: &Mail, owner: &str) -> bool {
        mail.text.replace("=\n", "").contains(owner)
    }

    async fn stop(&self) -> Result<()> {
        let mut running = self.running.take().context("`up` does not run")?;
        let pid = running.0.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &pid]).status()?;
        ensure!(asked.success(), "`up` had gone");
        let began = Instant::now();
        loop {
            if let Some(status) = running.0.try_wait()? {
                ensure!(status.success(), "`up` ended with {status}");
                return Ok(());
            }
            ensure!(began.elapsed() < DEADLINE, "`up` does not end");
            sleep(LOOK).await;
        }
    }
}

impl Flooded for Machine {
    async fn work(&self, count: usize, report: &mut Report) -> Result<()> {
        let outbox = self.data().join("outbox");
        let (mut seen, mut moved) = (0, Instant::now());
        while seen < count * RECEIVERS.len() {
            let now = names(&outbox, ".eml")?.len();
            if now > seen {
                (seen, moved) = (now, Instant::now());
            }
            ensure!(moved.elapsed() < STALL * 10, "no mail came");
            if moved.elapsed() > STALL && now > 0 {
                // What lacks is reported as lost.
                break;
            }
            sleep(LOOK * 10).await;
        }
        await_views(self, count).await?;
        let files = fs::read_dir(outbox)?;
        let times = files.map(|file| anyhow::Ok(file?.metadata()?.modified()?));
        let times = times.collect::<Result<BTreeSet<_>>>()?;
        if let (Some(first), Some(last)) = (times.first(), times.last()) {
            let seconds = last.duration_since(*first)?.as_secs_f64();
            let events = u32::try_from(seen / RECEIVERS.len())?;
            let rate = f64::from(events) / seconds.max(0.001);
            report.figure("mailed_a_second", rate, "/s");
        }
        Ok(())
    }
}

impl Killed for Machine {
    async fn kill(&self, _accepted: impl Fn() -> Keys) -> Result<usize> {
        let mut running = self.running.take().context("`up` does not run")?;
        if let Some(status) = running.0.try_wait()? {
            bail!("`up` ended by itself: {status}");
        }
        drop(running);
        if let Some(server) = &self.server {
            server.next_generation();
        }
        self.generation.set(self.generation.get() + 1);
        self.begin().await?;
        Ok(1)
    }

    fn heal(&self) {
        self.server.iter().for_each(MailServer::heal);
    }

    fn states(&self, _accepted: &Keys) -> Result<BTreeMap<String, String>> {
        let output = Command::new(&self.binary)
            .args(["leads", "--limit", "10000000", "--json", "--data"])
            .arg(self.data())
            .env_remove("RUST_LOG")
            .output()?;
        let told = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`leads`: {told}");
        let leads = String::from_utf8_lossy(&output.stdout).into_owned();
        let state = |line: &str| {
            let lead: Value = serde_json::from_str(line).context("not JSON")?;
            Ok((text(&lead, "event_id"), text(&lead, "stage")))
        };
        leads.lines().map(state).collect()
    }

    fn faults(&self, report: &mut Report) {
        let faults = self.server.as_ref().map(MailServer::faults);
        for (name, fault) in [
            ("mail_server_busy", MailFault::Busy),
            ("mail_server_refused", MailFault::Refuse),
            ("mail_server_closed_after_data", MailFault::Close),
        ] {
            let done = faults.iter().flatten().filter(|done| **done == fault);
            report.count(name, done.count());
        }
    }
}

/// A second mail to a receiver is in doubt where the first one's answer was lost, or its process died before it logged that it was settled.
fn judged(taken: &[Taken], settled: &BTreeMap<Effect, usize>) -> Mails {
    let mut mails = Mails::default();
    let mut lives: BTreeMap<Effect, Vec<&Taken>> = BTreeMap::new();
    for mail in taken {
        let effect = effect_of(&mail.name());
        mails.taken.push(Mail {
            event: effect.0.clone(),
            to: effect.1.clone(),
            subject: mail.subject(),
            text: mail.text.clone(),
        });
        lives.entry(effect).or_default().push(mail);
    }
    for (effect, sent) in lives {
        let end = settled.get(&effect).copied().unwrap_or(usize::MAX);
        let doubtful = sent
            .iter()
            .filter(|mail| mail.in_doubt || mail.generation < end);
        let doubts = doubtful.count();
        let late = sent.iter().any(|mail| mail.generation > end);
        // One process never sends a second one after a plain answer.
        let answered = sent.iter().filter(|mail| !mail.in_doubt);
        let answered: Vec<usize> = answered.map(|mail| mail.generation).collect();
        let twice = answered.iter().collect::<BTreeSet<_>>().len() < answered.len();
        if late || twice {
            let lives: Vec<usize> = sent.iter().map(|mail| mail.generation).collect();
            let (event, to) = &effect;
            let broken = format!("{event} to {to}: mailed in lives {lives:?}, settled in {end}");
            mails.broken.push(broken);
        }
        mails.doubts.insert(effect, doubts);
    }
    mails
}

fn text(document: &Value, name: &str) -> String {
    let member = document.get(name).and_then(Value::as_str);
    member.unwrap_or_default().to_owned()
}

/// The event and the receiver of a mail, by the mail's name: `<event>.<channel>.<digits of the address>`.
fn effect_of(mail: &str) -> Effect {
    let (event, effect) = mail.split_once('.').unwrap_or((mail, ""));
    (event.to_owned(), effect.to_owned())
}

/// A room's folder and those of the days within it: what is beyond ten thousand files lies there.
fn folders(room: &Path) -> Result<Vec<PathBuf>> {
    let mut folders = vec![room.to_owned()];
    for entry in fs::read_dir(room).with_context(|| room.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    Ok(folders)
}

/// Names in a folder that end like this, without that end.
fn names(folder: &Path, end: &str) -> Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(end).filter(|name| !name.starts_with('.')) {
            names.insert(name.to_owned());
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A mail to a receiver of the same event, sent by this process.
    fn taken(to: &str, generation: usize, in_doubt: bool) -> Taken {
        let text = format!("Subject: New lead\nMessage-ID:\n <crm_event_a_1.{to}@example.com>\n");
        Taken {
            text,
            generation,
            in_doubt,
        }
    }

    fn effect(to: &str) -> Effect {
        ("crm_event_a_1".to_owned(), to.to_owned())
    }

    #[test]
    fn a_doubt_about_one_receiver_excuses_no_second_mail_to_another() {
        let (team, desk) = ("team.1a2b3c4d5e6f7081", "team.0de61b1110462435");
        let all = [
            taken(team, 0, true),
            taken(team, 0, false),
            taken(desk, 0, false),
        ];
        let settled = BTreeMap::from([(effect(team), 0), (effect(desk), 0)]);
        let mails = judged(&all, &settled);
        assert_eq!(mails.broken, [""; 0]);
        let doubts = BTreeMap::from([(effect(team), 1), (effect(desk), 0)]);
        assert_eq!(mails.doubts, doubts);
        let receivers: Vec<&str> = mails.taken.iter().map(|mail| mail.to.as_str()).collect();
        assert_eq!(receivers, [team, team, desk]);

        let again = [&all[..], &[taken(desk, 1, false)]].concat();
        let broken = judged(&again, &settled).broken;
        let told = "crm_event_a_1 to team.0de61b1110462435: mailed in lives [0, 1], settled in 0";
        assert_eq!(broken, [told]);
    }
}
