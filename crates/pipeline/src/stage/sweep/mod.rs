//! `sweep`: finds events that have lost their trigger and enqueues them again. In normal operation it finds nothing.
//!
//! Its cost grows with the objects kept: one request per thousand of them. Where a run takes long, its ranges are listed side by side
//! (`range.rs`), and where its time is over, the next one goes on from there (`round.rs`). `run.rs` is one run. On its way
//! it looks which sources are silent (`silence.rs`).

mod look;
mod open;
mod range;
mod requeue;
mod round;
mod run;
mod silence;

use crate::ledger::Ledger;
use crate::observe::{CallFailed, Subject};
use crate::port::{Home, NoSecrets, PortError};
use crate::secrets::SecretCache;
use crate::settings::SweepConfig;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::sync::Arc;
use tokio::time::{Instant, timeout_at};

/// What a sweep may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepMode {
    /// Enqueue again what is found, unless it is more than `SWEEP_MAX`.
    Send,
    /// Only look.
    DryRun,
    /// Enqueue again whatever is found: an operator has looked.
    Confirm,
}

/// What a sweep found and did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SweepReport {
    /// Raw objects that were looked at.
    pub examined: u64,
    /// Events that had lost their trigger.
    pub found: u64,
    /// Events that were enqueued again.
    pub sent: u64,
    /// Events that were given up: they had been enqueued twice already.
    pub given_up: u64,
    /// Whether nothing was sent because too many were found.
    pub refused: bool,
    /// Whether it came to its end. If not, its time was over, or a listing failed, and the next run goes on.
    pub complete: bool,
    /// Ranges of names that were listed side by side.
    pub ranges: usize,
    /// The keys of what was found, at most `SWEEP_MAX` of them.
    pub keys: Vec<String>,
}

/// The stage that sweeps.
#[derive(Debug)]
pub struct Sweep<H, S = NoSecrets> {
    home: Arc<H>,
    config: SweepConfig,
    /// Where it looks for silent sources too.
    sources: Option<SecretCache<S>>,
}

impl<H: Home> Sweep<H> {
    /// A stage over a home.
    pub fn new(home: Arc<H>, config: SweepConfig) -> Self {
        Self {
            home,
            config,
            sources: None,
        }
    }

    /// The same stage, which also looks which of these sources are silent.
    pub fn watching<S>(self, sources: SecretCache<S>) -> Sweep<H, S> {
        Sweep {
            home: self.home,
            config: self.config,
            sources: Some(sources),
        }
    }
}

impl<H: Home, S> Sweep<H, S> {
    fn is_too_old(&self, now: Timestamp, stored_at: Timestamp) -> bool {
        let limit = SignedDuration::from_hours(24 * i64::from(self.config.max_age_days));
        now.duration_since(stored_at) >= limit
    }

    fn is_lost(&self, now: Timestamp, enqueued_at: Timestamp, is_claimed: bool) -> bool {
        now.duration_since(enqueued_at) > self.config.lost_after(is_claimed)
    }

    fn ledger(&self) -> Ledger<'_, H::Store> {
        Ledger::new(self.home.store())
    }
}

/// What a future gives, unless the time is over first.
async fn within<T>(until: Option<Instant>, work: impl Future<Output = T>) -> Option<T> {
    match until {
        Some(until) => timeout_at(until, work).await.ok(),
        None => Some(work.await),
    }
}

fn report_failed_call(error: &PortError) {
    CallFailed {
        subject: Subject::default(),
        error,
    }
    .emit();
}
