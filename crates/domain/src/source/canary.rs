//! The canary: a lead of our own that goes the whole way from webhook to mail every few minutes, and is never taken for a real one.
//!
//! What makes an event the canary's is its source, and so its signature. Its lead id is reserved, so that the id alone, in a listing or in a
//! log, does not mislead either. No operator configures it: the home keeps its secret.

use super::intake::Intake;
use super::members::Members;
use super::webhooks::{SECRET_PREFIX, StandardWebhooks};
use super::{EventFilter, Extracted, Kind, Sample, SourceConfig, SourceKind, forms, webhooks};
use crate::address::EmailAddress;
use crate::lead::id::LeadId;
use crate::problem::Problem;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

/// The canary's lead id. A webhook of another source with it is refused.
pub const LEAD_ID: &str = "leadwire-canary";
/// The recipient of its mail: the mailbox simulator of Amazon SES takes every mail, also in the sandbox, and it counts for no quota or reputation.
const RECIPIENT: &str = "success@simulator.amazonses.com";
/// Its owner file.
const OWNER_FILE: &str = r#"{"lead_id":"leadwire-canary","lead_owner":"nobody","funnel":"canary"}"#;

pub(super) struct Canary;

impl Kind for Canary {
    fn name(&self) -> &'static str {
        "canary"
    }

    fn configure(&self, members: &mut Members<'_>) -> Option<Box<dyn Intake>> {
        Some(Box::new(StandardWebhooks::configure(members)?))
    }

    fn make_secret(&self, random: [u8; 32]) -> String {
        webhooks::make_secret(random)
    }

    fn parse(&self, body: &[u8], filter: EventFilter<'_>) -> Result<Extracted, Problem> {
        forms::parse_either(body, filter)
    }

    /// It sends one lead only: of a sample only the time counts.
    fn sample(&self, lead: &Sample) -> Vec<u8> {
        render_body(lead.made_at)
    }

    fn is_synthetic(&self) -> bool {
        true
    }

    fn reserved_lead(&self) -> Option<&'static str> {
        Some(LEAD_ID)
    }
}

/// The canary's lead id, parsed.
pub fn lead_id() -> LeadId {
    LeadId::parse(LEAD_ID).expect("a constant that a test parses")
}

/// The one recipient of the canary's mail.
pub fn recipient() -> EmailAddress {
    EmailAddress::parse(RECIPIENT).expect("a constant that a test parses")
}

/// The canary's owner file, as it lies in the lookup bucket.
pub fn owner_file() -> &'static [u8] {
    OWNER_FILE.as_bytes()
}

/// The body of a canary's webhook. Its event id stands in the signed headers.
pub fn body(now: Timestamp) -> Vec<u8> {
    render_body(Some(now))
}

fn render_body(time: Option<Timestamp>) -> Vec<u8> {
    let data = json!({ "lead_id": LEAD_ID, "display_name": "Canary", "status_label": "Test" });
    let envelope = json!({ "type": "lead.created", "timestamp": time, "data": data });
    envelope.to_string().into_bytes()
}

/// A text that is not the canary's secret. It never shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the canary's secret is neither {{\"secret\":\"…\"}} nor a text, of 32 or more letters and digits (a multiple of four) or whsec_ and base64"
)]
pub struct SecretError;

/// What Secrets Manager's `GenerateSecretString` and the one-machine home write.
#[derive(Deserialize)]
struct StoredSecret {
    secret: String,
}

/// Takes the canary's secret: `{"secret":"…"}`, or the secret itself. Letters and digits, a multiple of four of them, are base64 already,
/// so that a generated password needs nothing but the prefix.
pub fn parse_secret(text: &str) -> Result<SourceConfig, SecretError> {
    let stored = serde_json::from_str::<StoredSecret>(text).map(|stored| stored.secret);
    let secret = stored.unwrap_or_else(|_not_json| text.trim().to_owned());
    let secret = if secret.starts_with(SECRET_PREFIX) {
        secret
    } else {
        format!("{SECRET_PREFIX}{secret}")
    };
    SourceKind::Canary
        .example(&secret)
        .map_err(|_other_form| SecretError)
}

/// The secret as it is stored, from random bits.
pub fn render_secret(bits: [[u8; 16]; 2]) -> String {
    json!({ "secret": hex::encode(bits.concat()) }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Object;
    use crate::lead::merge::merge;

    fn now() -> Timestamp {
        "2026-11-23T06:50:00.123456Z".parse().unwrap()
    }

    fn read(source: SourceKind, body: &[u8]) -> String {
        match source.parse(body, EventFilter::All) {
            Ok(Extracted::Event(event)) => event.lead_id.to_string(),
            Ok(Extracted::Ignored(_)) => "ignored".to_owned(),
            Err(problem) => problem.code().to_owned(),
        }
    }

    #[test]
    fn its_webhook_and_its_owner_file_are_a_lead_of_its_own_with_one_recipient() {
        let Ok(Extracted::Event(event)) = SourceKind::Canary.parse(&body(now()), EventFilter::All)
        else {
            panic!("not an event");
        };
        assert_eq!((&event.lead_id, event.time), (&lead_id(), Some(now())));
        let owner = Object::parse(owner_file()).unwrap();
        assert!(merge(&lead_id(), &event.fields, Some(&owner)).is_ok());
        assert_eq!(recipient().expose(), RECIPIENT);
    }

    #[test]
    fn its_lead_id_belongs_to_its_source_and_its_source_to_its_lead_id() {
        let canary = body(now());
        assert_eq!(read(SourceKind::Canary, &canary), LEAD_ID);
        assert_eq!(read(SourceKind::Standard, &canary), "invalid_lead_id");
        let flat = format!(r#"{{"lead_id":"{LEAD_ID}"}}"#);
        for source in [SourceKind::Generic, SourceKind::Standard] {
            assert_eq!(read(source, flat.as_bytes()), "invalid_lead_id");
        }
        let other = br#"{"lead_id":"test-1"}"#;
        assert_eq!(read(SourceKind::Canary, other), "invalid_lead_id");
        // No signature vouches for it.
        assert!(SourceKind::parse_unlabelled(&canary).is_err());
    }

    #[test]
    fn its_secret_is_a_generated_password_or_one_of_standard_webhooks() {
        let generated = "Ab1".repeat(12) + "zzzz";
        for good in [
            generated.clone(),
            format!(r#"{{"secret":"{generated}"}}"#),
            format!(" whsec_{generated}\n"),
            format!(r#"{{"secret":"whsec_{generated}"}}"#),
            render_secret([[0x5a; 16], [0xa5; 16]]),
        ] {
            assert!(parse_secret(&good).is_ok(), "{good}");
        }
        let (odd, long) = ("a".repeat(41), "a".repeat(88));
        for bad in ["", "{}", "short", "whsec_", &odd, &long] {
            assert_eq!(parse_secret(bad).err(), Some(SecretError), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_not_shown_by_its_error() {
        let error = parse_secret("hunter2").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
