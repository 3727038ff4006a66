//! What `CloudWatch` takes: the embedded metric format's specification and the limits of `PutMetricData`.

/// Metrics in one document. The specification allows as many in each directive.
pub(crate) const METRICS_MAX: usize = 100;

/// Values of one metric in one document.
pub(crate) const VALUES_MAX: usize = 100;

/// Dimensions in one set.
pub(crate) const DIMENSIONS_MAX: usize = 30;

/// Characters of a dimension's value.
pub(crate) const DIMENSION_VALUE_CHARS_MAX: usize = 1024;

/// Bytes of a line. `CloudWatch Logs` takes more today, Lambda does not everywhere.
pub(crate) const LINE_BYTES_MAX: usize = 256 * 1024;

/// Bytes that a document is filled up to, by an estimate that is never too low.
pub(crate) const DOCUMENT_BYTES_MAX: usize = 200 * 1024;

/// The largest measure that is written: below that, with room for readers that round.
pub(crate) const MEASURE_MAX: f64 = 1e108;

/// The largest count that every reader of JSON reads exactly: 2^53.
pub(crate) const COUNT_MAX: u64 = 1 << 53;

/// How old a value may be.
pub(crate) const PAST_MS: i64 = 14 * 24 * 3_600_000;

/// How far in the future a value may be.
pub(crate) const FUTURE_MS: i64 = 2 * 3_600_000;

const _: () = assert!(DOCUMENT_BYTES_MAX < LINE_BYTES_MAX);

/// Whether `CloudWatch` takes a value of that time now.
pub(crate) fn is_in_window(at_ms: i64, now_ms: i64) -> bool {
    let age = now_ms.saturating_sub(at_ms);
    (-FUTURE_MS..=PAST_MS).contains(&age)
}

/// Whether a text can be a dimension's value.
pub(crate) fn is_dimension_value(text: &str) -> bool {
    text.len() <= DIMENSION_VALUE_CHARS_MAX
        && text.bytes().all(|b| b.is_ascii_graphic() || b == b' ')
        && !text.trim().is_empty()
        && !text.starts_with(':')
}
