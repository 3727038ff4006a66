//! Functions, the API, telemetry, the pager.

use super::Must::{Fires, StaysOk};
use super::Story;
use super::tape::Tape;
use leadwire_pipeline::observe::metric::Metric;
use leadwire_pipeline::observe::metric::Service::{Enrich, Ingest, Sweep};

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
        title: "fires in the third minute of an outage",
        happened: |tape| {
            tape.runs(INGEST, 60..100, 100.0, 0.0);
            tape.runs(INGEST, 100..120, 100.0, 60.0);
            tape.runs(INGEST, 120..200, 100.0, 0.0);
        },
        must: Fires(103, 140),
    },
    Story {
        alarm: "IngestErrorRateAlarm",
        title: "fires when the few webhooks of a night all fail",
        happened: |tape| tape.runs(INGEST, [100, 105, 110, 115], 1.0, 1.0),
        must: Fires(111, 140),
    },
    Story {
        alarm: "IngestErrorRateAlarm",
        title: "stays OK about one crash at night, and about one request in fifty",
        happened: |tape| {
            tape.runs(INGEST, [100], 1.0, 1.0);
            tape.runs(INGEST, 150..300, 50.0, 1.0);
        },
        must: StaysOk(330),
    },
    Story {
        alarm: "EnrichErrorRateAlarm",
        title: "fires when a message kills its worker for the second time",
        happened: |tape| tape.runs(ENRICH, [100, 106, 112], 1.0, 1.0),
        must: Fires(107, 140),
    },
    Story {
        alarm: "EnrichErrorRateAlarm",
        title: "stays OK about a single crash, and about records that fail without one",
        happened: |tape| {
            tape.runs(ENRICH, [100], 1.0, 1.0);
            tape.runs(ENRICH, 120..200, 20.0, 0.0);
            tape.ours(Metric::BatchItemFailures, Enrich, 120..200, 20.0);
        },
        must: StaysOk(220),
    },
    Story {
        alarm: "FunctionThrottlesAlarm",
        title: "fires in the third throttled minute, whichever functions they are",
        happened: |tape| {
            tape.function("Throttles", INGEST, [100, 103], 1.0);
            tape.function("Throttles", ENRICH, [101, 103], 1.0);
            tape.function("Throttles", "SweepFunction", [102], 1.0);
        },
        must: Fires(103, 120),
    },
    Story {
        alarm: "FunctionThrottlesAlarm",
        title: "stays OK about a burst of two minutes",
        happened: |tape| {
            tape.function("Throttles", INGEST, 60..200, 0.0);
            tape.function("Throttles", INGEST, 100..102, 50.0);
        },
        must: StaysOk(200),
    },
    Story {
        alarm: "IngestDurationAlarm",
        title: "fires when one request in fifty is slow for two minutes",
        happened: |tape| {
            lasted(tape, INGEST, 100..104, (4, 8_001.0));
            lasted(tape, INGEST, 104..110, (0, 0.0));
        },
        must: Fires(102, 110),
    },
    Story {
        alarm: "IngestDurationAlarm",
        title: "stays OK about a cold start in each minute, and about one bad minute",
        happened: |tape| {
            lasted(tape, INGEST, 100..110, (1, 9_000.0));
            lasted(tape, INGEST, 110..111, (100, 9_000.0));
            lasted(tape, INGEST, 111..115, (1, 9_000.0));
        },
        must: StaysOk(120),
    },
    Story {
        alarm: "EnrichDurationAlarm",
        title: "fires when batches come near the timeout",
        happened: |tape| {
            lasted(tape, ENRICH, 100..104, (50, 50_000.0));
            lasted(tape, ENRICH, 104..110, (0, 0.0));
        },
        must: Fires(102, 110),
    },
    Story {
        alarm: "EnrichDurationAlarm",
        title: "stays OK about batches of 40 s",
        happened: |tape| lasted(tape, ENRICH, 100..104, (200, 40_000.0)),
        must: StaysOk(110),
    },
    Story {
        alarm: "ApiServerErrorsAlarm",
        title: "fires in the third minute in which requests fail",
        happened: |tape| {
            answered(tape, 60..100, 20, 0);
            answered(tape, 100..110, 20, 2);
            answered(tape, 110..140, 20, 0);
        },
        must: Fires(103, 130),
    },
    Story {
        alarm: "ApiServerErrorsAlarm",
        title: "stays OK about one 503 at night that the CRM repeats, and about one in a hundred",
        happened: |tape| {
            answered(tape, [100], 1, 1);
            answered(tape, [105], 1, 0);
            answered(tape, 120..140, 100, 1);
        },
        must: StaysOk(160),
    },
    Story {
        alarm: "TelemetryDroppedAlarm",
        title: "fires when a collector stays away",
        happened: |tape| {
            tape.ours(Metric::TelemetryDropped, Ingest, [100, 102], 10.0);
            tape.ours(Metric::TelemetryDropped, Enrich, [101, 103, 104, 105], 10.0);
            tape.ours(Metric::TelemetryDropped, Sweep, [104], 10.0);
        },
        must: Fires(105, 140),
    },
    Story {
        alarm: "TelemetryDroppedAlarm",
        title: "stays OK about a collector that restarts",
        happened: |tape| tape.ours(Metric::TelemetryDropped, Enrich, 100..103, 500.0),
        must: StaysOk(200),
    },
    Story {
        alarm: "EmfErrorsAlarm",
        title: "fires at the first line that cannot be read, of any function",
        happened: |tape| unreadable(tape, "EMFValidationErrors", "SweepLogGroup", [100]),
        must: Fires(101, 130),
    },
    Story {
        alarm: "EmfErrorsAlarm",
        title: "stays OK about other log groups",
        happened: |tape| unreadable(tape, "EMFParsingErrors", "OtherLogGroup", 60..200),
        must: StaysOk(200),
    },
    Story {
        alarm: "PagerUndeliveredAlarm",
        title: "fires while a page lies there",
        happened: |tape| {
            tape.queue(DEPTH, "PagerDeadLetterQueue", 100..120, 1.0);
            tape.queue(DEPTH, "PagerDeadLetterQueue", 120..125, 0.0);
        },
        must: Fires(101, 121),
    },
    Story {
        alarm: "PagerUndeliveredAlarm",
        title: "stays OK while no page is lost",
        happened: |tape| tape.queue(DEPTH, "PagerDeadLetterQueue", 60..200, 0.0),
        must: StaysOk(200),
    },
];
