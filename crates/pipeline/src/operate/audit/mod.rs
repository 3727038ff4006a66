//! `audit`: every event that was received is accounted for, and what is stored agrees with itself. It changes nothing.
//!
//! Three sorted listings, `raw/`, `enriched/` and `mail/`, are walked side by side; what is stored about each event is read (`evidence.rs`)
//! and judged (`judge.rs`). Whatever looks wrong is looked at once more, since the home works on meanwhile.

mod evidence;
mod judge;

pub use judge::{End, Flaw};

use crate::ledger::{Group, Ledger, Walk};
use crate::port::{Clock as _, Home, PortError};
use crate::settings::SweepConfig;
use evidence::Evidence;
use futures_util::future::try_join_all;
use judge::{Case, Judged};
use leadwire_domain::key::EventName;
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Events that are read at once.
const READS_AT_ONCE: usize = 32;

/// The settings of the audit.
#[derive(Clone, Copy, Debug)]
pub struct AuditConfig {
    /// The sweep's, which says from which age an event without an end has lost its trigger.
    pub sweep: SweepConfig,
    /// Whether objects expire by themselves, raw objects a little before documents.
    pub expires: bool,
}

/// A look into the queue.
#[derive(Clone, Debug, Default)]
pub struct QueueSeen {
    /// The events, and revisions, that have a message; absent where that is not known without taking messages away from others.
    pub live: Option<BTreeSet<EventName>>,
    /// Those that have a dead letter, as far as that is known.
    pub dead: BTreeSet<EventName>,
}

/// The account. Of what was received, each event is in one place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Events that are stored, or were and are forgotten.
    pub received: u64,
    /// Their effects are all sent or dropped, at least one of them sent.
    pub mailed: u64,
    /// A person must decide.
    pub parked: u64,
    /// They failed for good.
    pub dead_lettered: u64,
    /// Forgotten on request.
    pub forgotten: u64,
    /// They have a message, or are younger than everything that they may wait for.
    pub in_flight: u64,
    /// They have neither an end nor anything that would bring them to one.
    pub nowhere: u64,
}

impl Account {
    /// Whether the parts make up the whole.
    pub fn adds_up(&self) -> bool {
        let parts = [
            self.mailed,
            self.parked,
            self.dead_lettered,
            self.forgotten,
            self.in_flight,
            self.nowhere,
        ];
        self.received == parts.iter().sum::<u64>()
    }

    fn count(&mut self, end: End) {
        let part = match end {
            End::Mailed => &mut self.mailed,
            End::Parked => &mut self.parked,
            End::DeadLettered => &mut self.dead_lettered,
            End::Forgotten => &mut self.forgotten,
            End::InFlight | End::Unqueued => &mut self.in_flight,
            End::Nowhere => &mut self.nowhere,
            End::Expired => return,
        };
        *part += 1;
        self.received += 1;
    }
}

/// What an audit found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// The account.
    #[serde(flatten)]
    pub account: Account,
    /// Of those in flight, events whose message is missing, where that is known: the sweep enqueues them again.
    pub without_message: u64,
    /// Events whose marker alone is left: their retention is over.
    pub expired: u64,
    /// Replays.
    pub replays: u64,
    /// Whatever does not agree: each of them was reported, and a person must look.
    pub inconsistent: u64,
    /// What was reported and needs no person.
    pub notes: u64,
}

impl AuditReport {
    /// Whether every event is accounted for and everything agrees.
    pub fn is_sound(&self) -> bool {
        self.account.adds_up() && self.account.nowhere == 0 && self.inconsistent == 0
    }
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The key of what it is about.
    pub key: String,
    /// What it is.
    pub flaw: Flaw,
    /// Whether it only calls for being known.
    pub is_note: bool,
}

/// What is reported on the way.
#[derive(Clone, Copy, Debug)]
pub enum AuditStep<'a> {
    /// So many events have been looked at.
    Examined(u64),
    /// This was found.
    Found(&'a Finding),
}

/// Audits one home.
#[derive(Debug)]
pub struct Audit<H> {
    home: Arc<H>,
    config: AuditConfig,
}

impl<H: Home> Audit<H> {
    /// Over a home.
    pub fn new(home: Arc<H>, config: AuditConfig) -> Self {
        Self { home, config }
    }

    /// Looks at everything. `see` looks into the queue: before anything is read, and again for each look at what seems wrong.
    pub async fn run(
        &self,
        see: impl AsyncFn() -> Result<QueueSeen, PortError>,
        on_step: &mut impl FnMut(AuditStep<'_>),
    ) -> Result<AuditReport, PortError> {
        let mut report = AuditReport::default();
        let mut queue = see().await?;
        let mut walk = Walk::new(Ledger::new(self.home.store()));
        let mut examined = 0;
        loop {
            let groups = walk.next_groups(READS_AT_ONCE).await?;
            if groups.is_empty() {
                return Ok(report);
            }
            let looks = groups.iter().map(|group| self.examine(group, &queue));
            let judged = try_join_all(looks).await?;
            for (group, mut judged) in groups.iter().zip(judged) {
                if !judged.flaws.is_empty() {
                    queue = see().await?;
                    judged = self.examine(group, &queue).await?;
                }
                self.book(judged, &mut report, on_step);
                examined += 1;
            }
            on_step(AuditStep::Examined(examined));
        }
    }

    async fn examine(&self, group: &Group, queue: &QueueSeen) -> Result<Judged, PortError> {
        match group {
            Group::Strange(key) => Ok(Judged::strange(key)),
            Group::Event { name, revisions } => {
                let evidence =
                    Evidence::read(Ledger::new(self.home.store()), name, revisions).await?;
                let case = Case {
                    evidence: &evidence,
                    queue,
                    now: self.home.clock().now(),
                    config: &self.config,
                };
                Ok(case.judge())
            }
        }
    }

    fn book(
        &self,
        judged: Judged,
        report: &mut AuditReport,
        on_step: &mut impl FnMut(AuditStep<'_>),
    ) {
        if let Some(end) = judged.end {
            report.account.count(end);
            report.without_message += u64::from(end == End::Unqueued);
            report.expired += u64::from(end == End::Expired);
        }
        report.replays += judged.replays;
        for (key, flaw) in judged.flaws {
            let is_note = flaw.is_note(&key, self.config.expires);
            if is_note {
                report.notes += 1;
            } else if flaw != Flaw::Nowhere {
                report.inconsistent += 1;
            }
            on_step(AuditStep::Found(&Finding { key, flaw, is_note }));
        }
    }
}
