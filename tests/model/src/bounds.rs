//! What is checked: a protocol, what may happen around it, and how often.

use crate::claim::Claim;
use crate::effect::{BOTH, NONE, Set, TEAM};
use crate::fact::{Lookup, Service};
use crate::pair::Pair;
use crate::variant::Variant;

/// How often each thing may still happen. A state carries what is left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Bounds {
    /// Webhook calls for the event: one is a CRM that does not retry.
    pub posts: u8,
    /// Processes that die, at any step of any of them.
    pub crashes: u8,
    /// Replies that are lost after the effect took place.
    pub lost: u8,
    /// Calls that fail without an effect (503), SES answers that tell nothing among them.
    pub errors: u8,
    /// Messages delivered a second time while the first delivery is worked on.
    pub duplicates: u8,
    /// Messages delivered before their delay is over.
    pub early: u8,
    /// Records for which the invocation has no time left.
    pub no_time: u8,
    /// Effects for which a worker gets no turn.
    pub no_turn: u8,
    /// Times at which a service turns, as the policy says.
    pub throttles: u8,
    /// Changes of an owner file that is there.
    pub lookup_changes: u8,
    /// Owner files that go away again.
    pub lookup_losses: u8,
    /// Changes of the configured receivers.
    pub configurations: u8,
    /// Reads of `mail/X` to which access is denied.
    pub denials: u8,
    /// Answers written while another effect is still under way.
    pub slow: u8,
    /// Notifications of owner files that are received, at any moment; those beyond are lost.
    pub wakes: u8,
    /// Orderly ends of the process of one machine.
    pub stops: u8,
    /// Parked effects that a person has sent once more.
    pub resends: u8,
    /// Redrives of the dead letter queue.
    pub redrives: u8,
    /// Replays by an operator.
    pub replays: u8,
    /// Sweeps that run although a trigger is alive; those that find a lost one are not counted.
    pub sweeps: u8,
    /// Requests to forget the lead.
    pub forgets: u8,
    /// Losses of the whole `mail/` prefix.
    pub prefix_losses: u8,
    /// Purges of the queue (or ends of its retention): every message is lost.
    pub purges: u8,
}

/// One of the things that [`Bounds`] count.
pub(crate) type May = fn(&mut Bounds) -> &mut u8;

pub(crate) const RETRY: May = |bounds| &mut bounds.posts;
pub(crate) const CRASH: May = |bounds| &mut bounds.crashes;
pub(crate) const LOSE: May = |bounds| &mut bounds.lost;
pub(crate) const FAIL: May = |bounds| &mut bounds.errors;
pub(crate) const DUPLICATE: May = |bounds| &mut bounds.duplicates;
pub(crate) const EARLY: May = |bounds| &mut bounds.early;
pub(crate) const NO_TIME: May = |bounds| &mut bounds.no_time;
pub(crate) const NO_TURN: May = |bounds| &mut bounds.no_turn;
pub(crate) const THROTTLE: May = |bounds| &mut bounds.throttles;
pub(crate) const CHANGE: May = |bounds| &mut bounds.lookup_changes;
pub(crate) const VANISH: May = |bounds| &mut bounds.lookup_losses;
pub(crate) const CONFIGURE: May = |bounds| &mut bounds.configurations;
pub(crate) const DENY: May = |bounds| &mut bounds.denials;
pub(crate) const SLOW: May = |bounds| &mut bounds.slow;
pub(crate) const WAKE: May = |bounds| &mut bounds.wakes;
pub(crate) const STOP: May = |bounds| &mut bounds.stops;
pub(crate) const RESEND: May = |bounds| &mut bounds.resends;
pub(crate) const REDRIVE: May = |bounds| &mut bounds.redrives;
pub(crate) const REPLAY: May = |bounds| &mut bounds.replays;
pub(crate) const SWEEP: May = |bounds| &mut bounds.sweeps;
pub(crate) const FORGET: May = |bounds| &mut bounds.forgets;
pub(crate) const WIPE: May = |bounds| &mut bounds.prefix_losses;
pub(crate) const PURGE: May = |bounds| &mut bounds.purges;

impl Bounds {
    /// One webhook call, and each of these things once.
    pub(crate) fn of(things: &[May]) -> Self {
        let mut bounds = Self {
            posts: 1,
            ..Self::default()
        };
        for thing in things {
            *thing(&mut bounds) += 1;
        }
        bounds
    }

    /// Crashes, lost replies, errors, denials and purges that these bounds hold.
    pub fn faults(self) -> u8 {
        self.crashes + self.lost + self.errors + self.denials + self.purges
    }
}

/// `EMAIL_AMBIGUOUS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ambiguous {
    /// A doubtful effect is sent once more, then parked.
    Resend,
    /// A doubtful effect is parked for a person.
    Park,
}

/// `OWNER_MISSING`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnerMissing {
    /// It fails: three receives and the dead letter queue.
    Dlq,
    /// It is mailed as unassigned.
    Mail,
}

/// What an operator wants of a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notify {
    /// It mails.
    Force,
    /// It makes its document and mails nobody.
    Never,
}

