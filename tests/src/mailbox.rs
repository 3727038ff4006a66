//! What moto says was mailed.

use anyhow::{Context, Result};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::http::Client;
use crate::json::At;

/// A mail that SES took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The sender.
    pub from: String,
    /// Every recipient.
    pub to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The body that moto keeps: HTML where there is one.
    pub body: String,
}

/// The mails to one recipient. A test that has a recipient of its own sees nobody else's.
#[derive(Clone, Debug)]
pub struct Mailbox {
    endpoint: String,
    recipient: String,
    client: Client,
}

impl Mailbox {
    /// The mailbox of `recipient` at the moto behind `endpoint`.
    pub fn new(endpoint: &str, recipient: &str) -> Self {
        Self {
            endpoint: endpoint.to_owned(),
            recipient: recipient.to_owned(),
            client: Client::default(),
        }
    }

    /// Whose it is.
    pub fn recipient(&self) -> &str {
        &self.recipient
    }

    /// The effect that a mail to it is.
    pub fn effect(&self) -> String {
        effect_to(&self.recipient)
    }

    /// Every mail in it, oldest first.
    pub async fn mails(&self) -> Result<Vec<Mail>> {
        let url = format!("{}/moto-api/data.json", self.endpoint);
        let reply = self.client.get(&url).await?;
        let data: Value = serde_json::from_slice(reply.body()).context("moto's data")?;
        let messages = data.pointer("/ses/Message").and_then(Value::as_array);
        let mut mails: Vec<Mail> = messages.into_iter().flatten().map(read).collect();
        mails.retain(|mail| mail.to.contains(&self.recipient));
        Ok(mails)
    }
}

/// The effect that a mail of the team to an address is: the channel, and the first 16 hex digits of the address's SHA-256.
pub fn effect_to(address: &str) -> String {
    let digest = hex::encode(Sha256::digest(address.to_lowercase()));
    let (digits, _) = digest.split_at(16);
    format!("team:{digits}")
}

fn read(message: &Value) -> Mail {
    let text = |name: &str| message.at(name).text().to_owned();
    let groups = message.at("destinations").as_object().into_iter().flatten();
    let to = groups.flat_map(|(_, addresses)| addresses.items().iter());
    Mail {
        from: text("source"),
        to: to.filter_map(Value::as_str).map(str::to_owned).collect(),
        subject: text("subject"),
        body: text("body"),
    }
}
