//! The promises of the contract, checked after every step: P1 to P3 and P5 here, P4 per effect in `rule/`.

mod claim;
mod effect;
mod log;
mod mail;

pub use mail::Delivery;

use crate::DELAY_SECONDS;
use crate::setting::Operation;
use effect::{Answer, Key};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::claim::{Claim, Settled};
use leadwire_domain::effect::EffectId;
use leadwire_domain::json::Object;
use leadwire_domain::key::{ENRICHED, FAILED, MAIL, RAW, SWEPT};
use leadwire_domain::lead::change::diff;
use leadwire_domain::lead::document::{Enriched, parse_enriched};
use leadwire_domain::lead::id::Sha256Hex;
use leadwire_domain::message::Notify;
use leadwire_pipeline::port::StoredObject;
use leadwire_pipeline::testkit::Logged;
use std::collections::{BTreeMap, BTreeSet};

/// A promise that was broken, in words.
pub type Breach = String;

/// How an event ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its marker says that its receivers were told.
    Told,
    /// It is a replay that told nobody.
    Silent,
    /// Its lead was forgotten.
    Forgotten,
}

/// The documents that a mail is held against.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// The one of the event, or of the replay.
    pub own: Option<StoredObject>,
    /// Those of earlier revisions, the newest first.
    pub earlier: Vec<StoredObject>,
}

impl Documents {
    /// Whether it says the same as an earlier one, and whether it says anything else than one, or there is none.
    fn is_old_and_new(&self) -> (bool, bool) {
        let object = |stored: &StoredObject| Object::parse(&stored.bytes).ok();
        let own = self.own.as_ref().and_then(object);
        let earlier = self.earlier.iter().filter_map(object);
        let differs = earlier.map(|earlier| {
            let own = own.as_ref();
            own.is_none_or(|own| !diff(&earlier, own).is_empty())
        });
        let differs: Vec<bool> = differs.collect();
        let is_new = differs.is_empty() || differs.contains(&true);
        (differs.contains(&false), is_new)
    }

    /// The event's own document, read.
    fn lead(&self) -> Option<Enriched> {
        parse_enriched(&self.own.as_ref()?.bytes).ok()
    }

    /// The effects that the event's own document names; none of a document of the first edition, or where there is none.
    pub fn notify(&self) -> Option<Vec<EffectId>> {
        self.lead()?.provenance.notify
    }
}

/// The event that an object under a prefix belongs to.
pub(crate) fn event_of<'a>(prefix: &str, key: &'a str) -> Option<&'a str> {
    key.strip_prefix(prefix)?.strip_suffix(".json")
}

/// The event that an object belongs to.
pub fn name_in(key: &str) -> Option<&str> {
    let mut prefixes = [RAW, ENRICHED, MAIL, FAILED, SWEPT].into_iter();
    prefixes.find_map(|prefix| event_of(prefix, key))
}

/// The name behind a mail's tag.
pub(crate) fn name_of_tag(tag: &str) -> String {
    tag.replace("-r", ".r")
}

/// The event of a name, and the number of its replay.
pub(crate) fn split(name: &str) -> (&str, u32) {
    match name.split_once(".r") {
        Some((event, number)) => (event, number.parse().unwrap_or(0)),
        None => (name, 0),
    }
}

/// Whether an object under `raw/` is a tombstone: what is left of a forgotten event.
pub(crate) fn is_tombstone(raw: &StoredObject) -> bool {
    raw.bytes.is_empty()
}

/// When something is written, and by whom.
#[derive(Clone, Copy, Debug)]
pub struct Writing {
    /// The true time.
    pub now: Timestamp,
    /// By how much a clock of this world may differ from it.
    pub skew: SignedDuration,
    /// The process that writes.
    pub process: u32,
    /// The operator's command that it runs, where it is one's.
    pub operation: Option<Operation>,
    /// The run of the machine that the process belongs to.
    pub boot: u32,
    /// The run that lives.
    pub lives: u32,
}

/// What lies at `mail/X`.
#[derive(Clone, Debug)]
enum Seen {
    /// A claim, and who wrote it.
    Claim(Held),
    /// The marker of an end.
    Marker,
}

/// A claim that is there.
#[derive(Clone, Debug)]
struct Held {
    claim: Claim,
    process: u32,
    boot: u32,
}

