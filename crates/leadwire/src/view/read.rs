//! Reads what is stored about events, over the port that both homes have.

use super::{EventFacts, MailMark, QueueLook, RawFacts};
use futures_util::future::{join_all, try_join_all};
use leadwire_domain::claim::{META_MESSAGE_ID, META_SETTLED_AT, META_STATE, Settled};
use leadwire_domain::failure::FailureRecord;
use leadwire_domain::key::{EventName, FAILED, MAIL, RAW, REPLAY};
use leadwire_domain::lead::document::parse_enriched;
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::limits::OBJECT_BYTES_MAX;
use leadwire_domain::source::canary;
use leadwire_pipeline::port::{
    Bucket, Fetched, ListPage, Listed, ObjectStore, PortError, StoredObject,
};
use leadwire_pipeline::trace::TRACEPARENT;
use std::collections::BTreeSet;

/// What the key of a failure begins with whose message names no event.
const FAILED_MESSAGE: &str = "failed/message-";
/// Events that are read at once.
const READS_AT_ONCE: usize = 32;

/// A failure that is listed, with its event where it names one.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// Its key, `failed/….json`.
    pub(crate) key: String,
    /// The event.
    pub(crate) name: Option<EventName>,
    /// What was written down; absent where it cannot be read.
    pub(crate) record: Option<FailureRecord>,
}

/// The newest `limit` events but the canaries, the newest first.
pub(crate) async fn list_newest<S: ObjectStore>(
    store: &S,
    queue: &QueueLook,
    limit: usize,
) -> Result<Vec<EventFacts>, PortError> {
    let is_lead = |name: &EventName| !name.may_be_of(&canary::lead_id());
    let names = newest(store, RAW, limit, is_lead).await?;
    let mut events = read_events(store, queue, names).await?;
    events.retain(|event| !event.is_canary());
    Ok(events)
}

/// The newest `limit` canaries, the newest first. Keys narrow the search; the source that is stored decides.
pub(crate) async fn list_canaries<S: ObjectStore>(
    store: &S,
    queue: &QueueLook,
    limit: usize,
) -> Result<Vec<EventFacts>, PortError> {
    let prefix = format!("{RAW}crm_event_{}_", canary::LEAD_ID);
    let is_canary = |name: &EventName| name.may_be_of(&canary::lead_id());
    let names = newest(store, &prefix, limit, is_canary).await?;
    let mut events = read_events(store, queue, names).await?;
    events.retain(EventFacts::is_canary);
    Ok(events)
}

/// The names of the newest `limit` raw objects under a prefix that are wanted.
async fn newest<S: ObjectStore>(
    store: &S,
    prefix: &str,
    limit: usize,
    is_wanted: impl Fn(&EventName) -> bool,
) -> Result<Vec<EventName>, PortError> {
    let mut newest: Vec<(Listed, EventName)> = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list(Bucket::Raw, prefix, after.as_deref()).await?;
        after = last_key(&page);
        let named = page.entries.into_iter().filter_map(|entry| {
            let name = EventName::parse_raw_key(&entry.key).ok()?;
            is_wanted(&name).then_some((entry, name))
        });
        newest.extend(named);
        if newest.len() > limit.saturating_mul(2).max(10_000) || !page.more {
            newest.sort_by(|(a, _), (b, _)| {
                b.last_modified
                    .cmp(&a.last_modified)
                    .then_with(|| b.key.cmp(&a.key))
            });
            newest.truncate(limit);
        }
        if !page.more {
            break;
        }
    }
    Ok(newest.into_iter().map(|(_, name)| name).collect())
}

/// Every event of a lead, the oldest first, each followed by its replays. Keys narrow the search; the id that is stored decides.
pub(crate) async fn find_lead<S: ObjectStore>(
    store: &S,
    queue: &QueueLook,
    lead_id: &LeadId,
) -> Result<Vec<EventFacts>, PortError> {
    let mut names = BTreeSet::new();
    // A replay has no raw object of its own: its number tells of it, and once that has expired, its mark.
    for (bucket, prefix) in [
        (Bucket::Raw, RAW),
        (Bucket::Enriched, REPLAY),
        (Bucket::Enriched, MAIL),
    ] {
        let entries = list_all(store, bucket, &EventName::key_prefix(prefix, lead_id)).await?;
        let parsed = entries
            .iter()
            .filter_map(|entry| EventName::parse_key(prefix, &entry.key).ok());
        names.extend(parsed.filter(|name| prefix == RAW || name.revision() > 0));
    }
    let mut events = read_events(store, queue, names.into_iter().collect()).await?;
    events.retain(|event| event.lead_id() == lead_id.as_str());
    events.sort_by_key(|event| {
        let accepted_at = event.raw.as_ref().map(|raw| raw.accepted_at);
        (accepted_at, event.name.clone())
    });
    Ok(events)
}

/// The failures of events that are not settled, and of messages that name no event. A canary's is left out: it is no dead letter.
pub(crate) async fn list_failures<S: ObjectStore>(store: &S) -> Result<Vec<Failure>, PortError> {
    let failed = list_all(store, Bucket::Enriched, FAILED).await?;
    if failed.is_empty() {
        return Ok(Vec::new());
    }
    let mail = list_all(store, Bucket::Enriched, MAIL).await?;
    let settled: BTreeSet<&str> = mail
        .iter()
        .filter(|entry| entry.size == 0)
        .filter_map(|entry| entry.key.strip_prefix(MAIL))
        .collect();
    let open = failed.into_iter().filter(|entry| {
        !entry
            .key
            .strip_prefix(FAILED)
            .is_some_and(|name| settled.contains(name))
    });
    let is_canary = |entry: &Listed| {
        event_of(&entry.key).is_some_and(|name| name.may_be_of(&canary::lead_id()))
    };
    let open = open.filter(|entry| !is_canary(entry));
    let mut failures: Vec<Failure> = join_all(open.map(|entry| read_failure(store, entry.key)))
        .await
        .into_iter()
        .collect::<Result<_, _>>()?;
    failures.sort_by_key(|failure| failure.record.as_ref().map(|record| record.failed_at));
    Ok(failures)
}

