//! The sources document in Secrets Manager.

use crate::classify::failed;
use aws_sdk_secretsmanager::Client;
use leadwire_pipeline::port::{PortError, SecretStore};

/// The secret store over Secrets Manager.
#[derive(Clone, Debug)]
pub struct SecretsManagerStore {
    secret: Option<(Client, String)>,
}

impl SecretsManagerStore {
    /// The secret of this ARN.
    pub fn new(client: Client, arn: impl Into<String>) -> Self {
        Self {
            secret: Some((client, arn.into())),
        }
    }

    /// No secret is configured, and none is asked for.
    pub fn none() -> Self {
        Self { secret: None }
    }
}

impl SecretStore for SecretsManagerStore {
    async fn fetch(&self) -> Result<Option<String>, PortError> {
        let action = "fetch secret";
        let Some((client, arn)) = &self.secret else {
            return Ok(None);
        };
        let request = client.get_secret_value().secret_id(arn);
        let output = request.send().await.map_err(failed(action))?;
        let binary = || PortError::permanent(action, "the secret is binary, not text");
        output.secret_string.map(Some).ok_or_else(binary)
    }
}
