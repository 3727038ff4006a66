//! What `sweep` tells.

use super::{Subject, count};
use crate::observe::metric::Metric;

/// An event that had lost its trigger was enqueued again, or given up.
#[derive(Debug)]
pub struct EventSwept<'a> {
    /// What it is about.
    pub subject: Subject<'a>,
    /// The raw object.
    pub s3_key: &'a str,
    /// Which time this is.
    pub times: u32,
    /// Whether it was given up.
    pub given_up: bool,
}

impl EventSwept<'_> {
    /// Tells it.
    pub fn emit(self) {
        if self.subject.is_counted() {
            count(Metric::SweptEvents);
        }
        tracing::error!(
            event = "event_swept",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            s3_key = self.s3_key,
            times = self.times,
            given_up = self.given_up,
            "an event had lost its trigger"
        );
    }
}

/// A sweep ended.
#[derive(Debug)]
pub struct SweepFinished {
    /// Raw objects that were looked at.
    pub examined: u64,
    /// Events that had lost their trigger.
    pub found: u64,
    /// Events that were enqueued again.
    pub sent: u64,
    /// Events that were given up.
    pub given_up: u64,
    /// Whether nothing was sent because too many were found.
    pub refused: bool,
}

impl SweepFinished {
    /// Tells it.
    pub fn emit(self) {
        if self.refused {
            count(Metric::SweepRefused);
        }
        tracing::info!(
            event = "sweep_finished",
            examined = self.examined,
            found = self.found,
            sent = self.sent,
            given_up = self.given_up,
            refused = self.refused,
            "sweep finished"
        );
        if self.refused {
            tracing::error!(
                event = "sweep_refused",
                found = self.found,
                "more lost triggers than SWEEP_MAX: none was sent; see the runbook"
            );
        }
    }
}
