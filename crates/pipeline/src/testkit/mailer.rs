//! Mail: at once, or with a mail log as one machine sends it.

use super::home::{MemoryHome, always, failure};
use super::mail_log::{Logged, Row};
use super::memory::State;
use super::script::{Call, Fault, Script};
use crate::port::{BegunMail, Mail, MailOutcome, Mailer, PortError, Unsent};
use std::time::Duration;

/// How long one machine waits for the answer to the final dot.
pub const ANSWER_DEADLINE: Duration = Duration::from_mins(10);

fn no_answer(why: &'static str) -> MailOutcome {
    MailOutcome::Ambiguous(PortError::transient("send mail", why))
}

impl<S: Script> MemoryHome<S> {
    /// Writes a row of the mail log.
    pub async fn log_mail(&self, mail: &Mail, logged: Logged) -> Result<(), PortError> {
        let row = Row::of(mail);
        let call = Call::LogMail(row.clone(), logged.clone());
        let write = move |state: &mut State, _| {
            if let Some(log) = &mut state.log {
                log.write(row, logged);
            }
        };
        let written = self.call(call, write, always).await;
        written.map_err(failure("log a mail"))
    }

    /// The id under which the mail log says that a mail was accepted.
    pub fn accepted(&self, mail: &Mail) -> Option<String> {
        let log = |state: &mut State| state.log.as_ref().and_then(|log| log.accepted(mail));
        self.with(log)
    }

    /// Hands a mail over, and waits for the answer.
    pub async fn hand_over(&self, mail: &Mail) -> MailOutcome {
        let call = Call::Mail(mail.event.clone(), mail.effect.clone());
        let mail = mail.clone();
        let take = move |state: &mut State, _| {
            state.mails.push(mail);
            state.mails.len()
        };
        let failure =
            |fault| failure("send mail")(fault).with_detail(Some("a fault that was asked for"));
        match self.call(call, take, always).await {
            Ok(number) => MailOutcome::Accepted(format!("mail-{number}")),
            Err(fault @ Fault::Throttled) => MailOutcome::Throttled(failure(fault)),
            Err(Fault::Unsent) => MailOutcome::Unsent(Unsent::NoTurn),
            Err(fault @ Fault::Busy) => MailOutcome::Busy(failure(fault)),
            Err(fault @ Fault::Refused) => MailOutcome::Refused(failure(fault)),
            Err(unknown) => MailOutcome::Ambiguous(failure(unknown)),
        }
    }

    /// As one machine does: what is known as sent is not sent again, the row is written before the final dot, and its answer has a time.
    async fn hand_over_by_log(&self, mail: &Mail) -> MailOutcome {
        if let Some(id) = self.accepted(mail) {
            self.script.known_as_sent(&mail.event, &mail.effect);
            return MailOutcome::Accepted(id);
        }
        if self.script.breaks_off(&mail.event, &mail.effect) {
            return MailOutcome::Unsent(Unsent::Stopping);
        }
        if let Err(error) = self.log_mail(mail, Logged::Sending).await {
            return MailOutcome::Busy(error);
        }
        let outcome = tokio::select! {
            biased;
            outcome = self.hand_over(mail) => outcome,
            () = tokio::time::sleep(ANSWER_DEADLINE) => no_answer("no answer in time"),
            () = self.script.patience_is_over() => no_answer("the machine stops"),
        };
        // A mail is out or not whatever the log says.
        drop(self.log_mail(mail, Logged::of(&outcome)).await);
        outcome
    }
}

impl<S: Script> Mailer for MemoryHome<S> {
    async fn send(&self, mail: &Mail) -> MailOutcome {
        if self.with(|state| state.log.is_some()) {
            return self.hand_over_by_log(mail).await;
        }
        self.hand_over(mail).await
    }

    async fn may_be_out(&self, mail: BegunMail<'_>) -> Result<bool, PortError> {
        let says = |state: &mut State| state.log.as_ref().map(|log| log.may_be_out(mail));
        Ok(self.with(says).unwrap_or(true))
    }
}
