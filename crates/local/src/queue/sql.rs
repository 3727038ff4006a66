//! What the queue does to its tables. Each function is one job of the writing thread, or one look.

use super::message::{DeadLetter, QueueDepth, WaitingMessage};
use crate::database::timestamp;
use crate::system::random_hex;
use jiff::Timestamp;
use leadwire_pipeline::port::OutgoingMessage;
use leadwire_pipeline::stage::enrich::Record;
use leadwire_pipeline::trace::TraceContext;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeSet;
use tracing::Span;

/// A receive, as it is asked for.
pub(super) struct Receive {
    pub(super) max: u32,
    pub(super) now: Timestamp,
    /// When what is received comes back.
    pub(super) until: Timestamp,
    pub(super) max_receive_count: u32,
}

const SEND: &str =
    "INSERT INTO messages (number, about, body, traceparent, tracestate, xray, sent_at, due_at)
    VALUES (max(:now, (SELECT coalesce(max(number), 0) + 1 FROM messages)), :about, :body, :traceparent, :tracestate, :xray, :now, :due)";
// What was never received is not worn out: of a long queue only the others are looked at.
const COPY_DEAD: &str = "INSERT INTO dead_letters
        (message_id, about, body, traceparent, tracestate, xray, sent_at, dead_at, receive_count)
    SELECT number, about, body, traceparent, tracestate, xray, sent_at, :now, receive_count FROM messages
    WHERE receipt IS NOT NULL AND due_at <= :now AND receive_count >= :max";
const REMOVE_DEAD: &str =
    "DELETE FROM messages WHERE receipt IS NOT NULL AND due_at <= :now AND receive_count >= :max";
pub(super) const DUE: &str =
    "SELECT number, body, traceparent, tracestate, xray, sent_at, receive_count FROM messages
    WHERE due_at <= :now ORDER BY due_at, number LIMIT :max";
const TAKE: &str = "UPDATE messages SET receive_count = receive_count + 1, receipt = :receipt, due_at = :until WHERE number = :id";
const DELETE: &str = "DELETE FROM messages WHERE number = :id AND receipt = :receipt";
const HIDE: &str = "UPDATE messages SET due_at = :due WHERE number = :id AND receipt = :receipt";
// Not later than the stage has asked for.
const GIVE_BACK: &str =
    "UPDATE messages SET due_at = min(due_at, :due) WHERE number = :id AND receipt = :receipt";
const WAITING: &str = "SELECT number, body, sent_at, due_at, receive_count, receipt IS NOT NULL AND due_at > :now FROM messages
    ORDER BY due_at, number LIMIT :limit";
const WAITING_ABOUT: &str = "SELECT number, body, sent_at, due_at, receive_count, receipt IS NOT NULL AND due_at > :now FROM messages
    WHERE substr(about, -27) = substr(:about, -27) AND about = :about ORDER BY due_at, number";
const PUT_BACK: &str = "SELECT body, due_at FROM messages WHERE instr(body, :reason) > 0";
const IN_WORK: &str =
    "SELECT number, receive_count FROM messages WHERE due_at > :half AND receipt IS NOT NULL";
const DEPTH: &str = "SELECT
    (SELECT count(*) FROM messages WHERE due_at > :now),
    (SELECT count(*) FROM messages WHERE due_at <= :now),
    (SELECT count(*) FROM messages WHERE due_at > :now AND receipt IS NOT NULL),
    (SELECT count(*) FROM dead_letters)";
const DEAD: &str = "SELECT message_id, body, traceparent, tracestate, xray, sent_at, dead_at, receive_count FROM dead_letters
    ORDER BY dead_at, rowid LIMIT :limit";
const DEAD_ABOUT: &str = "SELECT message_id, body, traceparent, tracestate, xray, sent_at, dead_at, receive_count FROM dead_letters
    WHERE about = :about ORDER BY dead_at, rowid";
const DELETE_DEAD: &str = "DELETE FROM dead_letters WHERE message_id = :id";
const RELEASE: &str =
    "UPDATE messages SET due_at = :now WHERE receipt IS NOT NULL AND due_at > :now";

/// What a message says of the event that it is about.
#[derive(Deserialize)]
struct About<'a> {
    #[serde(borrow)]
    s3_key: Cow<'a, str>,
}

/// The raw object that a message is about; none where it names none.
fn about(body: &str) -> Option<Cow<'_, str>> {
    serde_json::from_str::<About<'_>>(body)
        .ok()
        .map(|about| about.s3_key)
}

