//! Minutes of trouble for the one-machine home: killed again and again, a mail server that fails, senders that give up and send again.

use crate::check::{self, Accepted};
use crate::lead::Event;
use crate::machine::{Machine, Running};
use crate::report::Report;
use crate::sender::{Sending, Sent};
use crate::smtp::{MailFault, MailServer, Taken};
use crate::vital::{RSS_SLACK, Vital, is_flat};
use anyhow::Result;
use leadwire_pipeline::testkit::Chance;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Between two looks at what the process holds.
const SAMPLE_EVERY: Duration = Duration::from_millis(250);
/// Between two looks at whether everything is over.
const LOOK: Duration = Duration::from_millis(500);
/// The longest wait of the mail service is 7½ minutes a hop; the faults are over by then.
const OVER_DEADLINE: Duration = Duration::from_mins(12);
/// Files that may be open more at the end: connections of the senders come and go.
const FILES_SLACK: u64 = 32;
/// Groups of samples that are compared, where no kill makes them.
const GROUPS: usize = 12;

/// What is done to it.
#[derive(Clone, Debug)]
pub struct Soak {
    /// The command.
    pub binary: PathBuf,
    /// A folder of this run.
    pub folder: PathBuf,
    /// How long leads come.
    pub lasts: Duration,
    /// The time between two kills, half of it more or less by chance; zero kills once, at the end.
    pub kill_every: Duration,
    /// Events a second.
    pub rate: u32,
    /// The delay.
    pub delay: Duration,
    /// What the mail server does,
    pub faults: Vec<MailFault>,
    /// and how often in a hundred; the senders fail as often.
    pub percent: u32,
    /// What chance begins with.
    pub seed: u64,
}

/// What the process held at a moment of which of its lives.
type Sample = (usize, Vital);

/// Runs it.
///
/// # Errors
/// The harness itself failed, or `up` ended by itself; what breaks a promise is in the report.
pub fn run(soak: &Soak) -> Result<Report> {
    let server = MailServer::start(&soak.faults, soak.percent, soak.seed)?;
    let (delay, smtp) = (format!("{}s", soak.delay.as_secs()), server.url());
    let flags = [
        "--delay",
        &delay,
        "--smtp",
        &smtp,
        "--from",
        "crm@example.com",
        "--to",
        "sales@example.com",
    ];
    let machine = Machine::new(&soak.binary, &soak.folder, &flags)?;
    let sending = Sending::begin(&machine, soak)?;
    let (kills, samples) = trouble(soak, &machine, &server)?;
    // The last process begins where the one before it died, and nothing fails any more.
    server.heal();
    let running = machine.start(kills)?;
    let sent = sending.finish()?;
    let ends = await_ends(&machine, &sent)?;
    check::await_views(&machine.data(), sent.accepted.len() - count(&ends, "dead"))?;
    running.stop()?;
    let mut report = Report::new("soak");
    tell_figures(&mut report, &sent, &server, kills);
    tell_ends(&mut report, &sent, &ends);
    tell_mails(&mut report, &machine, &server.taken(), kills)?;
    tell_documents(&mut report, &machine, &sent, &server.taken())?;
    tell_vitals(&mut report, &samples, kills);
    Ok(report)
}

/// Starts the process, kills it, starts it again, until the time is over; the last one is killed too. Gives how often, and what it held.
fn trouble(soak: &Soak, machine: &Machine, server: &MailServer) -> Result<(usize, Vec<Sample>)> {
    let mut chance = Chance::new(soak.seed.wrapping_add(1));
    let (began, mut kills, mut samples) = (Instant::now(), 0, Vec::new());
    loop {
        let running = machine.start(kills)?;
        let life = if soak.kill_every.is_zero() {
            soak.lasts
        } else {
            let percent = u32::try_from(50 + chance.below(100))?;
            soak.kill_every * percent / 100
        };
        let life = life.min(soak.lasts.saturating_sub(began.elapsed()));
        live(&running, life, |vital| samples.push((kills, vital)));
        running.kill()?;
        server.next_generation();
        kills += 1;
        if began.elapsed() >= soak.lasts {
            return Ok((kills, samples));
        }
    }
}

