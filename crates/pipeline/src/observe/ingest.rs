//! The events of `ingest`.

use super::dimension::Rejection;
use super::entry::events;
use super::event::{Subject, chain, whole_millis};
use super::metric::Metric;
use super::words::{Tone, Words, render_seconds, said};
use crate::port::PortError;
use jiff::SignedDuration;
use leadwire_domain::key::QUARANTINE;
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Source, Unverified};

events! {
    /// An event was stored and queued. Its request was answered with 202, or with 503 where another event in it could not be taken.
    LeadAccepted<'a> [subject: Subject<'a>] {
        /// Where it came from.
        source: Source,
        /// Where its bytes lie.
        s3_key: &'a str,
        /// Whether it was there already.
        duplicate: bool,
        /// Whether it was there already with other bytes.
        conflicting: bool,
        /// Request in until answer ready.
        latency: SignedDuration,
        /// Seconds until it is enriched.
        wait_seconds: u32,
        /// How many events its request brought; only of the first of them.
        of_request: Option<usize>,
    } => e, "lead_accepted" {
        line: INFO "lead accepted";
        fields: {
            source: e.source.as_str(),
            s3_key: e.s3_key,
            duplicate: e.duplicate,
            conflicting: e.conflicting,
            wait_seconds: e.wait_seconds,
            duration_ms: whole_millis(e.latency),
        }
        metrics(m): {
            if e.source.is_metered() {
                let taken = if e.duplicate { Metric::LeadsDuplicate } else { Metric::LeadsAccepted };
                m.count_by(taken, e.source);
                if e.conflicting {
                    m.count_by(Metric::LeadsConflicting, e.source);
                }
                m.time_by(Metric::IngestLatency, e.latency, e.source);
                if let Some(events) = e.of_request {
                    m.add(Metric::EventsPerRequest, u64::try_from(events).unwrap_or(u64::MAX));
                }
            }
        }
        console: e.said();
    }

    /// An event of a type that its source is not configured to take was passed over.
    RequestIgnored<'a> {
        /// Where it came from.
        source: Source,
        /// Its type, in the CRM's own words.
        event_type: &'a str,
    } => e, "request_ignored" {
        line: INFO "an event type that is not taken";
        fields: { source: e.source.as_str(), event_type: e.event_type }
        console: said(
            Tone::Dim,
            "ignored",
            format!("{}, which {} is not configured to take", e.event_type, e.source.as_str()),
        );
    }

    /// A request, or an event in it, was rejected; an error where an event could not be taken in time. What it contained is not logged: it may be anything.
    RequestRejected<'a> {
        /// Where it came to, where that is known.
        source: Option<Source>,
        /// Why.
        reason: Rejection,
        /// Why it could not be verified, where it could not.
        unverified: Option<Unverified>,
        /// More of why, in our own words.
        cause: Option<&'a str>,
        /// Under which key its bytes are kept, where they are.
        quarantined: Option<&'a str>,
    } => e, "request_rejected" {
        line: ERROR "an event could not be taken in time", if e.is_unavailable(), else WARN "request refused";
        fields: {
            source: e.source.as_ref().map(Source::as_str),
            reason: e.reason.code(),
            why: e.unverified.map(Unverified::code),
            header: e.unverified.and_then(Unverified::place),
            stale_seconds: e.unverified.and_then(Unverified::stale_seconds),
            cause: e.cause,
            quarantine_key: e.kept(),
        }
        metrics(m): {
            if e.source.is_none_or(Source::is_metered) {
                m.count_by(Metric::LeadsRejected, e.reason);
                if e.kept().is_some() {
                    m.count(Metric::Quarantined);
                }
            }
        }
        console: {
            let source = e.source.as_ref().map_or("unknown address", Source::as_str);
            let cause = e.cause.map(|cause| format!(" ({cause})")).unwrap_or_default();
            let kept = e.kept().map(|key| format!("; kept: quarantine show {}", short(key)));
            let kept = kept.unwrap_or_default();
            said(Tone::Wait, "refused", format!("{source}: {}{cause}{kept}", e.reason.code()))
        };
    }

    /// The sources document could not be fetched or read.
    SourcesUnavailable<'a> {
        /// Why.
        error: &'a PortError,
        /// Whether one that was read before goes on to count.
        is_kept: bool,
    } => e, "sources_unavailable" {
        line: ERROR "the sources document could not be used; the one before counts", if e.is_kept, else ERROR "the sources document could not be used";
        fields: { error: chain(e.error) }
    }

    /// That something verified came from a source with `silence_hours` could not be recorded. Its request was answered all the same, and the next one within minutes records it.
    SeenNotRecorded<'a> {
        /// Where it came from.
        source: Source,
        /// Why.
        error: &'a PortError,
    } => e, "seen_not_recorded" {
        line: WARN "that a source was heard from could not be recorded";
        fields: { source: e.source.as_str(), error: chain(e.error) }
    }

    /// A sender asked by a GET whose the address is, and was answered.
    ChallengeAnswered {
        /// Where it asked.
        source: Option<Source>,
    } => e, "challenge_answered" {
        line: INFO "a sender asked whose the address is, and was answered";
        fields: { source: e.source.map(|source| source.to_string()) }
        console: said(
            Tone::Good,
            "challenge",
            format!("{} was asked whose the address is, and answered", e.source.unwrap_or_default()),
        );
    }

    /// The sources document was read again on request.
    SourcesReloaded {} => e, "sources_reloaded" {
        line: INFO "the sources were read again";
    }
}

impl LeadAccepted<'_> {
    fn said(&self) -> Words {
        if self.subject.is_canary() {
            return Words::Quiet;
        }
        if self.conflicting {
            let text = "came again with other content; the first stays";
            return said(Tone::Wait, "duplicate", text);
        }
        if self.duplicate {
            return said(Tone::Plain, "duplicate", "came again; it stays one event");
        }
        let due = match self.wait_seconds {
            0 => "now".to_owned(),
            seconds => format!("in {}", render_seconds(seconds)),
        };
        let text = format!("from {}, enriched {due}", self.source.as_str());
        said(Tone::Plain, "accepted", text)
    }
}

/// How many digits of a key in quarantine a person needs.
const DIGITS_SHOWN: usize = 12;

/// A key in quarantine as a person types it.
pub fn short(key: &str) -> &str {
    let digits = key.strip_prefix(QUARANTINE).unwrap_or(key);
    digits.get(..DIGITS_SHOWN).unwrap_or(digits)
}

impl RequestRejected<'_> {
    /// Under which key its bytes are kept.
    fn kept(&self) -> Option<&str> {
        self.quarantined.filter(|_| !self.is_unavailable())
    }

    fn is_unavailable(&self) -> bool {
        self.reason == Rejection::Problem(Problem::Unavailable)
    }
}
