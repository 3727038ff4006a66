//! What the first edition left of an event: a document without effects, a claim of version 1 or a marker that says of no effect what became
//! of it.

use crate::state::State;
use jiff::SignedDuration;
use leadwire_domain::claim::Claim;
use leadwire_domain::effect::{Effect, EffectState};
use leadwire_domain::key::{ENRICHED, FAILED, MAIL};
use leadwire_domain::lead::id::Sha256Hex;
use leadwire_pipeline::port::{Bucket, Metadata, NewObject, StoredObject};
use serde_json::json;

/// A lease that outlasts the delay of an event, in seconds, and one that was over before.
const LIVE_SECONDS: i64 = 800;
const STALE_SECONDS: i64 = 100;

/// What the first edition left at `mail/X`.
#[derive(Clone, Copy, Debug)]
enum Left {
    Nothing,
    Idle,
    Live,
    Stale,
    Parked,
    Marker,
}

use Left::{Idle, Live, Marker, Nothing, Parked, Stale};

/// The first edition has worked on an event that was stored just now, as far as it came.
pub(crate) fn leave(state: &mut State, name: &str) {
    let key = |prefix: &str| format!("{prefix}{name}.json");
    let is_there = |prefix| state.memory.peek(Bucket::Enriched, &key(prefix)).is_some();
    let Some(raw) = state.raw(name).filter(|raw| !raw.bytes.is_empty()) else {
        return;
    };
    if is_there(ENRICHED) || is_there(MAIL) {
        return;
    }
    let document = document(state, name, &raw);
    let document = NewObject::of(document.to_string().into_bytes());
    state
        .memory
        .plant(Bucket::Enriched, &key(ENRICHED), document);
    let left = state
        .chance
        .pick(Nothing, &[Idle, Live, Stale, Parked, Marker]);
    let attempt = 1 + u32::try_from(state.chance.below(2)).unwrap_or(0);
    let sent = u32::try_from(state.chance.below(u64::from(attempt) + 1)).unwrap_or(0);
    let mails = match left {
        Nothing | Idle => 0,
        Live | Stale | Parked => sent,
        Marker => 1,
    };
    if let Some(claim) = claim(state, left, attempt) {
        state.memory.plant(Bucket::Enriched, &key(MAIL), claim);
    }
    if matches!(left, Parked) {
        fail(state, name);
    }
    let claim = state.memory.peek(Bucket::Enriched, &key(MAIL));
    state.ledger.inherit(name, claim.as_ref(), mails);
    state.tell(format!(
        "      {name} is left {left:?}, mailed {mails} times"
    ));
}

fn document(state: &State, name: &str, raw: &StoredObject) -> serde_json::Value {
    let label = |name: &str| raw.metadata.get(name).cloned().unwrap_or_default();
    json!({
        "lead_id": label("lead-id"),
        "display_name": "An older lead",
        "_leadwire": {
            "schema": 1,
            "event_id": label("event-id"),
            "source": label("source"),
            "raw_key": format!("raw/{name}.json"),
            "raw_sha256": Sha256Hex::of(&raw.bytes).to_string(),
            "accepted_at": label("accepted-at"),
            "enriched_at": state.now().to_string(),
            "lookup_etag": null,
            "from": {},
            "conflicts": [],
        },
    })
}

fn claim(state: &State, left: Left, attempt: u32) -> Option<NewObject> {
    let at = |seconds| {
        let time = state.now().checked_add(SignedDuration::from_secs(seconds));
        time.unwrap_or_else(|_| state.now()).to_string()
    };
    let boot = state.boot_name().map(|_later| "boot-0");
    let sending = |lease_until: String| json!({"state": "sending", "token": "0123456789abcdef0123456789abcdef", "lease_until": lease_until, "attempt": attempt, "boot": boot});
    let body = match left {
        Nothing => return None,
        Idle => json!({"state": "idle", "attempt": attempt}),
        Live => sending(at(LIVE_SECONDS)),
        Stale => sending(at(STALE_SECONDS)),
        Parked => json!({"state": "parked", "parked_at": at(0), "attempt": attempt}),
        Marker => {
            return Some(NewObject {
                bytes: Vec::new(),
                metadata: Metadata::from([
                    ("state".to_owned(), "sent".to_owned()),
                    ("settled-at".to_owned(), at(0)),
                ]),
            });
        }
    };
    Some(NewObject::of(body.to_string().into_bytes()))
}

/// A claim as the first edition wrote it: the same of every effect.
pub(crate) fn claim_of(claim: &Claim, effect: &Effect) -> serde_json::Value {
    let attempt = effect.attempt;
    match (effect.state, effect.at) {
        (EffectState::Sending, _) => json!({
            "state": "sending", "token": claim.token, "lease_until": claim.lease_until, "attempt": attempt, "boot": claim.boot,
        }),
        (EffectState::Parked, Some(at)) => {
            json!({"state": "parked", "parked_at": at, "attempt": attempt})
        }
        _ => json!({"state": "idle", "attempt": attempt}),
    }
}

fn fail(state: &mut State, name: &str) {
    let failure = json!({
        "v": 1,
        "reason": "mail_ambiguous",
        "receives": 1,
        "failed_at": state.now().to_string(),
        "message_id": "m-0",
        "s3_key": format!("raw/{name}.json"),
        "revision": 0,
    });
    let failure = NewObject::of(failure.to_string().into_bytes());
    let key = format!("{FAILED}{name}.json");
    state.memory.plant(Bucket::Enriched, &key, failure);
    state.ledger.failed.insert(name.to_owned());
}
