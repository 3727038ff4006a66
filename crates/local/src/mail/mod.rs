//! Mail of one machine: a folder of files, or SMTP.

mod log;
mod mime;
mod outbox;
mod smtp;
mod url;

pub(crate) use log::MailLog;
pub use outbox::OutboxMailer;
pub use smtp::{SmtpMailer, probe_smtp};
pub use url::{SmtpUrl, SmtpUrlError};

use leadwire_pipeline::port::{Mail, MailOutcome, Mailer, PortError};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// What was attempted, in every failure of this module.
const ACTION: &str = "send mail";

/// Mail of one machine: into the outbox, or by SMTP. Each attempt is logged, and a mail that the log says was accepted is not sent again:
/// so a process that dies between the server's answer and the settled marker mails twice only where the log's row was lost too.
///
/// The canary's mail is not sent, and is in no log: everything is done up to where a mail would reach a person.
#[derive(Clone, Debug)]
pub enum LocalMailer {
    /// Into the outbox folder.
    Outbox(OutboxMailer),
    /// By SMTP.
    Smtp(SmtpMailer),
}

impl Mailer for LocalMailer {
    async fn send(&self, mail: &Mail) -> MailOutcome {
        if mail.is_canary {
            return match self {
                Self::Outbox(outbox) => outbox.prove(mail).await,
                Self::Smtp(smtp) => smtp.prove(mail).await,
            };
        }
        let guard = match self {
            Self::Outbox(outbox) => outbox.guard(),
            Self::Smtp(smtp) => smtp.guard(),
        };
        let Some(_turn) = guard.enter(&mail.event) else {
            // A claim outlived its lease while this machine slept: the first attempt goes on, this one asks the log later.
            return MailOutcome::Busy(PortError::transient(
                ACTION,
                "this mail is being sent already",
            ));
        };
        match guard.log.accepted(&mail.event).await {
            Ok(Some(message_id)) => return MailOutcome::Accepted(message_id),
            Ok(None) => {}
            Err(error) => return MailOutcome::Busy(error),
        }
        let outcome = match self {
            Self::Outbox(outbox) => outbox.deliver(mail).await,
            Self::Smtp(smtp) => smtp.deliver(mail).await,
        };
        guard.log.record(mail, &outcome).await;
        outcome
    }
}

/// Keeps one process from sending one mail twice.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    log: MailLog,
    sending: Arc<Mutex<BTreeSet<String>>>,
}

/// The right to send one mail, given back when dropped.
struct Turn<'a> {
    sending: &'a Mutex<BTreeSet<String>>,
    event: String,
}

impl Guard {
    pub(crate) fn new(log: MailLog) -> Self {
        Self {
            log,
            sending: Arc::default(),
        }
    }

    fn enter(&self, event: &str) -> Option<Turn<'_>> {
        let is_first = self
            .sending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(event.to_owned());
        is_first.then(|| Turn {
            sending: &self.sending,
            event: event.to_owned(),
        })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.sending
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.event);
    }
}

#[cfg(test)]
mod tests;
