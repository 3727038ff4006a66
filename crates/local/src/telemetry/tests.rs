use super::*;
use crate::folder::DataFolder;
use crate::sample::chain;
use leadwire_pipeline::observe::{Event, Sink, scope};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

const TRACE: &str = "6ac29d00abababababababababababab";

fn store() -> (TempDir, TelemetryStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = TelemetryStore::new(DataFolder::new(folder.path()).telemetry());
    (folder, store)
}

fn span(number: u32, start: Timestamp) -> StoredSpan {
    StoredSpan {
        trace_id: TRACE.to_owned(),
        span_id: format!("{number:016x}"),
        start_unix_nanos: i64::try_from(start.as_nanosecond()).unwrap(),
        json: format!("{{\"number\":{number}}}"),
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

fn named(source: &str) -> BTreeMap<String, String> {
    [("service", "ingest"), ("source", source)]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

fn values(minute: i64, values: &[f64]) -> NewMinute {
    let minute = Minute {
        minute,
        count: u64::try_from(values.len()).unwrap(),
        sum: values.iter().sum(),
        min: values.iter().copied().fold(f64::INFINITY, f64::min),
        max: values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    };
    NewMinute {
        metric: "IngestLatency".to_owned(),
        dimensions: named("close"),
        minute,
    }
}

/// Runs a statement on the writer's connection.
fn execute(store: &TelemetryStore, sql: &str) {
    let writer = store.writer.lock().unwrap();
    let file = writer.file.as_ref().expect("opened");
    file.connection().execute_batch(sql).unwrap();
}

/// Stores spans, and checks which there are then.
#[track_caller]
fn check_kept(store: &TelemetryStore, spans: &[StoredSpan], expected: &[u64]) {
    store.keep_spans(spans).unwrap();
    check_spans(store, expected);
}

#[track_caller]
fn check_spans(store: &TelemetryStore, expected: &[u64]) {
    let spans = store.spans_of(TRACE).unwrap();
    let number = |span: &StoredSpan| u64::from_str_radix(&span.span_id, 16).unwrap();
    let numbers: Vec<u64> = spans.iter().map(number).collect();
    assert_eq!(numbers, expected);
}

/// Counts events.
#[derive(Default)]
struct Events(AtomicU64);

impl Sink for Events {
    fn take(&self, _event: &dyn Event) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_trace_is_read_back_in_the_order_of_time_by_whoever_opens_the_folder() {
    let (folder, store) = store();
    check_spans(&store, &[]);
    let path = folder.path().join("telemetry.db");
    assert!(!path.exists(), "reading made it");
    let stranger = StoredSpan {
        trace_id: "0".repeat(32),
        ..span(9, at(0))
    };
    let spans = [span(2, at(5)), stranger, span(1, at(1))];
    store.keep_spans(&spans).unwrap();
    let another = TelemetryStore::new(path);
    let read = another.spans_of(TRACE).unwrap();
    assert_eq!(read, [span(1, at(1)), span(2, at(5))]);
    // While the first one goes on, and again what is there already.
    store.keep_spans(&[span(3, at(9)), span(2, at(5))]).unwrap();
    check_spans(&another, &[1, 2, 3]);
}

#[test]
fn minutes_add_up_and_are_read_by_their_exact_dimensions() {
    let (_folder, store) = store();
    for minutes in [
        vec![values(10, &[5.0, 1.0]), values(12, &[3.0])],
        vec![values(10, &[9.0])],
    ] {
        store.add_minutes(&minutes).unwrap();
    }
    let read = |metric, source, to| {
        let minutes = store.read_minutes(metric, &named(source), 0, to);
        minutes.unwrap()
    };
    let ten = Minute {
        minute: 10,
        count: 3,
        sum: 15.0,
        min: 1.0,
        max: 9.0,
    };
    assert_eq!(read("IngestLatency", "close", 12), [ten]);
    assert_eq!(read("IngestLatency", "close", 13).len(), 2);
    assert_eq!(read("IngestLatency", "generic", 13), []);
    assert_eq!(read("Other", "close", 13), []);
}

#[test]
fn what_is_too_old_goes_and_the_rest_stays() {
    let (_folder, store) = store();
    let now = at(0);
    let day = 24 * 60 * 60;
    let minute = now.as_second() / 60;
    let spans = [span(1, at(-15 * day)), span(2, at(-13 * day))];
    store.keep_spans(&spans).unwrap();
    let minutes = [minute - 36 * 24 * 60, minute].map(|minute| values(minute, &[1.0]));
    store.add_minutes(&minutes).unwrap();
    assert_eq!(store.prune(now).unwrap(), 2);
    check_spans(&store, &[2]);
    let minutes = store.read_minutes("IngestLatency", &named("close"), 0, minute + 1);
    assert_eq!(minutes.unwrap().len(), 1);
    assert_eq!(store.prune(now).unwrap(), 0);
}

#[test]
fn of_too_many_spans_the_newest_stay() {
    let (_folder, store) = store();
    store.keep_spans(&[span(1, at(0)), span(2, at(0))]).unwrap();
    // As if as many as may be kept had come between the two.
    let far = SPANS_MAX + 1;
    let renumber = format!("UPDATE spans SET number = {far} WHERE number = 2");
    execute(&store, &renumber);
    assert_eq!(store.prune(at(0)).unwrap(), 1);
    check_spans(&store, &[2]);
}

#[test]
fn a_damaged_file_is_set_aside_and_a_new_one_made() {
    let (folder, store) = store();
    let text = "not a database, and longer than a header of a hundred bytes ";
    fs::write(folder.path().join("telemetry.db"), text.repeat(9)).unwrap();
    let error = store.spans_of(TRACE).unwrap_err();
    assert!(matches!(error, TelemetryError::Damaged { .. }), "{error:?}");
    check_kept(&store, &[span(1, at(0))], &[1]);
    assert!(folder.path().join("telemetry.db-damaged").exists());
}

#[test]
fn a_file_of_something_else_is_set_aside_whatever_it_is() {
    let (folder, store) = store();
    let path = folder.path().join("telemetry.db");
    for _again in 0..2 {
        fs::create_dir(&path).unwrap();
        store.keep_spans(&[span(1, at(0))]).unwrap();
        fs::remove_file(&path).unwrap();
    }
    let foreign = rusqlite::Connection::open(&path).unwrap();
    foreign.execute_batch("CREATE TABLE theirs (x)").unwrap();
    drop(foreign);
    check_kept(&store, &[span(1, at(0))], &[1]);
}

#[test]
fn a_file_that_proves_damaged_under_way_is_set_aside_too() {
    let (folder, store) = store();
    let many: Vec<StoredSpan> = (0..2000).map(|number| span(number, at(0))).collect();
    store.keep_spans(&many).unwrap();
    execute(
        &store,
        "PRAGMA wal_checkpoint(TRUNCATE); PRAGMA shrink_memory",
    );
    let path = folder.path().join("telemetry.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0xff);
    fs::write(&path, bytes).unwrap();
    check_kept(&store, &[span(1, at(0))], &[1]);
}

#[test]
fn a_file_that_is_deleted_under_way_is_made_anew() {
    let (folder, store) = store();
    store.keep_spans(&[span(1, at(0))]).unwrap();
    for name in ["telemetry.db", "telemetry.db-wal", "telemetry.db-shm"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    check_spans(&store, &[]);
    store.keep_spans(&[span(2, at(0))]).unwrap();
    check_kept(&store, &[span(3, at(1))], &[2, 3]);
}

#[test]
fn on_a_full_disk_spans_are_given_up_and_an_outage_is_reported_once() {
    leadwire_pipeline::testkit::keep_callsites_enabled();
    let (_folder, store) = store();
    let events = Arc::new(Events::default());
    {
        let _scope = scope(events.clone());
        store.keep_spans(&[span(0, at(0))]).unwrap();
        execute(&store, "PRAGMA max_page_count = 1");
        let large = StoredSpan {
            json: "x".repeat(100_000),
            ..span(1, at(0))
        };
        for _again in 0..3 {
            let error = store.keep_spans(std::slice::from_ref(&large)).unwrap_err();
            assert!(chain(&error).contains("full"), "{}", chain(&error));
        }
        assert_eq!(events.0.load(Ordering::Relaxed), 1);
        check_spans(&store, &[0]);
        execute(&store, "PRAGMA max_page_count = 1000000");
        store.keep_spans(&[large]).unwrap();
        store.keep_spans(&[span(2, at(1))]).unwrap();
    }
    assert_eq!(events.0.load(Ordering::Relaxed), 2, "its end is logged too");
    check_spans(&store, &[0, 1, 2]);
}

#[test]
fn a_file_that_cannot_be_written_is_neither_set_aside_nor_waited_for() {
    let (folder, store) = store();
    store.keep_spans(&[span(0, at(0))]).unwrap();
    execute(&store, "PRAGMA query_only = true");
    let error = store.add_minutes(&[values(1, &[1.0])]).unwrap_err();
    let is_refused = matches!(error, TelemetryError::Database { .. });
    assert!(is_refused, "{error:?}");
    assert!(!folder.path().join("telemetry.db-damaged").exists());
    check_spans(&store, &[0]);
}

#[test]
fn in_a_folder_that_takes_no_file_nothing_is_kept_and_nothing_breaks() {
    let (folder, _) = store();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let store = TelemetryStore::new(file.join("telemetry.db"));
    assert!(store.keep_spans(&[span(0, at(0))]).is_err());
    assert!(store.add_minutes(&[values(1, &[1.0])]).is_err());
    assert!(store.prune(at(0)).is_err());
    check_spans(&store, &[]);
}