/// What is stored when the run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// Nothing.
    Empty,
    /// What the first edition left: raw object, document, this claim or none, a message.
    Upgrade(Claim),
}

/// Configuration and surroundings of a scenario.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a circumstance by itself"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// `EMAIL_AMBIGUOUS`.
    pub ambiguous: Ambiguous,
    /// `OWNER_MISSING`.
    pub owner_missing: OwnerMissing,
    /// What is stored when the run begins.
    pub start: Start,
    /// The owner file at the start.
    pub lookup: Lookup,
    /// Whether a missing or wrong owner file is put right, at any time.
    pub lookup_is_cured: bool,
    /// The effects of the documents made of the first and of the second owner file. Without one, the first's.
    pub notify: [Set; 2],
    /// The receivers that are configured at first, and after a change.
    pub config: [Set; 2],
    /// The service of each receiver at the start.
    pub service: Pair<Service>,
    /// What a service turns to that is up.
    pub service_turns: Service,
    /// Whether a throttled or refusing service recovers, at any time.
    pub service_recovers: bool,
    /// Whether a replay mails.
    pub replay: Notify,
    /// Whether all is one process on one machine; else it is AWS.
    pub one_machine: bool,
    /// Whether the clock moves while nothing is under way but sends: a reply takes longer than a phase.
    pub replies_are_late: bool,
    /// Whether the clock moves at any time. Else it does while no process is at work: phases are minutes, processes
    /// read the clock once, at their start.
    pub clock_is_free: bool,
    /// `MAX_RECEIVE_COUNT`.
    pub receives: u8,
    /// Hops allowed for each kind of wait (12 and 110 in the code; fewer keep the model small).
    pub hops: u8,
}

impl Policy {
    /// Two receivers, an owner who is there, and services that take everything.
    pub const DEFAULT: Self = Self {
        ambiguous: Ambiguous::Resend,
        owner_missing: OwnerMissing::Dlq,
        start: Start::Empty,
        lookup: Lookup::First,
        lookup_is_cured: true,
        notify: [BOTH, BOTH],
        config: [BOTH, BOTH],
        service: Pair::new(Service::Up, Service::Up),
        service_turns: Service::Throttling,
        service_recovers: true,
        replay: Notify::Force,
        one_machine: false,
        replies_are_late: false,
        clock_is_free: false,
        receives: 3,
        hops: 2,
    };

    pub(crate) const PARK: Self = Self {
        ambiguous: Ambiguous::Park,
        ..Self::DEFAULT
    };
    pub(crate) const SILENT: Self = Self {
        replay: Notify::Never,
        ..Self::DEFAULT
    };
    /// The owner comes after the event.
    pub(crate) const LATE: Self = Self {
        lookup: Lookup::Absent,
        ..Self::DEFAULT
    };
    pub(crate) const LATE_MAIL: Self = Self {
        owner_missing: OwnerMissing::Mail,
        ..Self::LATE
    };
    /// The owner never comes.
    pub(crate) const NEVER: Self = Self {
        lookup_is_cured: false,
        ..Self::LATE
    };
    pub(crate) const NEVER_MAIL: Self = Self {
        owner_missing: OwnerMissing::Mail,
        ..Self::NEVER
    };

    /// The same with this service for the owner's receiver, that is never put right.
    pub(crate) const fn with_owner(self, service: Service) -> Self {
        Self {
            service: Pair::new(Service::Up, service),
            service_recovers: false,
            ..self
        }
    }

    /// The same with one hop of each kind.
    pub(crate) const fn hasty(self) -> Self {
        Self { hops: 1, ..self }
    }

    /// The same with one receiver.
    pub(crate) const fn alone(self) -> Self {
        Self {
            notify: [TEAM, TEAM],
            config: [TEAM, TEAM],
            ..self
        }
    }

    /// Doubts after which an effect is parked.
    pub(crate) fn doubts(self) -> u8 {
        match self.ambiguous {
            Ambiguous::Resend => 2,
            Ambiguous::Park => 1,
        }
    }

    /// Whether nothing in it tells the two effects apart, but for what a state holds.
    pub(crate) fn effects_are_alike(self) -> bool {
        let sets = self.notify.into_iter().chain(self.config);
        sets.into_iter().all(|set| set == BOTH || set == NONE)
    }
}

/// What is checked: a protocol in its surroundings.
#[derive(Clone, Copy, Debug)]
pub struct Protocol {
    /// What may happen.
    pub bounds: Bounds,
    /// Configuration and surroundings.
    pub policy: Policy,
    /// The sound protocol or a broken one.
    pub variant: Variant,
    /// What the scenario must be able to reach, lest it proves nothing.
    pub reaches: &'static [&'static str],
}

impl Protocol {
    /// Whether the protocol is this broken one.
    pub(crate) fn breaks(&self, variant: Variant) -> bool {
        self.variant == variant
    }

    /// Faults (deaths, lost replies, errors, purges) that have happened.
    pub(crate) fn faults(&self, left: Bounds) -> u8 {
        self.bounds.faults() - left.faults()
    }
}
