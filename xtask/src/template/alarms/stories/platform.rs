//! Functions, the API, telemetry, the pager.

use super::Must::{BeSilent, Cry};
use super::Story;
use super::tape::Tape;
use leadwire_pipeline::observe::metric::Metric;
use leadwire_pipeline::observe::metric::Stage::{Enrich, Ingest, Sweep};

const INGEST: &str = "IngestionFunction";
const ENRICH: &str = "EnrichmentFunction";
const DEPTH: &str = "ApproximateNumberOfMessagesVisible";

/// Requests in each minute, of which so many are answered with a server error.
fn answered(
    tape: &mut Tape,
    minutes: impl IntoIterator<Item = i64>,
    requests: usize,
    failed: usize,
) {
    let stage = [("ApiName", "stack"), ("Stage", "Prod")];
    for minute in minutes {
        for request in 0..requests {
            let value = if request < failed { 1.0 } else { 0.0 };
            tape.put(("AWS/ApiGateway", "5XXError"), stage, [minute], value);
        }
    }
}

/// Two hundred runs in each minute, of which so many last that long.
fn lasted(
    tape: &mut Tape,
    function: &str,
    minutes: impl IntoIterator<Item = i64>,
    (slow, millis): (usize, f64),
) {
    for minute in minutes {
        for run in 0..200 {
            let value = if run < slow { millis } else { 100.0 };
            tape.function("Duration", function, [minute], value);
        }
    }
}

fn unreadable(tape: &mut Tape, metric: &str, group: &str, minutes: impl IntoIterator<Item = i64>) {
    let group = [("LogGroupName", group)];
    tape.put(("AWS/Logs", metric), group, minutes, 1.0);
}

