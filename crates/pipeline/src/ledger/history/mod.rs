//! What became of an event: everything that is stored about it, and its messages. It changes nothing and works for either home.

mod status;

pub use status::{EventStatus, LeadState};

use super::failure::event_of;
use super::{ClaimState, DocumentState, Failure, Kind, Ledger, Listing, Raw, RawState, is_mark};
use crate::ledger::queue::{MessagesOf, QueueSnapshot};
use crate::port::{Listed, ObjectStore, PortError, QueuedMessage};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use leadwire_domain::failure::FailureRecord;
use leadwire_domain::key::{EventName, FAILED, MAIL};
use leadwire_domain::lead::document::Provenance;
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::message::Trigger;
use leadwire_domain::notice::EmailAddress;
use leadwire_domain::source::Source;
use leadwire_domain::source::canary;
use std::collections::BTreeSet;

/// Events that are read at once.
const READS_AT_ONCE: usize = 32;
/// Entries that are asked for beyond those that are wanted: some are canaries'.
const EXTRA: usize = 50;
/// Entries that a search for the newest may hold.
const ENTRIES_HELD: usize = 10_000;

/// Everything that is known about an event.
#[derive(Clone, Debug)]
pub struct EventHistory {
    /// Its name.
    pub name: EventName,
    /// Its raw object.
    pub received: Option<Received>,
    /// Since when a tombstone lies in its place: the event was forgotten, and of what is still stored nothing is shown.
    pub forgotten_at: Option<Timestamp>,
    /// Where its document comes from.
    pub document: Option<Provenance>,
    /// The owner's address, where its document has one.
    pub owner: Option<EmailAddress>,
    /// Its claim.
    pub claim: ClaimState,
    /// Why it failed.
    pub failure: Option<FailureRecord>,
    /// Its messages, where the home can read them.
    pub live: Option<Vec<QueuedMessage>>,
    /// Its dead letters.
    pub dead: Vec<QueuedMessage>,
}

/// What a raw object says of its event: its labels, else its body.
#[derive(Clone, Debug)]
pub struct Received {
    /// The lead.
    pub lead_id: String,
    /// The event's id.
    pub event_id: String,
    /// Where it came from.
    pub source: String,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// When it was stored.
    pub stored_at: Timestamp,
    /// The id of its trace.
    pub trace_id: Option<String>,
    /// The id of its request's span.
    pub span_id: Option<String>,
    /// How large it is.
    pub bytes: usize,
}

impl Received {
    fn of(raw: &Raw) -> Self {
        let labels = (
            raw.lead_id_label(),
            raw.event_id_label(),
            raw.source_text_label(),
        );
        let is_labelled = matches!(labels, (Some(_), Some(_), Some(_)));
        let event = if is_labelled { None } else { raw.event() };
        let event = event.as_ref();
        let text =
            |label: Option<&str>, said: Option<&str>| label.or(said).unwrap_or_default().to_owned();
        Self {
            lead_id: text(labels.0, event.map(|event| event.lead_id.as_str())),
            event_id: text(labels.1, event.map(|event| event.event_id.as_str())),
            source: text(labels.2, event.map(|event| event.source.as_str())),
            accepted_at: raw.accepted_at(),
            stored_at: raw.stored_at(),
            trace_id: raw.trace().trace_id().map(str::to_owned),
            span_id: raw.trace().span_id().map(str::to_owned),
            bytes: raw.bytes().len(),
        }
    }
}

impl EventHistory {
    /// The lead's id, as stored; never parsed out of a key.
    pub fn lead_id(&self) -> &str {
        let received = self.received.as_ref().map(|received| &*received.lead_id);
        let failed = || Some(self.failure.as_ref()?.lead_id.as_ref()?.as_str());
        received.or_else(failed).unwrap_or_default()
    }

    /// Whether it is a lead's: what is stored says so, and of a forgotten event its key alone.
    fn is_of(&self, lead_id: &LeadId) -> bool {
        self.lead_id() == lead_id.as_str()
            || (self.forgotten_at.is_some() && self.name.may_be_of(lead_id))
    }

    /// The event's id.
    pub fn event_id(&self) -> &str {
        let received = self.received.as_ref().map(|received| &*received.event_id);
        let failed = || Some(self.failure.as_ref()?.event_id.as_ref()?.as_str());
        received.or_else(failed).unwrap_or_default()
    }

    /// The trace that it belongs to, 32 hexadecimal digits.
    pub fn trace_id(&self) -> Option<&str> {
        self.received.as_ref()?.trace_id.as_deref()
    }

