//! The way of one lead from the queue to its mail.

use super::chance::Chance;
use super::gauge::Messages;
use super::{Day, clock};
use leadwire_pipeline::observe::metric::Metric;

/// A lead that was accepted.
pub(super) struct Lead {
    pub(super) number: u32,
    pub(super) source: &'static str,
    pub(super) accepted: i64,
    pub(super) fate: Fate,
}

/// What is special about a lead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Plain,
    /// Its owner never comes.
    Ownerless,
    /// The mail service's reply is lost.
    Doubtful,
}

const DELAY: i64 = 600;
/// How long an owner is waited for.
const WINDOW: i64 = 1_800;
/// From when to when the mail service throttles, in minutes of the clock.
const THROTTLED: (i64, i64) = (10 * 60 + 20, 10 * 60 + 45);
/// How long it is until an owner is looked for again.
const STEPS: [i64; 5] = [30, 60, 120, 240, 300];

/// Tells all that happens to a lead after it was accepted.
pub(super) fn follow(day: &mut Day, messages: &mut Messages, chance: &mut Chance, lead: &Lead) {
    let planned = lead.accepted + DELAY;
    messages.delayed.push((lead.accepted, planned));
    let lunch = (720..800).contains(&clock(planned));
    let lag = chance.skewed(0.25, if lunch { 14.0 } else { 4.0 });
    let delay = (f64::from(600) + lag) * 1_000.0;
    day.tell(planned, Metric::EnrichmentDelay, Some(lead.source), delay);
    day.tell(planned, Metric::EnrichmentLag, None, lag * 1_000.0);
    let owner = if lead.fate == Fate::Ownerless {
        i64::MAX
    } else if chance.happens(0.06) {
        // Most come within the first looks, a few much later.
        let late = if chance.happens(0.06) { 420 } else { 75 };
        planned + 15 + chance.seconds(late)
    } else {
        lead.accepted + chance.seconds(500)
    };
    let Some(found) = wait_for_owner(day, messages, chance, (planned, owner)) else {
        fail(day, messages, chance, lead, planned + WINDOW);
        return;
    };
    day.tell(found, Metric::LeadsEnriched, None, 1.0);
    let sent = wait_for_mail(day, messages, chance, found);
    if lead.fate == Fate::Doubtful {
        doubt(day, chance, lead, sent);
    }
    let exact = f64::from(i32::try_from(sent - lead.accepted).unwrap_or_default()) + lag;
    day.tell(sent, Metric::EmailsSent, None, 1.0);
    day.tell(
        sent,
        Metric::EndToEndLatency,
        Some(lead.source),
        exact * 1_000.0,
    );
    let due = planned.max(owner);
    let end = if sent - due <= 60 {
        Metric::MailedInTime
    } else {
        Metric::MailedLate
    };
    day.tell(sent, end, None, 1.0);
    let by = ("ses:configuration-set", "ConfigurationSet");
    day.tell_aws(sent, ("AWS/SES", "Send"), by, 1.0);
    let (latency, trace) = (format!("{:.0}", exact * 1_000.0), chance.trace());
    let id = format!("lead-{:05}", lead.number);
    day.write(
        sent,
        &[
            ("event", "email_sent"),
            ("lead_id", &id),
            ("latency_ms", &latency),
            ("attempt", "1"),
            ("trace_id", &trace),
        ],
    );
}

/// Looks again and again; gives back when the owner was found, if ever.
fn wait_for_owner(
    day: &mut Day,
    messages: &mut Messages,
    chance: &mut Chance,
    (planned, owner): (i64, i64),
) -> Option<i64> {
    let mut steps = STEPS.into_iter().chain(std::iter::repeat(300));
    let mut now = planned;
    loop {
        attempt(day, messages, chance, now);
        if owner <= now {
            return Some(now);
        }
        if now >= planned + WINDOW {
            return None;
        }
        day.tell(now, Metric::OwnerPending, None, 1.0);
        let next = (now + steps.next().unwrap_or(300)).min(planned + WINDOW);
        messages.delayed.push((now, next));
        now = next;
    }
}

/// Waits while the mail service throttles; gives back when it took the mail.
fn wait_for_mail(day: &mut Day, messages: &mut Messages, chance: &mut Chance, from: i64) -> i64 {
    let (mut now, mut step) = (from, 20);
    while (THROTTLED.0..THROTTLED.1).contains(&clock(now)) && chance.happens(0.8) {
        day.tell(now, Metric::MailDeferred, None, 1.0);
        let next = now + step + chance.seconds(20);
        messages.delayed.push((now, next));
        attempt(day, messages, chance, next);
        now = next;
        step = (step * 2).min(300);
    }
    now
}

/// An invocation that works on a message.
fn attempt(day: &mut Day, messages: &mut Messages, chance: &mut Chance, second: i64) {
    let slow = (THROTTLED.0..THROTTLED.1).contains(&clock(second));
    let most = if slow { 4_000.0 } else { 900.0 };
    let duration = chance.skewed(180.0, most);
    messages.hidden.push((second, second + 3));
    day.tell_function(second, "Duration", "EnrichmentFunction", duration);
    day.tell_function(second, "Errors", "EnrichmentFunction", 0.0);
    day.tell_function(second, "Throttles", "EnrichmentFunction", 0.0);
    if chance.happens(0.008) {
        day.tell_as(second, (Metric::ColdStart, "enrich"), None, 1.0);
    }
}

/// Three receives in vain, and the dead-letter queue.
fn fail(day: &mut Day, messages: &mut Messages, chance: &mut Chance, lead: &Lead, from: i64) {
    let trace = chance.trace();
    let id = format!("lead-{:05}", lead.number);
    let receives = [from, from + 15, from + 15 + 360];
    for second in receives {
        attempt(day, messages, chance, second);
        day.tell(second, Metric::BatchItemFailures, None, 1.0);
        messages
            .hidden
            .push((second, second + if second == from { 15 } else { 360 }));
        day.write(
            second,
            &[
                ("service", "enrich"),
                ("event", "record_failed"),
                ("reason", "owner_missing"),
                ("lead_id", &id),
                ("trace_id", &trace),
            ],
        );
    }
    let last = from + 375;
    day.tell(last, Metric::FinalAttemptFailed, None, 1.0);
    day.tell(last, Metric::NotMailed, None, 1.0);
    messages.dead.push(last + 360);
}

/// A reply of the mail service that was lost.
fn doubt(day: &mut Day, chance: &mut Chance, lead: &Lead, second: i64) {
    let trace = chance.trace();
    let id = format!("lead-{:05}", lead.number);
    day.tell(second, Metric::EmailsAmbiguous, None, 1.0);
    day.tell(second, Metric::BatchItemFailures, None, 1.0);
    day.write(
        second,
        &[
            ("service", "enrich"),
            ("event", "email_ambiguous"),
            ("lead_id", &id),
            ("trace_id", &trace),
        ],
    );
}
