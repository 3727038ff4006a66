//! The events of the canary, beside those of every lead. Only its mail counts in metrics.

use super::entry::events;
use super::event::{Subject, chain};
use super::words::{Tone, Words, said};
use crate::port::PortError;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::lead::id::{EventId, LeadId};

events! {
    /// A canary was posted and accepted.
    CanarySent<'a> {
        /// Its lead id.
        lead_id: &'a LeadId,
        /// Which event it is.
        event_id: &'a EventId,
        /// Where its bytes lie.
        s3_key: &'a str,
    } => e, "canary_sent" {
        subject: Subject { lead_id: Some(e.lead_id), event_id: Some(e.event_id), source: None };
        line: INFO "canary sent";
        fields: { s3_key: e.s3_key }
        console: if e.subject().is_canary() { Words::Quiet } else { Words::Generic };
    }

    /// A canary could not be posted, or was not accepted. A real lead would have met the same.
    CanaryNotSent<'a> {
        /// Why.
        error: &'a PortError,
    } => e, "canary_not_sent" {
        line: ERROR "the canary could not be sent; a real lead would have met the same";
        fields: { error: chain(e.error) }
    }

    /// A canary was accepted and failed on its way. It ends there, and is no dead letter.
    CanaryFailed<'a> [subject: Subject<'a>] {
        /// The queue's id of the message.
        message_id: &'a str,
        /// Why.
        reason: FailureReason,
    } => e, "canary_failed" {
        line: ERROR "the canary failed; it ends here, and is no dead letter";
        fields: { message_id: e.message_id, reason: e.reason.code(), advice: e.reason.advice() }
        console: said(Tone::Bad, "FAILED", format!("{}: {}", e.reason.code(), e.reason.advice()));
    }
}
