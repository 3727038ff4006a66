//! Where an event is, and what about it does not agree: pure decisions over what was read.

use super::evidence::{Evidence, RawFacts, RevisionState};
use super::{AuditConfig, QueueSeen};
use crate::ledger::{ClaimState, DocumentState};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::claim::Settled;
use leadwire_domain::effect::{EffectId, fits_marker};
use leadwire_domain::key::{ENRICHED, EventName, MAIL};
use leadwire_domain::source::canary;
use serde::Serialize;

/// How long a lead may take to be forgotten: a lease, and the deletion of many events.
const FORGET_GRACE: SignedDuration = SignedDuration::from_mins(15);

/// Where an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its effects are all sent or dropped, at least one of them sent.
    Mailed,
    /// Nothing of it is open or refused, and a person must decide about it.
    Parked,
    /// It failed for good, and `failed/` or its dead letter says so.
    DeadLettered,
    /// It was forgotten on request.
    Forgotten,
    /// It has a message; or that is not known, and it is young.
    InFlight,
    /// It is young, and has no message: the sweep will enqueue it again.
    Unqueued,
    /// It has neither an end nor a message, and the sweep should have found it.
    Nowhere,
    /// Its mail went out, and its retention is over.
    Expired,
}

/// Something that should not be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// The event has neither an end nor anything that would bring it to one.
    Nowhere,
    /// The raw object's bytes are not those that were accepted.
    RawChanged,
    /// The raw object holds no event.
    RawUnreadable,
    /// Raw object and document, or label and body, are about different leads.
    LeadsMixed,
    /// The document was made of other bytes, or another object, than the raw one.
    DocumentOfOtherBytes,
    /// The document cannot be read.
    DocumentUnreadable,
    /// There is a document and no raw object.
    DocumentWithoutRaw,
    /// The mail is settled as sent, and there is no document that it was made of.
    SentWithoutDocument,
    /// The claim is not settled, and the raw object is gone.
    ClaimWithoutRaw,
    /// The mail is settled as sent, and its document names no effect.
    SentWithoutReceiver,
    /// The marker does not say of each of the document's effects what became of it, or says that none was sent.
    ToldDiffers,
    /// The claim names effects that its document does not.
    ClaimOfOtherEffects,
    /// The claim names effects, and there is no document that has them.
    ClaimWithoutDocument,
    /// The claim cannot be read.
    ClaimUnreadable,
    /// A worker died while it sent, long ago, and no other took over.
    ClaimStale,
    /// The lead is forgotten, and something of it is still stored.
    ForgottenButStored,
    /// The lead is forgotten, and no tombstone keeps its event from being stored again: the first edition forgot it.
    TombstoneMissing,
    /// The key names no event.
    KeyStrange,
}

impl Flaw {
    /// What it means, for a person.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Nowhere => {
                "neither an end nor a message; the sweep should have enqueued it again"
            }
            Self::RawChanged => "the bytes of the raw object are not those that were accepted",
            Self::RawUnreadable => "the raw object holds no event",
            Self::LeadsMixed => {
                "two leads are mixed: label, body and document do not name the same one"
            }
            Self::DocumentOfOtherBytes => "the document was not made of this raw object",
            Self::DocumentUnreadable => "the document cannot be read",
            Self::DocumentWithoutRaw => "a document without its raw object",
            Self::SentWithoutDocument => {
                "settled as sent, without the document that the mail was made of"
            }
            Self::SentWithoutReceiver => "settled as sent, and its document names no receiver",
            Self::ToldDiffers => {
                "settled as sent, and what the marker says of the receivers does not fit the document"
            }
            Self::ClaimOfOtherEffects => "the claim names receivers that the document does not",
            Self::ClaimWithoutDocument => "the claim names receivers, and there is no document",
            Self::ClaimWithoutRaw => "never settled, and the raw object is gone",
            Self::ClaimUnreadable => "the mail claim cannot be read",
            Self::ClaimStale => "a worker died while it sent, long ago, and no other took over",
            Self::ForgottenButStored => {
                "forgotten, and something of it is still stored; forget the lead once more"
            }
            Self::TombstoneMissing => {
                "forgotten by an earlier version, and may be stored again; run `leadwire forget --tombstones`"
            }
            Self::KeyStrange => "the key names no event; nothing is done with it",
        }
    }

    /// Whether it needs no person. Where objects expire, a raw object goes a little before its document; the canaries of one machine are
    /// deleted after a day, one object after the other.
    pub(super) fn is_note(self, key: &str, expires: bool) -> bool {
        let is_canary = || {
            let parse = |prefix| EventName::parse_key(prefix, key);
            let name = parse(ENRICHED).or_else(|_other| parse(MAIL));
            name.is_ok_and(|name| name.may_be_of(&canary::lead_id()))
        };
        match self {
            Self::KeyStrange => true,
            Self::DocumentWithoutRaw => expires || is_canary(),
            Self::ClaimWithoutRaw => is_canary(),
            Self::Nowhere
            | Self::RawChanged
            | Self::RawUnreadable
            | Self::LeadsMixed
            | Self::DocumentOfOtherBytes
            | Self::DocumentUnreadable
            | Self::SentWithoutDocument
            | Self::SentWithoutReceiver
            | Self::ToldDiffers
            | Self::ClaimOfOtherEffects
            | Self::ClaimWithoutDocument
            | Self::ClaimUnreadable
            | Self::ClaimStale
            | Self::ForgottenButStored
            | Self::TombstoneMissing => false,
        }
    }
}

