//! Names of what is stored. One base name X per event: `crm_event_<lead_id>_<timestamp>`; a replay's revision r is `X.r<r>`.

use crate::lead::id::{EventId, LeadId};
use crate::source::{Source, SourceName};
use jiff::{SignedDuration, Timestamp, tz::Offset};
use sha2::{Digest, Sha256};
use std::fmt;

/// The prefix under which raw events lie in `RawBucket`.
pub const RAW: &str = "raw/";
/// The prefix of enriched documents in `EnrichedBucket`.
pub const ENRICHED: &str = "enriched/";
/// The prefix of mail claims and their settled markers in `EnrichedBucket`.
pub const MAIL: &str = "mail/";
/// The prefix of failures with their reasons in `EnrichedBucket`.
pub const FAILED: &str = "failed/";
/// The prefix of the sweeper's counts in `EnrichedBucket`.
pub const SWEPT: &str = "swept/";
/// How far the sweep has come, in `EnrichedBucket`.
pub const SWEEP_PROGRESS: &str = "sweep/progress.json";
/// The prefix under which the number of each replay is taken, in `EnrichedBucket`: created once, so that two operators share none.
pub const REPLAY: &str = "replay/";
/// The prefix of identity entries in `EnrichedBucket`: the time in the key of an event whose form does not fix it.
pub const DEDUPE: &str = "dedupe/";
/// The prefix of verified requests that did not parse, in `EnrichedBucket`.
pub const QUARANTINE: &str = "quarantine/";
/// The prefix under which it is recorded when something verified came from a source, in `EnrichedBucket`.
pub const SEEN: &str = "seen/";

const EXTENSION: &str = ".json";
/// What every name of ours begins with.
pub const BASE: &str = "crm_event_";
/// Between an event's name and the number of a revision. No name holds a dot.
const REVISION: &str = ".r";
/// Longest base name of a raw object.
const BASE_BYTES_MAX: usize = 200;
/// A time in a key: `20261123T065000123456Z`.
const TIME_CHARS: usize = 22;

/// The base name X of an event, and the revision where it is a replay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventName {
    base: String,
    revision: u32,
}

/// A key that does not name a raw event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a raw event's key is raw/<name>.json, with a name of A-Z, a-z, 0-9, '_' and '-'")]
pub struct KeyError;

impl EventName {
    /// The name of an event of `lead_id` at `time`, in slot 0.
    pub fn new(lead_id: &LeadId, time: Timestamp) -> Self {
        Self {
            base: format!("{BASE}{lead_id}_{}", compact(time)),
            revision: 0,
        }
    }

    /// The name in slot `slot`: slot 0 is the event's time, a later slot that time plus a hash of the identity and the slot modulo one
    /// second, so that a thousand events of one instant do not walk past each other.
    pub fn in_slot(lead_id: &LeadId, time: Timestamp, identity: &Identity<'_>, slot: u32) -> Self {
        Self::new(lead_id, time).moved(time, identity, slot)
    }

    /// The name in slot `slot` of the event that has this one in slot 0.
    #[must_use]
    pub fn moved(self, time: Timestamp, identity: &Identity<'_>, slot: u32) -> Self {
        if slot == 0 {
            return self;
        }
        let mut hash = Sha256::new();
        hash.update(identity.text());
        hash.update(slot.to_be_bytes());
        let digest: [u8; 32] = hash.finalize().into();
        let micros = digest.iter().take(8).fold(0_i64, |sum, byte| {
            (sum * 256 + i64::from(*byte)) % 1_000_000
        });
        let shifted = time
            .checked_add(SignedDuration::from_micros(micros))
            .unwrap_or(time);
        let base = self.base.strip_suffix(&compact(time));
        let base = base.map(|lead| format!("{lead}{}", compact(shifted)));
        Self {
            base: base.unwrap_or(self.base),
            ..self
        }
    }

