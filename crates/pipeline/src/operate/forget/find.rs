//! Whose an event is: what is stored says so, and a key only where nothing else does.

use super::Forget;
use crate::ledger::raw::label;
use crate::port::{Bucket, Eraser, Fetched, Home, ListPage, ObjectStore, PortError, StoredObject};
use crate::stage::ingest::place::meta;
use futures_util::future::try_join_all;
use leadwire_domain::failure::FailureRecord;
use leadwire_domain::key::{
    BASE, ENRICHED, EventName, FAILED, Identity, MAIL, RAW, SWEPT, lookup_key,
};
use leadwire_domain::lead::document::{Enriched, parse_enriched};
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::limits::{LOOKUP_BYTES_MAX, MESSAGE_BYTES_MAX, OBJECT_BYTES_MAX};
use leadwire_domain::source::Source;
use std::collections::BTreeSet;

/// Events that are read at once.
const READS_AT_ONCE: usize = 32;

/// Everything that is stored about a lead.
#[derive(Clone, Debug)]
pub struct Found {
    /// The lead.
    pub lead_id: LeadId,
    /// Its events.
    pub events: Vec<FoundEvent>,
    /// Whether there is an owner file.
    pub owner_file: bool,
}

/// An event of the lead.
#[derive(Clone, Debug)]
pub struct FoundEvent {
    /// Its name.
    pub name: EventName,
    /// What is stored of it and will be deleted.
    pub keys: Vec<(Bucket, String)>,
    /// What a CRM's retry is known by, where anything says it.
    pub(super) identity: Option<String>,
}

/// Whose an event is, and which.
struct Owned {
    lead_id: Option<LeadId>,
    identity: Option<String>,
}

