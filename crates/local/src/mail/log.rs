//! The mail log: every attempt, and what became of it. It holds no address and no text.

use crate::database::Database;
use crate::system::HomeClock;
use leadwire_pipeline::observe::MailNotLogged;
use leadwire_pipeline::port::{Mail, MailOutcome, PortError};
use rusqlite::{Connection, OptionalExtension as _, named_params};

/// Which mails went out, or did not.
#[derive(Clone, Debug)]
pub(crate) struct MailLog {
    database: Database,
    clock: HomeClock,
}

const RECORD: &str = "INSERT INTO mail_log (event, effect, attempt, outcome, message_id, at)
    VALUES (:event, :effect, :attempt, :outcome, :message_id, :at)";
// A row without an effect is the first edition's, whose one mail went to every receiver.
const ACCEPTED: &str = "SELECT message_id FROM mail_log
    WHERE event = :event AND (effect = :effect OR effect IS NULL) AND outcome = 'accepted' ORDER BY id LIMIT 1";

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

    /// Writes down what became of an attempt. A mail is out or not whatever the log says, so that failing here only warns.
    pub(super) async fn record(&self, mail: &Mail, outcome: &MailOutcome) {
        let at = self.clock.now().as_microsecond();
        let (event, effect, attempt) = (mail.event.clone(), mail.effect.clone(), mail.attempt);
        let (outcome, message_id) = match outcome {
            MailOutcome::Accepted(id) => ("accepted", Some(id.clone())),
            MailOutcome::Throttled(_) | MailOutcome::Busy(_) => ("busy", None),
            MailOutcome::Refused(_) => ("refused", None),
            MailOutcome::Ambiguous(_) => ("ambiguous", None),
        };
        let work = move |connection: &Connection| {
            let params = named_params! {
                ":event": event, ":effect": effect.as_str(), ":attempt": attempt,
                ":outcome": outcome, ":message_id": message_id, ":at": at,
            };
            connection.prepare_cached(RECORD)?.execute(params)
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
