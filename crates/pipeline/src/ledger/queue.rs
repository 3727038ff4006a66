//! What is in the queue, by event.

use crate::port::{OutgoingMessage, PortError, QueuedMessage};
use crate::trace::TraceContext;
use leadwire_domain::key::EventName;
use leadwire_domain::message::{Trigger, TriggerFacts};
use leadwire_domain::wait::Waiting;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

/// The messages of each event.
pub(crate) type ByEvent = BTreeMap<EventName, Vec<QueuedMessage>>;

/// Where it can be looked at which messages events have. Nothing is taken away from anybody by it.
pub trait MessagesOf: Sync {
    /// The messages of these events and of their revisions.
    fn messages_of(
        &self,
        names: &[EventName],
    ) -> impl Future<Output = Result<Cow<'_, QueueSnapshot>, PortError>> + Send;
}

/// Of all events already.
impl MessagesOf for QueueSnapshot {
    async fn messages_of(&self, _names: &[EventName]) -> Result<Cow<'_, QueueSnapshot>, PortError> {
        Ok(Cow::Borrowed(self))
    }
}

/// The queue and its dead letters at one moment.
#[derive(Clone, Debug, Default)]
pub struct QueueSnapshot {
    /// The messages of each event, where the home can read them without receiving them.
    live: Option<ByEvent>,
    dead: ByEvent,
    /// Dead letters that name no event.
    pub dead_strangers: Vec<QueuedMessage>,
}

impl QueueSnapshot {
    /// Of these messages; `live` is absent where the home cannot read without receiving.
    pub fn new(live: Option<Vec<QueuedMessage>>, dead: Vec<QueuedMessage>) -> Self {
        let (dead, dead_strangers) = by_event(dead);
        Self {
            live: live.map(|live| by_event(live).0),
            dead,
            dead_strangers,
        }
    }

    /// The events that have messages, where that is known, and those that have dead letters.
    pub fn names(&self) -> (Option<BTreeSet<EventName>>, BTreeSet<EventName>) {
        let live = self.live.as_ref();
        (
            live.map(|live| live.keys().cloned().collect()),
            self.dead.keys().cloned().collect(),
        )
    }

    /// The messages of an event; absent where that is not known.
    pub fn live(&self, name: &EventName) -> Option<&[QueuedMessage]> {
        self.live
            .as_ref()
            .map(|live| live.get(name).map_or(&[][..], Vec::as_slice))
    }

    /// The dead letters of an event.
    pub fn dead(&self, name: &EventName) -> &[QueuedMessage] {
        self.dead.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether an event is known to have a message.
    pub fn is_queued(&self, name: &EventName) -> bool {
        self.live(name).is_some_and(|live| !live.is_empty())
    }
}

/// A message of an event that can be received at once, and whose waits begin anew. Without facts it is the bare form.
pub(crate) fn fresh_message(
    name: EventName,
    facts: Option<TriggerFacts>,
    trace: TraceContext,
) -> OutgoingMessage {
    let trigger = Trigger {
        name,
        facts,
        waiting: Waiting::default(),
        once: false,
    };
    at_once(&trigger, trace)
}

/// A wake-up: a message of an event that goes on at once where its owner file is there, and is gone where it is not.
pub(crate) fn wake_up(
    name: EventName,
    facts: TriggerFacts,
    trace: TraceContext,
) -> OutgoingMessage {
    let trigger = Trigger {
        name,
        facts: Some(facts),
        waiting: Waiting::default(),
        once: true,
    };
    at_once(&trigger, trace)
}

fn at_once(trigger: &Trigger, trace: TraceContext) -> OutgoingMessage {
    OutgoingMessage {
        body: trigger.body(),
        delay_seconds: 0,
        trace,
    }
}

/// The messages of each event, the earliest first, and those that name none.
pub(crate) fn by_event(messages: Vec<QueuedMessage>) -> (ByEvent, Vec<QueuedMessage>) {
    let mut events = ByEvent::new();
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
