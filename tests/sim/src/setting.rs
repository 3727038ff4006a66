//! What a world is like: drawn from a seed, or the plain one that schedules are written for.

use crate::mistake::Mistake;
use crate::receiver::Receivers;
use leadwire_pipeline::settings::{AmbiguousPolicy, OwnerMissingPolicy, Pace};
use leadwire_pipeline::testkit::Chance;
use std::time::Duration;

/// The life of a claim on one machine, as its home has it.
pub const MACHINE_LEASE_SECONDS: u32 = 1800;
/// How long a record may take there.
pub const MACHINE_PACE: Pace = Pace {
    record: Duration::from_mins(28),
    send: Duration::from_mins(26),
};

/// When the owner of a lead is assigned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Before the webhook.
    There,
    /// So long after it.
    After(Duration),
    /// Never.
    Never,
}

/// How an event is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// With an id and a time of its own (Standard Webhooks).
    Signed,
    /// With an id, without a time.
    WithKey,
    /// With neither.
    Plain,
}

/// What an operator does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Sends again what failed.
    Redrive,
    /// Forgets a lead.
    Forget,
    /// Replays an event.
    Replay,
    /// Says what became of the effects that are parked.
    Resolve,
}

use Operation::{Forget, Redrive, Replay, Resolve};

/// What is done in a world: in most of them nothing.
const OPERATIONS: [&[Operation]; 10] = [
    &[],
    &[],
    &[],
    &[],
    &[],
    &[Redrive, Resolve],
    &[Resolve, Redrive, Replay],
    &[Replay, Replay, Resolve],
    &[Forget],
    &[Replay, Forget, Redrive, Forget],
];
/// A call takes at most so many milliseconds, once on the way and once back.
const LATENCY_MILLIS_MAX: u64 = 500;
/// An effect is late by at most so long: beyond a lease and a visibility.
const LATE_SECONDS_MAX: u64 = 400;
/// The same where leads are forgotten: with all that a stage may take before, within a lease.
const LATE_BEFORE_FORGET_SECONDS_MAX: u64 = 20;
/// So many in a thousand worlds begin as the first edition left them.
const UPGRADES_PER_MILLE: u64 = 150;

/// What S3 says of owner files that are written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notifications {
    /// Whether it says anything.
    pub are_sent: bool,
    /// So many in a thousand are lost.
    pub lost_per_mille: u64,
    /// So many in a thousand come at the very moment of the write.
    pub early_per_mille: u64,
    /// So many in a thousand come twice.
    pub doubled_per_mille: u64,
}

