//! Mail of one machine: a folder of files, or SMTP.

mod log;
mod mime;
mod name;
mod outbox;
mod server;
mod smtp;
mod url;

pub(crate) use log::MailLog;
pub use server::{EhloName, EhloNameError, SmtpAuthority, SmtpAuthorityError, SmtpServer};
pub(crate) use smtp::BEFORE_DEADLINE;
pub use smtp::{ANSWER_DEADLINE, probe_smtp};
pub use url::{SmtpUrl, SmtpUrlError};

use crate::stop::Stopping;
use crate::system::{HomeClock, lock};
use leadwire_domain::effect::EffectId;
use leadwire_pipeline::port::{BegunMail, Mail, MailOutcome, Mailer, PortError, Unsent};
use name::MailName;
use outbox::Outbox;
use smtp::MailServer;
use std::collections::BTreeSet;
use std::error::Error;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// What was attempted, in every failure of this module.
const ACTION: &str = "send mail";

/// Mail of one machine: into the outbox, or by SMTP. Each attempt is logged, and a mail that the log says was accepted is not sent again:
/// so a process that dies between the server's answer and the settled marker mails twice only where the log's row was lost too, and what
/// people take out of the outbox is not put there again.
///
/// The canary's mail is not sent, and is in no log: everything is done up to where a mail would reach a person.
#[derive(Clone, Debug)]
pub struct LocalMailer {
    way: Way,
    clock: HomeClock,
    guard: Guard,
}

/// The way out of this machine.
#[derive(Clone, Debug)]
enum Way {
    /// Into a folder.
    Outbox(Outbox),
    Smtp(MailServer),
}

impl LocalMailer {
    pub(crate) fn outbox(folder: PathBuf, clock: HomeClock, guard: Guard) -> Self {
        let way = Way::Outbox(Outbox::new(folder));
        Self { way, clock, guard }
    }

    pub(crate) fn smtp(
        server: SmtpServer,
        clock: HomeClock,
        guard: Guard,
        stopping: Stopping,
    ) -> Self {
        let way = Way::Smtp(MailServer::new(server, stopping));
        Self { way, clock, guard }
    }

    /// Whether a mail server that asks who we are lets us in: a mistake there is better told at the start than at the first lead.
    ///
    /// # Errors
    /// What the server answered, or where the connection failed.
    pub async fn introduce(&self) -> Result<(), PortError> {
        match &self.way {
            Way::Outbox(_) => Ok(()),
            Way::Smtp(server) => server.introduce().await,
        }
    }

    /// One attempt, however the ones before it ended.
    async fn attempt(&self, mail: &Mail) -> MailOutcome {
        match self.try_once(mail).await {
            Ok(message_id) => MailOutcome::Accepted(message_id),
            Err(outcome) => outcome,
        }
    }

    /// The mail's id, where it is out.
    async fn try_once(&self, mail: &Mail) -> Result<String, MailOutcome> {
        let name = MailName::of(mail).map_err(unsendable)?;
        let message_id = name.message_id(mail.from.address());
        let composed = mime::compose(mail, &message_id, self.clock.now());
        let message = composed.map_err(unsendable)?.formatted();
        match &self.way {
            Way::Outbox(outbox) if mail.is_canary => outbox.prove(&name, message).await?,
            Way::Outbox(outbox) => outbox.put(&name, message).await?,
            Way::Smtp(server) if mail.is_canary => server.prove(mail).await?,
            Way::Smtp(server) => server.deliver(mail, &message, &self.guard.log).await?,
        }
        Ok(message_id)
    }
}

fn unsendable(error: impl Error + Send + Sync + 'static) -> MailOutcome {
    MailOutcome::Refused(PortError::permanent(ACTION, error))
}

impl Mailer for LocalMailer {
    async fn send(&self, mail: &Mail) -> MailOutcome {
        if mail.is_canary {
            return self.attempt(mail).await;
        }
        let Some(_turn) = self.guard.enter(mail) else {
            // A claim outlived its lease while this machine slept: the first attempt goes on, this one asks the log later.
            return MailOutcome::Unsent(Unsent::InHand);
        };
        match self.guard.log.accepted(mail).await {
            Ok(Some(message_id)) => return MailOutcome::Accepted(message_id),
            Ok(None) => {}
            Err(error) => return MailOutcome::Busy(error),
        }
        let outcome = self.attempt(mail).await;
        self.guard.log.record(mail, &outcome).await;
        outcome
    }

    async fn may_be_out(&self, mail: BegunMail<'_>) -> Result<bool, PortError> {
        self.guard.log.may_be_out(mail).await
    }
}

/// Keeps one process from sending one mail twice. The mails of one event, to its receivers, go side by side.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    log: MailLog,
    sending: Arc<Mutex<BTreeSet<Sending>>>,
}

/// A mail that is being sent: its event or revision, and its effect.
type Sending = (String, EffectId);

/// The right to send one mail, given back when dropped.
struct Turn<'a> {
    all: &'a Mutex<BTreeSet<Sending>>,
    sending: Sending,
}

impl Guard {
    pub(crate) fn new(log: MailLog) -> Self {
        Self {
            log,
            sending: Arc::default(),
        }
    }

    fn enter(&self, mail: &Mail) -> Option<Turn<'_>> {
        let sending = (mail.event.clone(), mail.effect.clone());
        let is_first = lock(&self.sending).insert(sending.clone());
        is_first.then_some(Turn {
            all: &self.sending,
            sending,
        })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(self.all).remove(&self.sending);
    }
}

#[cfg(test)]
mod tests;
