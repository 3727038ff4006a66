//! Telemetry that stays on this machine: finished spans and the minutes of metrics, stored in the data folder while the pipeline works.

use crate::{activity, home};
use leadwire_local::{LocalHome, Minute, NewMinute, SqliteQueue, StoredSpan, TelemetryStore};
use leadwire_pipeline::observe::QueueNotMeasured;
use leadwire_pipeline::port::PortError;
use leadwire_telemetry::local::{LocalMetrics, State};
use leadwire_telemetry::{MinuteSample, SpanRecord, SpanSink};
use std::time::Duration;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::watch;
use tokio::task::{block_in_place, spawn_blocking};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often metrics are stored. A process that is killed loses that much.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// How often the queue is measured: once in each minute of its series.
const MEASURE_EVERY: Duration = Duration::from_mins(1);
/// How often what is too old is deleted.
const PRUNE_EVERY: Duration = Duration::from_hours(1);

/// Stores what `metrics` measures until `stop` says so, and then the rest of it. What cannot be stored now is tried again; leads never wait.
pub(crate) async fn run(home: &LocalHome, metrics: LocalMetrics, mut stop: watch::Receiver<bool>) {
    let writer = Writer {
        store: home.telemetry(),
        queue: home.queue(),
        metrics,
    };
    let mut ticks = interval(WRITE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut measured, mut pruned) = (None, None);
    loop {
        let is_last = tokio::select! {
            _ = ticks.tick() => false,
            _ = stop.wait_for(|stop| *stop) => true,
        };
        if is_due(&mut measured, MEASURE_EVERY) {
            writer.measure_queue().await;
        }
        writer.write().await;
        if is_last {
            return;
        }
        if is_due(&mut pruned, PRUNE_EVERY) {
            writer.prune().await;
        }
    }
}

/// Whether it is time again, and if so, notes that.
fn is_due(last: &mut Option<Instant>, every: Duration) -> bool {
    let is_due = last.is_none_or(|last| last.elapsed() >= every);
    if is_due {
        *last = Some(Instant::now());
    }
    is_due
}

struct Writer {
    store: TelemetryStore,
    queue: SqliteQueue,
    metrics: LocalMetrics,
}

impl Writer {
    async fn write(&self) {
        let (samples, came) = (self.metrics.drain(), self.metrics.drain_activity());
        let minutes = samples.iter().map(new_minute);
        let minutes: Vec<NewMinute> = minutes.chain(came.iter().map(activity::minute)).collect();
        if minutes.is_empty() {
            return;
        }
        let store = self.store.clone();
        let stored = spawn_blocking(move || store.add_minutes(&minutes)).await;
        if !matches!(stored, Ok(Ok(()))) {
            // The store has logged why.
            self.metrics.put_back(&samples);
            self.metrics.put_back_activity(came);
        }
    }

    async fn measure_queue(&self) {
        if let Err(error) = self.try_measure_queue().await {
            QueueNotMeasured { error: &error }.emit();
        }
    }

    /// What alarms watch of the queue. Zero where nothing waits, as with AWS's queue.
    async fn try_measure_queue(&self) -> Result<(), PortError> {
        let dead = u32::try_from(self.queue.depth().await?.dead).unwrap_or(u32::MAX);
        let oldest = self.queue.oldest().await?;
        let age = oldest.map(|sent| home::now().duration_since(sent).as_secs_f64());
        let age = age.unwrap_or(0.0).max(0.0);
        self.metrics.set(State::DeadLetters, f64::from(dead));
        self.metrics.set(State::OldestMessageSeconds, age);
        Ok(())
    }

    async fn prune(&self) {
        let store = self.store.clone();
        // The store has logged what failed, and it is tried again.
        drop(spawn_blocking(move || store.prune(home::now())).await);
    }
}

fn new_minute(sample: &MinuteSample) -> NewMinute {
    let dimensions = sample.dimensions.iter();
    NewMinute {
        metric: sample.metric.to_owned(),
        dimensions: dimensions
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        minute: Minute {
            minute: sample.minute,
            count: sample.stats.count,
            sum: sample.stats.sum,
            min: sample.stats.min,
            max: sample.stats.max,
        },
    }
}