/// What a world is like.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is drawn by itself; no two of them are one state"
)]
pub struct Setting {
    /// Events of all leads.
    pub events: usize,
    /// Leads; several events may be of one.
    pub leads: usize,
    /// The events are spread over so many milliseconds.
    pub spread_millis: u64,
    /// Workers at once.
    pub workers: usize,
    /// Faults at most.
    pub faults_max: usize,
    /// So many calls in a thousand fail, until the most is reached.
    pub fault_per_mille: u64,
    /// A call takes at most so long, once on the way and once back.
    pub latency_millis: u64,
    /// Clocks differ from the true one by at most so much.
    pub skew_millis: u64,
    /// So many in a thousand webhooks come once more.
    pub again_per_mille: u64,
    /// So many in a thousand of those carry other bytes under the same id.
    pub altered_per_mille: u64,
    /// So many in a thousand receives hide the message for a moment only: two workers have it at once.
    pub overlap_per_mille: u64,
    /// So many in a thousand messages come before their delay is over.
    pub early_per_mille: u64,
    /// So many in a thousand deliveries after the first say another time and another text: a sender that makes its request anew.
    pub renewed_per_mille: u64,
    /// A signed request holds so many events at most.
    pub events_in_request_max: usize,
    /// How often each owner file is written anew.
    pub lookup_changes: u64,
    /// Whether a CRM comes back after an answer that is not 2xx.
    pub crm_retries: bool,
    /// Whether there is a message among the others that nobody can read.
    pub poison: bool,
    /// Whether somebody empties the queue once.
    pub purge: bool,
    /// Whether there are sweeps besides those at the end.
    pub sweeps: bool,
    /// Whether there is a sweeper at all.
    pub has_sweeper: bool,
    /// What is done about doubtful effects.
    pub ambiguous: AmbiguousPolicy,
    /// What is done without an owner.
    pub owner_missing: OwnerMissingPolicy,
    /// The life of a claim, in seconds.
    pub lease_seconds: u32,
    /// So many in a thousand leads get their owner late, or never.
    pub late_owner_per_mille: u64,
    /// An effect is late by at most so many seconds: beyond a lease and a visibility, but where leads are forgotten, which trusts that whoever
    /// began before is done within a lease.
    pub late_seconds_max: u64,
    /// So many in a thousand mails get no turn: nothing is handed to their service.
    pub unsent_per_mille: u64,
    /// Whether the machine is stopped once, and begins again: what is not under way then is not sent.
    pub stops: bool,
    /// Who is told.
    pub receivers: Receivers,
    /// What says that an owner file was written.
    pub notifications: Notifications,
    /// Whether events were worked on by the first edition before.
    pub upgrades: bool,
    /// What an operator does, once each: what failed is redriven, a lead forgotten, an event replayed, what is parked resolved.
    pub operations: &'static [Operation],
    /// The mistake that the ports make the real code commit.
    pub mistake: Option<Mistake>,
    /// Whether all processes are one machine's: they share a boot and a mail log, its mail servers have their time, and where one process
    /// dies all do.
    pub one_machine: bool,
}

impl Setting {
    /// One event, one worker, and nothing that is left to chance.
    pub fn plain(ambiguous: AmbiguousPolicy) -> Self {
        Self {
            events: 1,
            leads: 1,
            spread_millis: 0,
            workers: 1,
            faults_max: 0,
            fault_per_mille: 0,
            latency_millis: 0,
            skew_millis: 0,
            again_per_mille: 0,
            altered_per_mille: 0,
            overlap_per_mille: 0,
            early_per_mille: 0,
            renewed_per_mille: 0,
            events_in_request_max: 1,
            lookup_changes: 1,
            crm_retries: true,
            poison: false,
            purge: false,
            sweeps: false,
            has_sweeper: true,
            ambiguous,
            owner_missing: OwnerMissingPolicy::Dlq,
            lease_seconds: leadwire_pipeline::settings::LEASE_SECONDS,
            late_owner_per_mille: 0,
            late_seconds_max: LATE_SECONDS_MAX,
            unsent_per_mille: 0,
            stops: false,
            receivers: Receivers::default(),
            notifications: Notifications::default(),
            upgrades: false,
            operations: &[],
            mistake: None,
            one_machine: false,
        }
    }

    /// The same with one receiver more.
    #[must_use]
    pub fn telling_two(self) -> Self {
        let receivers = Receivers {
            more: 1,
            ..self.receivers
        };
        Self { receivers, ..self }
    }

    /// The same on one machine, where a lease outlives every worker by far: another run's claim need not be waited for.
    #[must_use]
    pub fn on_one_machine(self) -> Self {
        Self {
            one_machine: true,
            lease_seconds: MACHINE_LEASE_SECONDS,
            ..self
        }
    }

    /// The same where some servers answer late, if it is one machine: drawn apart from all else.
    #[must_use]
    pub fn with_late_services(self, chance: &mut Chance) -> Self {
        if !self.one_machine {
            return self;
        }
        let receivers = self.receivers.with_late_services(chance);
        Self { receivers, ..self }
    }

    /// How long a record may take.
    pub(crate) fn pace(&self) -> Pace {
        if self.one_machine {
            MACHINE_PACE
        } else {
            Pace::FUNCTION
        }
    }

