//! `canary`: sends a lead of our own to our own address, so that silence is noticed before a real lead meets it.
//!
//! It goes the whole way: the signed webhook, the stored event, the delay, the owner file, the mail. Each is an event of its own, and what
//! became of it is logged where it ends.

use crate::ledger::{Ledger, OwnerState};
use crate::observe::{CanaryNotSent, CanarySent};
use crate::port::{Clock, Entropy, Home, PortError, SecretStore, WebhookReply, WebhookSender};
use jiff::Timestamp;
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::problem::Problem;
use leadwire_domain::source::canary;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const SEND: &str = "send the canary";

/// The stage that sends the canary.
#[derive(Debug)]
pub struct Canary<H, S, W> {
    home: Arc<H>,
    secret: S,
    sender: W,
}

/// A canary that was accepted: what it takes to follow it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Accepted {
    /// Its lead id.
    pub lead_id: LeadId,
    /// Which event it is.
    pub event_id: EventId,
    /// Where its bytes lie.
    pub s3_key: String,
    /// Before this time nothing happens.
    pub enrich_not_before: Timestamp,
}

#[derive(Deserialize)]
struct Answer {
    events: [Accepted; 1],
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
}

impl<H: Home, S: SecretStore, W: WebhookSender> Canary<H, S, W> {
    /// A stage over a home, with the canary's secret and the way to the pipeline's own address.
    pub fn new(home: Arc<H>, secret: S, sender: W) -> Self {
        Self {
            home,
            secret,
            sender,
        }
    }

    /// Sends one canary, as an event of its own.
    pub async fn send(&self) -> Result<Accepted, PortError> {
        let sent = self.post().await;
        match &sent {
            Ok(accepted) => CanarySent {
                lead_id: &accepted.lead_id,
                event_id: &accepted.event_id,
                s3_key: &accepted.s3_key,
            }
            .emit(),
            Err(error) => CanaryNotSent { error }.emit(),
        }
        sent
    }

    async fn post(&self) -> Result<Accepted, PortError> {
        let text = self.secret.fetch().await?;
        let text = text.ok_or_else(|| PortError::permanent(SEND, "it has no secret"))?;
        let config =
            canary::parse_secret(&text).map_err(|error| PortError::permanent(SEND, error))?;
        self.put_owner_file().await?;
        let now = self.home.clock().now();
        let event_id = EventId::from_random(self.home.entropy().bits());
        let signed = config.sign(&event_id, canary::body(now), now);
        let signed = signed.ok_or_else(|| PortError::permanent(SEND, "its id cannot be signed"))?;
        let mut headers = signed.headers;
        headers.push(("content-type", config.kind().content_type().to_owned()));
        read(&self.sender.post(headers, signed.body).await?)
    }

    /// Its owner file is put where it lacks or is another, so that no person has to.
    async fn put_owner_file(&self) -> Result<(), PortError> {
        let (ledger, lead_id) = (Ledger::new(self.home.store()), canary::lead_id());
        match ledger.owner(&lead_id).await? {
            OwnerState::Stored(owner) if owner.bytes == canary::owner_file() => Ok(()),
            OwnerState::Absent
            | OwnerState::Denied
            | OwnerState::TooLarge
            | OwnerState::Stored(_) => {
                let file = canary::owner_file().to_vec();
                ledger.put_owner(&lead_id, file).await
            }
        }
    }
}

/// What was accepted; every other answer is a failure. Of its body only a code of ours is logged.
fn read(reply: &WebhookReply) -> Result<Accepted, PortError> {
    let WebhookReply { status, body } = reply;
    if *status != 202 {
        let refusal: Option<Refusal> = serde_json::from_slice(body).ok();
        let problem = refusal.and_then(|refusal| refusal.code.parse().ok());
        let code = problem.map_or("no code of ours", Problem::code);
        let why = format!("it was answered with {status} ({code})");
        return Err(if *status == 429 || *status >= 500 {
            PortError::transient(SEND, why)
        } else {
            PortError::permanent(SEND, why)
        });
    }
    let Answer { events: [accepted] } =
        serde_json::from_slice(body).map_err(|error| PortError::permanent(SEND, error))?;
    Ok(accepted)
}
