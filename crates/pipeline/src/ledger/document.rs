//! `enriched/X`: the one document of an event or revision.

use super::{Kind, Ledger, Read};
use crate::port::{Created, NewObject, ObjectStore, PortError};
use leadwire_domain::effect::EffectId;
use leadwire_domain::json::Object;
use leadwire_domain::key::EventName;
use leadwire_domain::lead::document::{Enriched, parse_enriched};
use leadwire_domain::limits::OBJECT_BYTES_MAX;
use leadwire_domain::source::Source;

const READ: &str = "read the enriched document";

/// What lies at `enriched/X`.
#[derive(Clone, Debug)]
pub enum DocumentState {
    /// Nothing yet.
    Absent,
    /// Something that is no document of ours.
    Invalid,
    /// The document.
    Stored(Box<Document>),
}

/// A stored document.
#[derive(Clone, Debug)]
pub struct Document {
    /// The lead and where it came from.
    pub lead: Enriched,
    bytes: Vec<u8>,
}

impl Document {
    /// Reads a document.
    pub(crate) fn parse(bytes: Vec<u8>) -> Option<Self> {
        let lead = parse_enriched(&bytes).ok()?;
        Some(Self { lead, bytes })
    }

    /// Where the event came from: what is stored says so, and nothing else.
    pub fn source(&self) -> Source {
        Source::of_document(&self.lead)
    }

    /// The effects that it names; none where it is of the first edition.
    pub fn notify(&self) -> Option<&[EffectId]> {
        self.lead.provenance.notify.as_deref()
    }

    /// Every field, verbatim.
    pub(crate) fn fields(&self) -> Option<Object> {
        Object::parse(&self.bytes).ok()
    }

    /// The document as it is stored.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl<S: ObjectStore> Ledger<'_, S> {
    /// Reads `enriched/X`.
    pub async fn document(self, name: &EventName) -> Result<DocumentState, PortError> {
        Ok(
            match self
                .read_kind(READ, Kind::Document, name, OBJECT_BYTES_MAX)
                .await?
            {
                Read::Found(object) => Document::parse(object.bytes)
                    .map_or(DocumentState::Invalid, |document| {
                        DocumentState::Stored(Box::new(document))
                    }),
                Read::Missing => DocumentState::Absent,
                Read::TooLarge => DocumentState::Invalid,
            },
        )
    }

    /// Stores the document of an event that has none.
    pub(crate) async fn create_document(
        self,
        name: &EventName,
        bytes: Vec<u8>,
    ) -> Result<Created, PortError> {
        self.create(Kind::Document, name, NewObject::of(bytes))
            .await
    }
}