    /// Takes the key of a raw event apart: `raw/<name>.json`. An operator may name a raw object that we did not write.
    pub fn parse_raw_key(key: &str) -> Result<Self, KeyError> {
        let base = key.strip_prefix(RAW);
        let base = base.and_then(|key| key.strip_suffix(EXTENSION));
        let is_plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        let base = base
            .filter(|base| (1..=BASE_BYTES_MAX).contains(&base.len()) && base.bytes().all(is_plain))
            .ok_or(KeyError)?;
        Ok(Self {
            base: base.to_owned(),
            revision: 0,
        })
    }

    /// Takes the key of something of ours under `prefix` apart: `mail/<name>.json`, or `mail/<name>.r2.json` of a revision.
    pub fn parse_key(prefix: &str, key: &str) -> Result<Self, KeyError> {
        let name = key
            .strip_prefix(prefix)
            .and_then(|name| name.strip_suffix(EXTENSION))
            .ok_or(KeyError)?;
        let (base, revision) = match name.split_once(REVISION) {
            None => (name, 0),
            Some((base, digits)) => (base, digits.parse().map_err(|_no_number| KeyError)?),
        };
        let event = Self::parse_raw_key(&format!("{RAW}{base}{EXTENSION}"))?;
        let event = event.with_revision(revision);
        // One name is written in one way only: not `.r01`, not `.r0`.
        if event.to_string() == name {
            Ok(event)
        } else {
            Err(KeyError)
        }
    }

    /// What every key of this lead's events begins with, under `prefix`. It narrows a listing, and other leads' keys begin so too.
    pub fn key_prefix(prefix: &str, lead_id: &LeadId) -> String {
        format!("{prefix}{BASE}{lead_id}_")
    }

    /// What comes before the keys of this lead's events from `time` on, and after those of its earlier ones, in a listing under `prefix`.
    pub fn key_before(prefix: &str, lead_id: &LeadId, time: Timestamp) -> String {
        Self::new(lead_id, time)
            .key(prefix)
            .trim_end_matches(EXTENSION)
            .to_owned()
    }

    /// What the keys of this event and of all its revisions begin with, under `prefix`, and no other event's.
    pub fn revisions_prefix(&self, prefix: &str) -> String {
        format!("{prefix}{}.", self.base)
    }

    /// Whether it can be an event of this lead. It narrows a listing; only what is stored says whose an event is.
    pub fn may_be_of(&self, lead_id: &LeadId) -> bool {
        let rest = self.base.strip_prefix(BASE);
        let rest = rest.and_then(|rest| rest.strip_prefix(lead_id.as_str()));
        rest.and_then(|rest| rest.strip_prefix('_'))
            .is_some_and(|time| time.len() == TIME_CHARS)
    }

    /// The same event's revision `revision`; 0 is the event itself.
    #[must_use]
    pub fn with_revision(mut self, revision: u32) -> Self {
        self.revision = revision;
        self
    }

    /// Which revision this is; 0 is the event itself.
    pub fn revision(&self) -> u32 {
        self.revision
    }

    /// The raw object's key. A revision shares it with its event.
    pub fn raw_key(&self) -> String {
        format!("{RAW}{}{EXTENSION}", self.base)
    }

    /// The enriched document's key.
    pub fn enriched_key(&self) -> String {
        self.key(ENRICHED)
    }

    /// The mail claim's key.
    pub fn mail_key(&self) -> String {
        self.key(MAIL)
    }
    /// The key of the failure.
    pub fn failed_key(&self) -> String {
        self.key(FAILED)
    }

    /// The key of what is written of it under a prefix of `EnrichedBucket`.
    pub fn key(&self, prefix: &str) -> String {
        format!("{prefix}{self}{EXTENSION}")
    }

    /// The value of the mail's tag `event`, within the characters that SES allows in a tag.
    pub fn tag(&self) -> String {
        self.to_string().replace('.', "-")
    }
}

impl fmt::Display for EventName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)?;
        if self.revision > 0 {
            write!(f, "{REVISION}{}", self.revision)?;
        }
        Ok(())
    }
}

/// What makes two deliveries the same event: the source and the event id, never the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity<'a> {
    /// Where the event came from.
    pub source: Source,
    /// The event's id at that source.
    pub event_id: &'a EventId,
}

