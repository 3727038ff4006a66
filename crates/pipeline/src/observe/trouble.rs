//! What any stage tells of trouble that is not one lead's fate.

use super::{Subject, chain};
use crate::port::PortError;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::message::TriggerError;

/// A call on a port failed, and the stage coped or reported it.
#[derive(Debug)]
pub struct CallFailed<'a> {
    /// What it was about.
    pub subject: Subject<'a>,
    /// What failed.
    pub error: &'a PortError,
}

impl CallFailed<'_> {
    /// Tells it.
    pub fn emit(self) {
        tracing::warn!(
            event = "call_failed",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            error = chain(self.error),
            "a call failed"
        );
    }
}

/// A queue message is not one of ours.
#[derive(Debug)]
pub struct BadMessage<'a> {
    /// The queue's id of it.
    pub message_id: &'a str,
    /// Why it is not.
    pub error: &'a TriggerError,
}

impl BadMessage<'_> {
    /// Tells it.
    pub fn emit(self) {
        tracing::warn!(
            event = "bad_message",
            message_id = self.message_id,
            error = chain(self.error),
            "not a message of ours"
        );
    }
}

/// A failure could not be written to `failed/`; it is reported to the queue all the same.
#[derive(Debug)]
pub struct FailureNotRecorded<'a> {
    /// What it was about.
    pub subject: Subject<'a>,
    /// The queue's id of the message.
    pub message_id: &'a str,
    /// Why it failed.
    pub reason: FailureReason,
}

impl FailureNotRecorded<'_> {
    /// Tells it.
    pub fn emit(self) {
        tracing::error!(
            event = "failure_not_recorded",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            message_id = self.message_id,
            reason = self.reason.code(),
            "a failure could not be written down"
        );
    }
}

/// The owner file's `owner_email` is no address, so the owner is not mailed; the others are.
#[derive(Debug)]
pub struct OwnerEmailInvalid<'a> {
    /// What it was about.
    pub subject: Subject<'a>,
}

impl OwnerEmailInvalid<'_> {
    /// Tells it.
    pub fn emit(self) {
        tracing::warn!(
            event = "owner_email_invalid",
            lead_id = self.subject.lead(),
            event_id = self.subject.event(),
            "the owner file's owner_email is no address; the owner is not mailed"
        );
    }
}

/// The sources document could not be fetched or read.
#[derive(Debug)]
pub struct SourcesUnavailable<'a> {
    /// Why.
    pub error: &'a PortError,
}

impl SourcesUnavailable<'_> {
    /// Tells it.
    pub fn emit(self) {
        tracing::error!(
            event = "sources_unavailable",
            error = chain(self.error),
            "the sources document could not be used"
        );
    }
}
