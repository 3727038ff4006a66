//! Step d: the claim. Between a claim and its marker only one living worker may send (docs/PROTOCOL.md).

use super::attempt::{Attempt, Stop, done, later};
use super::is_counted;
use super::record::{Done, Outcome};
use crate::config::AmbiguousPolicy;
use crate::ledger::claim::{MailState, claim_object, fetch_mail_state};
use crate::ledger::failure::failure_object;
use crate::observe::{CallFailed, ClaimParked, EmailAmbiguous};
use crate::port::{Bucket, Created, ETag, Home, ObjectStore, PortError, Replaced};
use leadwire_domain::claim::{Claim, ClaimDecision, Sending};
use leadwire_domain::failure::FailureReason;
use std::sync::atomic::Ordering;

/// Conditional writes that may lose against others before the record gives up and comes back.
const CLAIM_TRIES: u32 = 4;

/// A claim that this attempt holds.
pub(super) struct Held {
    pub(super) etag: ETag,
    pub(super) claim: Sending,
}

impl<H: Home> Attempt<'_, H> {
    /// Whoever creates or takes over the claim may send; everyone else reads what is there and decides.
    pub(super) async fn claim(&self, mut mail: MailState) -> Result<Held, Stop> {
        // Whether a dead worker's doubt is this attempt's to tell, once it holds the claim.
        let mut is_untold = false;
        for _ in 0..CLAIM_TRIES {
            let written = match &mail {
                MailState::Settled(settled) => return Err(self.acked(done(*settled)).into()),
                MailState::Absent => self.create_claim().await,
                MailState::Claimed(claim, etag) => match self.decide(claim) {
                    ClaimDecision::Mine => match claim {
                        Claim::Sending(sending) => Ok(Some(Held {
                            etag: etag.clone(),
                            claim: sending.clone(),
                        })),
                        Claim::Idle { .. } | Claim::Parked { .. } => Ok(None),
                    },
                    ClaimDecision::Parked => return Err(self.acked(Done::ParkedBefore).into()),
                    ClaimDecision::Wait { until } => return Err(self.wait_for_claim(until).await),
                    ClaimDecision::Take { attempt } => {
                        is_untold = false;
                        self.replace_claim(etag, attempt).await
                    }
                    ClaimDecision::Stale { attempt } => {
                        is_untold = !is_told(claim);
                        if self.config.ambiguous == AmbiguousPolicy::Park {
                            return Err(self.park(etag, attempt, is_untold).await);
                        }
                        self.replace_claim(etag, attempt.saturating_add(1)).await
                    }
                },
            };
            match written {
                Ok(Some(held)) => {
                    if is_untold {
                        self.tell_doubt();
                    }
                    return Ok(held);
                }
                Ok(None) => {}
                Err(error) => self.tell_failed_call(&error),
            }
            mail = self.read_mail().await?;
        }
        Err(Outcome::Failed(FailureReason::StoreUnavailable).into())
    }

    async fn create_claim(&self) -> Result<Option<Held>, PortError> {
        let claim = self.sending(1);
        let body = claim_object(&Claim::Sending(claim.clone()));
        let key = self.mail_key();
        Ok(
            match self
                .home
                .store()
                .create(Bucket::Enriched, &key, body)
                .await?
            {
                Created::New(etag) => Some(Held { etag, claim }),
                Created::Exists => None,
            },
        )
    }

    async fn replace_claim(&self, etag: &ETag, attempt: u32) -> Result<Option<Held>, PortError> {
        let claim = self.sending(attempt);
        let replaced = self.replace(etag, &Claim::Sending(claim.clone())).await?;
        Ok(match replaced {
            Replaced::New(etag) => Some(Held { etag, claim }),
            Replaced::Changed => None,
        })
    }

    fn sending(&self, attempt: u32) -> Sending {
        Sending {
            token: self.token.clone(),
            lease_until: later(self.now(), self.config.lease_seconds),
            attempt,
            boot: self.config.boot.clone(),
            doubted: false,
        }
    }

    /// Parks a doubtful mail: first where it is listed, then the claim itself. The other order could leave a parked mail without a reason.
    async fn park(&self, etag: &ETag, attempt: u32, is_untold: bool) -> Stop {
        let failure = failure_object(
            FailureReason::MailAmbiguous,
            self.record,
            Some(self.trigger),
            self.now(),
        );
        let failed_key = self.trigger.name.failed_key();
        let store = self.home.store();
        if let Err(error) = store.put(Bucket::Enriched, &failed_key, failure).await {
            return Stop::Call(FailureReason::StoreUnavailable, error);
        }
        let parked = Claim::Parked {
            parked_at: self.now(),
            attempt,
        };
        match self.replace(etag, &parked).await {
            Ok(Replaced::New(_)) => {}
            Ok(Replaced::Changed) if self.lies_there(&parked).await => {}
            Ok(Replaced::Changed) => {
                return Outcome::Failed(FailureReason::StoreUnavailable).into();
            }
            Err(error) if self.lies_there(&parked).await => self.tell_failed_call(&error),
            Err(error) => return Stop::Call(FailureReason::StoreUnavailable, error),
        }
        ClaimParked {
            subject: self.subject(),
            counted: is_counted(self.trigger),
        }
        .emit();
        if is_untold {
            self.tell_doubt();
        }
        Outcome::Done(Done::Parked).into()
    }

    /// Whether a write whose reply was lost, or that met its own effect, took effect.
    async fn lies_there(&self, written: &Claim) -> bool {
        let state = fetch_mail_state(self.home, &self.mail_key()).await;
        matches!(state, Ok(MailState::Claimed(claim, _)) if claim == *written)
    }

    /// Tells that nobody knows whether the mail went out, and notes on the claim that it was told. The claim stays SENDING until its lease
    /// is over; where the note fails, the doubt is told again by whoever takes over.
    pub(super) async fn doubt(&self, held: &Held) {
        self.tell_doubt();
        self.doubt_told.store(true, Ordering::Relaxed);
        let noted = Claim::Sending(Sending {
            doubted: true,
            ..held.claim.clone()
        });
        if let Err(error) = self.replace(&held.etag, &noted).await {
            self.tell_failed_call(&error);
        }
    }

    pub(super) fn tell_doubt(&self) {
        EmailAmbiguous {
            subject: self.subject(),
        }
        .emit();
    }

    /// Gives a claim back after a definite refusal. Where that fails it stays SENDING, and is decided on when its lease is over.
    pub(super) async fn release(&self, held: &Held) {
        let idle = Claim::Idle {
            attempt: held.claim.attempt,
        };
        if let Err(error) = self.replace(&held.etag, &idle).await {
            self.tell_failed_call(&error);
        }
    }

    async fn replace(&self, etag: &ETag, claim: &Claim) -> Result<Replaced, PortError> {
        let key = self.mail_key();
        self.home
            .store()
            .replace(Bucket::Enriched, &key, etag, claim_object(claim))
            .await
    }

    pub(super) async fn read_mail(&self) -> Result<MailState, Stop> {
        fetch_mail_state(self.home, &self.mail_key())
            .await
            .map_err(|error| Stop::Call(FailureReason::StoreUnavailable, error))
    }

    pub(super) fn mail_key(&self) -> String {
        self.trigger.name.mail_key()
    }

    pub(super) fn tell_failed_call(&self, error: &PortError) {
        CallFailed {
            subject: self.subject(),
            error,
        }
        .emit();
    }
}

/// Whether the doubt about a stale claim was told by the worker that held it.
fn is_told(claim: &Claim) -> bool {
    matches!(claim, Claim::Sending(sending) if sending.doubted)
}
