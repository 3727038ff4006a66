//! The owner files: a folder that others write.

use leadwire_domain::id::LeadId;
use leadwire_pipeline::port::PortError;
use std::path::PathBuf;

/// The folder `lookup/`.
#[derive(Clone, Debug)]
pub struct LookupFolder {}

impl LookupFolder {
    /// Writes a lead's owner file as a whole: no reader ever meets half of it.
    pub async fn put(&self, lead_id: &LeadId, json: Vec<u8>) -> Result<(), PortError> {
        todo!()
    }

    /// Where a lead's owner file is.
    pub fn path(&self, lead_id: &LeadId) -> PathBuf {
        todo!()
    }
}
