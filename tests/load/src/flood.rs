//! Many leads at once, and many events of one lead at one instant, through the one-machine home.
//!
//! The generator is one thread: on two cores it takes one, and the machine under test has the other.

use crate::check::{self, Accepted};
use crate::lead::{Event, owner, put_owner};
use crate::machine::{Machine, Running};
use crate::post::{Answer, Connection};
use crate::report::Report;
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::cell::RefCell;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// The one lead with many events.
const ONE: &str = "load-one";
/// Longest time without another mail before the rest counts as lost.
const STALL: Duration = Duration::from_secs(30);
/// Between two looks at the outbox.
const LOOK: Duration = Duration::from_millis(200);
/// Linux counts processor time in hundredths of a second.
const TICK_MICROS: u32 = 10_000;

/// What is sent at once.
#[derive(Clone, Debug)]
pub struct Flood {
    /// The command.
    pub binary: PathBuf,
    /// A folder of this run, on the disk that is to be measured.
    pub folder: PathBuf,
    /// Leads with one event each.
    pub leads: usize,
    /// Events of one lead at one instant.
    pub events: usize,
    /// Connections, kept.
    pub connections: usize,
    /// The delay: longer than the posting takes, so that mailing is measured by itself.
    pub delay: Duration,
}

/// What came of one event's request.
struct Posted {
    event: Event,
    answer: Option<Answer>,
    micros: u32,
}

/// Runs it.
///
/// # Errors
/// The harness itself failed; what breaks a promise is in the report.
pub fn run(flood: &Flood) -> Result<Report> {
    let delay = format!("{}s", flood.delay.as_secs());
    let machine = Machine::new(&flood.binary, &flood.folder, &["--delay", &delay])?;
    let (leads, events) = events(flood);
    for event in leads.iter().chain(events.first()) {
        put_owner(&machine.data(), &event.lead_id, &owner(&event.lead_id))?;
    }
    let mut report = Report::new("flood");
    report.count("connections", flood.connections);
    let running = machine.start(0)?;
    let mut posted = measure(&mut report, &running, &LEADS, || {
        post_all(machine.address, leads, flood.connections)
    })?;
    posted.extend(measure(&mut report, &running, &EVENTS, || {
        post_all(machine.address, events, flood.connections)
    })?);
    let accepted = accepted(&mut report, &posted);
    await_mails(&machine.data(), accepted.len())?;
    tell_mailing(&mut report, &machine.data(), &running)?;
    check::await_views(&machine.data(), accepted.len())?;
    running.stop()?;
    let told = machine.told(0)?;
    check::files(&mut report, &machine.data(), &accepted)?;
    check::mailed_once(&mut report, &machine.data(), &accepted, &told)?;
    Ok(report)
}

fn events(flood: &Flood) -> (Vec<Event>, Vec<Event>) {
    let leads = (0..flood.leads).map(|n| Event::flat(&format!("load-{n}"), &format!("flood-{n}")));
    let events = (0..flood.events).map(|n| Event::close(ONE, &format!("one-{n}")));
    (leads.collect(), events.collect())
}

/// The names of one part's figures.
struct Part {
    posted: &'static str,
    rate: &'static str,
    median: &'static str,
    tail: &'static str,
    cpu: &'static str,
}

const LEADS: Part = Part {
    posted: "leads_posted",
    rate: "leads_accepted_a_second",
    median: "leads_answer_p50",
    tail: "leads_answer_p99",
    cpu: "leads_server_cpu_each",
};
const EVENTS: Part = Part {
    posted: "events_of_one_lead_posted",
    rate: "events_of_one_lead_a_second",
    median: "events_of_one_lead_answer_p50",
    tail: "events_of_one_lead_answer_p99",
    cpu: "events_of_one_lead_server_cpu_each",
};

fn measure(
    report: &mut Report,
    running: &Running,
    part: &Part,
    post: impl FnOnce() -> Result<Vec<Posted>>,
) -> Result<Vec<Posted>> {
    let (before, began) = (running.vital(), Instant::now());
    let posted = post()?;
    let seconds = began.elapsed().as_secs_f64();
    let after = running.vital();
    let mut micros: Vec<u32> = posted
        .iter()
        .filter(|posted| {
            posted
                .answer
                .as_ref()
                .is_some_and(|answer| answer.status == 202)
        })
        .map(|posted| posted.micros)
        .collect();
    micros.sort_unstable();
    let count = f64::from(u32::try_from(micros.len())?);
    report.count(part.posted, posted.len());
    if micros.is_empty() {
        return Ok(posted);
    }
    report.figure(part.rate, count / seconds, "/s");
    report.figure(part.median, quantile(&micros, 50), "ms");
    report.figure(part.tail, quantile(&micros, 99), "ms");
    if let (Some(before), Some(after)) = (before, after) {
        let ticks = u32::try_from(after.cpu_ticks - before.cpu_ticks)?;
        let micros = f64::from(ticks) * f64::from(TICK_MICROS);
        report.figure(part.cpu, micros / count, "µs");
    }
    Ok(posted)
}

