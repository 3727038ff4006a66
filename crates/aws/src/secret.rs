//! The sources document in Secrets Manager.

use crate::classify::port_error;
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
        let output = client
            .get_secret_value()
            .secret_id(arn)
            .send()
            .await
            .map_err(|error| port_error(action, &error))?;
        match output.secret_string {
            Some(document) => Ok(Some(document)),
            None => Err(PortError::permanent(
                action,
                "the secret is binary, not text",
            )),
        }
    }
}