impl Identity<'_> {
    /// The key of the identity entry, `dedupe/<sha256>.json`. A tombstone names its event by it.
    pub fn dedupe_key(&self) -> String {
        format!(
            "{DEDUPE}{}{EXTENSION}",
            hex::encode(Sha256::digest(self.text()))
        )
    }

    /// Source and id, joined by a character that neither can contain.
    fn text(&self) -> String {
        format!("{}\n{}", self.source.as_str(), self.event_id)
    }
}

/// The key of an owner file in `LookupBucket`.
pub fn lookup_key(lead_id: &LeadId) -> String {
    format!("{lead_id}{EXTENSION}")
}

/// The lead whose owner file has this key, where it is one.
pub fn lead_of_lookup_key(key: &str) -> Option<LeadId> {
    LeadId::parse(key.strip_suffix(EXTENSION)?).ok()
}

/// The key of the failure of a message that names no event.
pub fn failed_message_key(message_id: &str) -> String {
    let safe: String = message_id
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(100)
        .collect();
    format!("{FAILED}message-{safe}{EXTENSION}")
}

/// The key of a verified request that did not parse.
pub fn quarantine_key(sha256: crate::lead::id::Sha256Hex) -> String {
    format!("{QUARANTINE}{sha256}")
}

/// The key of what is recorded of a source that is to be heard from.
pub fn seen_key(source: SourceName) -> String {
    format!("{SEEN}{source}")
}

/// The source whose record has this key, where it is one.
pub fn source_of_seen_key(key: &str) -> Option<SourceName> {
    SourceName::parse(key.strip_prefix(SEEN)?).ok()
}

