//! The number of a replay, taken by a create that only one caller can win: two operators at once share none.

use super::Order;
use crate::ledger::listing::Listing;
use crate::port::{
    Bucket, Clock, Created, Entropy, Fetched, Home, NewObject, ObjectStore, PortError,
};
use jiff::Timestamp;
use leadwire_domain::key::{ENRICHED, EventName, FAILED, MAIL, REPLAY};
use leadwire_domain::limits::MESSAGE_BYTES_MAX;
use leadwire_domain::message::Notify;
use serde::{Deserialize, Serialize};

/// Numbers that are tried before the caller is asked to come back: each one that is lost is another operator's.
const TRIES_MAX: u32 = 16;

/// What `replay/X.r1` says.
#[derive(Serialize, Deserialize)]
struct Taken {
    v: u32,
    notify: Notify,
    /// The run of the command.
    run: String,
    requested_at: Timestamp,
    /// Tells this call's own write from another's, where its reply is lost.
    token: String,
}

/// Takes the next number of an event.
pub(super) async fn take<H: Home>(
    home: &H,
    event: &EventName,
    order: &Order,
) -> Result<EventName, PortError> {
    let bits = u128::from_be_bytes(home.entropy().bits());
    let mine = Taken {
        v: 1,
        notify: order.notify,
        run: order.run.clone(),
        requested_at: home.clock().now(),
        token: format!("{bits:032x}"),
    };
    let bytes = serde_json::to_vec(&mine).expect("plain fields always serialise");
    let newest = newest(home, event).await?;
    for number in (1..=TRIES_MAX).filter_map(|step| newest.checked_add(step)) {
        let name = event.clone().with_revision(number);
        let key = name.replay_key();
        let object = NewObject::of(bytes.clone());
        let created = home.store().create(Bucket::Enriched, &key, object).await;
        if matches!(created, Ok(Created::New(_))) {
            return Ok(name);
        }
        let found = read(home, &name).await?;
        if found.is_some_and(|found| found.token == mine.token) {
            return Ok(name);
        }
        created?;
    }
    Err(PortError::transient(
        "take a number for the replay",
        "others took every number that was tried",
    ))
}

/// The newest revision that anything is stored of. A number that was taken counts even where nothing came of it, and what came of it counts
/// even where its number has expired.
async fn newest<H: Home>(home: &H, event: &EventName) -> Result<u32, PortError> {
    let mut newest = 0;
    for prefix in [REPLAY, ENRICHED, MAIL, FAILED] {
        for name in revisions(home, event, prefix).await? {
            newest = newest.max(name.revision());
        }
    }
    Ok(newest)
}

/// What is stored of an event and its revisions under a prefix, in no order.
pub(super) async fn revisions<H: Home>(
    home: &H,
    event: &EventName,
    prefix: &str,
) -> Result<Vec<EventName>, PortError> {
    let mut names = Vec::new();
    let begin = event.revisions_prefix(prefix);
    let mut listing = Listing::new(home, Bucket::Enriched, begin);
    while let Some(entry) = listing.next().await? {
        names.extend(EventName::parse_key(prefix, &entry.key));
    }
    Ok(names)
}

/// The replay that a run took a number for, and what it was to do.
pub(super) async fn find_run<H: Home>(
    home: &H,
    event: &EventName,
    run: &str,
) -> Result<Option<(EventName, Notify)>, PortError> {
    for name in revisions(home, event, REPLAY).await? {
        if let Some(taken) = read(home, &name).await?
            && taken.run == run
        {
            return Ok(Some((name, taken.notify)));
        }
    }
    Ok(None)
}

async fn read<H: Home>(home: &H, name: &EventName) -> Result<Option<Taken>, PortError> {
    let key = name.replay_key();
    let store = home.store();
    match store.get(Bucket::Enriched, &key, MESSAGE_BYTES_MAX).await? {
        // What somebody else put there is a number that is taken, and nothing more.
        Fetched::Found(object) => Ok(serde_json::from_slice(&object.bytes).ok()),
        Fetched::Missing | Fetched::Denied | Fetched::TooLarge => Ok(None),
    }
}
