//! The canary: a lead of our own that goes the whole way from webhook to mail every few minutes, and is never taken for a real one.
//!
//! What makes an event the canary's is its source, and so its signature. The lead id is reserved for it, so that whoever sees only the id,
//! in a listing or in a log, is not misled either.

use crate::event::Event;
use crate::lead::id::LeadId;
use crate::notice::EmailAddress;
use crate::problem::Problem;
use crate::signature::is_well_formed;
use crate::source::{Secret, Source};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

/// The canary's lead id. A webhook of another source with it is refused.
pub const LEAD_ID: &str = "leadwire-canary";
/// Whom its mail goes to: the mailbox simulator of Amazon SES takes every mail, also in the sandbox, and it counts for no quota or reputation.
const RECIPIENT: &str = "success@simulator.amazonses.com";
/// Its owner file.
const OWNER_FILE: &str = r#"{"lead_id":"leadwire-canary","lead_owner":"nobody","funnel":"canary"}"#;
/// What a secret of Standard Webhooks begins with.
const SECRET_PREFIX: &str = "whsec_";

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
    let data = json!({ "lead_id": LEAD_ID, "display_name": "Canary", "status_label": "Test" });
    let envelope = json!({ "type": "lead.created", "timestamp": now, "data": data });
    envelope.to_string().into_bytes()
}

/// The canary's lead id belongs to its source, and its source to that lead id.
pub(crate) fn check(source: Source, event: &Event) -> Result<(), Problem> {
    let is_canary = event.lead_id.as_str() == LEAD_ID;
    if is_canary == (source == Source::Canary) {
        Ok(())
    } else {
        Err(Problem::InvalidLeadId)
    }
}

/// A text that is not the canary's secret. It never shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the canary's secret is neither {{\"secret\":\"…\"}} nor a text, of 32 or more letters and digits (a multiple of four) or whsec_ and base64"
)]
pub struct SecretError;

/// What Secrets Manager's `GenerateSecretString` and the one-machine home write.
#[derive(Deserialize)]
struct Kept {
    secret: String,
}

/// Takes the canary's secret: `{"secret":"…"}`, or the secret itself. Letters and digits, a multiple of four of them, are base64 already,
/// so that a generated password needs nothing but the prefix.
pub fn parse_secret(text: &str) -> Result<Secret, SecretError> {
    let kept = serde_json::from_str::<Kept>(text).map(|kept| kept.secret);
    let secret = kept.unwrap_or_else(|_not_json| text.trim().to_owned());
    let secret = if secret.starts_with(SECRET_PREFIX) {
        secret
    } else {
        format!("{SECRET_PREFIX}{secret}")
    };
    let secret = Secret::new(secret);
    if is_well_formed(Source::Canary, &secret) {
        Ok(secret)
    } else {
        Err(SecretError)
    }
}

/// The secret as it is kept, from random bits.
pub fn render_secret(bits: [[u8; 16]; 2]) -> String {
    json!({ "secret": hex::encode(bits.concat()) }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Parsed, Take, parse_event, parse_stored};
    use crate::json::Object;
    use crate::lead::merge::merge;

    fn now() -> Timestamp {
        "2026-11-23T06:50:00.123456Z".parse().unwrap()
    }

    fn told(source: Source, body: &[u8]) -> String {
        match parse_event(source, body, Take::All) {
            Ok(Parsed::Event(event)) => event.lead_id.to_string(),
            Ok(Parsed::Ignored) => "ignored".to_owned(),
            Err(problem) => problem.code().to_owned(),
        }
    }

    #[test]
    fn its_webhook_and_its_owner_file_are_a_lead_of_its_own_with_one_recipient() {
        let Ok(Parsed::Event(event)) = parse_event(Source::Canary, &body(now()), Take::All) else {
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
        assert_eq!(told(Source::Canary, &canary), LEAD_ID);
        assert_eq!(told(Source::Standard, &canary), "invalid_lead_id");
        let flat = format!(r#"{{"lead_id":"{LEAD_ID}"}}"#);
        for source in [Source::Generic, Source::Standard] {
            assert_eq!(told(source, flat.as_bytes()), "invalid_lead_id");
        }
        assert_eq!(
            told(Source::Canary, br#"{"lead_id":"test-1"}"#),
            "invalid_lead_id"
        );
        assert!(parse_stored(&canary).is_err(), "nobody vouches for it");
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
        for bad in [
            "",
            "{}",
            "short",
            "whsec_",
            &"a".repeat(41),
            &"a".repeat(88),
        ] {
            assert_eq!(parse_secret(bad), Err(SecretError), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_not_shown_by_its_error() {
        let error = parse_secret("hunter2").unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