/// What is known of the events, by nobody's word but the ports'.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Whether doubtful effects are parked: then there is never a second one.
    parks: bool,
    /// The bodies that were posted under an identity.
    posted: BTreeMap<String, Vec<Vec<u8>>>,
    /// The event's name, by identity, from the first 202 on.
    names: BTreeMap<String, String>,
    /// The identity, by the event's name.
    pub(crate) identities: BTreeMap<String, String>,
    /// The event's name, by the labels of its raw object: it may be stored long before a 202, and never twice.
    stored: BTreeMap<String, String>,
    /// When an event was accepted, by its name: what its raw object says.
    accepted_at: BTreeMap<String, Timestamp>,
    ends: BTreeMap<String, End>,
    pub(crate) failed: BTreeSet<String>,
    /// What lies at `mail/X`, by the event's name.
    seen: BTreeMap<String, Seen>,
    mails: BTreeMap<Key, u32>,
    doubts: BTreeMap<Key, u32>,
    /// How often an operator has given an effect back to be sent.
    resends: BTreeMap<Key, u32>,
    /// The same of an event that the first edition left, for all its receivers.
    old_resends: BTreeMap<String, u32>,
    /// What the first edition sent of an event, to all its receivers at once.
    old_mails: BTreeMap<String, u32>,
    /// What the service said of an effect last, and under which claim it was asked.
    answers: BTreeMap<Key, (String, Answer)>,
    /// Events for whose mail a service was busy, or lost a reply.
    busy: BTreeSet<String>,
    /// The runs of the machine that write rows of its mail log, and the rows, by effect and attempt.
    boots: BTreeSet<String>,
    rows: BTreeMap<Key, BTreeMap<u32, Logged>>,
    /// Mails that a process sent, knows of, and has not written down yet.
    unsettled: BTreeMap<u32, BTreeSet<Key>>,
    /// Receivers that were taken out of the configuration: an effect, or a channel.
    gone: BTreeSet<String>,
    /// What each replay was asked to do, by its name.
    pub(crate) orders: BTreeMap<String, Notify>,
    /// Events of which a person has said what became of their parked effects.
    pub(crate) resolved: BTreeSet<String>,
    /// Events that are forgotten: the operator was told that it is done.
    pub(crate) forgotten: BTreeSet<String>,
}

impl Ledger {
    /// Nothing is known yet. `parks` says what is done about doubtful effects.
    pub fn new(parks: bool) -> Self {
        Self {
            parks,
            ..Self::default()
        }
    }

    /// A body is posted under an identity, where it has one before it is accepted.
    pub fn post(&mut self, identity: &str, body: &[u8]) {
        let bodies = self.posted.entry(identity.to_owned()).or_default();
        bodies.push(body.to_vec());
    }

    /// The answer 202 (P1, P5): the bytes are there, under a name that is no other event's.
    pub fn accept(
        &mut self,
        identity: &str,
        name: &str,
        raw: Option<&StoredObject>,
    ) -> Result<(), Breach> {
        // A forgotten event that comes again is taken, and not stored.
        let is_forgotten = self.is_marked(name) || raw.is_some_and(is_tombstone);
        if !is_forgotten {
            let raw = raw.ok_or_else(|| format!("P1: 202 for {name}, which is not stored"))?;
            let posted = self.posted.get(identity).cloned().unwrap_or_default();
            if !posted.contains(&raw.bytes) {
                return Err(format!("P1: {name} holds other bytes than {identity} sent"));
            }
        }
        if let Some(other) = self.names.get(identity).filter(|other| *other != name) {
            return Err(format!("P4: {identity} is {other} and {name}"));
        }
        if let Some(other) = self.identities.get(name).filter(|other| *other != identity) {
            return Err(format!("P5: {name} is of {other} and of {identity}"));
        }
        self.names.insert(identity.to_owned(), name.to_owned());
        self.identities.insert(name.to_owned(), identity.to_owned());
        Ok(())
    }

    /// The names of the events that were accepted.
    pub fn accepted(&self) -> impl Iterator<Item = &str> {
        self.identities.keys().map(String::as_str)
    }

    /// An object was written, whatever it is: `raw` and `documents` are those of its event.
    pub fn written(
        &mut self,
        (key, object): (&str, &StoredObject),
        raw: Option<&StoredObject>,
        documents: &Documents,
        writing: &Writing,
    ) -> Result<(), Breach> {
        if let Some(name) = event_of(RAW, key) {
            return self.stored(name, object);
        } else if let Some(name) = event_of(ENRICHED, key) {
            let on_time = self.check_time(name, writing);
            return on_time.and(Self::enriched(name, object, raw));
        } else if let Some(name) = event_of(MAIL, key) {
            let on_time = if writing.operation.is_some() {
                Ok(())
            } else {
                self.check_time(name, writing)
            };
            let written = self.claim_written(name, object, documents, writing);
            return on_time.and(written).and(self.check_tombstone(name, raw));
        } else if let Some(name) = event_of(FAILED, key) {
            self.failed.insert(name.to_owned());
        }
        Ok(())
    }

