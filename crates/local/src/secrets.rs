//! The sources document: `sources.json` in the data folder.

use leadwire_pipeline::port::{PortError, SecretStore};

/// Reads `sources.json` each time it is asked.
#[derive(Clone, Debug)]
pub struct FileSecrets {}

impl SecretStore for FileSecrets {
    async fn fetch(&self) -> Result<Option<String>, PortError> {
        todo!()
    }
}
