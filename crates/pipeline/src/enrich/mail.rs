//! Steps d to f: claim, send once, settle. Between a claim and its marker only one living worker may send (DESIGN.md).

use super::attempt::{Attempt, Stop, done, later};
use super::document::Document;
use super::record::{Done, Outcome};
use super::state::{MailState, fetch_mail_state};
use crate::config::AmbiguousPolicy;
use crate::events::{CallFailed, ClaimParked, EmailAmbiguous, EmailSent, Timeliness};
use crate::port::{
    Bucket, Created, ETag, Entropy, Home, Mail, MailOutcome, Mailer, NewObject, ObjectStore,
    PortError, Replaced,
};
use jiff::Timestamp;
use leadwire_domain::claim::{
    Claim, ClaimDecision, META_MESSAGE_ID, META_SETTLED_AT, META_STATE, Sending, Settled,
};
use leadwire_domain::email::render_email;
use leadwire_domain::failure::{FailureReason, FailureRecord};
use leadwire_domain::limits::RECIPIENTS_MAX;
use leadwire_domain::source::Source;
use leadwire_domain::wait::{DeferReason, decide_mail_wait};
use std::time::Duration;

/// Conditional writes that may lose against others before the record gives up and comes back.
const CLAIM_TRIES: u32 = 4;
/// The objective: mailed within this of the later of `not_before` and the owner file (CONTRACT §6).
const IN_TIME_SECONDS: u32 = 60;
/// The first pause before the settling write is tried again; it doubles. The record's deadline ends it.
const SETTLE_PAUSE: Duration = Duration::from_millis(200);

/// A claim that this attempt holds.
struct Held {
    etag: ETag,
    attempt: u32,
}

