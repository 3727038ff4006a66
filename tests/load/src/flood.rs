//! Many leads at once, and many events of one lead at one instant.
//!
//! The generator is one thread: on two cores it takes one, and the home under test has the other.

use crate::check::{self, Accepted};
use crate::lead::{Event, owner};
use crate::report::Report;
use crate::target::{Answer, Flooded, Sender as _, Target};
use crate::vital::Vital;
use anyhow::{Result, ensure};
use futures_util::future::join_all;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// The one lead with many events.
const ONE: &str = "load-one";
/// Linux counts processor time in hundredths of a second.
const TICK_MICROS: u32 = 10_000;

/// What the figures of each part begin with, and the name of its rate.
const LEADS: (&str, &str) = ("leads", "leads_accepted_a_second");
const EVENTS: (&str, &str) = ("events_of_one_lead", "events_of_one_lead_a_second");

/// What is sent at once.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    /// Leads with one event each.
    pub leads: usize,
    /// Events of one lead at one instant.
    pub events: usize,
    /// Senders at once.
    pub senders: usize,
}

/// What came of one event's request.
pub(crate) struct Posted {
    event: Event,
    pub(crate) answer: Option<Answer>,
    took: Duration,
}

/// Posts everything, and waits until it is mailed.
///
/// # Errors
/// The harness itself failed; what breaks a promise is in the report.
pub async fn run<T: Flooded>(flood: Flood, target: &T) -> Result<Report> {
    let leads = (0..flood.leads).map(|n| Event::flat(&format!("load-{n}"), &format!("flood-{n}")));
    let leads: Vec<Event> = leads.collect();
    let events = (0..flood.events).map(|n| Event::close(ONE, &format!("one-{n}")));
    let events: Vec<Event> = events.collect();
    for event in leads.iter().chain(events.first()) {
        target.put_owner(&event.lead_id, &owner(&event.lead_id))?;
    }
    let mut report = Report::new("flood");
    report.count("senders", flood.senders);
    let mut posted = measure(&mut report, target, LEADS, leads, flood.senders).await?;
    posted.extend(measure(&mut report, target, EVENTS, events, flood.senders).await?);
    let accepted = accepted(&mut report, posted);
    target.work(accepted.len(), &mut report).await?;
    report_vitals(&mut report, target);
    target.stop().await?;
    let keys = accepted.iter().map(|one| {
        let keys = BTreeSet::from([one.key.clone()]);
        (one.event.event_id.clone(), keys)
    });
    let mails = target.mails(&keys.collect())?;
    check::documents(&mut report, target, &accepted)?;
    check::raw(&mut report, target, &accepted)?;
    check::mailed_once(&mut report, target, &mails, &accepted);
    Ok(report)
}

async fn measure<T: Flooded>(
    report: &mut Report,
    target: &T,
    (part, rate): (&str, &str),
    events: Vec<Event>,
    senders: usize,
) -> Result<Vec<Posted>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let (before, began) = (cpu_ticks(target), Instant::now());
    let posted = post_all(target, events, senders).await?;
    let seconds = began.elapsed().as_secs_f64();
    let ticks = cpu_ticks(target).saturating_sub(before);
    let is_accepted = |posted: &&Posted| {
        let answer = posted.answer.as_ref();
        answer.is_some_and(|answer| answer.status == 202)
    };
    let accepted = posted.iter().filter(is_accepted);
    let mut took: Vec<Duration> = accepted.map(|posted| posted.took).collect();
    took.sort_unstable();
    report.count(format!("{part}_posted"), posted.len());
    if took.is_empty() {
        return Ok(posted);
    }
    let count = f64::from(u32::try_from(took.len())?);
    report.figure(rate, count / seconds, "/s");
    report.figure(format!("{part}_answer_p50"), quantile(&took, 50), "ms");
    report.figure(format!("{part}_answer_p99"), quantile(&took, 99), "ms");
    let micros = f64::from(u32::try_from(ticks)?) * f64::from(TICK_MICROS);
    report.figure(format!("{part}_server_cpu_each"), micros / count, "µs");
    Ok(posted)
}

/// The processor time of all processes that run.
fn cpu_ticks<T: Flooded>(target: &T) -> u64 {
    let vitals = target.processes().into_iter().filter_map(Vital::of);
    vitals.map(|vital| vital.cpu_ticks).sum()
}

fn report_vitals<T: Flooded>(report: &mut Report, target: &T) {
    let vitals = target.processes().into_iter().filter_map(Vital::of);
    let most = vitals
        .max_by_key(|vital| vital.rss_bytes)
        .unwrap_or_default();
    let mebibytes = u32::try_from(most.rss_bytes / (1024 * 1024)).unwrap_or(u32::MAX);
    report.figure("resident_memory", f64::from(mebibytes), "MiB");
    report.count("open_files", usize::try_from(most.files).unwrap_or(0));
}

/// So many hundredths of sorted times are at most this, in milliseconds.
fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(rank).map_or(0.0, Duration::as_secs_f64) * 1000.0
}

/// Posts every event once, by so many senders at a time.
pub(crate) async fn post_all<T: Target>(
    target: &T,
    events: Vec<Event>,
    senders: usize,
) -> Result<Vec<Posted>> {
    let count = events.len();
    let left = RefCell::new(events.into_iter());
    let done = RefCell::new(Vec::with_capacity(count));
    let post = async |mut sender: T::Sender| {
        loop {
            let Some(event) = left.borrow_mut().next() else {
                return;
            };
            let began = Instant::now();
            let answer = sender.post(&event).await;
            let took = began.elapsed();
            done.borrow_mut().push(Posted {
                event,
                answer,
                took,
            });
        }
    };
    join_all((0..senders).map(|_| post(target.sender()))).await;
    let posted = done.into_inner();
    ensure!(posted.len() == count, "not everything was posted");
    Ok(posted)
}

/// What was answered with 202, with its key; anything else breaks a promise here, where nothing fails on purpose.
fn accepted(report: &mut Report, posted: Vec<Posted>) -> Vec<Accepted> {
    let (mut accepted, mut others) = (Vec::new(), Vec::new());
    for Posted { event, answer, .. } in posted {
        if let Some(key) = answer.as_ref().and_then(Answer::key) {
            accepted.push(Accepted { event, key });
        } else {
            let status = answer.map(|answer| answer.status);
            others.push(format!("{}: {status:?}", event.event_id));
        }
    }
    report.count("accepted", accepted.len());
    report.promise("every event that came was accepted", others);
    accepted
}
