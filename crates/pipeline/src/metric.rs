//! The metrics of docs/TELEMETRY.md that the stages tell: one enum, the names' only source.

/// A metric, by its name in `CloudWatch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Webhook accepted until mail accepted, milliseconds, by source.
    EndToEndLatency,
    /// Accepted until enrichment began (first attempt), milliseconds, by source.
    EnrichmentDelay,
    /// `EnrichmentDelay` beyond the configured delay, milliseconds.
    EnrichmentLag,
    /// Request in until answer ready, milliseconds, by source.
    IngestLatency,
    /// Events accepted for the first time, by source.
    LeadsAccepted,
    /// Events that were there already, by source.
    LeadsDuplicate,
    /// Events that were there already with other bytes, by source.
    LeadsConflicting,
    /// Requests refused, by reason.
    LeadsRejected,
    /// Enriched documents made.
    LeadsEnriched,
    /// Mails accepted by the mail service.
    EmailsSent,
    /// Mails of which nobody knows whether they went out.
    EmailsAmbiguous,
    /// Mails parked for a person.
    EmailsParked,
    /// Mailed within 60 s of the later of `not_before` and the owner file.
    MailedInTime,
    /// Mailed later than that.
    MailedLate,
    /// Failed for good, or parked.
    NotMailed,
    /// Looks at an owner file that is not there yet.
    OwnerPending,
    /// Looks at an owner file that the bucket answered with 403.
    LookupDenied,
    /// Mails put off because the mail service is busy.
    MailDeferred,
    /// Records reported as failed.
    BatchItemFailures,
    /// Records that failed on their last receive.
    FinalAttemptFailed,
    /// Events that the sweeper enqueued again.
    SweptEvents,
    /// Sweeps that found more than they may send.
    SweepRefused,
}

impl Metric {
    /// Every metric that the stages tell.
    pub const ALL: [Self; 22] = [
        Self::EndToEndLatency,
        Self::EnrichmentDelay,
        Self::EnrichmentLag,
        Self::IngestLatency,
        Self::LeadsAccepted,
        Self::LeadsDuplicate,
        Self::LeadsConflicting,
        Self::LeadsRejected,
        Self::LeadsEnriched,
        Self::EmailsSent,
        Self::EmailsAmbiguous,
        Self::EmailsParked,
        Self::MailedInTime,
        Self::MailedLate,
        Self::NotMailed,
        Self::OwnerPending,
        Self::LookupDenied,
        Self::MailDeferred,
        Self::BatchItemFailures,
        Self::FinalAttemptFailed,
        Self::SweptEvents,
        Self::SweepRefused,
    ];

    /// Its name in `CloudWatch`.
    pub fn name(self) -> &'static str {
        match self {
            Self::EndToEndLatency => "EndToEndLatency",
            Self::EnrichmentDelay => "EnrichmentDelay",
            Self::EnrichmentLag => "EnrichmentLag",
            Self::IngestLatency => "IngestLatency",
            Self::LeadsAccepted => "LeadsAccepted",
            Self::LeadsDuplicate => "LeadsDuplicate",
            Self::LeadsConflicting => "LeadsConflicting",
            Self::LeadsRejected => "LeadsRejected",
            Self::LeadsEnriched => "LeadsEnriched",
            Self::EmailsSent => "EmailsSent",
            Self::EmailsAmbiguous => "EmailsAmbiguous",
            Self::EmailsParked => "EmailsParked",
            Self::MailedInTime => "MailedInTime",
            Self::MailedLate => "MailedLate",
            Self::NotMailed => "NotMailed",
            Self::OwnerPending => "OwnerPending",
            Self::LookupDenied => "LookupDenied",
            Self::MailDeferred => "MailDeferred",
            Self::BatchItemFailures => "BatchItemFailures",
            Self::FinalAttemptFailed => "FinalAttemptFailed",
            Self::SweptEvents => "SweptEvents",
            Self::SweepRefused => "SweepRefused",
        }
    }
}
