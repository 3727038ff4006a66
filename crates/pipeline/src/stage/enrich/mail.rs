//! Steps e and f: send once, settle.

use super::attempt::{Attempt, Stop};
use super::claim::Held;
use super::is_counted;
use super::record::{Done, Outcome};
use crate::ledger::{ClaimState, Document, Marker};
use crate::observe::{EmailSent, IN_TIME, OwnerEmailInvalid, Subject, Timeliness};
use crate::port::{Entropy, Home, Mail, MailOutcome, Mailer, Replaced};
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, Settled};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::limits::RECIPIENTS_MAX;
use leadwire_domain::notice::{EmailAddress, render_email};
use leadwire_domain::source::{Source, canary};
use leadwire_domain::wait::{DeferReason, decide_mail_wait};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The first pause before the settling write is tried again; it doubles. The record's deadline ends it.
const SETTLE_PAUSE: Duration = Duration::from_millis(200);

impl<H: Home> Attempt<'_, H> {
    /// Steps d to f.
    pub(super) async fn mail(
        &self,
        document: &Document,
        mail: ClaimState,
    ) -> Result<Outcome, Stop> {
        let held = self.claim(mail).await?;
        let mail = self.compose(document, held.claim.attempt);
        self.in_doubt.store(true, Ordering::Relaxed);
        match self.home.mailer().send(&mail).await {
            MailOutcome::Accepted(message_id) => self.settle(document, held, &message_id).await,
            MailOutcome::Busy(error) => {
                self.in_doubt.store(false, Ordering::Relaxed);
                self.tell_failed_call(&error);
                self.release(&held).await;
                self.wait_for_mail().await
            }
            MailOutcome::Refused(error) => {
                self.in_doubt.store(false, Ordering::Relaxed);
                self.tell_failed_call(&error);
                self.release(&held).await;
                Ok(Outcome::Failed(FailureReason::MailRefused))
            }
            MailOutcome::Ambiguous(error) => {
                self.doubt(&held).await;
                Err(Stop::Call(FailureReason::MailAmbiguous, error))
            }
        }
    }

    fn compose(&self, document: &Document, attempt: u32) -> Mail {
        let is_canary = document.source() == Source::Canary;
        // There is no such lead in the CRM.
        let link = self.config.lead_url.as_ref().filter(|_| !is_canary);
        Mail {
            event: self.trigger.name.tag(),
            attempt,
            environment: self.config.environment.clone(),
            from: self.config.from.clone(),
            to: if is_canary {
                vec![canary::recipient()]
            } else {
                self.recipients(document)
            },
            text: render_email(&document.lead, self.now(), link),
            is_canary,
        }
    }

    fn recipients(&self, document: &Document) -> Vec<EmailAddress> {
        let mut to = self.config.to.clone();
        if self.config.notify_owner
            && let Some(owner) = &document.lead.owner_email
        {
            match EmailAddress::parse(owner) {
                Ok(owner) if !to.contains(&owner) && to.len() < RECIPIENTS_MAX => to.push(owner),
                Ok(_) => {}
                Err(_not_an_address) => OwnerEmailInvalid {
                    subject: self.subject(),
                }
                .emit(),
            }
        }
        to
    }

    /// Step f. The mail is out: writing that down is all that is left to do, so it is tried until the record's deadline.
    async fn settle(
        &self,
        document: &Document,
        held: Held,
        message_id: &str,
    ) -> Result<Outcome, Stop> {
        let sent_at = self.now();
        let marker = Marker {
            message_id: Some(message_id.to_owned()),
            ..Marker::new(Settled::Sent, sent_at)
        };
        let (ledger, name) = (self.ledger(), &self.trigger.name);
        let mut etag = held.etag;
        let mut pause = SETTLE_PAUSE;
        loop {
            match ledger.settle(name, &etag, &marker).await {
                Ok(Replaced::New(_)) => break,
                Ok(Replaced::Changed) => {}
                Err(error) => self.tell_failed_call(&error),
            }
            match ledger.claim(name).await.and_then(ClaimState::readable) {
                Ok(ClaimState::Claimed(Claim::Sending(sending), current))
                    if sending.token == self.token =>
                {
                    etag = current;
                }
                // Settled by this attempt's lost write; or no longer this attempt's, and then not its to write.
                Ok(
                    ClaimState::Settled(..)
                    | ClaimState::Claimed(..)
                    | ClaimState::Unreadable(_)
                    | ClaimState::Absent,
                ) => break,
                Err(error) => self.tell_failed_call(&error),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.tell_sent(document, held.claim.attempt, message_id, sent_at);
        Ok(Outcome::Done(Done::Mailed))
    }

    fn tell_sent(&self, document: &Document, attempt: u32, message_id: &str, sent_at: Timestamp) {
        let provenance = &document.lead.provenance;
        let source = document.source();
        EmailSent {
            // A bare message does not say whom it is about; the document does.
            subject: Subject {
                lead_id: Some(&document.lead.lead_id),
                event_id: Some(&provenance.event_id),
                source: Some(source),
            },
            source,
            message_id,
            attempt,
            latency: sent_at.duration_since(provenance.accepted_at),
            timeliness: self.timeliness(provenance.lookup_modified_at, sent_at),
        }
        .emit();
    }

    fn timeliness(&self, owner_since: Option<Timestamp>, sent_at: Timestamp) -> Timeliness {
        if self.trigger.name.revision() > 0 {
            return Timeliness::Replayed;
        }
        let Some(facts) = self
            .trigger
            .facts
            .as_ref()
            .filter(|_| is_counted(self.trigger))
        else {
            return Timeliness::NotCounted;
        };
        let ready = owner_since.map_or(facts.not_before, |since| since.max(facts.not_before));
        if sent_at.duration_since(ready) <= IN_TIME {
            Timeliness::InTime
        } else {
            Timeliness::Late
        }
    }

    async fn wait_for_mail(&self) -> Result<Outcome, Stop> {
        let [jitter, ..] = self.home.entropy().bits();
        match decide_mail_wait(
            self.now(),
            self.config.mail_wait_seconds,
            &self.trigger.waiting,
            jitter,
        ) {
            Some(seconds) => self.defer(DeferReason::MailUnavailable, seconds).await,
            None => Ok(Outcome::Failed(FailureReason::MailUnavailable)),
        }
    }
}
