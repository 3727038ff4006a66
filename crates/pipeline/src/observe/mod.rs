//! The catalogue: what happened is a value, and its entry here says all that is reported of it: its log line, its metrics, and its words for a
//! person. The stages say what happened, two sinks take it: in Lambda a JSON line that carries its metrics, on one machine the console and the
//! minutes. So tracing, metrics and dashboards can change without a pass through the stages.

mod canary;
mod dimension;
mod enrich;
mod entry;
mod event;
mod ingest;
mod machine;
pub mod metric;
mod objective;
mod sink;
mod sweep;
mod telemetry;
mod trouble;
pub mod words;

pub use canary::{CanaryFailed, CanaryNotSent, CanarySent};
pub use dimension::Rejection;
pub use enrich::{
    BadMessage, EffectDropped, EffectParked, EffectUnsent, EmailAmbiguous, EmailSent,
    EnrichmentBegan, FailureNotRecorded, LeadDeferred, LeadEmpty, LeadEnriched, LeadParked,
    LeadWoken, LookupDenied, OwnerEmailInvalid, OwnerFileUnusable, RecordAcked, RecordFailed,
    ReplaySettled, Timeliness, WakeUpFailed,
};
pub use event::{Event, EventFacts, FieldValue, Subject};
pub use ingest::{
    ChallengeAnswered, LeadAccepted, RequestIgnored, RequestRejected, SeenNotRecorded,
    SourcesReloaded, SourcesUnavailable, short,
};
pub use machine::{
    AcceptFailed, CanariesNotForgotten, ConnectionEnded, DeleteFailed, DrainTimedOut,
    FolderWarning, MailNotLogged, MailServerUnusable, PageFailed, QueueNotMeasured,
    QueueUnavailable, RefusedNotSaved, RefusedSaved, ServerStarted, ServerStopping,
    TelemetryNotStored, TelemetrySetAside, TelemetryStoredAgain, TombstonesMade, ViewNotWritten,
    ViewsNotRebuilt, WriterPanicked,
};
pub use objective::{IN_TIME, OBJECTIVE};
pub use sink::{Role, Scope, Sink, install, scope};
pub use sweep::{
    EventSwept, SourceSilent, SourcesChecked, SweepFailed, SweepFinished, SweepProgressIgnored,
    SweepProgressNotStored, SweepRefused,
};
pub use telemetry::{ColdStarted, ConfigInvalid, LeaseTooShort, RuntimeFailed, TelemetryDropped};
pub use trouble::CallFailed;

/// Every event, by the part of the program that emits it.
pub const EVENTS: &[(&str, &[EventFacts])] = &[
    ("ingest", ingest::EVENTS),
    ("enrich", enrich::EVENTS),
    ("sweep", sweep::EVENTS),
    ("canary", canary::EVENTS),
    ("trouble", trouble::EVENTS),
    ("telemetry", telemetry::EVENTS),
    ("machine", machine::EVENTS),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_event_has_a_name_of_its_own_and_fields_that_no_metric_has() {
        let all = || EVENTS.iter().flat_map(|(_, events)| *events);
        let names: BTreeSet<&str> = all().map(|event| event.name).collect();
        assert_eq!(names.len(), all().count());
        for event in all() {
            let fields: BTreeSet<&str> = event.fields.iter().copied().collect();
            assert_eq!(fields.len(), event.fields.len(), "{}", event.name);
            for field in fields {
                assert_eq!(metric::Metric::from_name(field), None, "{}", event.name);
            }
        }
    }
}
