-- Times are microseconds since 1970, UTC.

-- served_at: when a process last began to serve.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY NOT NULL,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The bytes come last: a listing reads none of them.
CREATE TABLE objects (
    bucket        INTEGER NOT NULL CHECK (bucket IN (1, 2)), -- 1 raw, 2 enriched
    key           TEXT    NOT NULL,
    etag          TEXT    NOT NULL,
    last_modified INTEGER NOT NULL,
    metadata      TEXT    NOT NULL, -- JSON
    size          INTEGER NOT NULL,
    bytes         BLOB    NOT NULL,
    UNIQUE (bucket, key)
) STRICT;
CREATE INDEX objects_by_time ON objects (last_modified);

CREATE TABLE messages (
    message_id    TEXT PRIMARY KEY NOT NULL,
    body          TEXT    NOT NULL,
    traceparent   TEXT,
    tracestate    TEXT,
    xray          TEXT,
    sent_at       INTEGER NOT NULL,
    due_at        INTEGER NOT NULL,
    receive_count INTEGER NOT NULL DEFAULT 0,
    receipt       TEXT    -- of the latest receive; NULL before the first
) STRICT;
CREATE INDEX messages_by_due ON messages (due_at);

CREATE TABLE dead_letters (
    message_id    TEXT PRIMARY KEY NOT NULL,
    body          TEXT    NOT NULL,
    traceparent   TEXT,
    tracestate    TEXT,
    xray          TEXT,
    sent_at       INTEGER NOT NULL,
    dead_at       INTEGER NOT NULL,
    receive_count INTEGER NOT NULL
) STRICT;

CREATE TABLE mail_log (
    id         INTEGER PRIMARY KEY,
    event      TEXT    NOT NULL,
    attempt    INTEGER NOT NULL,
    outcome    TEXT    NOT NULL CHECK (outcome IN ('accepted', 'busy', 'refused', 'ambiguous')),
    message_id TEXT,
    at         INTEGER NOT NULL
) STRICT;
CREATE INDEX mail_log_by_event ON mail_log (event);