/// What was judged.
#[derive(Clone, Debug, Default)]
pub(super) struct Judged {
    /// Where the event is; absent where there is none.
    pub(super) end: Option<End>,
    pub(super) replays: u64,
    /// What does not agree, each with the key that it is about.
    pub(super) flaws: Vec<(String, Flaw)>,
}

impl Judged {
    pub(super) fn strange(key: &str) -> Self {
        Self {
            flaws: vec![(key.to_owned(), Flaw::KeyStrange)],
            ..Self::default()
        }
    }

    fn add(&mut self, key: String, flaw: Flaw) {
        self.flaws.push((key, flaw));
    }
}

/// One event, and what is known around it.
pub(super) struct Case<'a> {
    pub(super) evidence: &'a Evidence,
    pub(super) queue: &'a QueueSeen,
    pub(super) now: Timestamp,
    pub(super) config: &'a AuditConfig,
}

impl Case<'_> {
    /// Decides where the event is and what about it does not agree.
    pub(super) fn judge(&self) -> Judged {
        let evidence = self.evidence;
        let mut judged = Judged {
            replays: u64::try_from(evidence.replays.len()).unwrap_or(u64::MAX),
            ..Judged::default()
        };
        if let Some(at) = evidence.tombstone_at.or(evidence.event.forgotten_at()) {
            judged.end = Some(End::Forgotten);
            if self.now.duration_since(at) > FORGET_GRACE {
                find_leftovers(evidence, &mut judged);
            }
            return judged;
        }
        let Some(raw) = &evidence.raw else {
            without_raw(evidence, &mut judged);
            return judged;
        };
        let end = self.end(raw);
        judged.end = Some(end);
        if end == End::Nowhere {
            judged.add(evidence.name.raw_key(), Flaw::Nowhere);
        }
        check_raw(evidence, raw, &mut judged);
        for revision in evidence.revisions() {
            self.check_revision(revision, raw, &mut judged);
        }
        judged
    }

    /// An end counts before a message that is still on its way, and a message before all else: it may change that.
    fn end(&self, raw: &RawFacts) -> End {
        let Evidence { name, event, .. } = self.evidence;
        match event.claim.settled() {
            Some(Settled::Forgotten) => return End::Forgotten,
            // A silent replay has come to its end like any other.
            Some(Settled::Sent | Settled::Silent) => return End::Mailed,
            None => {}
        }
        let has_message = self.queue.live.as_ref().map(|live| live.contains(name));
        let last = raw
            .stored_at
            .max(self.evidence.swept_at.unwrap_or(raw.stored_at));
        let is_claimed = !matches!(event.claim, ClaimState::Absent);
        let is_young = self.now.duration_since(last) <= self.config.sweep.lost_after(is_claimed);
        match has_message {
            Some(true) => End::InFlight,
            _ if event.is_parked() => End::Parked,
            _ if event.has_failed || self.queue.dead.contains(name) => End::DeadLettered,
            None if is_young => End::InFlight,
            Some(false) if is_young => End::Unqueued,
            None | Some(false) => End::Nowhere,
        }
    }

    fn check_revision(&self, revision: &RevisionState, raw: &RawFacts, judged: &mut Judged) {
        let name = &revision.name;
        match &revision.document {
            DocumentState::Absent if revision.is_sent() => {
                judged.add(name.mail_key(), Flaw::SentWithoutDocument);
            }
            DocumentState::Absent => {}
            DocumentState::Invalid => judged.add(name.enriched_key(), Flaw::DocumentUnreadable),
            DocumentState::Stored(document) => {
                let lead = &document.lead;
                let made_of = &lead.provenance;
                if made_of.raw_sha256 != raw.sha256 || made_of.raw_key != name.raw_key() {
                    judged.add(name.enriched_key(), Flaw::DocumentOfOtherBytes);
                }
                let body_lead_id = raw.lead_id.as_ref();
                if body_lead_id.is_some_and(|lead_id| *lead_id != lead.lead_id) {
                    judged.add(name.enriched_key(), Flaw::LeadsMixed);
                }
            }
        }
        if let Some(flaw) = effects_flaw(revision) {
            judged.add(name.mail_key(), flaw);
        }
        match &revision.claim {
            ClaimState::Unreadable(_) => judged.add(name.mail_key(), Flaw::ClaimUnreadable),
            // What failed has its reason, and an alarm of its own.
            ClaimState::Claimed(claim, _) if claim.is_sending() && !revision.has_failed => {
                let over = self.now.duration_since(claim.lease_until);
                if over > self.config.sweep.lost_after(true) {
                    judged.add(name.mail_key(), Flaw::ClaimStale);
                }
            }
            ClaimState::Absent | ClaimState::Settled(..) | ClaimState::Claimed(..) => {}
        }
    }
}