pub(crate) fn send(
    connection: &Connection,
    message: &OutgoingMessage,
    now: Timestamp,
    due_at: Timestamp,
) -> rusqlite::Result<()> {
    let trace = &message.trace;
    connection.prepare_cached(SEND)?.execute(named_params! {
        ":about": about(&message.body), ":body": message.body, ":traceparent": trace.traceparent, ":tracestate": trace.tracestate,
        ":xray": trace.xray, ":now": now.as_microsecond(), ":due": due_at.as_microsecond(),
    })?;
    Ok(())
}

impl Receive {
    /// Puts dead letters aside first, so that none of them takes the place of a message.
    pub(super) fn run(&self, connection: &Connection) -> rusqlite::Result<Vec<Record>> {
        let now = self.now.as_microsecond();
        let worn_out = named_params! {":now": now, ":max": self.max_receive_count};
        if connection.prepare_cached(COPY_DEAD)?.execute(worn_out)? > 0 {
            let mut remove = connection.prepare_cached(REMOVE_DEAD)?;
            remove.execute(worn_out)?;
        }
        let mut due = connection.prepare_cached(DUE)?;
        let params = named_params! {":now": now, ":max": self.max};
        let records = due.query_map(params, |row| record(row, self.now))?;
        let records = records.collect::<rusqlite::Result<Vec<_>>>()?;
        let mut take = connection.prepare_cached(TAKE)?;
        let until = self.until.as_microsecond();
        for record in &records {
            let receipt = nonce(&record.receipt_handle);
            take.execute(
                named_params! {":receipt": receipt, ":until": until, ":id": record.message_id},
            )?;
        }
        Ok(records)
    }
}

pub(super) fn delete(connection: &Connection, receipt_handles: &[String]) -> rusqlite::Result<u64> {
    let mut delete = connection.prepare_cached(DELETE)?;
    let mut count = 0;
    for handle in receipt_handles {
        let (id, receipt) = (message_id(handle), nonce(handle));
        count += delete.execute(named_params! {":id": id, ":receipt": receipt})?;
    }
    Ok(wide(count))
}

pub(super) fn set_visibility(
    connection: &Connection,
    handle: &str,
    due_at: Timestamp,
) -> rusqlite::Result<()> {
    let params = named_params! {":id": message_id(handle), ":receipt": nonce(handle), ":due": due_at.as_microsecond()};
    connection.prepare_cached(HIDE)?.execute(params).map(drop)
}

pub(super) fn give_back(
    connection: &Connection,
    handle: &str,
    due_at: Timestamp,
) -> rusqlite::Result<()> {
    let params = named_params! {":id": message_id(handle), ":receipt": nonce(handle), ":due": due_at.as_microsecond()};
    let mut give_back = connection.prepare_cached(GIVE_BACK)?;
    give_back.execute(params).map(drop)
}

pub(super) fn waiting(
    connection: &Connection,
    now: Timestamp,
    limit: u32,
) -> rusqlite::Result<Vec<WaitingMessage>> {
    let mut waiting = connection.prepare_cached(WAITING)?;
    let params = named_params! {":now": now.as_microsecond(), ":limit": limit};
    waiting.query_map(params, waiting_message)?.collect()
}

/// The messages about raw objects, by their keys, and the dead letters about them.
pub(super) fn about_keys(
    connection: &Connection,
    now: Timestamp,
    keys: &[String],
) -> rusqlite::Result<(Vec<WaitingMessage>, Vec<DeadLetter>)> {
    let mut waiting = connection.prepare_cached(WAITING_ABOUT)?;
    let mut dead = connection.prepare_cached(DEAD_ABOUT)?;
    let (mut messages, mut letters) = (Vec::new(), Vec::new());
    for key in keys {
        let params = named_params! {":now": now.as_microsecond(), ":about": key};
        for message in waiting.query_map(params, waiting_message)? {
            messages.push(message?);
        }
        for letter in dead.query_map(named_params! {":about": key}, dead_letter)? {
            letters.push(letter?);
        }
    }
    Ok((messages, letters))
}

/// Gives each message whose body holds the reason of a wait, and when it is due.
pub(super) fn put_back(
    connection: &Connection,
    reason: &str,
    mut each: impl FnMut(&str, Timestamp),
) -> rusqlite::Result<()> {
    let mut waiting = connection.prepare_cached(PUT_BACK)?;
    let mut rows = waiting.query(named_params! {":reason": reason})?;
    while let Some(row) = rows.next()? {
        each(row.get_ref(0)?.as_str()?, timestamp(row.get(1)?));
    }
    Ok(())
}

