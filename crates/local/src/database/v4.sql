-- Messages are numbered as they come, and found by the raw object that they are about. A number is never given twice.
CREATE TABLE messages_4 (
    number        INTEGER PRIMARY KEY AUTOINCREMENT,
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
INSERT INTO messages_4 (about, body, traceparent, tracestate, xray, sent_at, due_at, receive_count, receipt)
    SELECT CASE WHEN json_valid(body) THEN CAST(json_extract(body, '$.s3_key') AS TEXT) END,
           body, traceparent, tracestate, xray, sent_at, due_at, receive_count, receipt
    FROM messages ORDER BY sent_at, rowid;
DROP TABLE messages;
ALTER TABLE messages_4 RENAME TO messages;
CREATE INDEX messages_by_due ON messages (due_at);
CREATE INDEX messages_by_event ON messages (about);
CREATE INDEX messages_received ON messages (due_at) WHERE receipt IS NOT NULL;

ALTER TABLE dead_letters ADD COLUMN about TEXT;
UPDATE dead_letters SET about = CASE WHEN json_valid(body) THEN CAST(json_extract(body, '$.s3_key') AS TEXT) END;
CREATE INDEX dead_letters_by_event ON dead_letters (about);
