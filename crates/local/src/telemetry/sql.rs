//! The statements.

use super::{MINUTE_AGE_MAX, Minute, NewMinute, SPAN_AGE_MAX, SPANS_MAX, StoredSpan};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;
use std::ops::Range;

/// Rows that one transaction deletes at most: others wait that long.
const DELETED_AT_ONCE: i64 = 5_000;

pub(super) fn keep(connection: &Connection, spans: &[StoredSpan]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO spans (trace_id, span_id, start, json) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for span in spans {
        let start = span.start_unix_nanos;
        insert.execute(params![span.trace_id, span.span_id, start, span.json])?;
    }
    Ok(())
}

pub(super) fn spans_of(
    connection: &Connection,
    trace_id: &str,
) -> rusqlite::Result<Vec<StoredSpan>> {
    let mut select = connection.prepare_cached(
        "SELECT span_id, start, json FROM spans WHERE trace_id = ?1 ORDER BY start, number",
    )?;
    let rows = select.query_map([trace_id], |row| {
        Ok(StoredSpan {
            trace_id: trace_id.to_owned(),
            span_id: row.get(0)?,
            start_unix_nanos: row.get(1)?,
            json: row.get(2)?,
        })
    })?;
    rows.collect()
}

pub(super) fn add_minutes(connection: &Connection, minutes: &[NewMinute]) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO minutes (name, dimensions, minute, count, sum, min, max) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET count = count + excluded.count, sum = sum + excluded.sum,
                                   min = min(min, excluded.min), max = max(max, excluded.max)",
    )?;
    for new in minutes {
        let Minute {
            minute,
            count,
            sum,
            min,
            max,
        } = new.minute;
        let dimensions = canonical(&new.dimensions);
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        upsert.execute(params![
            new.metric, dimensions, minute, count, sum, min, max
        ])?;
    }
    Ok(())
}

pub(super) fn read_minutes(
    connection: &Connection,
    metric: &str,
    dimensions: &BTreeMap<String, String>,
    minutes: Range<i64>,
) -> rusqlite::Result<Vec<Minute>> {
    let mut select = connection.prepare_cached(
        "SELECT minute, count, sum, min, max FROM minutes
         WHERE name = ?1 AND dimensions = ?2 AND minute >= ?3 AND minute < ?4 ORDER BY minute",
    )?;
    let which = params![metric, canonical(dimensions), minutes.start, minutes.end];
    let rows = select.query_map(which, |row| {
        Ok(Minute {
            minute: row.get(0)?,
            count: u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0),
            sum: row.get(2)?,
            min: row.get(3)?,
            max: row.get(4)?,
        })
    })?;
    rows.collect()
}

pub(super) fn read_all_minutes(
    connection: &Connection,
    metric: &str,
    from_minute: i64,
) -> rusqlite::Result<Vec<NewMinute>> {
    let mut select = connection.prepare_cached(
        "SELECT dimensions, minute, count, sum, min, max FROM minutes
         WHERE name = ?1 AND minute >= ?2 ORDER BY minute",
    )?;
    let rows = select.query_map(params![metric, from_minute], |row| {
        let dimensions: String = row.get(0)?;
        Ok(NewMinute {
            metric: metric.to_owned(),
            dimensions: serde_json::from_str(&dimensions).unwrap_or_default(),
            minute: Minute {
                minute: row.get(1)?,
                count: u64::try_from(row.get::<_, i64>(2)?).unwrap_or(0),
                sum: row.get(3)?,
                min: row.get(4)?,
                max: row.get(5)?,
            },
        })
    })?;
    rows.collect()
}

/// Deletes some of what is too old or too much. Rows are numbered as they come, so the newest have the highest numbers.
pub(super) fn prune(connection: &Connection, now: Timestamp) -> rusqlite::Result<u64> {
    let oldest_span = i64::try_from((now - SPAN_AGE_MAX).as_nanosecond()).unwrap_or(i64::MIN);
    let oldest_minute = (now - MINUTE_AGE_MAX).as_second().div_euclid(60);
    let mut deleted = 0;
    deleted += connection.execute(
        "DELETE FROM spans WHERE number IN (SELECT number FROM spans WHERE start < ?1 LIMIT ?2)",
        [oldest_span, DELETED_AT_ONCE],
    )?;
    deleted += connection.execute(
        "DELETE FROM spans WHERE number IN (SELECT number FROM spans
             WHERE number <= (SELECT max(number) FROM spans) - ?1 LIMIT ?2)",
        [SPANS_MAX, DELETED_AT_ONCE],
    )?;
    deleted += connection.execute(
        "DELETE FROM minutes WHERE (name, dimensions, minute) IN (SELECT name, dimensions, minute FROM minutes
             WHERE minute < ?1 LIMIT ?2)",
        [oldest_minute, DELETED_AT_ONCE],
    )?;
    Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
}

/// The same dimensions are the same text.
fn canonical(dimensions: &BTreeMap<String, String>) -> String {
    serde_json::to_string(dimensions).expect("text by text is always JSON")
}
