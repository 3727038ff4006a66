//! What became of an event, read from the stored documents and a look into the queue. It changes nothing and works for either home.

mod read;
mod standing;
mod timeline;

pub(crate) use leadwire_pipeline::operate::queue::QueueSnapshot as QueueLook;
pub(crate) use leadwire_pipeline::port::QueuedMessage as Queued;
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
