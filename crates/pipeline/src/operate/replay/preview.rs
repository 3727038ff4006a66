//! What a replay would change: the newest stored document against a fresh merge of the stored bytes with today's owner file.

use crate::ledger::{DocumentState, Kind, Ledger, OwnerState, RawEvent, RawState};
use crate::port::{Home, ObjectStore, PortError};
use crate::trace::TraceContext;
use leadwire_domain::claim::Settled;
use leadwire_domain::json::Object;
use leadwire_domain::key::EventName;
use leadwire_domain::lead::change::{Change, diff};
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::lead::merge::merge;
use leadwire_domain::lead::owner::OwnerFileError;
use leadwire_domain::message::{Notify, TriggerFacts};
use strum::IntoStaticStr;

/// What a replay of an event would do.
#[derive(Clone, Debug)]
pub enum Preview {
    /// It can be replayed.
    Ready(Box<Ready>),
    /// It cannot.
    Refused(Refusal),
}

/// An event that can be replayed.
#[derive(Clone, Debug)]
pub struct Ready {
    /// Its name.
    pub name: EventName,
    /// The revision whose document is the newest, 0 for the event's own; absent where no document is left.
    pub compared_with: Option<u32>,
    /// What would change.
    pub changes: Vec<Change>,
    pub(super) facts: TriggerFacts,
    pub(super) trace: TraceContext,
}

impl Ready {
    /// Whose it is, by what is stored.
    pub fn lead_id(&self) -> &LeadId {
        &self.facts.lead_id
    }
}

/// Why an event cannot be replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Refusal {
    /// A forgotten lead is forgotten in every revision.
    #[error("its lead was forgotten on request")]
    Forgotten,
    /// Nothing to replay.
    #[error("its raw object is gone")]
    RawMissing,
    /// Nothing to replay.
    #[error("its raw object holds no event")]
    RawInvalid,
    /// It has not even come to its first document: a replay would overtake it.
    #[error("it was never enriched; it is still on its way, or `dlq redrive` helps it on")]
    NotEnriched,
    /// The replay would wait for it in vain.
    #[error("it has no owner file any more; put one first")]
    OwnerMissing,
    /// The replay would fail.
    #[error("its owner file cannot be used, `lookup ls` says why; correct it first")]
    OwnerInvalid,
    /// The replay would fail.
    #[error("its owner file names another lead; correct it first")]
    OwnerOfOther,
    /// Nothing to compare with.
    #[error("its newest enriched document cannot be read; it was changed by hand")]
    DocumentInvalid,
    /// It is no real lead.
    #[error("it is the canary's")]
    Canary,
}

impl Refusal {
    /// A word for a program.
    pub fn code(self) -> &'static str {
        self.into()
    }

    fn of(error: OwnerFileError) -> Self {
        if error == OwnerFileError::OtherLead {
            Self::OwnerOfOther
        } else {
            Self::OwnerInvalid
        }
    }
}

/// Why a look ended early.
enum Stop {
    Refused(Refusal),
    Port(PortError),
}

impl From<PortError> for Stop {
    fn from(error: PortError) -> Self {
        Self::Port(error)
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The newest document.
struct Newest {
    revision: u32,
    fields: Object,
    had_owner: bool,
}

/// Looks at an event, and changes nothing.
pub async fn preview<H: Home>(home: &H, event: &EventName) -> Result<Preview, PortError> {
    match load(home, event).await {
        Ok(ready) => Ok(Preview::Ready(Box::new(ready))),
        Err(Stop::Refused(refusal)) => Ok(Preview::Refused(refusal)),
        Err(Stop::Port(error)) => Err(error),
    }
}

async fn load<H: Home>(home: &H, event: &EventName) -> Result<Ready, Stop> {
    let ledger = Ledger::new(home.store());
    let claim = ledger.claim(event).await?.readable()?;
    if claim.settled() == Some(Settled::Forgotten) {
        return Err(Refusal::Forgotten.into());
    }
    let stored = match ledger.raw(event).await? {
        RawState::Stored(stored) => stored,
        RawState::Absent => return Err(Refusal::RawMissing.into()),
        RawState::Forgotten(_) => return Err(Refusal::Forgotten.into()),
        RawState::TooLarge => return Err(Refusal::RawInvalid.into()),
    };
    let raw = stored.event().ok_or(Refusal::RawInvalid)?;
    if raw.source.is_synthetic() {
        return Err(Refusal::Canary.into());
    }
    let newest = newest(ledger, event).await?;
    if newest.is_none() && claim.settled().is_none() {
        return Err(Refusal::NotEnriched.into());
    }
    let owner = owner(ledger, &raw, newest.as_ref()).await?;
    let merged = merge(&raw.lead_id, &raw.fields, owner.as_ref());
    let merged = merged.map_err(|error| Refusal::of(error.into()))?;
    let none = Object::default();
    let before = newest.as_ref().map_or(&none, |newest| &newest.fields);
    Ok(Ready {
        name: event.clone(),
        compared_with: newest.as_ref().map(|newest| newest.revision),
        changes: diff(before, &merged.fields),
        trace: stored.trace(),
        facts: facts_of(&raw),
    })
}

/// The message's facts. A replay is an operator's own: the delay was for the event.
fn facts_of(raw: &RawEvent) -> TriggerFacts {
    TriggerFacts {
        lead_id: raw.lead_id.clone(),
        event_id: raw.event_id.clone(),
        source: raw.source,
        sha256: raw.sha256,
        accepted_at: raw.accepted_at,
        not_before: raw.accepted_at,
        notify: Notify::Never,
    }
}

async fn newest<S: ObjectStore>(
    ledger: Ledger<'_, S>,
    event: &EventName,
) -> Result<Option<Newest>, Stop> {
    let documents = ledger.revisions(Kind::Document, event).await?;
    let Some(name) = documents.into_iter().max_by_key(EventName::revision) else {
        return Ok(None);
    };
    match ledger.document(&name).await? {
        DocumentState::Stored(document) => Ok(Some(Newest {
            revision: name.revision(),
            fields: document.fields().ok_or(Refusal::DocumentInvalid)?,
            had_owner: document.lead.provenance.lookup_etag.is_some(),
        })),
        DocumentState::Absent => Ok(None),
        DocumentState::Invalid => Err(Refusal::DocumentInvalid.into()),
    }
}

/// The owner file. It may be missing where the lead was mailed without one before.
async fn owner<S: ObjectStore>(
    ledger: Ledger<'_, S>,
    raw: &RawEvent,
    newest: Option<&Newest>,
) -> Result<Option<Object>, Stop> {
    match ledger.owner(&raw.lead_id).await? {
        OwnerState::Stored(owner) => Ok(Some(owner.fields().map_err(Refusal::of)?)),
        OwnerState::TooLarge => Err(Refusal::of(OwnerFileError::TooLarge).into()),
        OwnerState::Denied => {
            Err(PortError::permanent("read the owner file", "access denied").into())
        }
        OwnerState::Absent if newest.is_some_and(|newest| !newest.had_owner) => Ok(None),
        OwnerState::Absent => Err(Refusal::OwnerMissing.into()),
    }
}
