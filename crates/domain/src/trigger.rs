//! The queue message (docs/PROTOCOL.md, Queue message), a wire format: versioned, with golden files in its tests.

use crate::id::{EventId, LeadId, Sha256Hex};
use crate::key::EventName;
use crate::limits::MESSAGE_BYTES_MAX;
use crate::source::Source;
use crate::wait::Waiting;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The version of the message that this code writes and reads.
pub const VERSION: u32 = 1;

/// What makes enrichment look at an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The event's name; it carries the revision of a replay.
    pub name: EventName,
    /// What our own message says of the event; an operator's bare form says nothing.
    pub facts: Option<TriggerFacts>,
    /// How long it has waited already, and for what.
    pub waiting: Waiting,
}

/// What our own message says of the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerFacts {
    /// Whom it is about.
    pub lead_id: LeadId,
    /// Which event it is.
    pub event_id: EventId,
    /// Where it came from; it is a dimension of metrics.
    pub source: Source,
    /// The digest of the raw object.
    pub sha256: Sha256Hex,
    /// When the webhook was accepted first.
    pub accepted_at: Timestamp,
    /// Nothing is done before this time.
    pub not_before: Timestamp,
}

/// A queue message that is not one of ours.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    /// Not JSON of either form. The cause is not kept: it could quote what somebody put into the queue.
    #[error("not a message of version 1, nor the bare form {{\"s3_key\": …}}")]
    Invalid,
    /// A version that this code does not know.
    #[error("message version {0} is not known; this code reads version 1")]
    Version(u32),
    /// The key names no raw event.
    #[error("the message's s3_key names no raw event")]
    Key(#[source] crate::key::KeyError),
    /// Over the limit.
    #[error("the message is longer than 4 KiB")]
    TooLong,
}

#[derive(Deserialize)]
struct Probe {
    v: Option<u32>,
}

#[derive(Serialize, Deserialize)]
struct Full {
    v: u32,
    s3_key: String,
    lead_id: LeadId,
    event_id: EventId,
    sha256: Sha256Hex,
    accepted_at: Timestamp,
    not_before: Timestamp,
    /// Beyond the contract's members; a message without it counts as generic.
    #[serde(default = "unknown_source")]
    source: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
}

fn unknown_source() -> String {
    Source::Generic.to_string()
}

#[derive(Serialize, Deserialize)]
struct Bare {
    s3_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
}

fn invalid(_quotes_input: serde_json::Error) -> TriggerError {
    TriggerError::Invalid
}

impl Trigger {
    /// Takes the body of a queue message, either form. Further members are ignored.
    pub fn parse(body: &str) -> Result<Self, TriggerError> {
        if body.len() > MESSAGE_BYTES_MAX {
            return Err(TriggerError::TooLong);
        }
        let probe: Probe = serde_json::from_str(body).map_err(invalid)?;
        match probe.v {
            None => Self::from_bare(serde_json::from_str(body).map_err(invalid)?),
            Some(VERSION) => Self::from_full(serde_json::from_str(body).map_err(invalid)?),
            Some(other) => Err(TriggerError::Version(other)),
        }
    }

    fn from_bare(bare: Bare) -> Result<Self, TriggerError> {
        let name = EventName::parse_raw_key(&bare.s3_key).map_err(TriggerError::Key)?;
        Ok(Self {
            name: name.with_revision(bare.revision.unwrap_or(0)),
            facts: None,
            waiting: bare.waiting.unwrap_or_default(),
        })
    }

    fn from_full(full: Full) -> Result<Self, TriggerError> {
        let name = EventName::parse_raw_key(&full.s3_key).map_err(TriggerError::Key)?;
        Ok(Self {
            name: name.with_revision(full.revision.unwrap_or(0)),
            facts: Some(TriggerFacts {
                lead_id: full.lead_id,
                event_id: full.event_id,
                source: Source::from_name(&full.source).unwrap_or(Source::Generic),
                sha256: full.sha256,
                accepted_at: full.accepted_at,
                not_before: full.not_before,
            }),
            waiting: full.waiting.unwrap_or_default(),
        })
    }

