-- Each index and each table that a commit touches is a page that it syncs. What is newest is found by the numbers of rows; a message's number
-- is the time at which it came, so that nobody need keep the last one.
DROP INDEX objects_by_time;

CREATE TABLE messages_5 (
    number        INTEGER PRIMARY KEY, -- the microsecond of sent_at, or the next one that is free
    about         TEXT,   -- the s3_key in the body; NULL where it has none
    body          TEXT    NOT NULL,
    traceparent   TEXT,
    tracestate    TEXT,
    xray          TEXT,
    sent_at       INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    receive_count INTEGER NOT NULL DEFAULT 0,
    receipt       TEXT    -- of the latest receive; NULL before the first
) STRICT;
INSERT INTO messages_5 (number, about, body, traceparent, tracestate, xray, sent_at, due_at, receive_count, receipt)
    SELECT number, about, body, traceparent, tracestate, xray, sent_at, due_at, receive_count, receipt FROM messages;
DROP TABLE messages;
ALTER TABLE messages_5 RENAME TO messages;
CREATE INDEX messages_by_due ON messages (due_at);
-- By the time in the object's name: what is new comes after what is there, wherever its lead's id would stand.
CREATE INDEX messages_by_event ON messages (substr(about, -27));
CREATE INDEX messages_received ON messages (due_at) WHERE receipt IS NOT NULL;
