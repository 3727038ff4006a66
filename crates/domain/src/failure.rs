//! Why an accepted event failed: the closed list of reasons in `failed/`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::effect::EffectId;
use crate::lead::id::{EventId, LeadId};
use crate::lead::owner::OwnerFileError;

/// A reason in `failed/X`. What redelivery can cure is transient; the rest ends in the DLQ whatever is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// The queue message is not one of ours.
    BadMessage,
    /// The raw object that the message names does not exist.
    RawMissing,
    /// The raw object holds no event.
    RawInvalid,
    /// No owner file within the waiting window.
    OwnerMissing,
    /// The owner file is not a JSON object, or is over the limit.
    LookupInvalid,
    /// The owner file is another lead's.
    LookupMismatch,
    /// The stored enriched document cannot be read.
    EnrichedInvalid,
    /// The mail was refused for good.
    MailRefused,
    /// There is no receiver: the document names no effect, or each one's receiver is gone.
    NoReceiver,
    /// Sending did not succeed within the waiting window.
    MailUnavailable,
    /// Whether the mail went out is not known.
    MailAmbiguous,
    /// More hops than are allowed.
    HopsExhausted,
    /// Storage could not be read or written.
    StoreUnavailable,
    /// The queue could not be written.
    QueueUnavailable,
    /// The record did not end within its deadline.
    DeadlineExceeded,
    /// The code panicked.
    Panicked,
    /// The sweeper enqueued it twice already, in vain.
    SweptOut,
}

impl FailureReason {
    /// The code as it stands in `failed/`, in logs and in tables.
    pub fn code(self) -> &'static str {
        match self {
            Self::BadMessage => "bad_message",
            Self::RawMissing => "raw_missing",
            Self::RawInvalid => "raw_invalid",
            Self::OwnerMissing => "owner_missing",
            Self::LookupInvalid => "lookup_invalid",
            Self::LookupMismatch => "lookup_mismatch",
            Self::EnrichedInvalid => "enriched_invalid",
            Self::MailRefused => "mail_refused",
            Self::NoReceiver => "no_receiver",
            Self::MailUnavailable => "mail_unavailable",
            Self::MailAmbiguous => "mail_ambiguous",
            Self::HopsExhausted => "hops_exhausted",
            Self::StoreUnavailable => "store_unavailable",
            Self::QueueUnavailable => "queue_unavailable",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::Panicked => "panicked",
            Self::SweptOut => "swept_out",
        }
    }

    /// Whether no redelivery of the same message can cure it.
    pub fn is_permanent(self) -> bool {
        match self {
            Self::BadMessage
            | Self::RawMissing
            | Self::RawInvalid
            | Self::OwnerMissing
            | Self::LookupInvalid
            | Self::LookupMismatch
            | Self::EnrichedInvalid
            | Self::MailRefused
            | Self::NoReceiver
            | Self::MailUnavailable
            | Self::HopsExhausted
            | Self::SweptOut => true,
            Self::MailAmbiguous
            | Self::StoreUnavailable
            | Self::QueueUnavailable
            | Self::DeadlineExceeded
            | Self::Panicked => false,
        }
    }

    /// What it means and what to do, in a sentence for the person on call.
    pub fn advice(self) -> &'static str {
        match self {
            Self::BadMessage => {
                "The queue held a message that is not ours; look at who else can send to the queue."
            }
            Self::RawMissing => {
                "The raw object is gone or was never there; ask the CRM to send the event again."
            }
            Self::RawInvalid => {
                "The raw object holds no event; it was put there by hand. Correct it and redrive."
            }
            Self::OwnerMissing => {
                "No owner file that could be read came in time; put the owner file, then redrive."
            }
            Self::LookupInvalid => {
                "The owner file cannot be used; `leadwire lookup ls` says why. Correct it, then redrive."
            }
            Self::LookupMismatch => "The owner file names another lead; correct it, then redrive.",
            Self::EnrichedInvalid => {
                "The enriched document cannot be read; it was changed by hand."
            }
            Self::MailRefused => {
                "The mail was refused; check sender, recipients and the account, then redrive."
            }
            Self::NoReceiver => {
                "It has no receiver, or none any more: configure who is to be notified, then replay it."
            }
            Self::MailUnavailable => {
                "The mail service took it at no time of the whole window; see what it said of each receiver, then redrive."
            }
            Self::MailAmbiguous => {
                "Whether the mail went out is not known; look into the mailbox, then resolve or redrive."
            }
            Self::HopsExhausted => {
                "It waited as often as is allowed; find out what it waited for, then redrive."
            }
            Self::StoreUnavailable => {
                "Storage failed three times; when it is healthy again, redrive."
            }
            Self::QueueUnavailable => {
                "The queue failed three times; when it is healthy again, redrive."
            }
            Self::DeadlineExceeded => {
                "It took longer than its deadline three times; look for a slow dependency, then redrive."
            }
            Self::Panicked => {
                "A defect of the code; the log has the panic. Report it, deploy the cure, then redrive."
            }
            Self::SweptOut => {
                "Its trigger was lost three times; find out what eats the messages, then redrive."
            }
        }
    }
}