/// So many hundredths of sorted microseconds are at most this, in milliseconds.
fn quantile(sorted: &[u32], percent: usize) -> f64 {
    let rank = sorted.len().saturating_sub(1) * percent / 100;
    f64::from(sorted.get(rank).copied().unwrap_or(0)) / 1000.0
}

/// Posts every event once, over so many connections at a time.
fn post_all(address: SocketAddr, events: Vec<Event>, connections: usize) -> Result<Vec<Posted>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let count = events.len();
    let left = std::rc::Rc::new(RefCell::new(events.into_iter()));
    let done = std::rc::Rc::new(RefCell::new(Vec::with_capacity(count)));
    let tasks = LocalSet::new();
    for _ in 0..connections {
        let (left, done) = (std::rc::Rc::clone(&left), std::rc::Rc::clone(&done));
        tasks.spawn_local(async move {
            let mut connection = Connection::to(address);
            loop {
                let Some(event) = left.borrow_mut().next() else {
                    return;
                };
                let request = event.request();
                let began = Instant::now();
                let answer = connection.post(&request).await.ok();
                let micros = u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX);
                done.borrow_mut().push(Posted {
                    event,
                    answer,
                    micros,
                });
            }
        });
    }
    runtime.block_on(tasks);
    let posted = done.take();
    ensure!(posted.len() == count, "not everything was posted");
    Ok(posted)
}

/// What was answered with 202, with its key; anything else breaks a promise here, where nothing is broken on purpose.
fn accepted(report: &mut Report, posted: &[Posted]) -> Vec<Accepted> {
    let (mut accepted, mut others) = (Vec::new(), Vec::new());
    for posted in posted {
        let key = posted.answer.as_ref().and_then(key_of);
        match (key, &posted.answer) {
            (Some(key), _) => accepted.push(Accepted {
                event: posted.event.clone(),
                key,
            }),
            (None, answer) => {
                let status = answer.as_ref().map(|answer| answer.status);
                others.push(format!("{}: {status:?}", posted.event.event_id));
            }
        }
    }
    report.count("accepted", accepted.len());
    report.promise("every event that came was accepted", others);
    accepted
}

/// The key in an answer of 202.
pub(crate) fn key_of(answer: &Answer) -> Option<String> {
    if answer.status != 202 {
        return None;
    }
    let document: Value = serde_json::from_slice(&answer.body).ok()?;
    let key = document.pointer("/events/0/s3_key")?.as_str()?;
    Some(key.to_owned())
}

fn await_mails(data: &Path, count: usize) -> Result<()> {
    let outbox = data.join("outbox");
    let (mut seen, mut moved) = (0, Instant::now());
    loop {
        let now = check::names(&outbox, ".eml")?.len();
        if now >= count {
            return Ok(());
        }
        if now > seen {
            (seen, moved) = (now, Instant::now());
        }
        if moved.elapsed() > STALL && now > 0 {
            // What lacks is told as lost.
            return Ok(());
        }
        ensure!(
            moved.elapsed() < STALL * 10,
            "no mail came in {:?}",
            STALL * 10
        );
        std::thread::park_timeout(LOOK);
    }
}

/// Mails a second, by the times of the files, from the first to the last.
fn tell_mailing(report: &mut Report, data: &Path, running: &Running) -> Result<()> {
    let mut times = Vec::new();
    for entry in fs::read_dir(data.join("outbox"))? {
        times.push(entry?.metadata()?.modified()?);
    }
    times.sort_unstable();
    if let (Some(first), Some(last)) = (times.first(), times.last()) {
        let seconds = last.duration_since(*first)?.as_secs_f64();
        let count = u32::try_from(times.len()).context("mails")?;
        report.figure(
            "mailed_a_second",
            f64::from(count) / seconds.max(0.001),
            "/s",
        );
    }
    if let Some(vital) = running.vital() {
        let mebibytes = u32::try_from(vital.rss_bytes / (1024 * 1024))?;
        report.figure("resident_memory", f64::from(mebibytes), "MiB");
        report.count("open_files", usize::try_from(vital.files)?);
    }
    Ok(())
}
