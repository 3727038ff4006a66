//! The sources document in Secrets Manager, and senders who know its secrets.

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::clients::REGION;
use crate::http::Client;
use crate::json::At;
use crate::{clock, stack};

/// Stores a sources document as a new secret, and gives back its ARN. One call does not pay for an SDK of its own.
///
/// # Errors
/// Secrets Manager refuses.
pub async fn store(aws: &str, document: &Value) -> Result<String> {
    let name = stack::unique_name();
    let body = json!({"Name": name, "SecretString": document.to_string(), "ClientRequestToken": format!("{name:0<32}")});
    let scope = format!("test/20261123/{REGION}/secretsmanager/aws4_request");
    let request = hyper::Request::post(format!("{aws}/"))
        .header("Content-Type", "application/x-amz-json-1.1")
        .header("X-Amz-Target", "secretsmanager.CreateSecret")
        .header(
            "Authorization",
            format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"),
        )
        .body(Bytes::from(body.to_string()))?;
    let reply = Client::default().send(request).await?;
    let answer: Value = serde_json::from_slice(reply.body()).context("CreateSecret")?;
    ensure!(reply.status().is_success(), "CreateSecret: {answer}");
    Ok(answer
        .at("ARN")
        .as_str()
        .context("a secret has an ARN")?
        .to_owned())
}

/// A sender of Standard Webhooks.
#[derive(Clone, Debug)]
pub struct StandardSender {
    key: Vec<u8>,
}

impl StandardSender {
    /// A sender with a key of its own, 32 bytes.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key: key.to_vec() }
    }

    /// Its secret, as it stands in the sources document.
    pub fn secret(&self) -> String {
        format!("whsec_{}", STANDARD.encode(&self.key))
    }

    /// The three headers of a request that it sends now.
    ///
    /// # Errors
    /// The key cannot be used.
    pub fn headers(&self, id: &str, body: &str) -> Result<[(&'static str, String); 3]> {
        let time = clock::now().as_second().to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key)?;
        mac.update(format!("{id}.{time}.{body}").as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        Ok([
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", time),
            ("webhook-signature", format!("v1,{signature}")),
        ])
    }
}