fn live(running: &Running, life: Duration, mut sample: impl FnMut(Vital)) {
    let born = Instant::now();
    while let Some(left) = life
        .checked_sub(born.elapsed())
        .filter(|left| !left.is_zero())
    {
        std::thread::park_timeout(left.min(SAMPLE_EVERY));
        if let Some(vital) = running.vital() {
            sample(vital);
        }
    }
}

/// Waits until nothing is under way, and gives the stage of each event by its id.
fn await_ends(machine: &Machine, sent: &Sent) -> Result<BTreeMap<String, String>> {
    let began = Instant::now();
    loop {
        let leads = machine.ask(&["leads", "--limit", "10000000"])?;
        let ends: BTreeMap<String, String> = leads
            .iter()
            .map(|lead| (text(lead, "event_id"), text(lead, "stage")))
            .collect();
        let is_over = |event: &String| {
            let stage = ends.get(event).map(String::as_str);
            matches!(stage, Some("mailed" | "parked" | "dead"))
        };
        if sent.accepted.keys().all(is_over) || began.elapsed() > OVER_DEADLINE {
            return Ok(ends);
        }
        std::thread::park_timeout(LOOK.max(began.elapsed() / 20));
    }
}

fn text(document: &Value, name: &str) -> String {
    let member = document.get(name).and_then(Value::as_str);
    member.unwrap_or_default().to_owned()
}

fn count(ends: &BTreeMap<String, String>, stage: &str) -> usize {
    ends.values().filter(|end| *end == stage).count()
}

fn tell_figures(report: &mut Report, sent: &Sent, server: &MailServer, kills: usize) {
    report.count("kills", kills);
    report.count("events_accepted", sent.accepted.len());
    report.count("posted_again", sent.posted_again);
    report.count("answers_not_waited_for", sent.abandoned);
    report.count("answers_lost_or_503", sent.failed);
    let faults = server.faults();
    for (name, fault) in [
        ("mail_server_busy", MailFault::Busy),
        ("mail_server_refused", MailFault::Refuse),
        ("mail_server_closed_after_data", MailFault::Close),
    ] {
        report.count(name, faults.iter().filter(|done| **done == fault).count());
    }
}

fn tell_ends(report: &mut Report, sent: &Sent, ends: &BTreeMap<String, String>) {
    for (name, stage) in [
        ("ended_mailed", "mailed"),
        ("ended_parked", "parked"),
        ("ended_failed", "dead"),
    ] {
        report.count(name, count(ends, stage));
    }
    let lost = sent.accepted.keys().filter_map(|event| {
        let stage = ends.get(event).map_or("not there", String::as_str);
        let is_over = matches!(stage, "mailed" | "parked" | "dead");
        (!is_over).then(|| format!("{event}: {stage}"))
    });
    report.promise("nothing accepted is lost", lost.collect());
    let several = sent.accepted.iter().filter(|(_, keys)| keys.len() > 1);
    report.promise(
        "an event that comes again keeps its key",
        several
            .map(|(event, keys)| format!("{event}: {keys:?}"))
            .collect(),
    );
    report.promise(
        "nothing else was answered than 202, 503 or nothing",
        sent.odd.clone(),
    );
}