/// UTC with microseconds, `20261123T065000123456Z` (docs/PROTOCOL.md, Keys and metadata).
pub fn compact(time: Timestamp) -> String {
    let t = Offset::UTC.to_datetime(time);
    format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}{:06}Z",
        t.year(),
        t.month(),
        t.day(),
        t.hour(),
        t.minute(),
        t.second(),
        t.subsec_nanosecond() / 1000
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::SourceKind;

    fn name() -> EventName {
        EventName::new(
            &LeadId::parse("test-1").unwrap(),
            "2026-11-23T06:50:00.123456789Z".parse().unwrap(),
        )
    }

    #[test]
    fn every_key_of_an_event_shares_its_name() {
        const BASE: &str = "crm_event_test-1_20261123T065000123456Z";
        for (key, prefix) in [
            (name().raw_key(), "raw"),
            (name().enriched_key(), "enriched"),
            (name().mail_key(), "mail"),
            (name().failed_key(), "failed"),
            (name().key(SWEPT), "swept"),
        ] {
            assert_eq!(key, format!("{prefix}/{BASE}.json"));
        }
        let third = name().with_revision(3);
        assert_eq!(third.key(REPLAY), format!("replay/{BASE}.r3.json"));
        assert_eq!(EventName::parse_raw_key(&name().raw_key()), Ok(name()));
    }

    #[test]
    fn what_is_no_events_has_a_key_of_its_own() {
        let lead = LeadId::parse("test-1").unwrap();
        assert_eq!(lookup_key(&lead), "test-1.json");
        assert_eq!(lead_of_lookup_key("test-1.json"), Some(lead));
        for other in ["test-1", "test-1.csv", "a/b.json", ".json", "../x.json"] {
            assert_eq!(lead_of_lookup_key(other), None, "{other}");
        }
        let key = failed_message_key("5f0b-A1/../?\u{e9}");
        assert_eq!(key, "failed/message-5f0b-A1.json");
        let long = failed_message_key(&"m".repeat(300));
        assert_eq!(long.len(), "failed/message-.json".len() + 100);
        let forms = SourceName::parse("web-forms").unwrap();
        assert_eq!(seen_key(forms), "seen/web-forms");
        assert_eq!(source_of_seen_key("seen/web-forms"), Some(forms));
        assert_eq!(source_of_seen_key("seen/Web"), None);
        let digest = crate::lead::id::Sha256Hex::of(b"");
        assert_eq!(
            quarantine_key(digest),
            "quarantine/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
    }

    #[test]
    fn a_name_narrows_down_whose_event_it_is() {
        let lead = |id| LeadId::parse(id).unwrap();
        assert!(name().may_be_of(&lead("test-1")));
        let longer = EventName::new(&lead("test-1_x"), Timestamp::UNIX_EPOCH);
        for (name, id) in [
            (name(), "test"),
            (name(), "test-11"),
            (longer, "test-1"),
            (EventName::parse_raw_key("raw/by-hand.json").unwrap(), "by"),
        ] {
            assert!(!name.may_be_of(&lead(id)), "{name} {id}");
        }
    }

    #[test]
    fn a_revision_has_names_of_its_own_but_shares_the_raw_object() {
        let revision = name().with_revision(2);
        assert_eq!(revision.raw_key(), name().raw_key());
        assert_eq!(
            revision.mail_key(),
            "mail/crm_event_test-1_20261123T065000123456Z.r2.json"
        );
        assert_eq!(revision.tag(), "crm_event_test-1_20261123T065000123456Z-r2");
    }

    #[test]
    fn a_key_of_ours_is_taken_apart_in_one_way_only() {
        for name in [name(), name().with_revision(1), name().with_revision(12)] {
            assert_eq!(EventName::parse_key(MAIL, &name.mail_key()), Ok(name));
        }
        for bad in [
            "mail/x.r0.json",
            "mail/x.r01.json",
            "mail/x.r+1.json",
            "mail/x.r1.r2.json",
            "mail/x.q.json",
            "mail/x.r1",
            "raw/x.json",
        ] {
            assert_eq!(EventName::parse_key(MAIL, bad), Err(KeyError), "{bad}");
        }
    }

    #[test]
    fn the_keys_of_an_event_begin_alike_and_no_other_events_do() {
        let prefix = name().revisions_prefix(MAIL);
        assert!(name().with_revision(3).mail_key().starts_with(&prefix));
        let longer = EventName::parse_raw_key(&format!("raw/{}-b.json", name())).unwrap();
        assert!(!longer.mail_key().starts_with(&prefix));
        let time = Timestamp::UNIX_EPOCH;
        let lead = LeadId::parse("a").unwrap();
        let before = EventName::key_before(RAW, &lead, time);
        assert!(before < EventName::new(&lead, time).raw_key());
        let earlier = time - SignedDuration::from_micros(1);
        assert!(before > EventName::new(&lead, earlier).raw_key());
        let of_lead = EventName::key_prefix(RAW, &LeadId::parse("test-1").unwrap());
        assert_eq!(of_lead, "raw/crm_event_test-1_");
        assert!(name().raw_key().starts_with(&of_lead));
    }

    #[test]
    fn a_key_that_is_no_raw_event_is_refused() {
        for bad in [
            "",
            "raw/",
            "raw/.json",
            "raw/../x.json",
            "raw/a/b.json",
            "enriched/x.json",
            "raw/x",
            "raw/a b.json",
            "raw/a.r1.json",
        ] {
            assert_eq!(EventName::parse_raw_key(bad), Err(KeyError), "{bad:?}");
        }
    }

    #[test]
    fn later_slots_lie_within_a_second_and_differ_by_event() {
        let lead = LeadId::parse("l").unwrap();
        let time: Timestamp = "2026-11-23T06:50:00Z".parse().unwrap();
        let slot = |id: &str, slot| {
            let identity = Identity {
                source: SourceKind::Close.into(),
                event_id: &EventId::parse(id).unwrap(),
            };
            EventName::in_slot(&lead, time, &identity, slot)
        };
        assert_eq!(slot("a", 0), slot("b", 0));
        assert_ne!(slot("a", 1), slot("b", 1));
        assert_ne!(slot("a", 1), slot("a", 2));
        // Old and new code run side by side during a deployment, and must try the same slots.
        let first = slot("a", 1).to_string();
        assert_eq!(first, "crm_event_l_20261123T065000494667Z");
    }

    #[test]
    fn the_same_id_at_two_sources_is_two_events() {
        let event_id = EventId::parse("1").unwrap();
        let [close, standard] = [SourceKind::Close, SourceKind::Standard].map(|kind| Identity {
            source: kind.into(),
            event_id: &event_id,
        });
        assert_ne!(close.dedupe_key(), standard.dedupe_key());
    }
}
