//! What is told of the canary, besides what is told of every event. Only its mail is counted.

use super::{Subject, chain};
use crate::port::PortError;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::lead::id::{EventId, LeadId};

/// A canary was posted and accepted.
#[derive(Debug)]
pub struct CanarySent<'a> {
    /// Its lead id.
    pub lead_id: &'a LeadId,
    /// Which event it is.
    pub event_id: &'a EventId,
    /// Where its bytes lie.
    pub s3_key: &'a str,
}

impl CanarySent<'_> {
    /// Tells it.
    pub fn emit(self) {
        tracing::info!(
            event = "canary_sent",
            lead_id = self.lead_id.as_str(),
            event_id = self.event_id.as_str(),
            s3_key = self.s3_key,
            "canary sent"
        );
    }
}

/// A canary could not be posted, or was not accepted. A real lead would have met the same.
#[derive(Debug)]
pub struct CanaryNotSent<'a> {
    /// Why.
    pub error: &'a PortError,
}

impl CanaryNotSent<'_> {
    /// Tells it.
    pub fn emit(self) {
        tracing::error!(
            event = "canary_not_sent",
            error = chain(self.error),
            "the canary could not be sent; a real lead would have met the same"
        );
    }
}

/// A canary was accepted and failed on its way.
#[derive(Debug)]
pub struct CanaryFailed<'a> {
    /// What it is about.
    pub subject: Subject<'a>,
    /// The queue's id of the message.
    pub message_id: &'a str,
    /// Why.
    pub reason: FailureReason,
}

impl CanaryFailed<'_> {
    /// Tells it.
    pub fn emit(self) {
        tracing::error!(
            event = "canary_failed",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            message_id = self.message_id,
            reason = self.reason.code(),
            advice = self.reason.advice(),
            "the canary failed; it ends here, and is no dead letter"
        );
    }
}