/// The event of a failure's key; none where it is a message's that names no event.
fn event_of(key: &str) -> Option<EventName> {
    let name = EventName::parse_key(FAILED, key).ok()?;
    (!key.starts_with(FAILED_MESSAGE)).then_some(name)
}

async fn read_failure<S: ObjectStore>(store: &S, key: String) -> Result<Failure, PortError> {
    let object = found(store.get(Bucket::Enriched, &key, OBJECT_BYTES_MAX).await?);
    let record = object.and_then(|object| serde_json::from_slice(&object.bytes).ok());
    Ok(Failure {
        name: event_of(&key),
        key,
        record,
    })
}

/// Everything that is stored about one event.
pub(crate) async fn read_event<S: ObjectStore>(
    store: &S,
    queue: &QueueLook,
    name: EventName,
) -> Result<EventFacts, PortError> {
    let keys = [
        (Bucket::Raw, name.raw_key()),
        (Bucket::Enriched, name.enriched_key()),
        (Bucket::Enriched, name.mail_key()),
        (Bucket::Enriched, name.failed_key()),
    ];
    let reads = keys
        .iter()
        .map(|(bucket, key)| store.get(*bucket, key, OBJECT_BYTES_MAX));
    let mut objects = try_join_all(reads).await?.into_iter().map(found);
    let mut next = || objects.next().flatten();
    Ok(EventFacts {
        raw: next().map(|object| raw_facts(&object)),
        document: next().and_then(|object| Some(parse_enriched(&object.bytes).ok()?.provenance)),
        mail: next().map_or(MailMark::Absent, |object| mail_mark(&object)),
        failure: next().and_then(|object| serde_json::from_slice(&object.bytes).ok()),
        live: queue.live(&name).map(<[_]>::to_vec),
        dead: queue.dead(&name).to_vec(),
        name,
    })
}

async fn read_events<S: ObjectStore>(
    store: &S,
    queue: &QueueLook,
    names: Vec<EventName>,
) -> Result<Vec<EventFacts>, PortError> {
    let mut events = Vec::with_capacity(names.len());
    for some in names.chunks(READS_AT_ONCE) {
        events.extend(
            try_join_all(
                some.iter()
                    .map(|name| read_event(store, queue, name.clone())),
            )
            .await?,
        );
    }
    Ok(events)
}

/// Every entry under a prefix.
pub(crate) async fn list_all<S: ObjectStore>(
    store: &S,
    bucket: Bucket,
    prefix: &str,
) -> Result<Vec<Listed>, PortError> {
    let mut entries = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = store.list(bucket, prefix, after.as_deref()).await?;
        after = last_key(&page);
        let more = page.more && !page.entries.is_empty();
        entries.extend(page.entries);
        if !more {
            return Ok(entries);
        }
    }
}

fn last_key(page: &ListPage) -> Option<String> {
    page.entries.last().map(|entry| entry.key.clone())
}

fn found(fetched: Fetched) -> Option<StoredObject> {
    match fetched {
        Fetched::Found(object) => Some(object),
        Fetched::Missing | Fetched::Denied | Fetched::TooLarge => None,
    }
}

fn raw_facts(object: &StoredObject) -> RawFacts {
    let text = |name: &str| object.metadata.get(name).cloned();
    RawFacts {
        lead_id: text("lead-id").unwrap_or_default(),
        event_id: text("event-id").unwrap_or_default(),
        source: text("source").unwrap_or_default(),
        accepted_at: text("accepted-at")
            .and_then(|time| time.parse().ok())
            .unwrap_or(object.last_modified),
        traceparent: text(TRACEPARENT),
        bytes: object.bytes.len(),
    }
}

fn mail_mark(object: &StoredObject) -> MailMark {
    if object.bytes.is_empty() {
        let text = |name: &str| object.metadata.get(name).cloned();
        return MailMark::Settled {
            how: text(META_STATE)
                .and_then(|state| Settled::from_name(&state))
                .unwrap_or(Settled::Sent),
            at: text(META_SETTLED_AT)
                .and_then(|time| time.parse().ok())
                .unwrap_or(object.last_modified),
            message_id: text(META_MESSAGE_ID),
        };
    }
    serde_json::from_slice(&object.bytes).map_or(MailMark::Absent, MailMark::Claimed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_key_names_its_event_and_its_revision() {
        let name = |key| event_of(key).map(|name| name.to_string());
        assert_eq!(
            name("failed/crm_event_a_20261123T065000123456Z.json").as_deref(),
            Some("crm_event_a_20261123T065000123456Z")
        );
        assert_eq!(
            name("failed/crm_event_a_20261123T065000123456Z.r2.json").as_deref(),
            Some("crm_event_a_20261123T065000123456Z.r2")
        );
        assert_eq!(name("failed/message-1234.json"), None);
        assert_eq!(name("failed/a.rx.json"), None);
    }
}