pub(super) const STORIES: &[Story] = &[
    Story {
        alarm: "IngestErrorRateAlarm",
        told: "cries in the third minute of an outage",
        happened: |tape| {
            tape.runs(INGEST, 60..100, 100.0, 0.0);
            tape.runs(INGEST, 100..120, 100.0, 60.0);
            tape.runs(INGEST, 120..200, 100.0, 0.0);
        },
        must: Cry(103, 140),
    },
    Story {
        alarm: "IngestErrorRateAlarm",
        told: "cries when the few webhooks of a night all fail",
        happened: |tape| tape.runs(INGEST, [100, 105, 110, 115], 1.0, 1.0),
        must: Cry(111, 140),
    },
    Story {
        alarm: "IngestErrorRateAlarm",
        told: "is silent about one crash at night, and about one request in fifty",
        happened: |tape| {
            tape.runs(INGEST, [100], 1.0, 1.0);
            tape.runs(INGEST, 150..300, 50.0, 1.0);
        },
        must: BeSilent(330),
    },
    Story {
        alarm: "EnrichErrorRateAlarm",
        told: "cries when a message kills its worker for the second time",
        happened: |tape| tape.runs(ENRICH, [100, 106, 112], 1.0, 1.0),
        must: Cry(107, 140),
    },
    Story {
        alarm: "EnrichErrorRateAlarm",
        told: "is silent about a single crash, and about records that fail without one",
        happened: |tape| {
            tape.runs(ENRICH, [100], 1.0, 1.0);
            tape.runs(ENRICH, 120..200, 20.0, 0.0);
            tape.ours(Metric::BatchItemFailures, Enrich, 120..200, 20.0);
        },
        must: BeSilent(220),
    },
    Story {
        alarm: "FunctionThrottlesAlarm",
        told: "cries in the third throttled minute, whichever functions they are",
        happened: |tape| {
            tape.function("Throttles", INGEST, [100, 103], 1.0);
            tape.function("Throttles", ENRICH, [101, 103], 1.0);
            tape.function("Throttles", "SweepFunction", [102], 1.0);
        },
        must: Cry(103, 120),
    },
    Story {
        alarm: "FunctionThrottlesAlarm",
        told: "is silent about a burst of two minutes",
        happened: |tape| {
            tape.function("Throttles", INGEST, 60..200, 0.0);
            tape.function("Throttles", INGEST, 100..102, 50.0);
        },
        must: BeSilent(200),
    },
    Story {
        alarm: "IngestDurationAlarm",
        told: "cries when one request in fifty is slow for two minutes",
        happened: |tape| {
            lasted(tape, INGEST, 100..104, (4, 8_001.0));
            lasted(tape, INGEST, 104..110, (0, 0.0));
        },
        must: Cry(102, 110),
    },
    Story {
        alarm: "IngestDurationAlarm",
        told: "is silent about a cold start in each minute, and about one bad minute",
        happened: |tape| {
            lasted(tape, INGEST, 100..110, (1, 9_000.0));
            lasted(tape, INGEST, 110..111, (100, 9_000.0));
            lasted(tape, INGEST, 111..115, (1, 9_000.0));
        },
        must: BeSilent(120),
    },
    Story {
        alarm: "EnrichDurationAlarm",
        told: "cries when batches come near the timeout",
        happened: |tape| {
            lasted(tape, ENRICH, 100..104, (50, 50_000.0));
            lasted(tape, ENRICH, 104..110, (0, 0.0));
        },
        must: Cry(102, 110),
    },
    Story {
        alarm: "EnrichDurationAlarm",
        told: "is silent about batches of 40 s",
        happened: |tape| lasted(tape, ENRICH, 100..104, (200, 40_000.0)),
        must: BeSilent(110),
    },
    Story {
        alarm: "ApiServerErrorsAlarm",
        told: "cries in the third minute in which requests fail",
        happened: |tape| {
            answered(tape, 60..100, 20, 0);
            answered(tape, 100..110, 20, 2);
            answered(tape, 110..140, 20, 0);
        },
        must: Cry(103, 130),
    },
    Story {
        alarm: "ApiServerErrorsAlarm",
        told: "is silent about one 503 at night that the CRM repeats, and about one in a hundred",
        happened: |tape| {
            answered(tape, [100], 1, 1);
            answered(tape, [105], 1, 0);
            answered(tape, 120..140, 100, 1);
        },
        must: BeSilent(160),
    },
    Story {
        alarm: "TelemetryDroppedAlarm",
        told: "cries when a collector stays away",
        happened: |tape| {
            tape.ours(Metric::TelemetryDropped, Ingest, [100, 102], 10.0);
            tape.ours(Metric::TelemetryDropped, Enrich, [101, 103, 104, 105], 10.0);
            tape.ours(Metric::TelemetryDropped, Sweep, [104], 10.0);
        },
        must: Cry(105, 140),
    },
    Story {
        alarm: "TelemetryDroppedAlarm",
        told: "is silent about a collector that restarts",
        happened: |tape| tape.ours(Metric::TelemetryDropped, Enrich, 100..103, 500.0),
        must: BeSilent(200),
    },
    Story {
        alarm: "EmfErrorsAlarm",
        told: "cries at the first line that cannot be read, of any function",
        happened: |tape| unreadable(tape, "EMFValidationErrors", "SweepLogGroup", [100]),
        must: Cry(101, 130),
    },
    Story {
        alarm: "EmfErrorsAlarm",
        told: "is silent about other log groups",
        happened: |tape| unreadable(tape, "EMFParsingErrors", "OtherLogGroup", 60..200),
        must: BeSilent(200),
    },
    Story {
        alarm: "PagerUndeliveredAlarm",
        told: "cries while a page lies there",
        happened: |tape| {
            tape.queue(DEPTH, "PagerDeadLetterQueue", 100..120, 1.0);
            tape.queue(DEPTH, "PagerDeadLetterQueue", 120..125, 0.0);
        },
        must: Cry(101, 121),
    },
    Story {
        alarm: "PagerUndeliveredAlarm",
        told: "is silent while no page is lost",
        happened: |tape| tape.queue(DEPTH, "PagerDeadLetterQueue", 60..200, 0.0),
        must: BeSilent(200),
    },
];