fn waiting_message(row: &Row<'_>) -> rusqlite::Result<WaitingMessage> {
    Ok(WaitingMessage {
        message_id: number(row)?,
        body: row.get(1)?,
        sent_at: timestamp(row.get(2)?),
        due_at: timestamp(row.get(3)?),
        receive_count: row.get(4)?,
        in_flight: row.get(5)?,
    })
}

/// The id of a message is its number.
fn number(row: &Row<'_>) -> rusqlite::Result<String> {
    row.get::<_, i64>(0).map(|number| number.to_string())
}

/// What is hidden beyond the half of the time that a message is hidden for while it is worked on.
pub(super) fn in_work(
    connection: &Connection,
    half: Timestamp,
) -> rusqlite::Result<BTreeSet<(String, u32)>> {
    let mut in_work = connection.prepare_cached(IN_WORK)?;
    let rows = in_work.query_map(named_params! {":half": half.as_microsecond()}, |row| {
        Ok((number(row)?, row.get(1)?))
    })?;
    rows.collect()
}

pub(super) fn depth(connection: &Connection, now: Timestamp) -> rusqlite::Result<QueueDepth> {
    let mut depth = connection.prepare_cached(DEPTH)?;
    depth.query_row(named_params! {":now": now.as_microsecond()}, |row| {
        let count = |index| {
            row.get::<_, i64>(index)
                .map(|count| u64::try_from(count).unwrap_or(0))
        };
        let in_flight = count(2)?;
        Ok(QueueDepth {
            delayed: count(0)?.saturating_sub(in_flight),
            due: count(1)?,
            in_flight,
            dead: count(3)?,
        })
    })
}

pub(super) fn dead_letters(
    connection: &Connection,
    limit: u32,
) -> rusqlite::Result<Vec<DeadLetter>> {
    let mut dead = connection.prepare_cached(DEAD)?;
    dead.query_map(named_params! {":limit": limit}, dead_letter)?
        .collect()
}

fn dead_letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        message_id: row.get(0)?,
        body: row.get(1)?,
        trace: trace(row)?,
        sent_at: timestamp(row.get(5)?),
        dead_at: timestamp(row.get(6)?),
        receive_count: row.get(7)?,
    })
}

pub(super) fn delete_dead_letters(
    connection: &Connection,
    message_ids: &[String],
) -> rusqlite::Result<u64> {
    let mut delete = connection.prepare_cached(DELETE_DEAD)?;
    let mut count = 0;
    for id in message_ids {
        count += delete.execute(named_params! {":id": id})?;
    }
    Ok(wide(count))
}

pub(super) fn next_due(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    earliest(connection, "SELECT min(due_at) FROM messages")
}

/// When the oldest message was sent that waits or is worked on, where there is one. They are numbered as they are sent.
pub(super) fn oldest(connection: &Connection) -> rusqlite::Result<Option<Timestamp>> {
    earliest(
        connection,
        "SELECT sent_at FROM messages ORDER BY number LIMIT 1",
    )
}

fn earliest(connection: &Connection, sql: &str) -> rusqlite::Result<Option<Timestamp>> {
    let mut select = connection.prepare_cached(sql)?;
    let earliest: Option<Option<i64>> = select.query_row([], |row| row.get(0)).optional()?;
    Ok(earliest.flatten().map(timestamp))
}

/// Gives back what a process held that has gone. What it received counts as received.
pub(crate) fn release(connection: &Connection, now: Timestamp) -> rusqlite::Result<u64> {
    connection
        .execute(RELEASE, named_params! {":now": now.as_microsecond()})
        .map(wide)
}

fn record(row: &Row<'_>, now: Timestamp) -> rusqlite::Result<Record> {
    let message_id = number(row)?;
    let received: u32 = row.get(6)?;
    Ok(Record {
        receipt_handle: format!("{message_id}/{}", random_hex()),
        message_id,
        body: row.get(1)?,
        receive_count: received.saturating_add(1),
        sent_at: Some(timestamp(row.get(5)?)),
        // Only the first receive is of interest, and that is now.
        first_received_at: (received == 0).then_some(now),
        trace: trace(row)?,
        span: Span::none(),
    })
}

fn trace(row: &Row<'_>) -> rusqlite::Result<TraceContext> {
    Ok(TraceContext {
        traceparent: row.get(2)?,
        tracestate: row.get(3)?,
        xray: row.get(4)?,
    })
}

fn message_id(receipt_handle: &str) -> &str {
    receipt_handle.split_once('/').map_or("", |(id, _)| id)
}

fn nonce(receipt_handle: &str) -> &str {
    receipt_handle
        .split_once('/')
        .map_or("", |(_, nonce)| nonce)
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