impl<H: Home> Attempt<'_, H> {
    /// Steps d to f.
    pub(super) async fn mail(&self, document: &Document, mail: MailState) -> Result<Outcome, Stop> {
        let held = self.claim(mail).await?;
        let mail = self.compose(document, held.attempt);
        match self.home.mailer().send(&mail).await {
            MailOutcome::Accepted(message_id) => self.settle(document, held, &message_id).await,
            MailOutcome::Busy(error) => {
                CallFailed {
                    subject: self.subject(),
                    error: &error,
                }
                .emit();
                self.release(held).await;
                self.wait_for_mail().await
            }
            MailOutcome::Refused(error) => {
                CallFailed {
                    subject: self.subject(),
                    error: &error,
                }
                .emit();
                self.release(held).await;
                Ok(Outcome::Failed(FailureReason::MailRefused))
            }
            MailOutcome::Ambiguous(error) => {
                // It stays SENDING: only when the lease is over may another attempt decide.
                EmailAmbiguous {
                    subject: self.subject(),
                    attempt: held.attempt,
                }
                .emit();
                Err(Stop::Call(FailureReason::MailAmbiguous, error))
            }
        }
    }

    /// Step d: whoever creates or takes over the claim may send; everyone else reads what is there and decides.
    async fn claim(&self, mut mail: MailState) -> Result<Held, Stop> {
        for _ in 0..CLAIM_TRIES {
            let written = match &mail {
                MailState::Settled(settled) => return Err(self.acked(done(*settled)).into()),
                MailState::Absent => self.create_claim().await,
                MailState::Claimed(claim, etag) => match self.decide(claim) {
                    ClaimDecision::Mine => {
                        return Ok(Held {
                            etag: etag.clone(),
                            attempt: attempt_of(claim),
                        });
                    }
                    ClaimDecision::Parked => return Err(self.acked(Done::ParkedBefore).into()),
                    ClaimDecision::Wait { until } => return Err(self.wait_for_claim(until).await),
                    ClaimDecision::Take { attempt } => self.replace_claim(etag, attempt).await,
                    ClaimDecision::Stale { attempt }
                        if self.config.ambiguous == AmbiguousPolicy::Park =>
                    {
                        return self.park(etag, attempt).await;
                    }
                    ClaimDecision::Stale { attempt } => {
                        self.replace_claim(etag, attempt.saturating_add(1)).await
                    }
                },
            };
            match written {
                Ok(Some(held)) => return Ok(held),
                Ok(None) => {}
                Err(error) => CallFailed {
                    subject: self.subject(),
                    error: &error,
                }
                .emit(),
            }
            mail = self.read_mail().await?;
        }
        Err(Outcome::Failed(FailureReason::StoreUnavailable).into())
    }

    async fn create_claim(&self) -> Result<Option<Held>, PortError> {
        let created = self
            .home
            .store()
            .create(Bucket::Enriched, &self.mail_key(), self.sending(1))
            .await?;
        Ok(match created {
            Created::New(etag) => Some(Held { etag, attempt: 1 }),
            Created::Exists => None,
        })
    }

    async fn replace_claim(&self, etag: &ETag, attempt: u32) -> Result<Option<Held>, PortError> {
        let replaced = self
            .home
            .store()
            .replace(
                Bucket::Enriched,
                &self.mail_key(),
                etag,
                self.sending(attempt),
            )
            .await?;
        Ok(match replaced {
            Replaced::New(etag) => Some(Held { etag, attempt }),
            Replaced::Changed => None,
        })
    }

    fn sending(&self, attempt: u32) -> NewObject {
        body_of(&Claim::Sending(Sending {
            token: self.token.clone(),
            lease_until: later(self.now(), self.config.lease_seconds),
            attempt,
            boot: self.config.boot.clone(),
        }))
    }

    /// Parks a doubtful mail for a person: first where it is listed, then the claim itself.
    async fn park(&self, etag: &ETag, attempt: u32) -> Result<Held, Stop> {
        let unavailable = |error| Stop::Call(FailureReason::StoreUnavailable, error);
        let facts = self.trigger.facts.as_ref();
        let failure = FailureRecord {
            v: 1,
            reason: FailureReason::MailAmbiguous,
            receives: self.record.receive_count,
            failed_at: self.now(),
            message_id: self.record.message_id.clone(),
            s3_key: Some(self.trigger.name.raw_key()),
            lead_id: facts.map(|facts| facts.lead_id.clone()),
            event_id: facts.map(|facts| facts.event_id.clone()),
            revision: self.trigger.name.revision(),
        };
        let body = serde_json::to_vec(&failure).expect("plain fields always serialise");
        let failed_key = self.trigger.name.failed_key();
        self.home
            .store()
            .put(Bucket::Enriched, &failed_key, NewObject::of(body))
            .await
            .map_err(unavailable)?;
        let parked = body_of(&Claim::Parked {
            parked_at: self.now(),
            attempt,
        });
        match self
            .home
            .store()
            .replace(Bucket::Enriched, &self.mail_key(), etag, parked)
            .await
            .map_err(unavailable)?
        {
            Replaced::New(_) => {
                ClaimParked {
                    subject: self.subject(),
                    counted: self.is_counted(),
                }
                .emit();
                Err(Outcome::Done(Done::Parked).into())
            }
            Replaced::Changed => Err(Outcome::Failed(FailureReason::StoreUnavailable).into()),
        }
    }

    fn compose(&self, document: &Document, attempt: u32) -> Mail {
        let mut to = self.config.to.clone();
        if self.config.notify_owner
            && let Some(owner) = &document.lead.owner_email
        {
            match leadwire_domain::email::EmailAddress::parse(owner) {
                Ok(owner) if !to.contains(&owner) && to.len() < RECIPIENTS_MAX => to.push(owner),
                Ok(_) => {}
                Err(error) => tracing::warn!(
                    event = "owner_email_invalid",
                    lead_id = document.lead.lead_id.as_str(),
                    error = error.to_string(),
                    "the owner file's owner_email is no address; the owner is not mailed"
                ),
            }
        }
        Mail {
            event: self.trigger.name.tag(),
            attempt,
            environment: self.config.environment.clone(),
            from: self.config.from.clone(),
            to,
            text: render_email(&document.lead, self.now(), self.config.lead_url.as_ref()),
        }
    }

    /// Step f. The mail is out: writing that down is all that is left to do, so it is tried until the record's deadline.
    async fn settle(
        &self,
        document: &Document,
        held: Held,
        message_id: &str,
    ) -> Result<Outcome, Stop> {
        let sent_at = self.now();
        let marker = settled_marker(message_id, sent_at);
        let mut etag = held.etag;
        let mut pause = SETTLE_PAUSE;
        loop {
            match self
                .home
                .store()
                .replace(Bucket::Enriched, &self.mail_key(), &etag, marker.clone())
                .await
            {
                Ok(Replaced::New(_)) => break,
                Ok(Replaced::Changed) => {}
                Err(error) => CallFailed {
                    subject: self.subject(),
                    error: &error,
                }
                .emit(),
            }
            match fetch_mail_state(self.home, &self.mail_key()).await {
                Ok(MailState::Claimed(Claim::Sending(sending), current))
                    if sending.token == self.token =>
                {
                    etag = current;
                }
                // Settled by this attempt's lost write; or no longer this attempt's, and then not its to write.
                Ok(MailState::Settled(_) | MailState::Claimed(..) | MailState::Absent) => break,
                Err(error) => CallFailed {
                    subject: self.subject(),
                    error: &error,
                }
                .emit(),
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.tell_sent(document, held.attempt, message_id, sent_at);
        Ok(Outcome::Done(Done::Mailed))
    }

    fn tell_sent(&self, document: &Document, attempt: u32, message_id: &str, sent_at: Timestamp) {
        let provenance = &document.lead.provenance;
        EmailSent {
            subject: self.subject(),
            source: Source::from_name(&provenance.source).unwrap_or(Source::Generic),
            message_id,
            attempt,
            latency: sent_at.duration_since(provenance.accepted_at),
            timeliness: self.timeliness(provenance.lookup_modified_at, sent_at),
        }
        .emit();
    }

    fn timeliness(&self, owner_since: Option<Timestamp>, sent_at: Timestamp) -> Timeliness {
        let Some(facts) = self.trigger.facts.as_ref().filter(|_| self.is_counted()) else {
            return Timeliness::NotCounted;
        };
        let ready = owner_since.map_or(facts.not_before, |since| since.max(facts.not_before));
        if sent_at <= later(ready, IN_TIME_SECONDS) {
            Timeliness::InTime
        } else {
            Timeliness::Late
        }
    }

    /// Gives a claim back after a definite refusal. Where that fails it stays SENDING, and is decided on when its lease is over.
    async fn release(&self, held: Held) {
        let idle = body_of(&Claim::Idle {
            attempt: held.attempt,
        });
        if let Err(error) = self
            .home
            .store()
            .replace(Bucket::Enriched, &self.mail_key(), &held.etag, idle)
            .await
        {
            CallFailed {
                subject: self.subject(),
                error: &error,
            }
            .emit();
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

    async fn read_mail(&self) -> Result<MailState, Stop> {
        fetch_mail_state(self.home, &self.mail_key())
            .await
            .map_err(|error| Stop::Call(FailureReason::StoreUnavailable, error))
    }

    fn mail_key(&self) -> String {
        self.trigger.name.mail_key()
    }

    /// Replays and an operator's bare messages do not count for the objective.
    fn is_counted(&self) -> bool {
        self.trigger.facts.is_some() && self.trigger.name.revision() == 0
    }
}

fn settled_marker(message_id: &str, sent_at: Timestamp) -> NewObject {
    let ascii: String = message_id
        .chars()
        .filter(char::is_ascii_graphic)
        .take(200)
        .collect();
    let metadata = [
        (META_STATE.to_owned(), Settled::Sent.as_str().to_owned()),
        (META_MESSAGE_ID.to_owned(), ascii),
        (META_SETTLED_AT.to_owned(), sent_at.to_string()),
    ];
    NewObject {
        bytes: Vec::new(),
        metadata: metadata.into(),
    }
}

fn attempt_of(claim: &Claim) -> u32 {
    match claim {
        Claim::Sending(sending) => sending.attempt,
        Claim::Idle { attempt } | Claim::Parked { attempt, .. } => *attempt,
    }
}

fn body_of(claim: &Claim) -> NewObject {
    NewObject::of(serde_json::to_vec(claim).expect("plain fields always serialise"))
}
