//! The mail log: every attempt, and what became of it. It holds no address and no text.

use crate::database::Database;
use crate::system::HomeClock;
use leadwire_pipeline::observe::MailNotLogged;
use leadwire_pipeline::port::{BegunMail, Mail, MailOutcome, PortError};
use rusqlite::{Connection, OptionalExtension as _, named_params};

/// Which mails went out, or did not.
#[derive(Clone, Debug)]
pub(crate) struct MailLog {
    database: Database,
    clock: HomeClock,
}

const BEGIN: &str = "INSERT INTO mail_log (event, effect, attempt, outcome, at) VALUES (:event, :effect, :attempt, 'sending', :at)";
const END: &str = "UPDATE mail_log SET outcome = :outcome, message_id = :message_id, at = :at
    WHERE event = :event AND effect = :effect AND attempt = :attempt AND outcome = 'sending'";
const RECORD: &str = "INSERT INTO mail_log (event, effect, attempt, outcome, message_id, at)
    VALUES (:event, :effect, :attempt, :outcome, :message_id, :at)";
// A row without an effect is the first edition's, whose one mail went to every receiver.
const ACCEPTED: &str = "SELECT message_id FROM mail_log
    WHERE event = :event AND (effect = :effect OR effect IS NULL) AND outcome = 'accepted' ORDER BY id LIMIT 1";

// Where the run wrote rows, what its last one of the attempt says; nothing where it had not begun.
const LAST: &str = "SELECT outcome FROM mail_log WHERE event = :event AND effect = :effect AND attempt = :attempt ORDER BY id DESC LIMIT 1";
const WRITES_ROWS: &str = "SELECT count(*) > 0 FROM boots WHERE boot = :boot";

impl MailLog {
    pub(crate) fn new(database: Database, clock: HomeClock) -> Self {
        Self { database, clock }
    }

    /// The id under which a mail was accepted, in whatever attempt, where it was.
    pub(super) async fn accepted(&self, mail: &Mail) -> Result<Option<String>, PortError> {
        let (event, effect) = (mail.event.clone(), mail.effect.clone());
        let work = move |connection: &Connection| {
            let mut accepted = connection.prepare_cached(ACCEPTED)?;
            let params = named_params! {":event": event, ":effect": effect.as_str()};
            let found = accepted.query_row(params, |row| row.get::<_, Option<String>>(0));
            Ok(found.optional()?.map(Option::unwrap_or_default))
        };
        self.database.read("read the mail log", work).await
    }

    /// Writes down that a mail is about to be handed over. Until that is on disk nothing of it may go out that can be taken.
    pub(super) async fn begin(&self, mail: &Mail) -> Result<(), PortError> {
        let at = self.clock.now().as_microsecond();
        let (event, effect, attempt) = (mail.event.clone(), mail.effect.clone(), mail.attempt);
        let work = move |connection: &Connection| {
            let params = named_params! {":event": event, ":effect": effect.as_str(), ":attempt": attempt, ":at": at};
            connection.prepare_cached(BEGIN)?.execute(params).map(drop)
        };
        self.database.write("log a mail", work).await
    }

    /// Whether a mail of a process that is dead may have been taken. Where the log says that it was, nobody need doubt it: it is not sent
    /// again.
    pub(super) async fn may_be_out(&self, mail: BegunMail<'_>) -> Result<bool, PortError> {
        let (event, effect) = (mail.event.to_owned(), mail.effect.clone());
        let (attempt, boot) = (mail.attempt, mail.boot.to_owned());
        let work = move |connection: &Connection| {
            let mut writes_rows = connection.prepare_cached(WRITES_ROWS)?;
            if !writes_rows.query_row(named_params! {":boot": boot}, |row| row.get(0))? {
                return Ok(true);
            }
            let mut last = connection.prepare_cached(LAST)?;
            let params =
                named_params! {":event": event, ":effect": effect.as_str(), ":attempt": attempt};
            let last = last.query_row(params, |row| row.get::<_, String>(0));
            let last = last.optional()?;
            Ok(last.is_some_and(|outcome| matches!(outcome.as_str(), "sending" | "ambiguous")))
        };
        self.database.read("read the mail log", work).await
    }

    /// Writes down what became of an attempt. A mail is out or not whatever the log says, so that failing here only warns.
    pub(super) async fn record(&self, mail: &Mail, outcome: &MailOutcome) {
        let at = self.clock.now().as_microsecond();
        let (event, effect, attempt) = (mail.event.clone(), mail.effect.clone(), mail.attempt);
        let (outcome, message_id) = match outcome {
            MailOutcome::Accepted(id) => ("accepted", Some(id.clone())),
            MailOutcome::Throttled(_) | MailOutcome::Busy(_) => ("busy", None),
            // That was no attempt, and has no row.
            MailOutcome::Unsent(_) => return,
            MailOutcome::Refused(_) => ("refused", None),
            MailOutcome::Ambiguous(_) => ("ambiguous", None),
        };
        let work = move |connection: &Connection| {
            let params = named_params! {
                ":event": event, ":effect": effect.as_str(), ":attempt": attempt,
                ":outcome": outcome, ":message_id": message_id, ":at": at,
            };
            let ended = connection.prepare_cached(END)?.execute(params)?;
            if ended == 0 {
                connection.prepare_cached(RECORD)?.execute(params)?;
            }
            Ok(())
        };
        if let Err(error) = self.database.write("log a mail", work).await {
            MailNotLogged {
                mail: &mail.event,
                outcome,
                error: error.source.to_string(),
            }
            .emit();
        }
    }
}