    /// The body of the queue message. It stays a bare message where it was one, so that an operator's override survives a wait.
    pub fn body(&self) -> String {
        let revision = (self.name.revision() > 0).then(|| self.name.revision());
        let waiting = (self.waiting != Waiting::default()).then(|| self.waiting.clone());
        let json = match &self.facts {
            None => serde_json::to_string(&Bare {
                s3_key: self.name.raw_key(),
                revision,
                waiting,
            }),
            Some(facts) => serde_json::to_string(&Full {
                v: VERSION,
                s3_key: self.name.raw_key(),
                lead_id: facts.lead_id.clone(),
                event_id: facts.event_id.clone(),
                sha256: facts.sha256,
                accepted_at: facts.accepted_at,
                not_before: facts.not_before,
                source: facts.source.to_string(),
                revision,
                waiting,
            }),
        };
        json.expect("a message of plain fields always serialises")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wait::{DeferReason, WaitKind};
    use proptest::prelude::*;
    use proptest::{option, sample::select};

    const GOLDEN: &str = r#"{"v":1,"s3_key":"raw/crm_event_test-1_20261123T065000123456Z.json","lead_id":"test-1","event_id":"ev_1","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","accepted_at":"2026-11-23T06:50:00.123456Z","not_before":"2026-11-23T07:00:00.123456Z","source":"close"}"#;

    #[test]
    fn version_1_reads_and_writes_its_golden_text() {
        let trigger = Trigger::parse(GOLDEN).unwrap();
        assert_eq!(trigger.body(), GOLDEN);
        assert_eq!(trigger.facts.unwrap().lead_id.as_str(), "test-1");
    }

    #[test]
    fn the_bare_form_has_no_facts_and_stays_bare() {
        let trigger = Trigger::parse(
            r#"{"s3_key":"raw/crm_event_test-1_20261123T065000123456Z.json","note":1}"#,
        )
        .unwrap();
        assert_eq!(trigger.facts, None);
        assert_eq!(
            trigger.body(),
            r#"{"s3_key":"raw/crm_event_test-1_20261123T065000123456Z.json"}"#
        );
    }

    #[test]
    fn a_waiting_revision_survives_its_text() {
        let mut trigger = Trigger::parse(GOLDEN).unwrap();
        trigger.name = trigger.name.with_revision(3);
        trigger.waiting = Waiting {
            kind: WaitKind::Owner,
            hop: 2,
            reason: Some(DeferReason::OwnerAbsent),
            mail_since: None,
        };
        assert_eq!(Trigger::parse(&trigger.body()).unwrap(), trigger);
    }

    #[test]
    fn what_is_not_ours_is_refused_with_its_reason() {
        assert!(matches!(
            Trigger::parse("nonsense"),
            Err(TriggerError::Invalid)
        ));
        assert!(matches!(Trigger::parse("{}"), Err(TriggerError::Invalid)));
        assert!(matches!(
            Trigger::parse(r#"{"v":2,"s3_key":"raw/x.json"}"#),
            Err(TriggerError::Version(2))
        ));
        assert!(matches!(
            Trigger::parse(r#"{"s3_key":"raw/../x.json"}"#),
            Err(TriggerError::Key(_))
        ));
        assert!(matches!(
            Trigger::parse(&" ".repeat(5000)),
            Err(TriggerError::TooLong)
        ));
    }

    fn time() -> impl Strategy<Value = Timestamp> {
        (0..4_000_000_000_i64, 0..1_000_000_000_i32)
            .prop_map(|(second, nanosecond)| Timestamp::new(second, nanosecond).unwrap())
    }

    fn facts() -> impl Strategy<Value = TriggerFacts> {
        let event_id = proptest::string::string_regex("[!-~]{1,256}").unwrap();
        (
            crate::sample::lead_id(),
            event_id,
            any::<[u8; 8]>(),
            (time(), time()),
            select(&Source::ALL[..]),
        )
            .prop_map(
                |(lead_id, event_id, bytes, (accepted_at, not_before), source)| TriggerFacts {
                    lead_id,
                    event_id: EventId::parse(&event_id).unwrap(),
                    sha256: Sha256Hex::of(&bytes),
                    accepted_at,
                    not_before,
                    source,
                },
            )
    }

    fn waiting() -> impl Strategy<Value = Waiting> {
        let kind = select(vec![WaitKind::Early, WaitKind::Owner, WaitKind::Mail]);
        let reason = select(vec![
            DeferReason::TooEarly,
            DeferReason::OwnerAbsent,
            DeferReason::MailUnavailable,
            DeferReason::ClaimLive,
            DeferReason::NoTimeLeft,
        ]);
        (kind, any::<u8>(), option::of(reason), option::of(time())).prop_map(
            |(kind, hop, reason, mail_since)| Waiting {
                kind,
                hop,
                reason,
                mail_since,
            },
        )
    }

    proptest! {
        #![proptest_config(crate::sample::cases())]

        #[test]
        fn any_trigger_survives_its_text_in_ascii_and_within_its_limit(
            lead in crate::sample::lead_id(), at in time(), revision: u32, facts in option::of(facts()), waiting in waiting(),
        ) {
            let trigger = Trigger { name: EventName::new(&lead, at).with_revision(revision), facts, waiting };
            let body = trigger.body();
            prop_assert!(body.is_ascii() && body.len() <= MESSAGE_BYTES_MAX);
            prop_assert_eq!(Trigger::parse(&body).unwrap(), trigger);
        }

        #[test]
        fn any_text_is_answered_without_a_panic(text in crate::sample::text(), value in crate::sample::value()) {
            let _ = (Trigger::parse(&text).is_ok(), Trigger::parse(&value).is_ok());
            let bare = format!(r#"{{"s3_key":{}}}"#, crate::sample::quoted(&text));
            prop_assert!(matches!(Trigger::parse(&bare), Err(TriggerError::Key(_))));
        }
    }
}
