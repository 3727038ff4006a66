//! A million stored leads, and what must be quick with them.

use crate::flood::{Posted, post_all};
use crate::lead::Event;
use crate::machine::Machine;
use crate::report::Report;
use crate::target::Target as _;
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

/// Leads that are posted before the next are made up.
const ROUND: usize = 10_000;
/// How often each look is taken; the middle one counts.
const LOOKS: usize = 5;
/// Looks that take at most so long, in seconds.
const LIMITS: [(&str, f64); 5] = [
    ("first_webhook_after_a_start", 2.0),
    ("leads", 0.3),
    ("page", 0.3),
    ("lead", 0.1),
    ("page_of_a_lead", 0.3),
];

/// What is stored before anything is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Million {
    /// Leads with one event each.
    pub leads: usize,
    /// Senders at once.
    pub senders: usize,
}

/// Posts the leads, starts the machine again, and times what people look at.
///
/// # Errors
/// The harness itself failed, or a lead was not accepted.
pub async fn run(million: Million, machine: &Machine) -> Result<Report> {
    let mut report = Report::new("million");
    post(million, machine, &mut report).await?;
    let first = machine.restart(&event(million.leads)).await?;
    report.figure("first_webhook_after_a_start", first.as_secs_f64(), "s");
    let lead = event(million.leads / 2).lead_id;
    for (name, path) in [("page", "/"), ("page_of_a_lead", &format!("/leads/{lead}"))] {
        let mut taken = Vec::new();
        for _ in 0..LOOKS {
            let began = Instant::now();
            let page = machine.sender().get(path).await?;
            ensure!(page.status == 200, "{path}: {}", page.status);
            taken.push(began.elapsed());
        }
        report.figure(name, middle(taken), "s");
    }
    for (name, words) in [
        ("leads", &["leads"][..]),
        ("lead", &["lead", &lead]),
        ("dlq_ls", &["dlq", "ls"]),
    ] {
        let taken = (0..LOOKS).map(|_| machine.command(words));
        report.figure(name, middle(taken.collect::<Result<_>>()?), "s");
    }
    // These look at everything there is, on purpose.
    for (name, words) in [("doctor", &["doctor"]), ("audit", &["audit"])] {
        report.figure(name, machine.command(words)?.as_secs_f64(), "s");
    }
    machine.stop().await?;
    Ok(report)
}

/// Holds the looks to what is promised of a release build.
pub fn hold(report: &mut Report) {
    let slow = LIMITS.iter().filter_map(|(name, limit)| {
        let seconds = report.value(name).unwrap_or(f64::INFINITY);
        (seconds > *limit).then(|| format!("{name}: {seconds:.2} s, at most {limit} s"))
    });
    let slow: Vec<String> = slow.collect();
    report.promise("what people look at stays quick", slow);
}

/// Posts them all; the rate of the first and of the last tenth says whether it grew slower.
async fn post(million: Million, machine: &Machine, report: &mut Report) -> Result<()> {
    let mut rates = Vec::new();
    for from in (0..million.leads).step_by(ROUND) {
        let events: Vec<Event> = (from..million.leads.min(from + ROUND)).map(event).collect();
        let (count, began) = (events.len(), Instant::now());
        let posted = post_all(machine, events, million.senders).await?;
        let accepted = posted.iter().filter(|posted| is_accepted(posted)).count();
        ensure!(accepted == count, "{accepted} of {count} were accepted");
        let count = f64::from(u32::try_from(count)?);
        rates.push(count / began.elapsed().as_secs_f64());
    }
    let tenth = rates.len().div_ceil(10);
    let mean =
        |rates: &[f64]| rates.iter().sum::<f64>() / f64::from(u32::try_from(tenth).unwrap_or(1));
    let (first, last) = (rates.get(..tenth), rates.get(rates.len() - tenth..));
    report.count("leads_stored", million.leads);
    report.figure("accepted_at_first", first.map_or(0.0, mean), "/s");
    report.figure("accepted_at_last", last.map_or(0.0, mean), "/s");
    Ok(())
}

fn event(n: usize) -> Event {
    // No order of ids that a store could be glad of.
    let id = u64::try_from(n)
        .unwrap_or_default()
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    Event::flat(&format!("load-{id:016x}"), &format!("million-{n}"))
}

fn is_accepted(posted: &Posted) -> bool {
    let answer = posted.answer.as_ref();
    answer.is_some_and(|answer| answer.status == 202)
}

/// The middle one, in seconds.
fn middle(mut taken: Vec<Duration>) -> f64 {
    taken.sort_unstable();
    let middle = taken.get(taken.len() / 2);
    middle.copied().unwrap_or_default().as_secs_f64()
}
