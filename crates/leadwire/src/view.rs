//! What became of an event, read from the stored documents and a look into the queue. It changes nothing and works for either home.

mod read;
mod standing;
mod timeline;

pub(crate) use read::{
    Failure, find_lead, list_all, list_canaries, list_failures, list_newest, read_event,
};
pub(crate) use standing::{Stage, Standing, decide_standing};
pub(crate) use timeline::{Step, advice, explain, timeline, trace_id, when};

use jiff::Timestamp;
use leadwire_domain::claim::{Claim, Settled};
use leadwire_domain::failure::FailureRecord;
use leadwire_domain::key::EventName;
use leadwire_domain::lead::document::Provenance;
use leadwire_domain::message::Trigger;
use leadwire_domain::source::Source;
use leadwire_pipeline::trace::TraceContext;
use std::collections::{BTreeMap, BTreeSet};

/// A message in the queue, or in the dead-letter queue.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    /// The queue's id of it.
    pub(crate) message_id: String,
    /// By what the queue deletes it.
    pub(crate) handle: String,
    /// Its body.
    pub(crate) body: String,
    /// When it can be received.
    pub(crate) visible_at: Timestamp,
    /// How often it was received.
    pub(crate) receives: u32,
    /// The trace it belongs to, where that is known.
    pub(crate) trace: TraceContext,
    /// What else it carries. Only a dead letter that was taken tells.
    #[cfg_attr(
        not(feature = "aws"),
        expect(dead_code, reason = "one machine's messages carry nothing else")
    )]
    pub(crate) others: Vec<Attribute>,
}

/// An attribute of a message that is none of ours. A copy carries it along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Attribute {
    /// Its name.
    pub(crate) name: String,
    /// The queue's word for its type.
    pub(crate) kind: String,
    /// Its text, where it is one.
    pub(crate) text: Option<String>,
    /// Its bytes, where it is none.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// A look into the queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueueLook {
    /// The messages of each event, where the home can tell without receiving them.
    live: Option<BTreeMap<EventName, Vec<Queued>>>,
    /// The dead letters of each event.
    dead: BTreeMap<EventName, Vec<Queued>>,
    /// Dead letters that name no event.
    pub(crate) dead_strangers: Vec<Queued>,
}

impl QueueLook {
    /// A look into a queue; `live` is absent where the home cannot look without receiving.
    pub(crate) fn new(live: Option<Vec<Queued>>, dead: Vec<Queued>) -> Self {
        let (dead, dead_strangers) = by_event(dead);
        Self {
            live: live.map(|live| by_event(live).0),
            dead,
            dead_strangers,
        }
    }

    /// The events that have messages, where the home can tell, and those that have dead letters.
    pub(crate) fn names(&self) -> (Option<BTreeSet<EventName>>, BTreeSet<EventName>) {
        let live = self.live.as_ref();
        (
            live.map(|live| live.keys().cloned().collect()),
            self.dead.keys().cloned().collect(),
        )
    }

    /// The messages of an event; absent where the home cannot tell.
    pub(crate) fn live(&self, name: &EventName) -> Option<&[Queued]> {
        self.live
            .as_ref()
            .map(|live| live.get(name).map_or(&[][..], Vec::as_slice))
    }

    /// The dead letters of an event.
    pub(crate) fn dead(&self, name: &EventName) -> &[Queued] {
        self.dead.get(name).map_or(&[], Vec::as_slice)
    }
}

pub(crate) fn by_event(messages: Vec<Queued>) -> (BTreeMap<EventName, Vec<Queued>>, Vec<Queued>) {
    let mut events: BTreeMap<EventName, Vec<Queued>> = BTreeMap::new();
    let mut strangers = Vec::new();
    for message in messages {
        match Trigger::parse(&message.body) {
            Ok(trigger) => events.entry(trigger.name).or_default().push(message),
            Err(_not_ours) => strangers.push(message),
        }
    }
    for messages in events.values_mut() {
        messages.sort_by_key(|message| message.visible_at);
    }
    (events, strangers)
}

/// What stands at `mail/X`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum MailMark {
    /// Nothing.
    #[default]
    Absent,
    /// Somebody sends, sent without saying so, or must decide.
    Claimed(Claim),
    /// The event came to its end.
    Settled {
        /// How.
        how: Settled,
        /// When.
        at: Timestamp,
        /// The mail's id.
        message_id: Option<String>,
    },
}

/// What the raw object says.
#[derive(Clone, Debug)]
pub(crate) struct RawFacts {
    pub(crate) lead_id: String,
    pub(crate) event_id: String,
    pub(crate) source: String,
    pub(crate) accepted_at: Timestamp,
    pub(crate) traceparent: Option<String>,
    pub(crate) bytes: usize,
}

/// Everything that is stored about an event.
#[derive(Clone, Debug)]
pub(crate) struct EventFacts {
    pub(crate) name: EventName,
    pub(crate) raw: Option<RawFacts>,
    pub(crate) document: Option<Provenance>,
    pub(crate) mail: MailMark,
    pub(crate) failure: Option<FailureRecord>,
    /// Its messages, where the home can tell.
    pub(crate) live: Option<Vec<Queued>>,
    pub(crate) dead: Vec<Queued>,
}

impl EventFacts {
    /// The lead's id, as stored; never parsed out of a key.
    pub(crate) fn lead_id(&self) -> &str {
        let failed = self
            .failure
            .as_ref()
            .and_then(|failure| failure.lead_id.as_ref());
        match (&self.raw, failed) {
            (Some(raw), _) => &raw.lead_id,
            (None, Some(lead_id)) => lead_id.as_str(),
            (None, None) => "",
        }
    }

    /// Whether it is the canary's: the source that is stored says so.
    pub(crate) fn is_canary(&self) -> bool {
        self.raw
            .as_ref()
            .is_some_and(|raw| raw.source == Source::Canary.as_str())
    }

    /// The event's id.
    pub(crate) fn event_id(&self) -> &str {
        let failed = self
            .failure
            .as_ref()
            .and_then(|failure| failure.event_id.as_ref());
        match (&self.raw, failed) {
            (Some(raw), _) => &raw.event_id,
            (None, Some(event_id)) => event_id.as_str(),
            (None, None) => "",
        }
    }

    /// The trigger that waits longest, where there is one.
    pub(crate) fn trigger(&self) -> Option<(Trigger, &Queued)> {
        let mut live = self
            .live
            .as_deref()
            .unwrap_or_default()
            .iter()
            .chain(&self.dead);
        live.find_map(|message| Some((Trigger::parse(&message.body).ok()?, message)))
    }
}