    /// The mark of a forgotten event is under its tombstone: between the two a worker would begin, and outlive the lease that counts from the
    /// mark.
    fn check_tombstone(&self, name: &str, raw: Option<&StoredObject>) -> Result<(), Breach> {
        if self.end(name) == Some(End::Forgotten) && !raw.is_some_and(is_tombstone) {
            return Err(format!("forget: {name} is marked and has no tombstone"));
        }
        Ok(())
    }

    /// A raw object was written: one event is one object, whatever its sender renews (P4).
    fn stored(&mut self, name: &str, object: &StoredObject) -> Result<(), Breach> {
        if is_tombstone(object) {
            return Ok(());
        }
        let label = |label: &str| object.metadata.get(label).cloned().unwrap_or_default();
        if let Ok(at) = label("accepted-at").parse() {
            self.accepted_at.insert(name.to_owned(), at);
        }
        let identity = format!("{} {}", label("source"), label("event-id"));
        match self.stored.insert(identity.clone(), name.to_owned()) {
            Some(other) if other != name => {
                Err(format!("P4: {identity} is stored as {other} and as {name}"))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// An effect of enrichment (P2): never before its time, by the true clock, but for what clocks differ.
    pub fn check_time(&self, name: &str, writing: &Writing) -> Result<(), Breach> {
        let (now, delay) = (writing.now, i64::from(DELAY_SECONDS));
        let earliest = SignedDuration::from_secs(delay) - writing.skew;
        // What the first edition left may be an operator's to send, at any time.
        let is_old = self.old_mails.contains_key(name);
        let accepted_at = self.accepted_at.get(name).filter(|_| !is_old);
        match accepted_at.and_then(|at| at.checked_add(earliest).ok()) {
            Some(due) if now < due => Err(format!("P2: {name} has an effect at {now}, due {due}")),
            Some(_) | None => Ok(()),
        }
    }

    /// A document was created (P3, P5): it is its own raw object's.
    fn enriched(
        name: &str,
        document: &StoredObject,
        raw: Option<&StoredObject>,
    ) -> Result<(), Breach> {
        let raw = raw.ok_or_else(|| format!("P5: {name} has a document and no raw object"))?;
        if is_tombstone(raw) {
            // Who was at work when the lead was forgotten is not called back; what it writes is deleted a lease later.
            return Ok(());
        }
        let document =
            parse_enriched(&document.bytes).map_err(|error| format!("P3: {name}: {error}"))?;
        let lead = raw.metadata.get("lead-id").map(String::as_str);
        if lead != Some(document.lead_id.as_str())
            || document.provenance.raw_sha256 != Sha256Hex::of(&raw.bytes)
        {
            return Err(format!("P5: {name} holds the document of another event"));
        }
        if document.provenance.notify.is_none() {
            return Err(format!("P3: the document of {name} names no effects"));
        }
        Ok(())
    }

    /// A replay's message was sent. Whoever sends it again must say the same.
    pub fn ordered(&mut self, name: &str, notify: Notify) -> Result<(), Breach> {
        let before = self.orders.insert(name.to_owned(), notify);
        match before.filter(|before| *before != notify) {
            Some(before) => Err(format!("replay: {name} is {before:?} and {notify:?}")),
            None => Ok(()),
        }
    }

    /// Whether an event, or the one that a replay is of, has the mark of a forgotten one.
    pub fn is_marked(&self, name: &str) -> bool {
        self.end(split(name).0) == Some(End::Forgotten)
    }

    /// Whether an event ended, or a failure of it is written down.
    pub(crate) fn is_over(&self, name: &str) -> bool {
        self.ends.contains_key(name) || self.failed.contains(name)
    }

    /// How an event ended, if it did.
    pub fn end(&self, name: &str) -> Option<End> {
        self.ends.get(name).copied()
    }

    /// What was there before the upgrade: a claim or a marker, and how often the first edition had sent its mail.
    pub(crate) fn inherit(&mut self, name: &str, claim: Option<&StoredObject>, mails: u32) {
        self.old_mails.insert(name.to_owned(), mails);
        let Some(object) = claim else {
            return;
        };
        let seen = match serde_json::from_slice(&object.bytes) {
            Ok(claim) => Seen::Claim(Held {
                claim,
                process: 0,
                boot: 0,
            }),
            Err(_marker) => {
                self.end_as(name, Settled::Sent);
                Seen::Marker
            }
        };
        self.seen.insert(name.to_owned(), seen);
    }

    fn end_as(&mut self, name: &str, settled: Settled) -> Option<End> {
        let end = match settled {
            Settled::Sent => End::Told,
            Settled::Silent => End::Silent,
            Settled::Forgotten => End::Forgotten,
        };
        self.ends.insert(name.to_owned(), end)
    }
}
