//! Why a request was not taken: the closed list of codes that problem documents and the metric `LeadsRejected` share.

use serde::{Serialize, Serializer};
use strum::{EnumString, IntoStaticStr, VariantArray};

/// A reason to refuse a request, with its HTTP status (docs/PROTOCOL.md, Requests and answers).
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[strum(serialize_all = "snake_case")]
pub enum Problem {
    /// The body is not strict JSON.
    InvalidJson,
    /// The body nests deeper than the limit.
    TooDeep,
    /// An object has the same key twice.
    DuplicateKey,
    /// The body is JSON, but not an event of this source.
    InvalidEvent,
    /// There is no valid lead id.
    InvalidLeadId,
    /// One event names two different leads.
    ConflictingLeadIds,
    /// The event's id is not 1 to 256 visible ASCII characters.
    InvalidEventId,
    /// The event's own time cannot be read. It refuses nothing any more: the code stays in the closed list, because metrics of older code have it.
    InvalidTime,
    /// A member is named `_leadwire`, which is ours.
    ReservedField,
    /// An event of a source with an address of its own came to `/ingest` of a stack with secrets.
    WrongSource,
    /// The signature, its headers or the secrets are missing, wrong or stale.
    Unverified,
    /// No such address, or no such source.
    NotFound,
    /// Only POST is taken.
    MethodNotAllowed,
    /// The body did not come in time.
    TooSlow,
    /// The body is over the limit.
    TooLarge,
    /// The request holds more events than the limit.
    TooManyEvents,
    /// The body is compressed.
    UnsupportedEncoding,
    /// There are too many headers, or they are too large.
    HeadersTooLarge,
    /// The sender must slow down.
    Throttled,
    /// Storing or queueing could not be assured in time.
    Unavailable,
}

impl Problem {
    /// Every code there is.
    pub const ALL: &[Self] = Self::VARIANTS;

    /// The stable code, as in the problem document and in the dimension `reason`.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::Unverified => 401,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::TooSlow => 408,
            Self::TooLarge | Self::TooManyEvents => 413,
            Self::UnsupportedEncoding => 415,
            Self::Throttled => 429,
            Self::HeadersTooLarge => 431,
            Self::Unavailable => 503,
            Self::InvalidJson
            | Self::TooDeep
            | Self::DuplicateKey
            | Self::InvalidEvent
            | Self::InvalidLeadId
            | Self::ConflictingLeadIds
            | Self::InvalidEventId
            | Self::InvalidTime
            | Self::ReservedField
            | Self::WrongSource => 400,
        }
    }

    /// What is wrong and what to do, for the person who reads the answer. It never repeats the input.
    pub fn detail(self) -> &'static str {
        match self {
            Self::InvalidJson => "The body is not valid JSON in UTF-8. Send one JSON object.",
            Self::TooDeep => "The JSON nests deeper than 64 levels. Send a flatter document.",
            Self::DuplicateKey => {
                "An object has the same key twice, so its meaning is not certain. Send each key once."
            }
            Self::InvalidEvent => {
                "The body is not an event of this source. See the fields of the flat form, or post to the address of your CRM."
            }
            Self::InvalidLeadId => {
                "lead_id is missing or not valid: a text of 1 to 128 characters without white space, control and invisible characters, or a non-negative integer. leadwire-canary is reserved."
            }
            Self::ConflictingLeadIds => {
                "The event names two different leads. Send one event per lead."
            }
            Self::InvalidEventId => {
                "The event's id is not 1 to 256 visible ASCII characters. Send a shorter or simpler id."
            }
            Self::InvalidTime => {
                "The event's own time cannot be read. Send RFC 3339, for example 2026-11-23T06:50:00.123456Z."
            }
            Self::ReservedField => "The member _leadwire is reserved. Leave it out.",
            Self::WrongSource => {
                "This event is of a source that has an address of its own. Post it to /ingest/{source}."
            }
            Self::Unverified => {
                "The request could not be verified: check the signing secret, the signature headers, the sender's clock, and that this source is configured."
            }
            Self::NotFound => {
                "There is nothing at this address. Post to /ingest or /ingest/{source}."
            }
            Self::MethodNotAllowed => "Only POST is taken here.",
            Self::TooSlow => "The body did not come in time. Nothing was promised; send it again.",
            Self::TooLarge => "The body is larger than 1 MiB.",
            Self::TooManyEvents => {
                "The request holds more than 100 events. Send them in several requests."
            }
            Self::UnsupportedEncoding => {
                "The body is compressed, or encoded in a way that is not known. Send it without Content-Encoding."
            }
            Self::HeadersTooLarge => {
                "The request has more than 100 headers, or more than 64 KiB of them."
            }
            Self::Throttled => "Too many requests. Come back a little later.",
            Self::Unavailable => {
                "The event could not be stored and queued in time. Nothing was promised; send it again after Retry-After."
            }
        }
    }
}

/// As its code.
impl Serialize for Problem {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_are_distinct_and_fit_a_metric_dimension() {
        let codes: BTreeSet<_> = Problem::ALL.iter().map(|p| p.code()).collect();
        assert_eq!(codes.len(), Problem::ALL.len());
        let is_plain = |code: &&str| code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        assert!(codes.iter().all(is_plain));
    }

    #[test]
    fn every_problem_has_its_status_and_says_what_to_do_in_a_sentence_of_its_own() {
        let of = |status| {
            let problems = Problem::ALL.iter().copied();
            let of_status = problems.filter(move |problem| problem.status() == status);
            of_status.map(Problem::code).collect::<Vec<_>>()
        };
        assert_eq!(of(400).len(), 10);
        assert_eq!(of(401), ["unverified"]);
        assert_eq!(of(404), ["not_found"]);
        assert_eq!(of(405), ["method_not_allowed"]);
        assert_eq!(of(408), ["too_slow"]);
        assert_eq!(of(431), ["headers_too_large"]);
        assert_eq!(of(413), ["too_large", "too_many_events"]);
        assert_eq!(of(415), ["unsupported_encoding"]);
        assert_eq!(of(429), ["throttled"]);
        assert_eq!(of(503), ["unavailable"]);
        let details: BTreeSet<_> = Problem::ALL.iter().map(|p| p.detail()).collect();
        assert_eq!(details.len(), Problem::ALL.len());
        for detail in details {
            assert!(detail.len() > 20 && detail.ends_with('.'), "{detail}");
        }
    }
}
