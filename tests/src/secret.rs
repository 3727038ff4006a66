//! The sources document in Secrets Manager, and senders who know its secrets.

use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::clients::ask;
use crate::json::At;
use crate::{clock, stack};

/// Stores a sources document as a new secret, and gives back its ARN.
pub async fn store(aws: &str, document: &Value) -> Result<String> {
    let name = stack::unique_name();
    let body = json!({"Name": name, "SecretString": document.to_string(), "ClientRequestToken": format!("{name:0<32}")});
    let headers = [
        ("Content-Type", "application/x-amz-json-1.1"),
        ("X-Amz-Target", "secretsmanager.CreateSecret"),
    ];
    let answer = ask(&format!("{aws}/"), "secretsmanager", &headers, &body).await?;
    let arn = answer.at("ARN").as_str().context("a secret has an ARN")?;
    Ok(arn.to_owned())
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

    /// The sources document that holds its secret alone.
    pub fn document(&self) -> Value {
        json!({"standard": {"secrets": [self.secret()]}})
    }

    /// Signs a request that it sends now.
    pub fn sign(&self, id: &str, body: &str) -> Result<Signed> {
        let time = clock::now().as_second().to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key)?;
        mac.update(format!("{id}.{time}.{body}").as_bytes());
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        Ok(Signed([
            ("webhook-id", id.to_owned()),
            ("webhook-timestamp", time),
            ("webhook-signature", format!("v1,{signature}")),
        ]))
    }
}

/// The headers of a signed request.
#[derive(Clone, Debug)]
pub struct Signed([(&'static str, String); 3]);

impl Signed {
    /// Each by its name.
    pub fn headers(&self) -> Vec<(&str, &str)> {
        let pairs = self.0.iter();
        pairs.map(|(name, value)| (*name, value.as_str())).collect()
    }
}
