//! A replay that may mail nobody: whether it has something new to tell, and its end without a mail.

use super::attempt::{Attempt, Stop, done};
use super::document::failed;
use super::record::{Done, Outcome};
use crate::ledger::{ClaimState, Document, DocumentState, Marker};
use crate::observe::ReplaySettled;
use crate::port::{Created, Home, Replaced};
use leadwire_domain::claim::Settled;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::key::EventName;
use leadwire_domain::lead::change::diff;
use leadwire_domain::limits::REVISIONS_BACK_MAX;
use leadwire_domain::message::Notify;

impl<H: Home> Attempt<'_, H> {
    /// Ends a replay that mails nobody; `None` where there is something to mail.
    pub(super) async fn keep_quiet(
        &self,
        document: &Document,
        mail: &ClaimState,
    ) -> Result<Option<Outcome>, Stop> {
        let mails = match (self.trigger.notify(), mail) {
            // Whoever wrote such a claim had found a change. Another replay may have stored it since; this mail is begun all the same.
            (Notify::Force, _) | (Notify::IfChanged, ClaimState::Claimed(..)) => true,
            (Notify::Never, _) => false,
            (
                Notify::IfChanged,
                ClaimState::Absent | ClaimState::Settled(..) | ClaimState::Unreadable(_),
            ) => self.has_changed(document).await?,
        };
        if mails {
            return Ok(None);
        }
        self.settle_quietly(mail).await.map(Some)
    }

    /// Whether the document says anything but the one before it: the newest that an earlier revision stored. Where there is none any more,
    /// everything is new.
    async fn has_changed(&self, document: &Document) -> Result<bool, Stop> {
        let fields = |document: &Document| {
            let fields = document.fields();
            fields.ok_or_else(|| failed(FailureReason::EnrichedInvalid))
        };
        let revision = self.trigger.name.revision();
        let earlier = (1..revision).rev().take(REVISIONS_BACK_MAX).chain([0]);
        for earlier in earlier {
            let name: EventName = self.trigger.name.clone().with_revision(earlier);
            let before = self.ledger().document(&name).await;
            match before.map_err(|error| Stop::Call(FailureReason::StoreUnavailable, error))? {
                DocumentState::Stored(before) => {
                    let changes = diff(&fields(&before)?, &fields(document)?);
                    return Ok(!changes.is_empty());
                }
                DocumentState::Absent => {}
                DocumentState::Invalid => return Err(failed(FailureReason::EnrichedInvalid)),
            }
        }
        Ok(true)
    }

    /// The end without a mail. Nothing was sent, so that a write that fails is only tried again by the next receive.
    async fn settle_quietly(&self, mail: &ClaimState) -> Result<Outcome, Stop> {
        let marker = Marker::new(Settled::Silent, self.now());
        let (ledger, name) = (self.ledger(), &self.trigger.name);
        let written = match mail {
            ClaimState::Settled(marker, _) => return Ok(self.acked(done(marker.how))),
            ClaimState::Absent | ClaimState::Unreadable(_) => ledger
                .create_marker(name, &marker)
                .await
                .map(|created| matches!(created, Created::New(_))),
            ClaimState::Claimed(_, etag) => ledger
                .settle(name, etag, &marker)
                .await
                .map(|replaced| matches!(replaced, Replaced::New(_))),
        };
        let is_written = match written {
            Ok(is_written) => is_written,
            Err(error) => {
                self.tell_failed_call(&error);
                false
            }
        };
        if !is_written {
            // Another worker was faster, or this one's own reply was lost.
            match self.read_mail(name).await?.settled() {
                Some(Settled::Silent) => {}
                Some(settled) => return Ok(self.acked(done(settled))),
                None => {
                    return Ok(Outcome::Failed(FailureReason::StoreUnavailable));
                }
            }
        }
        ReplaySettled {
            subject: self.subject(),
            revision: self.trigger.name.revision(),
            notify: self.trigger.notify(),
        }
        .emit();
        Ok(Outcome::Done(Done::Silent))
    }
}
