//! Time, randomness, secrets, and the way to the pipeline's own address.

use super::PortError;
use jiff::Timestamp;
use std::future::Future;

/// The time.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// Randomness, for tokens, ids and jitter.
pub trait Entropy: Send + Sync {
    /// 128 random bits.
    fn bits(&self) -> [u8; 16];
}

/// Fetches the sources document (Secrets Manager, or a file).
pub trait SecretStore: Send + Sync {
    /// The document's text, or `None` where none is configured.
    fn fetch(&self) -> impl Future<Output = Result<Option<String>, PortError>> + Send;
}

/// Nothing is configured: for stages that need no sources.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoSecrets;

impl SecretStore for NoSecrets {
    async fn fetch(&self) -> Result<Option<String>, PortError> {
        Ok(None)
    }
}

/// What the other side answered to a webhook.
#[derive(Clone, Debug)]
pub struct WebhookReply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Posts webhooks to the pipeline's own address, from outside, as a CRM does.
pub trait WebhookSender: Send + Sync {
    /// Posts a body with these headers, once. A status is an answer, whatever it says.
    fn post(
        &self,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> impl Future<Output = Result<WebhookReply, PortError>> + Send;
}
