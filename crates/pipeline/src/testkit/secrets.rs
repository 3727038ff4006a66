//! A sources document, and the canary's secret.

use super::lock;
use crate::port::{PortError, SecretStore};
use std::sync::{Arc, Mutex};

/// A sources document that a test can change.
#[derive(Clone, Debug, Default)]
pub struct FakeSecrets(Arc<Mutex<(Option<String>, u32, bool)>>);

impl FakeSecrets {
    /// The document from now on.
    pub fn set(&self, json: &str) {
        lock(&self.0).0 = Some(json.to_owned());
    }

    /// Whether fetching fails from now on.
    pub fn set_down(&self, down: bool) {
        lock(&self.0).2 = down;
    }

    /// How often it was fetched.
    pub fn fetches(&self) -> u32 {
        lock(&self.0).1
    }
}

impl SecretStore for FakeSecrets {
    async fn fetch(&self) -> Result<Option<String>, PortError> {
        let mut state = lock(&self.0);
        state.1 += 1;
        if state.2 {
            Err(PortError::transient(
                "fetch the sources",
                "a fault that a test asked for",
            ))
        } else {
            Ok(state.0.clone())
        }
    }
}
