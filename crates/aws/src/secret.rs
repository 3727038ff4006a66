//! The sources document in Secrets Manager.

use crate::classify::{code, failed};
use aws_sdk_secretsmanager::Client;
use leadwire_pipeline::port::{PortError, SecretStore};

/// The staging label of the version that was the current one before.
const PREVIOUS: &str = "AWSPREVIOUS";
/// The code of the answer where a secret has no version of a label.
const NOT_FOUND: &str = "ResourceNotFoundException";

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

    /// The document from before its last change; `None` where it was never changed.
    pub async fn fetch_previous(&self) -> Result<Option<String>, PortError> {
        self.fetch_version(Some(PREVIOUS)).await
    }

    async fn fetch_version(&self, stage: Option<&str>) -> Result<Option<String>, PortError> {
        let action = "fetch secret";
        let Some((client, arn)) = &self.secret else {
            return Ok(None);
        };
        let request = client.get_secret_value().secret_id(arn);
        let output = match request
            .set_version_stage(stage.map(str::to_owned))
            .send()
            .await
        {
            Err(error) if stage.is_some() && code(&error) == Some(NOT_FOUND) => return Ok(None),
            output => output.map_err(failed(action))?,
        };
        let binary = || PortError::permanent(action, "the secret is binary, not text");
        output.secret_string.map(Some).ok_or_else(binary)
    }
}

impl SecretStore for SecretsManagerStore {
    async fn fetch(&self) -> Result<Option<String>, PortError> {
        self.fetch_version(None).await
    }
}