/// Where finished spans are stored on this machine.
pub(crate) struct SpanWriter(pub(crate) TelemetryStore);

impl SpanSink for SpanWriter {
    fn keep(&self, spans: Vec<SpanRecord>) -> Result<(), u64> {
        let count = u64::try_from(spans.len()).unwrap_or(u64::MAX);
        let stored: Vec<StoredSpan> = spans.iter().filter_map(store_span).collect();
        // The store has logged why.
        in_place(|| self.0.keep_spans(&stored)).map_err(|_logged| count)
    }
}

fn store_span(span: &SpanRecord) -> Option<StoredSpan> {
    Some(StoredSpan {
        trace_id: span.trace_id.clone(),
        span_id: span.span_id.clone(),
        start_unix_nanos: span.start_unix_nanos,
        json: serde_json::to_string(span).ok()?,
    })
}

/// The spans of a trace, the earliest first. One that a newer leadwire wrote in another form is left out.
pub(crate) fn spans_of(
    store: &TelemetryStore,
    trace_id: &str,
) -> Result<Vec<SpanRecord>, leadwire_local::TelemetryError> {
    let stored = in_place(|| store.spans_of(trace_id))?.into_iter();
    let spans = stored.filter_map(|span| serde_json::from_str(&span.json).ok());
    Ok(spans.collect())
}

/// Runs work that waits for the disk, where it may run at once: the runtime's other tasks move to another thread.
fn in_place<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current().map(|runtime| runtime.runtime_flavor()) {
        Ok(RuntimeFlavor::MultiThread) => block_in_place(work),
        _ => work(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::sample::{GOOD, spans};
    use leadwire_local::Mode;
    use tempfile::TempDir;

    fn home(folder: &TempDir) -> LocalHome {
        LocalHome::open(folder.path(), Mode::Serve).unwrap()
    }

    /// Two spans of one trace, the earlier first.
    fn two_spans() -> [SpanRecord; 2] {
        let mut spans = spans(GOOD).into_iter();
        [(); 2].map(|()| spans.next().unwrap())
    }

    #[tokio::test]
    async fn stored_spans_are_read_back_as_they_were() {
        let folder = TempDir::new().unwrap();
        let home = home(&folder);
        let [first, second] = two_spans();
        let sink = SpanWriter(home.telemetry());
        sink.keep(vec![second.clone(), first.clone()]).unwrap();
        let read = spans_of(&home.telemetry(), &first.trace_id).unwrap();
        assert_eq!(read, [first, second]);
    }

    #[tokio::test]
    async fn spans_that_cannot_be_stored_are_counted() {
        let folder = TempDir::new().unwrap();
        let sink = SpanWriter(home(&folder).telemetry());
        // At once, whatever threads of the closed home still do in there.
        let aside = TempDir::new().unwrap();
        std::fs::rename(folder.path(), aside.path().join("data")).unwrap();
        assert_eq!(sink.keep(two_spans().to_vec()), Err(2));
    }

    #[tokio::test]
    async fn what_was_measured_is_stored_at_the_end_at_the_latest() {
        let folder = TempDir::new().unwrap();
        let home = home(&folder);
        let metrics = LocalMetrics::new("test", home::now);
        let (stop, stopped) = watch::channel(false);
        let began = home::now().as_second() / 60;
        stop.send_replace(true);
        run(&home, metrics, stopped).await;
        let dimensions = [("service", "leadwire"), ("environment", "test")];
        let dimensions = dimensions.map(|(name, value)| (name.to_owned(), value.to_owned()));
        for state in ["DeadLetters", "OldestMessageSeconds"] {
            let store = home.telemetry();
            let minutes = store.read_minutes(state, &dimensions.clone().into(), began, began + 60);
            let minutes = minutes.unwrap();
            assert_eq!((minutes[0].count, minutes[0].sum), (1, 0.0), "{state}");
        }
    }
}
