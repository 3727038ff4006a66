//! Minutes of trouble: processes that are killed again and again, calls that fail, senders that give up and send again.

use crate::check::{self, Accepted};
use crate::report::Report;
pub use crate::sender::Soak;
use crate::sender::{Crm, SENDERS, Sent, event_of};
use crate::target::{Keys, Killed, Target};
use crate::vital::{RSS_SLACK, Vital, is_flat};
use anyhow::Result;
use futures_util::future::{try_join, try_join_all};
use leadwire_pipeline::testkit::Chance;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Between two looks at what the processes hold.
const SAMPLE_EVERY: Duration = Duration::from_millis(250);
/// Between two looks at whether everything is over.
const LOOK: Duration = Duration::from_millis(500);
/// The longest wait of the mail service is 7½ minutes a hop; the faults are over by then.
const OVER_DEADLINE: Duration = Duration::from_mins(12);
/// Files that may be open more at the end: connections of the senders come and go.
const FILES_SLACK: u64 = 32;
/// Groups of samples that are compared, where no kill makes them.
const GROUPS: usize = 12;

/// What the processes held: between which kills, and at which moment.
type Samples = Vec<(usize, u32, Vital)>;

/// Runs it.
///
/// # Errors
/// The harness itself failed, or a process ended by itself; what breaks a promise is in the report.
pub async fn run<T: Killed>(soak: Soak, target: T) -> Result<Report> {
    let sent = RefCell::<Sent>::default();
    let senders = (0..SENDERS).map(|number| Crm::new(&target, soak, number, &sent).send_all());
    let trouble = trouble(soak, &target, &sent);
    let ((kills, mut samples), _) = try_join(trouble, try_join_all(senders)).await?;
    let sent = sent.take();
    let states = await_ends(&target, &sent.accepted).await?;
    let rounds = samples.last().map_or(0, |(round, ..)| round + 1);
    samples.extend(held(&target, rounds));
    await_views(&target, sent.accepted.len() - count(&states, "dead")).await?;
    target.stop().await?;
    let mut report = Report::new("soak");
    report.count("kills", kills);
    report.count("events_accepted", sent.accepted.len());
    report.count("posted_again", sent.posted_again);
    report.count("answers_not_waited_for", sent.abandoned);
    report.count("answers_lost_or_503", sent.failed);
    target.faults(&mut report);
    report_ends(&mut report, &sent, &states);
    let mails = target.mails(&sent.accepted)?;
    check::mailed_in_doubt(&mut report, &target, &mails)?;
    check::raw(&mut report, &target, &accepted(&sent.accepted))?;
    report_vitals(&mut report, &samples);
    Ok(report)
}

/// Kills until the time is over, and once more then. Returns how many processes it killed, and what they held.
async fn trouble<T: Killed>(
    soak: Soak,
    target: &T,
    sent: &RefCell<Sent>,
) -> Result<(usize, Samples)> {
    let mut chance = Chance::new(soak.seed.wrapping_add(1));
    // What counts is the time between a start and its kill: the starts take long on a busy machine.
    let (mut lived, mut kills, mut samples) = (Duration::ZERO, 0, Samples::new());
    for round in 0.. {
        let life = if soak.kill_every.is_zero() {
            soak.lasts
        } else {
            let percent = u32::try_from(50 + chance.below(100))?;
            soak.kill_every * percent / 100
        };
        let life = life.min(soak.lasts.saturating_sub(lived));
        let born = Instant::now();
        while born.elapsed() < life {
            sleep(SAMPLE_EVERY.min(life.saturating_sub(born.elapsed()))).await;
            samples.extend(held(target, round));
        }
        lived += life;
        let is_last = lived >= soak.lasts;
        if is_last {
            // What is begun after the last kill works: a mail that it refuses would come back after six minutes.
            target.heal();
        }
        kills += target.kill(|| sent.borrow().accepted.clone()).await?;
        if is_last {
            break;
        }
    }
    Ok((kills, samples))
}

/// What the processes hold now.
fn held<T: Target>(target: &T, round: usize) -> Samples {
    let processes = target.processes().into_iter();
    let held = processes.filter_map(|process| Some((round, process, Vital::of(process)?)));
    held.collect()
}

fn is_end(state: &str) -> bool {
    matches!(state, "mailed" | "parked" | "dead")
}