/// What claim or marker say of effects must fit the document that names them.
fn effects_flaw(revision: &RevisionState) -> Option<Flaw> {
    let notify = match &revision.document {
        DocumentState::Stored(document) => document.notify(),
        DocumentState::Absent if !revision.claim.named().is_empty() => {
            return Some(Flaw::ClaimWithoutDocument);
        }
        DocumentState::Absent | DocumentState::Invalid => None,
    };
    match (&revision.claim, notify) {
        (ClaimState::Settled(marker, _), notify) if marker.how == Settled::Sent => {
            let is_nobody = notify.is_some_and(<[EffectId]>::is_empty);
            let fits = |letters: &str| fits_marker(letters, notify.map(<[EffectId]>::len));
            match marker.told.as_deref() {
                _ if is_nobody => Some(Flaw::SentWithoutReceiver),
                Some(letters) if !fits(letters) => Some(Flaw::ToldDiffers),
                Some(_) | None => None,
            }
        }
        (claim, Some(notify)) => {
            let is_other = claim.named().iter().any(|id| !notify.contains(id));
            is_other.then_some(Flaw::ClaimOfOtherEffects)
        }
        (_, None) => None,
    }
}

impl Evidence {
    fn revisions(&self) -> impl Iterator<Item = &RevisionState> {
        [&self.event].into_iter().chain(&self.replays)
    }
}

/// Whatever is left of a forgotten event but its tombstone and its markers.
fn find_leftovers(evidence: &Evidence, judged: &mut Judged) {
    if evidence.raw.is_some() {
        judged.add(evidence.name.raw_key(), Flaw::ForgottenButStored);
    } else if evidence.tombstone_at.is_none() {
        judged.add(evidence.name.mail_key(), Flaw::TombstoneMissing);
    }
    for revision in evidence.revisions() {
        if revision.has_document() {
            judged.add(revision.name.enriched_key(), Flaw::ForgottenButStored);
        }
    }
}

/// Markers outlive raw objects, and documents may for a short while. Nothing else does.
fn without_raw(evidence: &Evidence, judged: &mut Judged) {
    if evidence.event.is_sent() {
        judged.end = Some(End::Expired);
    }
    for revision in evidence.revisions() {
        if revision.has_document() {
            judged.add(revision.name.enriched_key(), Flaw::DocumentWithoutRaw);
        }
        if matches!(
            revision.claim,
            ClaimState::Claimed(..) | ClaimState::Unreadable(_)
        ) {
            judged.add(revision.name.mail_key(), Flaw::ClaimWithoutRaw);
        }
    }
}

/// What ingest wrote beside the bytes must agree with them. An object that was put by hand has no labels.
fn check_raw(evidence: &Evidence, raw: &RawFacts, judged: &mut Judged) {
    let key = || evidence.name.raw_key();
    let digest = raw.sha256.to_string();
    if raw
        .sha256_label
        .as_ref()
        .is_some_and(|given| *given != digest)
    {
        judged.add(key(), Flaw::RawChanged);
    }
    match (&raw.lead_id, &raw.lead_id_label) {
        (None, _) => judged.add(key(), Flaw::RawUnreadable),
        (Some(read), Some(given)) if read.as_str() != given => {
            judged.add(key(), Flaw::LeadsMixed);
        }
        (Some(_), _) => {}
    }
}
