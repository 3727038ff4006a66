-- Telemetry of one machine: what may be lost, and never holds up a lead. It has no personal data.

-- Finished spans. Rows are numbered as they come, so that the oldest are found without counting.
CREATE TABLE spans (
    number   INTEGER PRIMARY KEY,
    trace_id TEXT    NOT NULL,
    span_id  TEXT    NOT NULL,
    start    INTEGER NOT NULL,          -- Nanoseconds since 1970.
    json     TEXT    NOT NULL,
    UNIQUE (trace_id, span_id)
) STRICT;
CREATE INDEX spans_by_start ON spans (start);

-- What was told of a metric in a minute.
CREATE TABLE minutes (
    name       TEXT    NOT NULL,
    dimensions TEXT    NOT NULL,        -- A JSON object, its names sorted.
    minute     INTEGER NOT NULL,        -- Minutes since 1970.
    count      INTEGER NOT NULL,
    sum        REAL    NOT NULL,
    min        REAL    NOT NULL,
    max        REAL    NOT NULL,
    PRIMARY KEY (name, dimensions, minute)
) STRICT, WITHOUT ROWID;
CREATE INDEX minutes_by_minute ON minutes (minute);