    /// The trigger that waits longest, where there is one.
    pub fn trigger(&self) -> Option<Trigger> {
        let live = self.live.as_deref().unwrap_or_default();
        let mut messages = live.iter().chain(&self.dead);
        messages.find_map(|message| Trigger::parse(&message.body).ok())
    }

    /// Whether it is the canary's: the source that is stored says so.
    fn is_canary(&self) -> bool {
        let received = self.received.as_ref();
        let source = received.and_then(|received| Source::of_labels(&received.source, None));
        source.is_some_and(Source::is_synthetic)
    }
}

impl<S: ObjectStore> Ledger<'_, S> {
    /// Everything that is known about one event.
    pub async fn history(
        self,
        queue: &QueueSnapshot,
        name: EventName,
    ) -> Result<EventHistory, PortError> {
        let (raw, document, claim, failure) = tokio::try_join!(
            self.raw(&name),
            self.document(&name),
            self.claim(&name),
            self.failure(&name),
        )?;
        let forgotten_at = match &raw {
            RawState::Forgotten(tombstone) => Some(tombstone.at),
            RawState::Absent | RawState::TooLarge | RawState::Stored(_) => None,
        };
        let is_shown = forgotten_at.is_none();
        let failure = failure.filter(|_failure| is_shown);
        let lead = match document {
            DocumentState::Stored(document) if is_shown => Some(document.lead),
            DocumentState::Stored(_) | DocumentState::Absent | DocumentState::Invalid => None,
        };
        let owner = lead.as_ref().and_then(|lead| lead.owner_email.clone());
        Ok(EventHistory {
            received: raw.stored().map(|raw| Received::of(&raw)),
            forgotten_at,
            owner,
            document: lead.map(|lead| lead.provenance),
            claim,
            failure: failure.and_then(|failure| failure.record),
            live: queue.live(&name).map(<[_]>::to_vec),
            dead: queue.dead(&name).to_vec(),
            name,
        })
    }

    async fn histories(
        self,
        queue: &impl MessagesOf,
        names: &[EventName],
    ) -> Result<Vec<EventHistory>, PortError> {
        let mut events = Vec::with_capacity(names.len());
        for some in names.chunks(READS_AT_ONCE) {
            let look = queue.messages_of(some).await?;
            let reads = some.iter().map(|name| self.history(&look, name.clone()));
            events.extend(try_join_all(reads).await?);
        }
        Ok(events)
    }

    /// The newest `limit` events but the canaries and what was forgotten, the newest first.
    pub async fn newest(
        self,
        queue: &impl MessagesOf,
        limit: usize,
    ) -> Result<Vec<EventHistory>, PortError> {
        let is_lead = |entry: &Listed, name: &EventName| {
            !is_mark(entry) && !name.may_be_of(&canary::lead_id())
        };
        let names = match self.newest_by_store(limit, is_lead).await? {
            Some(names) => names,
            None => newest(self.list(Kind::Raw), limit, is_lead).await?,
        };
        let mut events = self.histories(queue, &names).await?;
        events.retain(|event| !event.is_canary());
        Ok(events)
    }

    /// The same by a store that knows the order, asked for more until enough of it is wanted. None where it does not.
    async fn newest_by_store(
        self,
        limit: usize,
        is_wanted: impl Fn(&Listed, &EventName) -> bool,
    ) -> Result<Option<Vec<EventName>>, PortError> {
        let (bucket, prefix) = (Kind::Raw.bucket(), Kind::Raw.prefix());
        let mut asked = limit.saturating_add(EXTRA);
        loop {
            let Some(entries) = self.store.newest(bucket, prefix, asked).await? else {
                return Ok(None);
            };
            let names = entries.iter().filter_map(|entry| {
                let name = EventName::parse_raw_key(&entry.key).ok()?;
                is_wanted(entry, &name).then_some(name)
            });
            let names: Vec<EventName> = names.take(limit).collect();
            if names.len() == limit || entries.len() < asked {
                return Ok(Some(names));
            }
            asked = asked.saturating_mul(4);
        }
    }

    /// The `limit` events that were forgotten last, the last first.
    pub async fn newest_forgotten(
        self,
        queue: &impl MessagesOf,
        limit: usize,
    ) -> Result<Vec<EventHistory>, PortError> {
        let is_wanted = |entry: &Listed, _: &EventName| is_mark(entry);
        let names = newest(self.list(Kind::Raw), limit, is_wanted).await?;
        self.histories(queue, &names).await
    }

    /// The newest `limit` canaries, the newest first. Keys narrow the search; the source that is stored decides.
    pub async fn newest_canaries(
        self,
        queue: &impl MessagesOf,
        limit: usize,
    ) -> Result<Vec<EventHistory>, PortError> {
        let lead_id = canary::lead_id();
        let listing = self.list_lead(Kind::Raw, &lead_id);
        let names = newest(listing, limit, |_, name| name.may_be_of(&lead_id)).await?;
        let mut events = self.histories(queue, &names).await?;
        events.retain(EventHistory::is_canary);
        Ok(events)
    }

    /// Every event of a lead, the oldest first, each followed by its replays. Keys narrow the search; the id that is stored decides.
    pub async fn lead(
        self,
        queue: &impl MessagesOf,
        lead_id: &LeadId,
    ) -> Result<Vec<EventHistory>, PortError> {
        let mut names = BTreeSet::from_iter(self.raw_named_by_hand().await?);
        // A replay has no raw object of its own: its number names it, and once that has expired, its claim.
        for kind in [Kind::Raw, Kind::Replay, Kind::Claim] {
            let mut listing = self.list_lead(kind, lead_id);
            while let Some(entry) = listing.next().await? {
                let parsed = kind.parse(&entry.key).ok();
                names.extend(parsed.filter(|name| kind == Kind::Raw || name.revision() > 0));
            }
        }
        let names: Vec<EventName> = names.into_iter().collect();
        let mut events = self.histories(queue, &names).await?;
        events.retain(|event| event.is_of(lead_id));
        events.sort_by_key(|event| {
            let received = event.received.as_ref();
            let accepted_at = received.map(|received| received.accepted_at);
            (accepted_at, event.name.clone())
        });
        Ok(events)
    }

    /// The failures of events that are not settled, and of messages that name no event, the oldest first, each with the effects that have not
    /// happened since. A canary's is left out: it is no dead letter.
    pub async fn failures(self) -> Result<Vec<Failure>, PortError> {
        let failed = self.list(Kind::Failure).all().await?;
        if failed.is_empty() {
            return Ok(Vec::new());
        }
        let claims = self.list(Kind::Claim).all().await?;
        let settled: BTreeSet<&str> = claims
            .iter()
            .filter(|entry| is_mark(entry))
            .filter_map(|entry| entry.key.strip_prefix(MAIL))
            .collect();
        let is_open = |entry: &Listed| {
            let name = entry.key.strip_prefix(FAILED);
            !name.is_some_and(|name| settled.contains(name))
        };
        let is_canary = |entry: &Listed| {
            event_of(&entry.key).is_some_and(|name| name.may_be_of(&canary::lead_id()))
        };
        let open = failed.into_iter().filter(is_open);
        let open = open.filter(|entry| !is_canary(entry));
        let reads = open.map(async |entry| match self.failure_at(entry.key).await? {
            Some(failure) => self.left_of(failure).await,
            None => Ok(None),
        });
        let failures: Vec<Option<Failure>> = try_join_all(reads).await?;
        let mut failures: Vec<Failure> = failures.into_iter().flatten().collect();
        failures.sort_by_key(|failure| failure.record.as_ref().map(|record| record.failed_at));
        Ok(failures)
    }
}

