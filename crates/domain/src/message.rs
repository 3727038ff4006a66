//! The queue message (docs/PROTOCOL.md, Queue message), a wire format: versioned, with golden files in its tests.

use crate::key::EventName;
use crate::lead::id::{EventId, LeadId, Sha256Hex};
use crate::limits::MESSAGE_BYTES_MAX;
use crate::source::Source;
use crate::wait::Waiting;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// The version of the message that makes an event be enriched and mailed.
pub const VERSION: u32 = 1;
/// The version of the message of a replay that does not simply mail: it says whether to. Code that knows version 1 only must not take it, or
/// it would mail what is to be kept quiet; so it is another version and not a member more.
pub const VERSION_NOTIFY: u32 = 2;

/// What makes enrichment look at an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    /// The event's name; it carries the revision of a replay.
    pub name: EventName,
    /// What our own message says of the event; an operator's bare form says nothing.
    pub facts: Option<TriggerFacts>,
    /// How long it has waited already, and for what.
    pub waiting: Waiting,
    /// Whether it is a wake-up's: it takes no part in the wait for the owner, in which the event's own message goes on. An operator's bare
    /// form never is.
    pub once: bool,
}

/// What our own message says of the event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TriggerFacts {
    /// Whom it is about.
    pub lead_id: LeadId,
    /// Which event it is.
    pub event_id: EventId,
    /// Where it came from; its kind is a dimension of metrics.
    pub source: Source,
    /// The digest of the raw object.
    pub sha256: Sha256Hex,
    /// When the webhook was accepted first.
    pub accepted_at: Timestamp,
    /// Nothing is done before this time.
    pub not_before: Timestamp,
    /// Whether it mails. Only a replay may say anything but [`Notify::Force`]; the bare form cannot.
    pub notify: Notify,
}

/// Whether a message mails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Notify {
    /// It mails: every event, and a replay that is to mail whatever has changed.
    #[default]
    Force,
    /// A replay that mails where its document differs from the one before.
    IfChanged,
    /// A replay that makes its document and sends no mail.
    Never,
}