    /// The same with a lead that is forgotten, and calls that are slow enough for a worker to be in the middle of it.
    #[must_use]
    pub fn forgetting(self) -> Self {
        Self {
            operations: &[Forget],
            latency_millis: LATENCY_MILLIS_MAX,
            late_seconds_max: LATE_BEFORE_FORGET_SECONDS_MAX,
            ..self
        }
    }

    /// The same with the receivers that a seed says, and with what was there before: drawn apart from all else.
    #[must_use]
    pub fn with_receivers(self, chance: &mut Chance) -> Self {
        Self {
            receivers: Receivers::drawn(chance),
            upgrades: chance.happens(UPGRADES_PER_MILLE),
            ..self
        }
    }

    /// The same with notifications as a seed says: in a third of the worlds there are none, as where the bucket is another's.
    #[must_use]
    pub fn with_notifications(self, chance: &mut Chance) -> Self {
        let notifications = Notifications {
            are_sent: chance.happens(667),
            lost_per_mille: chance.pick(0, &[0, 300]),
            early_per_mille: chance.pick(0, &[300, 1000]),
            doubled_per_mille: chance.pick(0, &[300]),
        };
        Self {
            notifications,
            ..self
        }
    }

    /// The same with senders as a seed says: drawn apart from all else.
    #[must_use]
    pub fn with_senders(self, chance: &mut Chance) -> Self {
        Self {
            renewed_per_mille: chance.pick(0, &[0, 300, 1000]),
            events_in_request_max: chance.pick(1, &[1, 2, 4]),
            ..self
        }
    }

    /// The same with turns, and a stop, as a seed says: drawn apart from all else.
    #[must_use]
    pub fn with_turns(self, chance: &mut Chance) -> Self {
        let unsent_per_mille = chance.pick(0, &[0, 0, 100, 400]);
        let stops = chance.happens(300) && self.one_machine;
        Self {
            unsent_per_mille,
            stops,
            ..self
        }
    }

    /// What a seed says.
    pub fn drawn(chance: &mut Chance) -> Self {
        // Small worlds are quick and find most; large ones find the rest.
        let events = chance.pick(1, &[1, 1, 2, 2, 3, 4, 6, 20]);
        let leads = 1 + chance.place(events);
        let park = chance.happens(300);
        let missing_mails = chance.happens(300);
        let operations = chance.pick(OPERATIONS[0], &OPERATIONS[1..]);
        let forgets = operations.contains(&Operation::Forget);
        Self {
            events,
            leads,
            spread_millis: chance.pick(0, &[10, 1000, 300_000]),
            workers: 1 + chance.place(4),
            faults_max: chance.place(7),
            fault_per_mille: chance.pick(10, &[30, 100, 250]),
            latency_millis: chance.pick(0, &[5, 50, LATENCY_MILLIS_MAX]),
            skew_millis: chance.pick(0, &[400]),
            again_per_mille: chance.pick(0, &[200, 700]),
            altered_per_mille: chance.pick(0, &[300]),
            overlap_per_mille: chance.pick(0, &[50, 400]),
            early_per_mille: chance.pick(0, &[0, 300]),
            lookup_changes: chance.below(4),
            crm_retries: chance.happens(600),
            poison: chance.happens(150),
            purge: chance.happens(100),
            sweeps: chance.happens(300),
            owner_missing: if missing_mails {
                OwnerMissingPolicy::Mail
            } else {
                OwnerMissingPolicy::Dlq
            },
            late_owner_per_mille: chance.pick(0, &[300]),
            late_seconds_max: if forgets {
                LATE_BEFORE_FORGET_SECONDS_MAX
            } else {
                LATE_SECONDS_MAX
            },
            operations,
            ..Self::plain(if park {
                AmbiguousPolicy::Park
            } else {
                AmbiguousPolicy::Resend
            })
        }
    }

    /// When a lead's owner is assigned.
    pub fn owner(&self, chance: &mut Chance) -> Owner {
        if !chance.happens(self.late_owner_per_mille) {
            return Owner::There;
        }
        let late = Owner::After(Duration::from_secs(600 + chance.below(1800)));
        chance.pick(late, &[late, late, Owner::Never])
    }
}