impl Failure {
    /// The lead, where the record names one.
    pub fn lead_id(&self) -> Option<&LeadId> {
        self.record.as_ref()?.lead_id.as_ref()
    }

    /// The event's id, where the record names one.
    pub fn event_id(&self) -> Option<&EventId> {
        self.record.as_ref()?.event_id.as_ref()
    }
}

/// The names of the newest `limit` raw objects of a listing that are wanted.
async fn newest<S: ObjectStore>(
    mut listing: Listing<'_, S>,
    limit: usize,
    is_wanted: impl Fn(&Listed, &EventName) -> bool,
) -> Result<Vec<EventName>, PortError> {
    let mut newest: Vec<(Listed, EventName)> = Vec::new();
    while let Some(entry) = listing.next().await? {
        let name = EventName::parse_raw_key(&entry.key).ok();
        let name = name.filter(|name| is_wanted(&entry, name));
        newest.extend(name.map(|name| (entry, name)));
        if newest.len() > limit.saturating_mul(2).max(ENTRIES_HELD) {
            keep_newest(&mut newest, limit);
        }
    }
    keep_newest(&mut newest, limit);
    Ok(newest.into_iter().map(|(_, name)| name).collect())
}

fn keep_newest(entries: &mut Vec<(Listed, EventName)>, limit: usize) {
    entries.sort_by(|(a, _), (b, _)| {
        let by_time = b.last_modified.cmp(&a.last_modified);
        by_time.then_with(|| b.key.cmp(&a.key))
    });
    entries.truncate(limit);
}
