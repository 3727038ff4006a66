//! The metrics of docs/TELEMETRY.md: one enum, the names' only source. What a metric means, its unit and its dimensions are
//! told here once; the EMF writer, the page `/metrics`, dashboards, alarms and docs are held to it.

use crate::observe::{Rejection, is_counted};
use leadwire_domain::problem::Problem;
use leadwire_domain::source::Source;

/// A metric, by its name in `CloudWatch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Webhook accepted until the mail was taken.
    EndToEndLatency,
    /// Webhook accepted until enrichment began, at the first attempt.
    EnrichmentDelay,
    /// `EnrichmentDelay` beyond the configured delay.
    EnrichmentLag,
    /// Request in until answer ready.
    IngestLatency,
    /// Events accepted for the first time.
    LeadsAccepted,
    /// Events that were there already.
    LeadsDuplicate,
    /// Events that were there already with other bytes.
    LeadsConflicting,
    /// Requests refused.
    LeadsRejected,
    /// Enriched documents made.
    LeadsEnriched,
    /// Mails taken by the mail service.
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
    /// Events that had lost their trigger: queued again, or given up.
    SweptEvents,
    /// Sweeps that found more than they may send, and sent none.
    SweepRefused,
    /// Canary leads that were mailed. The canary is counted here and nowhere else.
    CanaryMailed,
    /// First invocations of a process.
    ColdStart,
    /// Spans and metric values that could not be delivered.
    TelemetryDropped,
}

/// What a metric's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// How many.
    Count,
    /// A duration.
    Milliseconds,
}

impl Unit {
    /// Its name in `CloudWatch`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Count => "Count",
            Self::Milliseconds => "Milliseconds",
        }
    }
}

/// How finely `CloudWatch` keeps a metric's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// By the minute.
    Standard,
    /// By the second, which costs more.
    High,
}

impl Resolution {
    /// The seconds that it keeps apart (`StorageResolution`).
    pub const fn seconds(self) -> u16 {
        match self {
            Self::Standard => 60,
            Self::High => 1,
        }
    }
}

/// The one dimension that a metric may have beside `service` and `environment`. Its values are closed lists: each costs money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// The source that the event came from.
    Source,
    /// Why a request was refused.
    Reason,
}

impl Dimension {
    /// Its name in `CloudWatch`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Reason => "reason",
        }
    }

    /// Its closed list of values: the sources that are counted; the problem codes, and what tells a source without secrets from a wrong secret.
    pub fn values(self) -> Vec<&'static str> {
        match self {
            Self::Source => Source::ALL
                .into_iter()
                .filter(|source| is_counted(*source))
                .map(Source::as_str)
                .collect(),
            Self::Reason => Problem::ALL
                .into_iter()
                .map(Rejection::Problem)
                .chain([Rejection::NotConfigured])
                .map(Rejection::code)
                .collect(),
        }
    }
}

/// The value of the dimension `service`: which stage tells a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `ingest`.
    Ingest,
    /// `enrich`.
    Enrich,
    /// `sweep`.
    Sweep,
}

impl Stage {
    /// Its name in `CloudWatch`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ingest => "ingest",
            Self::Enrich => "enrich",
            Self::Sweep => "sweep",
        }
    }
}

/// A metric's line in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its name in `CloudWatch`.
    pub name: &'static str,
    /// What its values are.
    pub unit: Unit,
    /// How finely they are kept.
    pub resolution: Resolution,
    /// Its further dimension.
    pub further: Option<Dimension>,
    /// Who tells it.
    pub stages: &'static [Stage],
    /// What it means, a sentence.
    pub about: &'static str,
}

/// A count or a duration of one stage.
const fn by(
    name: &'static str,
    stages: &'static [Stage],
    unit: Unit,
    further: Option<Dimension>,
    about: &'static str,
) -> Facts {
    Facts {
        name,
        unit,
        resolution: Resolution::Standard,
        further,
        stages,
        about,
    }
}

const INGEST: &[Stage] = &[Stage::Ingest];
const ENRICH: &[Stage] = &[Stage::Enrich];
const SWEEP: &[Stage] = &[Stage::Sweep];
const EVERY: &[Stage] = &[Stage::Ingest, Stage::Enrich, Stage::Sweep];
const SOURCE: Option<Dimension> = Some(Dimension::Source);
const REASON: Option<Dimension> = Some(Dimension::Reason);

impl Metric {
    /// Every metric.
    pub const ALL: [Self; 25] = [
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
        Self::CanaryMailed,
        Self::ColdStart,
        Self::TelemetryDropped,
    ];

    /// The metric of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Its name in `CloudWatch`.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }

