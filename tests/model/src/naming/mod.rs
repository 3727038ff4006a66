//! Which name an event gets: slots, `dedupe/`, and what forget must leave behind.
//!
//! Two events of one lead that happened in the same instant, two ingest requests at a time, forget.
//! Enrichment is left out: of `mail/` only the forgotten marker is here. The first of the two requests that are
//! idle takes the next webhook, as they are alike.

mod step;

use stateright::{Checker, Model, Property};

use crate::pair::{Pair, Side, WorkerId};

/// One name.
pub const ONE_NAME: &str = "an event is stored under one name only";
/// Immutable bytes.
pub const BYTES_STAY: &str = "stored bytes are never replaced";
/// Accepted is stored.
pub const STORED: &str = "an accepted event is stored under its name, or was forgotten";
/// Another's marker.
pub const NOT_SWALLOWED: &str =
    "an event is never stored under a name that another's forgotten marker closes";
/// Forgotten.
pub const FORGOTTEN_STAYS: &str = "a forgotten event is not stored again";

/// Names that an event may get.
pub const SLOTS: usize = 4;

/// The protocol of naming, and the broken ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Naming {
    /// As it is built.
    Sound,
    /// A 412 after a lost reply is taken for another event.
    BlindToOwnWrite,
    /// A 412 is taken for the same event.
    NoComparison,
    /// `raw/` is written without `If-None-Match`.
    Overwrite,
    /// Forget deletes `dedupe/`.
    DedupeForgotten,
    /// The forgotten marker does not say whose it is.
    NamelessMarker,
    /// Ingest does not look at `mail/X` of a slot before it stores there.
    BlindToMarker,
    /// Forget deletes without waiting for those at work.
    ForgetWithoutWait,
}

/// One of two events of one lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Event {
    /// The one.
    #[default]
    One,
    /// The other.
    Other,
}

impl Event {
    const ALL: [Self; 2] = [Self::One, Self::Other];
}

impl Side for Event {
    fn is_second(self) -> bool {
        self == Self::Other
    }
}

/// Where a request is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum At {
    /// No request.
    #[default]
    Idle,
    /// `PUT dedupe/<sha256(E)>` if absent, with the name of the time of receipt; else its content is the name.
    Dedupe,
    /// `GET mail/X` of the slot.
    Look,
    /// `PUT raw/X` if absent.
    Put,
    /// `GET raw/X` after a 412 or a lost reply.
    ReadBack,
    /// 202.
    Accept,
}

/// An ingest request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Request {
    /// Where it is.
    pub at: At,
    /// The event that it brings.
    pub event: Event,
    /// The first name of its event.
    pub base: u8,
    /// The probe: 0 is the first name.
    pub probe: u8,
    /// It was at work when forget marked.
    pub old: bool,
}

impl Request {
    /// The slot that it tries: the first name, then slots that the events share (the worst case of the hash).
    pub fn slot(self) -> usize {
        if self.probe == 0 {
            usize::from(self.base)
        } else {
            usize::from(self.probe) + 1
        }
    }
}

/// What one name holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Held {
    /// `raw/X`.
    pub raw: Option<Event>,
    /// `mail/X` settled, forgotten: of this event.
    pub forgotten: Option<Event>,
}

/// What is known of one event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Known {
    /// `dedupe/`: its first name.
    pub dedupe: Option<u8>,
    /// Webhook calls left.
    pub posts: u8,
    /// Ghost: it was answered with 202, as stored or as forgotten in this slot.
    pub accepted: Option<usize>,
    /// Ghost: the slots that it was ever stored in, one bit each.
    pub names: u8,
    /// Ghost: forget has marked it.
    pub forgotten: bool,
}

/// How far forget is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Forgetting {
    /// Not asked for.
    #[default]
    No,
    /// Marked; one lease goes by.
    Waiting,
    /// Complete.
    Done,
}