impl<H: Home> Forget<H>
where
    H::Store: Eraser,
{
    /// Finds what is stored about a lead. It changes nothing.
    pub async fn find(&self, lead_id: &LeadId) -> Result<Found, PortError> {
        let mut names: Vec<EventName> = self.candidates(lead_id).await?.into_iter().collect();
        let mut events = Vec::new();
        while !names.is_empty() {
            let rest = names.split_off(names.len().min(READS_AT_ONCE));
            let looks = names.into_iter().map(|name| self.look(lead_id, name));
            events.extend(try_join_all(looks).await?.into_iter().flatten());
            names = rest;
        }
        let key = lookup_key(lead_id);
        let store = self.home.store();
        let owner = store.get(Bucket::Lookup, &key, LOOKUP_BYTES_MAX).await?;
        Ok(Found {
            lead_id: lead_id.clone(),
            events,
            owner_file: matches!(owner, Fetched::Found(_) | Fetched::TooLarge),
        })
    }

    /// The events that may be the lead's: by what their keys begin with, and those that somebody put by hand under names of other forms.
    async fn candidates(&self, lead_id: &LeadId) -> Result<BTreeSet<EventName>, PortError> {
        let store = self.home.store();
        let mut names = BTreeSet::new();
        for (bucket, prefix) in [
            (Bucket::Raw, RAW),
            (Bucket::Enriched, ENRICHED),
            (Bucket::Enriched, FAILED),
            (Bucket::Enriched, SWEPT),
        ] {
            let keys = store
                .remains(bucket, &EventName::key_prefix(prefix, lead_id))
                .await?;
            let parsed = keys
                .iter()
                .filter_map(|key| EventName::parse_key(prefix, key).ok());
            names.extend(parsed.map(|name| name.with_revision(0)));
        }
        names.extend(self.named_by_hand().await?);
        Ok(names)
    }

    /// Raw objects whose names do not begin as ours do.
    async fn named_by_hand(&self) -> Result<Vec<EventName>, PortError> {
        let ours = format!("{RAW}{BASE}");
        // The character that follows '_': every key of ours comes before it.
        let past = format!("{}`", ours.trim_end_matches('_'));
        let mut names = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let ListPage { entries, more } = self
                .home
                .store()
                .list(Bucket::Raw, RAW, after.as_deref())
                .await?;
            let Some(last) = entries.last().map(|entry| entry.key.clone()) else {
                return Ok(names);
            };
            let strange = entries.iter().filter(|entry| !entry.key.starts_with(&ours));
            names.extend(strange.filter_map(|entry| EventName::parse_raw_key(&entry.key).ok()));
            let is_at_ours = last.starts_with(&ours) && after.as_ref() != Some(&past);
            if !more && !is_at_ours {
                return Ok(names);
            }
            // Ours are many, and lie together: they are gone past in one step.
            after = Some(if is_at_ours { past.clone() } else { last });
        }
    }

    /// The event, where it is the lead's.
    async fn look(
        &self,
        lead_id: &LeadId,
        name: EventName,
    ) -> Result<Option<FoundEvent>, PortError> {
        let keys = self.keys_of(&name).await?;
        let owned = self.owned(&name, &keys).await?;
        let is_wanted = match &owned.lead_id {
            Some(whose) => whose == lead_id,
            None => name.may_be_of(lead_id),
        };
        let identity = owned.identity;
        Ok((is_wanted && !keys.is_empty()).then_some(FoundEvent {
            name,
            keys,
            identity,
        }))
    }

    /// Asked in the order of how much they know: the raw object, a document, a failure.
    async fn owned(&self, name: &EventName, keys: &[(Bucket, String)]) -> Result<Owned, PortError> {
        let mut owned = Owned {
            lead_id: None,
            identity: None,
        };
        for (bucket, key) in keys.iter().rev() {
            if owned.lead_id.is_some() && owned.identity.is_some() {
                break;
            }
            let store = self.home.store();
            let fetched = store.get_remains(*bucket, key, OBJECT_BYTES_MAX).await?;
            let Fetched::Found(object) = fetched else {
                continue;
            };
            let said = match bucket {
                Bucket::Raw => of_raw(&object, name),
                Bucket::Enriched | Bucket::Lookup => of_enriched(key, &object),
            };
            owned.lead_id = owned.lead_id.or(said.lead_id);
            owned.identity = owned.identity.or(said.identity);
        }
        Ok(owned)
    }

    /// The claims of an event's revisions.
    pub(super) async fn revisions(&self, name: &EventName) -> Result<Vec<EventName>, PortError> {
        let prefix = name.revisions_prefix(MAIL);
        let store = self.home.store();
        let mut names = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = store
                .list(Bucket::Enriched, &prefix, after.as_deref())
                .await?;
            let parsed = page.entries.iter();
            let parsed = parsed.filter_map(|entry| EventName::parse_key(MAIL, &entry.key).ok());
            names.extend(parsed.filter(|name| name.revision() > 0));
            after = page.entries.last().map(|entry| entry.key.clone());
            if !page.more || after.is_none() {
                return Ok(names);
            }
        }
    }
}

/// The labels that ingest gave; what lacks is read from the body.
fn of_raw(object: &StoredObject, name: &EventName) -> Owned {
    let given = object.metadata.get(meta::LEAD_ID);
    let read = label(object, &name.to_string());
    let identity = read
        .as_ref()
        .map(|raw| dedupe_key(raw.source, &raw.event_id));
    Owned {
        lead_id: given
            .and_then(|id| LeadId::parse(id).ok())
            .or(read.map(|raw| raw.lead_id)),
        identity,
    }
}

fn of_enriched(key: &str, object: &StoredObject) -> Owned {
    let document = key
        .starts_with(ENRICHED)
        .then(|| parse_enriched(&object.bytes).ok())
        .flatten();
    if let Some(Enriched {
        lead_id,
        provenance,
        ..
    }) = document
    {
        return Owned {
            lead_id: Some(lead_id),
            identity: Source::from_name(&provenance.source)
                .map(|source| dedupe_key(source, &provenance.event_id)),
        };
    }
    let failure = (object.bytes.len() <= MESSAGE_BYTES_MAX)
        .then(|| serde_json::from_slice::<FailureRecord>(&object.bytes).ok())
        .flatten();
    Owned {
        lead_id: failure.and_then(|failure| failure.lead_id),
        identity: None,
    }
}

fn dedupe_key(source: Source, event_id: &EventId) -> String {
    Identity { source, event_id }.dedupe_key()
}