    /// Its line in the catalogue.
    #[expect(clippy::too_many_lines, reason = "a table")]
    pub const fn facts(self) -> Facts {
        use Unit::{Count, Milliseconds};
        match self {
            Self::EndToEndLatency => by(
                "EndToEndLatency",
                ENRICH,
                Milliseconds,
                SOURCE,
                "Webhook accepted until the mail was taken.",
            ),
            Self::EnrichmentDelay => by(
                "EnrichmentDelay",
                ENRICH,
                Milliseconds,
                SOURCE,
                "Webhook accepted until enrichment began, at the first attempt.",
            ),
            Self::EnrichmentLag => by(
                "EnrichmentLag",
                ENRICH,
                Milliseconds,
                None,
                "`EnrichmentDelay` beyond the configured delay.",
            ),
            Self::IngestLatency => by(
                "IngestLatency",
                INGEST,
                Milliseconds,
                SOURCE,
                "Request in until answer ready.",
            ),
            Self::LeadsAccepted => by(
                "LeadsAccepted",
                INGEST,
                Count,
                SOURCE,
                "Events accepted for the first time.",
            ),
            Self::LeadsDuplicate => by(
                "LeadsDuplicate",
                INGEST,
                Count,
                SOURCE,
                "Events that were there already.",
            ),
            Self::LeadsConflicting => by(
                "LeadsConflicting",
                INGEST,
                Count,
                SOURCE,
                "Events that were there already with other bytes.",
            ),
            Self::LeadsRejected => by("LeadsRejected", INGEST, Count, REASON, "Requests refused."),
            Self::LeadsEnriched => by(
                "LeadsEnriched",
                ENRICH,
                Count,
                None,
                "Enriched documents made.",
            ),
            Self::EmailsSent => by(
                "EmailsSent",
                ENRICH,
                Count,
                None,
                "Mails taken by the mail service.",
            ),
            Self::EmailsAmbiguous => by(
                "EmailsAmbiguous",
                ENRICH,
                Count,
                None,
                "Mails of which nobody knows whether they went out.",
            ),
            Self::EmailsParked => by(
                "EmailsParked",
                ENRICH,
                Count,
                None,
                "Mails parked for a person.",
            ),
            Self::MailedInTime => by(
                "MailedInTime",
                ENRICH,
                Count,
                None,
                "Mailed within 60 s of the later of `not_before` and the owner file.",
            ),
            Self::MailedLate => by("MailedLate", ENRICH, Count, None, "Mailed later than that."),
            Self::NotMailed => by(
                "NotMailed",
                ENRICH,
                Count,
                None,
                "Failed for good, or parked.",
            ),
            Self::OwnerPending => by(
                "OwnerPending",
                ENRICH,
                Count,
                None,
                "Looks at an owner file that is not there yet.",
            ),
            Self::LookupDenied => by(
                "LookupDenied",
                ENRICH,
                Count,
                None,
                "Looks at an owner file that the bucket answered with 403.",
            ),
            Self::MailDeferred => by(
                "MailDeferred",
                ENRICH,
                Count,
                None,
                "Mails put off because the mail service is busy.",
            ),
            Self::BatchItemFailures => by(
                "BatchItemFailures",
                ENRICH,
                Count,
                None,
                "Records reported as failed.",
            ),
            Self::FinalAttemptFailed => by(
                "FinalAttemptFailed",
                ENRICH,
                Count,
                None,
                "Records that failed on their last receive.",
            ),
            Self::SweptEvents => by(
                "SweptEvents",
                SWEEP,
                Count,
                None,
                "Events that had lost their trigger: queued again, or given up.",
            ),
            Self::SweepRefused => by(
                "SweepRefused",
                SWEEP,
                Count,
                None,
                "Sweeps that found more than they may send, and sent none.",
            ),
            Self::CanaryMailed => by(
                "CanaryMailed",
                ENRICH,
                Count,
                None,
                "Canary leads that were mailed. The canary is counted here and nowhere else.",
            ),
            Self::ColdStart => by(
                "ColdStart",
                EVERY,
                Count,
                None,
                "First invocations of a process.",
            ),
            Self::TelemetryDropped => by(
                "TelemetryDropped",
                EVERY,
                Count,
                None,
                "Spans and metric values that could not be delivered.",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_metric_is_found_by_its_name() {
        for metric in Metric::ALL {
            assert_eq!(Metric::from_name(metric.name()), Some(metric));
        }
        assert_eq!(Metric::from_name("LeadsLost"), None);
    }

    #[test]
    fn the_values_of_a_dimension_are_a_closed_list_without_doubles() {
        for dimension in [Dimension::Source, Dimension::Reason] {
            let values = dimension.values();
            assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), values.len());
        }
        assert!(Dimension::Source.values().contains(&"close"));
        assert!(Dimension::Reason.values().contains(&"unverified"));
        assert!(Dimension::Reason.values().contains(&"not_configured"));
    }
}