/// One moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Moment {
    /// The names.
    pub slots: [Held; SLOTS],
    /// The events.
    pub known: Pair<Known>,
    /// The requests.
    pub requests: Pair<Request>,
    /// Forget.
    pub forgetting: Forgetting,
    /// Deaths left.
    pub crashes: u8,
    /// Lost replies left.
    pub lost: u8,
    /// Forgets left.
    pub forgets: u8,
    /// Ghost: stored bytes were replaced.
    pub replaced: bool,
}

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// The CRM posts an event; its time, or that of the receipt, gives this first name.
    Post(Event, u8),
    /// A request does its next call.
    Go(WorkerId),
    /// A request does its next call, and the reply is lost.
    GoLost(WorkerId),
    /// A request dies.
    Die(WorkerId),
    /// Forget marks every event that is stored.
    Mark,
    /// Forget deletes, after one lease.
    Delete,
}

/// The model.
#[derive(Clone, Copy, Debug)]
pub struct NamingModel {
    /// The protocol.
    pub naming: Naming,
    /// The events have a time of their own, the same one. Else each receipt has its own time, and `dedupe/` is used.
    pub timed: bool,
    /// Webhook calls of each event.
    pub posts: u8,
    /// Deaths.
    pub crashes: u8,
    /// Lost replies.
    pub lost: u8,
    /// Forgets.
    pub forgets: u8,
}

impl Model for NamingModel {
    type State = Moment;
    type Action = Move;

    fn init_states(&self) -> Vec<Moment> {
        let mut known: Pair<Known> = Pair::default();
        for event in known.each_mut() {
            event.posts = self.posts;
        }
        vec![Moment {
            known,
            crashes: self.crashes,
            lost: self.lost,
            forgets: self.forgets,
            ..Moment::default()
        }]
    }

    fn actions(&self, moment: &Moment, moves: &mut Vec<Move>) {
        self.moves(moment, moves);
    }

    fn next_state(&self, last: &Moment, action: Move) -> Option<Moment> {
        let mut next = last.clone();
        self.take(&mut next, action);
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties()
    }

    fn format_step(&self, last: &Moment, action: Move) -> Option<String> {
        let request = match action {
            Move::Go(id) | Move::GoLost(id) | Move::Die(id) => Some(last.requests[id]),
            Move::Post(..) | Move::Mark | Move::Delete => None,
        };
        let request = request.map_or_else(String::new, |request| format!(" {request:?}"));
        Some(format!("{action:?}{request}"))
    }
}

/// Walks it all: the number of states, and the broken properties.
pub fn walk(model: NamingModel) -> (usize, Vec<&'static str>) {
    let checker = model.checker().threads(1).spawn_bfs().join();
    let broken = checker.discoveries().into_keys().collect();
    (checker.unique_state_count(), broken)
}

fn properties() -> Vec<Property<NamingModel>> {
    vec![
        Property::<NamingModel>::always(ONE_NAME, |_, m| {
            m.known
                .each()
                .into_iter()
                .all(|k| k.names.count_ones() <= 1)
        }),
        Property::<NamingModel>::always(BYTES_STAY, |_, m| !m.replaced),
        Property::<NamingModel>::always(STORED, |_, m| {
            Event::ALL.into_iter().all(|e| is_kept(m, e))
        }),
        Property::<NamingModel>::always(NOT_SWALLOWED, |_, m| {
            let closed =
                |raw: Option<Event>, by: Option<Event>| raw.is_some() && by.is_some() && raw != by;
            !m.slots.iter().any(|held| closed(held.raw, held.forgotten))
        }),
        Property::<NamingModel>::always(FORGOTTEN_STAYS, |_, m| {
            let back =
                |e: Event| m.known[e].forgotten && m.slots.iter().any(|held| held.raw == Some(e));
            m.forgetting != Forgetting::Done || !Event::ALL.into_iter().any(back)
        }),
    ]
}

fn is_kept(moment: &Moment, event: Event) -> bool {
    let known = moment.known[event];
    known.forgotten
        || known.accepted.is_none_or(|slot| {
            moment
                .slots
                .get(slot)
                .is_some_and(|held| held.raw == Some(event))
        })
}