/// A second mail only where the first is in doubt: its answer was lost, or its process died before it told that it was settled.
fn tell_mails(report: &mut Report, machine: &Machine, taken: &[Taken], kills: usize) -> Result<()> {
    let mut settled: BTreeMap<String, usize> = BTreeMap::new();
    for generation in 0..=kills {
        for line in machine.told(generation)? {
            if text(&line, "event") == "email_sent" {
                let id = text(&line, "message_id");
                let event = id
                    .trim_start_matches('<')
                    .split('@')
                    .next()
                    .unwrap_or_default();
                settled.entry(event.to_owned()).or_insert(generation);
            }
        }
    }
    let mut mails: BTreeMap<&str, Vec<&Taken>> = BTreeMap::new();
    for mail in taken {
        mails.entry(&mail.event).or_default().push(mail);
    }
    let (mut doubts, mut broken) = (0, Vec::new());
    for (event, mails) in &mails {
        let end = settled.get(*event).copied().unwrap_or(usize::MAX);
        let is_in_doubt = |mail: &Taken| mail.in_doubt || mail.generation < end;
        let doubtful = mails.iter().filter(|mail| is_in_doubt(mail)).count();
        doubts += doubtful;
        let late = mails.iter().any(|mail| mail.generation > end);
        // One process never sends a second one after a plain answer.
        let answered = mails.iter().filter(|mail| !mail.in_doubt);
        let answered: Vec<usize> = answered.map(|mail| mail.generation).collect();
        let twice = answered.iter().collect::<BTreeSet<_>>().len() < answered.len();
        if mails.len() > doubtful + 1 || late || twice {
            let lives: Vec<usize> = mails.iter().map(|mail| mail.generation).collect();
            broken.push(format!(
                "{event}: mailed in lives {lives:?}, settled in {end}"
            ));
        }
    }
    report.count("mails", taken.len());
    report.count("mails_in_doubt", doubts);
    report.count("mails_more_than_events", taken.len() - mails.len());
    report.promise("a second mail only where the first is in doubt", broken);
    Ok(())
}

/// Every mail of an event says the same, and what the document says.
fn tell_documents(
    report: &mut Report,
    machine: &Machine,
    sent: &Sent,
    taken: &[Taken],
) -> Result<()> {
    let data = machine.data();
    let mut subjects: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for mail in taken {
        subjects
            .entry(&mail.event)
            .or_default()
            .insert(mail.subject());
    }
    let different = subjects.iter().filter(|(_, subjects)| subjects.len() > 1);
    report.promise(
        "one document for one event, whatever its owner file becomes",
        different
            .map(|(event, subjects)| format!("{event}: {subjects:?}"))
            .collect(),
    );
    let mut foreign = Vec::new();
    for mail in taken {
        let file = std::fs::read(data.join("enriched").join(format!("{}.json", mail.event)));
        let document = file
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let owner = document
            .as_ref()
            .map(|document| text(document, "lead_owner"));
        if !owner.as_ref().is_some_and(|owner| mail.says(owner)) {
            foreign.push(format!("{}: {owner:?}", mail.event));
        }
    }
    report.promise("every mail is rendered from the stored document", foreign);
    let accepted: Vec<Accepted> = sent
        .accepted
        .iter()
        .flat_map(|(event_id, keys)| keys.iter().map(|key| (event_id.clone(), key.clone())))
        .map(|(event_id, key)| Accepted {
            event: Event::flat(&Sending::lead_of(&event_id), &event_id),
            key,
        })
        .collect();
    check::raw_files(report, &data, &accepted)
}

fn tell_vitals(report: &mut Report, samples: &[Sample], kills: usize) {
    let mut groups: BTreeMap<usize, Vital> = BTreeMap::new();
    for (number, (life, vital)) in samples.iter().enumerate() {
        let group = if kills >= GROUPS / 2 {
            *life
        } else {
            number * GROUPS / samples.len().max(1)
        };
        let most = groups.entry(group).or_default();
        most.rss_bytes = most.rss_bytes.max(vital.rss_bytes);
        most.files = most.files.max(vital.files);
    }
    let rss: Vec<u64> = groups.values().map(|most| most.rss_bytes).collect();
    let files: Vec<u64> = groups.values().map(|most| most.files).collect();
    let most =
        |values: &[u64]| usize::try_from(values.iter().max().copied().unwrap_or(0)).unwrap_or(0);
    report.count("resident_memory_kib_at_most", most(&rss) / 1024);
    report.count("open_files_at_most", most(&files));
    let told = |flat: bool, values: &[u64]| {
        if flat {
            vec![]
        } else {
            vec![format!("{values:?}")]
        }
    };
    report.promise("memory stays flat", told(is_flat(&rss, RSS_SLACK), &rss));
    report.promise(
        "open files stay flat",
        told(is_flat(&files, FILES_SLACK), &files),
    );
}