/// What becomes of a lead that meets an owner file which cannot be used, once it need not be waited for any more.
impl From<OwnerFileError> for FailureReason {
    fn from(error: OwnerFileError) -> Self {
        match error {
            OwnerFileError::OtherLead => Self::LookupMismatch,
            OwnerFileError::Unfinished
            | OwnerFileError::TooLarge
            | OwnerFileError::Json(_)
            | OwnerFileError::NoLeadId
            | OwnerFileError::Reserved => Self::LookupInvalid,
        }
    }
}

/// The document in `failed/X`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureRecord {
    /// The version of this document.
    pub v: u32,
    /// Why.
    pub reason: FailureReason,
    /// How often the message had been received.
    pub receives: u32,
    /// When this was written.
    pub failed_at: Timestamp,
    /// The queue's id of the message.
    pub message_id: String,
    /// The raw object, where the message named one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub s3_key: Option<String>,
    /// The lead, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lead_id: Option<LeadId>,
    /// The event, where it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub event_id: Option<EventId>,
    /// The revision, where it is a replay.
    #[serde(skip_serializing_if = "is_zero", default)]
    pub revision: u32,
    /// The effects that did not happen, where the event has come so far.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub effects: Vec<EffectId>,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde calls it with a reference"
)]
fn is_zero(revision: &u32) -> bool {
    *revision == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// Every reason with its code in the contract, and whether a redelivery can cure it.
    const REASONS: [(FailureReason, &str, bool); 17] = [
        (FailureReason::BadMessage, "bad_message", true),
        (FailureReason::RawMissing, "raw_missing", true),
        (FailureReason::RawInvalid, "raw_invalid", true),
        (FailureReason::OwnerMissing, "owner_missing", true),
        (FailureReason::LookupInvalid, "lookup_invalid", true),
        (FailureReason::LookupMismatch, "lookup_mismatch", true),
        (FailureReason::EnrichedInvalid, "enriched_invalid", true),
        (FailureReason::MailRefused, "mail_refused", true),
        (FailureReason::NoReceiver, "no_receiver", true),
        (FailureReason::MailUnavailable, "mail_unavailable", true),
        (FailureReason::MailAmbiguous, "mail_ambiguous", false),
        (FailureReason::HopsExhausted, "hops_exhausted", true),
        (FailureReason::StoreUnavailable, "store_unavailable", false),
        (FailureReason::QueueUnavailable, "queue_unavailable", false),
        (FailureReason::DeadlineExceeded, "deadline_exceeded", false),
        (FailureReason::Panicked, "panicked", false),
        (FailureReason::SweptOut, "swept_out", true),
    ];

    #[test]
    fn a_reason_has_one_code_in_documents_and_tables_and_some_no_redelivery_cures() {
        for (reason, code, is_permanent) in REASONS {
            assert_eq!(reason.code(), code);
            assert_eq!(serde_json::to_value(reason).unwrap(), code);
            assert_eq!(reason.is_permanent(), is_permanent, "{code}");
        }
    }

    #[test]
    fn every_reason_says_what_to_do_in_a_sentence_of_its_own() {
        let advice: BTreeSet<&str> = REASONS.iter().map(|(reason, ..)| reason.advice()).collect();
        assert_eq!(advice.len(), REASONS.len());
        for advice in advice {
            assert!(advice.len() > 40 && advice.ends_with('.'), "{advice}");
        }
    }

    #[test]
    fn only_a_replay_names_its_revision() {
        let record = |revision| FailureRecord {
            v: 1,
            reason: FailureReason::OwnerMissing,
            receives: 3,
            failed_at: Timestamp::UNIX_EPOCH,
            message_id: "m".to_owned(),
            s3_key: None,
            lead_id: None,
            event_id: None,
            revision,
            effects: Vec::new(),
        };
        for (revision, said) in [(0, None), (2, Some(2))] {
            let written = serde_json::to_value(record(revision)).unwrap();
            let found = written.get("revision");
            assert_eq!(found.and_then(serde_json::Value::as_u64), said);
            let read: FailureRecord = serde_json::from_value(written).unwrap();
            assert_eq!(read, record(revision));
        }
    }
}
