//! Functions, the API, telemetry, the pager.

use super::Stories;
use super::tape::{Minutes, Tape};
use leadwire_pipeline::observe::metric::Metric;
use leadwire_pipeline::observe::metric::Service::{Enrich, Ingest, Sweep};

const INGEST: &str = "IngestionFunction";
const ENRICH: &str = "EnrichmentFunction";
const DEPTH: &str = "ApproximateNumberOfMessagesVisible";

/// Requests in each minute, of which so many are answered with a server error.
fn answered(tape: &mut Tape, minutes: impl Minutes, requests: usize, failed: usize) {
    let stage = [("ApiName", "stack"), ("Stage", "Prod")];
    for minute in minutes {
        for request in 0..requests {
            let value = if request < failed { 1.0 } else { 0.0 };
            tape.put(("AWS/ApiGateway", "5XXError"), stage, [minute], value);
        }
    }
}

/// Two hundred runs in each minute, of which so many last that long.
fn lasted(tape: &mut Tape, function: &str, minutes: impl Minutes, (slow, millis): (usize, f64)) {
    for minute in minutes {
        for run in 0..200 {
            let value = if run < slow { millis } else { 100.0 };
            tape.function("Duration", function, [minute], value);
        }
    }
}

fn unreadable(tape: &mut Tape, metric: &str, group: &str, minutes: impl Minutes) {
    let group = [("LogGroupName", group)];
    tape.put(("AWS/Logs", metric), group, minutes, 1.0);
}

pub(super) fn of_functions(stories: &mut Stories) {
    stories
        .of("IngestErrorRateAlarm")
        // In the third minute of an outage.
        .fires((103, 140), |tape| {
            tape.runs(INGEST, 60..100, 100.0, 0.0);
            tape.runs(INGEST, 100..120, 100.0, 60.0);
            tape.runs(INGEST, 120..200, 100.0, 0.0);
        })
        // When the few webhooks of a night all fail.
        .fires((111, 140), |tape| {
            tape.runs(INGEST, [100, 105, 110, 115], 1.0, 1.0);
        })
        // About one crash at night, and about one request in fifty.
        .stays_ok(330, |tape| {
            tape.runs(INGEST, [100], 1.0, 1.0);
            tape.runs(INGEST, 150..300, 50.0, 1.0);
        });
    stories
        .of("EnrichErrorRateAlarm")
        // When a message kills its worker for the second time.
        .fires((107, 140), |tape| {
            tape.runs(ENRICH, [100, 106, 112], 1.0, 1.0);
        })
        // About a single crash, and about records that fail without one.
        .stays_ok(220, |tape| {
            tape.runs(ENRICH, [100], 1.0, 1.0);
            tape.runs(ENRICH, 120..200, 20.0, 0.0);
            tape.ours(Metric::BatchItemFailures, Enrich, 120..200, 20.0);
        });
    stories
        .of("FunctionThrottlesAlarm")
        // In the third throttled minute, whichever functions they are.
        .fires((103, 120), |tape| {
            tape.function("Throttles", INGEST, [100, 103], 1.0);
            tape.function("Throttles", ENRICH, [101, 103], 1.0);
            tape.function("Throttles", "SweepFunction", [102], 1.0);
        })
        // About a burst of two minutes.
        .stays_ok(200, |tape| {
            tape.function("Throttles", INGEST, 60..200, 0.0);
            tape.function("Throttles", INGEST, 100..102, 50.0);
        });
    stories
        .of("IngestDurationAlarm")
        // When one request in fifty is slow for two minutes.
        .fires((102, 110), |tape| {
            lasted(tape, INGEST, 100..104, (4, 8_001.0));
            lasted(tape, INGEST, 104..110, (0, 0.0));
        })
        // About a cold start in each minute, and about one bad minute.
        .stays_ok(120, |tape| {
            lasted(tape, INGEST, 100..110, (1, 9_000.0));
            lasted(tape, INGEST, 110..111, (100, 9_000.0));
            lasted(tape, INGEST, 111..115, (1, 9_000.0));
        });
    stories
        .of("EnrichDurationAlarm")
        // When batches come near the timeout.
        .fires((102, 110), |tape| {
            lasted(tape, ENRICH, 100..104, (50, 50_000.0));
            lasted(tape, ENRICH, 104..110, (0, 0.0));
        })
        // About batches of 40 s.
        .stays_ok(110, |tape| lasted(tape, ENRICH, 100..104, (200, 40_000.0)));
}

pub(super) fn around_functions(stories: &mut Stories) {
    stories
        .of("ApiServerErrorsAlarm")
        // In the third minute in which requests fail.
        .fires((103, 130), |tape| {
            answered(tape, 60..100, 20, 0);
            answered(tape, 100..110, 20, 2);
            answered(tape, 110..140, 20, 0);
        })
        // About one 503 at night that the CRM repeats, and about one in a hundred.
        .stays_ok(160, |tape| {
            answered(tape, [100], 1, 1);
            answered(tape, [105], 1, 0);
            answered(tape, 120..140, 100, 1);
        });
    stories
        .of("TelemetryDroppedAlarm")
        // When a collector stays away.
        .fires((105, 140), |tape| {
            tape.ours(Metric::TelemetryDropped, Ingest, [100, 102], 10.0);
            tape.ours(Metric::TelemetryDropped, Enrich, [101, 103, 104, 105], 10.0);
            tape.ours(Metric::TelemetryDropped, Sweep, [104], 10.0);
        })
        // About a collector that restarts.
        .stays_ok(200, |tape| {
            tape.ours(Metric::TelemetryDropped, Enrich, 100..103, 500.0);
        });
    stories
        .of("EmfErrorsAlarm")
        // At the first line that cannot be read, of any function.
        .fires((101, 130), |tape| {
            unreadable(tape, "EMFValidationErrors", "SweepLogGroup", [100]);
        })
        // About other log groups.
        .stays_ok(200, |tape| {
            unreadable(tape, "EMFParsingErrors", "OtherLogGroup", 60..200);
        });
    stories
        .of("PagerUndeliveredAlarm")
        // While a page lies there.
        .fires((101, 121), |tape| {
            tape.queue(DEPTH, "PagerDeadLetterQueue", 100..120, 1.0);
            tape.queue(DEPTH, "PagerDeadLetterQueue", 120..125, 0.0);
        })
        // While no page is lost.
        .stays_ok(200, |tape| {
            tape.queue(DEPTH, "PagerDeadLetterQueue", 60..200, 0.0);
        });
}
