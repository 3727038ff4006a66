-- A mail goes to each receiver by itself. A row without an effect is older than that, and counts for every receiver of its event.
ALTER TABLE mail_log ADD COLUMN effect TEXT;
DROP INDEX mail_log_by_event;
CREATE INDEX mail_log_by_effect ON mail_log (event, effect);
