-- That a mail is being handed over is a row too, written before it can be taken; what became of it is written over it.
CREATE TABLE mail_log_3 (
    id         INTEGER PRIMARY KEY,
    event      TEXT    NOT NULL,
    effect     TEXT,
    attempt    INTEGER NOT NULL,
    outcome    TEXT    NOT NULL CHECK (outcome IN ('sending', 'accepted', 'busy', 'refused', 'ambiguous')),
    message_id TEXT,
    at         INTEGER NOT NULL
) STRICT;
INSERT INTO mail_log_3 (id, event, effect, attempt, outcome, message_id, at)
    SELECT id, event, effect, attempt, outcome, message_id, at FROM mail_log;
DROP TABLE mail_log;
ALTER TABLE mail_log_3 RENAME TO mail_log;
CREATE INDEX mail_log_by_effect ON mail_log (event, effect);

-- The runs of this home that write such rows. Of another one a missing row says nothing.
CREATE TABLE boots (
    boot TEXT    PRIMARY KEY,
    at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