impl Notify {
    /// As it stands in messages, in log lines and in tables.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// A queue message that is not one of ours.
#[derive(Debug, thiserror::Error)]
pub enum TriggerError {
    /// Not JSON of either form. The cause is not kept: it could quote what somebody put into the queue.
    #[error("not a message of version 1 or 2, nor the bare form {{\"s3_key\": …}}")]
    Invalid,
    /// A version that this code does not know.
    #[error("message version {0} is not known; this code reads versions 1 and 2")]
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
    /// Beyond the contract's members; a message without it, or of a source that this code does not know, counts as generic.
    #[serde(default)]
    source: String,
    /// The source's kind, where that is another than its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    notify: Option<Notify>,
    /// Code of an earlier version does not see it: there it is one more message that waits for the owner.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    once: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waiting: Option<Waiting>,
}

#[derive(Serialize, Deserialize)]
struct Bare {
    s3_key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revision: Option<u32>,
    /// Only to be refused: code of an earlier version would not see it, and mail.
    #[serde(default, skip_serializing)]
    notify: Option<Notify>,
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
            Some(VERSION | VERSION_NOTIFY) => {
                Self::from_full(serde_json::from_str(body).map_err(invalid)?)
            }
            Some(other) => Err(TriggerError::Version(other)),
        }
    }

    fn from_bare(bare: Bare) -> Result<Self, TriggerError> {
        if bare.notify.is_some() {
            return Err(TriggerError::Invalid);
        }
        let name = EventName::parse_raw_key(&bare.s3_key).map_err(TriggerError::Key)?;
        Ok(Self {
            name: name.with_revision(bare.revision.unwrap_or(0)),
            facts: None,
            waiting: bare.waiting.unwrap_or_default(),
            once: false,
        })
    }

    fn from_full(full: Full) -> Result<Self, TriggerError> {
        let name = EventName::parse_raw_key(&full.s3_key).map_err(TriggerError::Key)?;
        let name = name.with_revision(full.revision.unwrap_or(0));
        let notify = match (full.v, full.notify) {
            (VERSION, None) => Notify::Force,
            (VERSION_NOTIFY, Some(notify)) if name.revision() > 0 => notify,
            _ => return Err(TriggerError::Invalid),
        };
        Ok(Self {
            name,
            facts: Some(TriggerFacts {
                lead_id: full.lead_id,
                event_id: full.event_id,
                source: Source::of_labels(&full.source, full.kind.as_deref()).unwrap_or_default(),
                sha256: full.sha256,
                accepted_at: full.accepted_at,
                not_before: full.not_before,
                notify,
            }),
            waiting: full.waiting.unwrap_or_default(),
            once: full.once,
        })
    }

    /// Whether it mails.
    pub fn notify(&self) -> Notify {
        self.facts
            .as_ref()
            .map_or(Notify::Force, |facts| facts.notify)
    }

    /// The body of the queue message. It stays a bare message where it was one, so that an operator's override survives a wait.
    pub fn body(&self) -> String {
        let revision = (self.name.revision() > 0).then(|| self.name.revision());
        let waiting = (self.waiting != Waiting::default()).then(|| self.waiting.clone());
        let json = match &self.facts {
            None => serde_json::to_string(&Bare {
                s3_key: self.name.raw_key(),
                revision,
                notify: None,
                waiting,
            }),
            Some(facts) => serde_json::to_string(&Full {
                v: match facts.notify {
                    Notify::Force => VERSION,
                    Notify::IfChanged | Notify::Never => VERSION_NOTIFY,
                },
                s3_key: self.name.raw_key(),
                lead_id: facts.lead_id.clone(),
                event_id: facts.event_id.clone(),
                sha256: facts.sha256,
                accepted_at: facts.accepted_at,
                not_before: facts.not_before,
                source: facts.source.to_string(),
                kind: facts.source.kind_label().map(str::to_owned),
                revision,
                notify: Some(facts.notify).filter(|notify| *notify != Notify::Force),
                once: self.once,
                waiting,
            }),
        };
        json.expect("a message of plain fields always serialises")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceKind;
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
    fn a_wake_up_reads_and_writes_its_golden_text_also_after_a_wait() {
        let once = GOLDEN.replace('}', r#","once":true}"#);
        let mut trigger = Trigger::parse(&once).unwrap();
        assert!(trigger.once);
        assert_eq!(trigger.body(), once);
        trigger.waiting.hop = 1;
        let waits = r#","once":true,"waiting":{"kind":"early","hop":1}}"#;
        assert_eq!(trigger.body(), GOLDEN.replace('}', waits));
        let bare = r#"{"s3_key":"raw/crm_event_test-1_20261123T065000123456Z.json","once":true}"#;
        assert!(!Trigger::parse(bare).unwrap().once);
        assert!(!Trigger::parse(GOLDEN).unwrap().once);
    }

    #[test]
    fn a_message_that_says_no_source_or_an_unknown_one_counts_as_generic() {
        for source in ["", r#","source":"no-such-kind""#] {
            let body = GOLDEN.replace(r#","source":"close""#, source);
            let trigger = Trigger::parse(&body).unwrap();
            assert_eq!(trigger.facts.unwrap().source, Source::default(), "{body}");
        }
    }

    #[test]
    fn a_message_may_be_as_long_as_its_limit_and_no_longer() {
        let padded = |bytes: usize| format!("{GOLDEN}{}", " ".repeat(bytes - GOLDEN.len()));
        assert!(Trigger::parse(&padded(MESSAGE_BYTES_MAX)).is_ok());
        let refused = Trigger::parse(&padded(MESSAGE_BYTES_MAX + 1));
        assert!(matches!(refused, Err(TriggerError::TooLong)));
    }

    #[test]
    fn whether_a_replay_mails_is_told_as_it_is_written() {
        for notify in [Notify::Force, Notify::IfChanged, Notify::Never] {
            assert_eq!(serde_json::to_value(notify).unwrap(), notify.code());
        }
    }

    #[test]
    fn the_bare_form_has_no_facts_and_stays_bare() {
        let bare = r#"{"s3_key":"raw/crm_event_test-1_20261123T065000123456Z.json"}"#;
        let trigger = Trigger::parse(&bare.replace('}', r#","note":1}"#)).unwrap();
        assert_eq!(trigger.facts, None);
        assert_eq!(trigger.body(), bare);
    }

    #[test]
    fn version_2_reads_and_writes_its_golden_text() {
        let quiet = golden_quiet();
        let trigger = Trigger::parse(&quiet).unwrap();
        assert_eq!(trigger.body(), quiet);
        assert_eq!(trigger.notify(), Notify::Never);
        assert_eq!(trigger.name.revision(), 3);
    }

    fn golden_quiet() -> String {
        let quiet = r#""source":"close","revision":3,"notify":"never"}"#;
        let second = GOLDEN.replace(r#"{"v":1,"#, r#"{"v":2,"#);
        second.replace(r#""source":"close"}"#, quiet)
    }

    #[test]
    fn a_message_that_older_code_would_mail_says_nothing_of_notify() {
        let quiet = golden_quiet();
        for bad in [
            quiet.replace(r#""v":2"#, r#""v":1"#),
            quiet.replace(r#","notify":"never""#, ""),
            quiet.replace(r#""revision":3,"#, ""),
            quiet.replace(r#""never""#, r#""perhaps""#),
            r#"{"s3_key":"raw/a.json","revision":1,"notify":"never"}"#.to_owned(),
        ] {
            let read = Trigger::parse(&bad);
            assert!(matches!(read, Err(TriggerError::Invalid)), "{bad}");
        }
        let mut loud = Trigger::parse(GOLDEN).unwrap();
        loud.name = loud.name.with_revision(1);
        assert!(loud.body().starts_with(r#"{"v":1,"#) && !loud.body().contains("notify"));
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
        let long = " ".repeat(5000);
        for (body, expected) in [
            ("nonsense", "Invalid"),
            ("{}", "Invalid"),
            (r#"{"v":3,"s3_key":"raw/x.json"}"#, "Version(3)"),
            (r#"{"s3_key":"raw/../x.json"}"#, "Key(KeyError)"),
            (&long, "TooLong"),
        ] {
            let refused = Trigger::parse(body).unwrap_err();
            assert_eq!(format!("{refused:?}"), expected, "{body}");
        }
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
            select(&SourceKind::ALL[..]).prop_map(Source::from),
            select(vec![Notify::Force, Notify::IfChanged, Notify::Never]),
        )
            .prop_map(
                |(lead_id, event_id, bytes, (accepted_at, not_before), source, notify)| {
                    TriggerFacts {
                        lead_id,
                        event_id: EventId::parse(&event_id).unwrap(),
                        sha256: Sha256Hex::of(&bytes),
                        accepted_at,
                        not_before,
                        source,
                        notify,
                    }
                },
            )
    }

    fn waiting() -> impl Strategy<Value = Waiting> {
        let kind = select(vec![WaitKind::Early, WaitKind::Owner, WaitKind::Mail]);
        let reason = select(vec![
            DeferReason::TooEarly,
            DeferReason::OwnerAbsent,
            DeferReason::OwnerUnfinished,
            DeferReason::MailUnavailable,
            DeferReason::InDoubt,
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
            lead in crate::sample::lead_id(), at in time(), revision in 1_u32..,
            facts in option::of(facts()), waiting in waiting(), once in any::<bool>(),
        ) {
            let once = once && facts.is_some();
            let trigger = Trigger { name: EventName::new(&lead, at).with_revision(revision), facts, waiting, once };
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