/// Waits until nothing is under way, and gives the state of each event by its id.
async fn await_ends<T: Killed>(target: &T, accepted: &Keys) -> Result<BTreeMap<String, String>> {
    let began = Instant::now();
    loop {
        let states = target.states(accepted)?;
        let is_over = |event: &String| states.get(event).is_some_and(|state| is_end(state));
        if accepted.keys().all(is_over) || began.elapsed() > OVER_DEADLINE {
            return Ok(states);
        }
        sleep(LOOK.max(began.elapsed() / 20)).await;
    }
}

/// Waits until everything can be read that is stored. What lacks after a while is reported by the checks.
pub(crate) async fn await_views<T: Target>(target: &T, count: usize) -> Result<()> {
    const DEADLINE: Duration = Duration::from_secs(30);
    let began = Instant::now();
    loop {
        let is_there = |room: &str| anyhow::Ok(target.names(room)?.len() >= count);
        if (is_there("raw")? && is_there("enriched")?) || began.elapsed() > DEADLINE {
            return Ok(());
        }
        sleep(LOOK / 10).await;
    }
}

fn count(states: &BTreeMap<String, String>, state: &str) -> usize {
    states.values().filter(|end| *end == state).count()
}

fn accepted(keys: &Keys) -> Vec<Accepted> {
    let each = keys
        .iter()
        .flat_map(|(id, keys)| keys.iter().map(move |key| (id, key)));
    each.map(|(id, key)| Accepted {
        event: event_of(id),
        key: key.clone(),
    })
    .collect()
}

fn report_ends(report: &mut Report, sent: &Sent, states: &BTreeMap<String, String>) {
    for (name, state) in [
        ("ended_mailed", "mailed"),
        ("ended_parked", "parked"),
        ("ended_failed", "dead"),
    ] {
        report.count(name, count(states, state));
    }
    let lost = sent.accepted.keys().filter_map(|event| {
        let state = states.get(event).map_or("not there", String::as_str);
        (!is_end(state)).then(|| format!("{event}: {state}"))
    });
    report.promise("nothing accepted is lost", lost);
    let several = sent.accepted.iter().filter(|(_, keys)| keys.len() > 1);
    let several = several.map(|(event, keys)| format!("{event}: {keys:?}"));
    report.promise("an event that comes again keeps its key", several);
    let promise = "nothing else was answered than 202, 503 or nothing";
    report.promise(promise, &sent.odd);
}

/// Compares the most that was held between kills, in the order of time, and each process with itself.
fn report_vitals(report: &mut Report, samples: &Samples) {
    let rounds = samples.last().map_or(0, |(round, ..)| round + 1);
    let mut groups: BTreeMap<usize, Vital> = BTreeMap::new();
    let mut processes: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for (number, (round, process, vital)) in samples.iter().enumerate() {
        let group = if rounds >= GROUPS / 2 {
            *round
        } else {
            number * GROUPS / samples.len().max(1)
        };
        let most = groups.entry(group).or_default();
        most.rss_bytes = most.rss_bytes.max(vital.rss_bytes);
        most.files = most.files.max(vital.files);
        processes.entry(*process).or_default().push(vital.rss_bytes);
    }
    let rss: Vec<u64> = groups.values().map(|most| most.rss_bytes).collect();
    let files: Vec<u64> = groups.values().map(|most| most.files).collect();
    let most = |values: &[u64]| {
        let most = values.iter().max().copied().unwrap_or(0);
        usize::try_from(most).unwrap_or(usize::MAX)
    };
    report.count("processes", processes.len());
    report.count("resident_memory_kib_at_most", most(&rss) / 1024);
    report.count("open_files_at_most", most(&files));
    for (what, values, slack) in [
        ("memory stays flat", rss, RSS_SLACK),
        ("open files stay flat", files, FILES_SLACK),
    ] {
        let grown = (!is_flat(&values, slack)).then(|| format!("{values:?}"));
        report.promise(what, grown);
    }
    // Not one that has only begun.
    let grown = processes.iter();
    let grown = grown.filter(|(_, rss)| rss.len() >= GROUPS && !is_flat(rss, RSS_SLACK));
    let grown = grown.map(|(process, rss)| format!("process {process}: {rss:?}"));
    report.promise("memory of every process stays flat", grown);
}
