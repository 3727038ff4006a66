//! Lies about mails, and about what one machine's mail log says of them.

use super::Lying;
use crate::mistake::Mistake;
use leadwire_pipeline::port::{BegunMail, Mail, MailOutcome, Mailer, PortError};
use leadwire_pipeline::testkit::{Logged, MemoryHome, Script};

impl<S: Script> Mailer for Lying<MemoryHome<S>> {
    async fn send(&self, mail: &Mail) -> MailOutcome {
        match self.mistake {
            Some(Mistake::RetryMail) => {
                let sent = self.honest.send(mail).await;
                if matches!(sent, MailOutcome::Ambiguous(_)) {
                    return self.honest.send(mail).await;
                }
                sent
            }
            Some(Mistake::UnsentIsBusy) => {
                let sent = self.honest.send(mail).await;
                if let MailOutcome::Unsent(why) = sent {
                    return MailOutcome::Busy(PortError::transient("send mail", why.code()));
                }
                sent
            }
            Some(Mistake::RowAfterSend) if self.honest.accepted(mail).is_none() => {
                let sent = self.honest.hand_over(mail).await;
                for logged in [Logged::Sending, Logged::of(&sent)] {
                    drop(self.honest.log_mail(mail, logged).await);
                }
                sent
            }
            _ => self.honest.send(mail).await,
        }
    }

    async fn may_be_out(&self, mail: BegunMail<'_>) -> Result<bool, PortError> {
        match self.mistake {
            Some(Mistake::LoggedIsIdle) => Ok(false),
            Some(Mistake::UnloggedIsDoubt) => Ok(true),
            Some(Mistake::RowOutlivesAttempt) => {
                for attempt in 1..=mail.attempt {
                    let earlier = BegunMail { attempt, ..mail };
                    if self.honest.may_be_out(earlier).await? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            _ => self.honest.may_be_out(mail).await,
        }
    }
}
