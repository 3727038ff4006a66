//! A replay that may mail nobody: whether it has something new to tell, and its end without a mail.

use super::attempt::{Attempt, Stop, done};
use super::document::{Document, denied, failed};
use super::record::{Done, Outcome};
use crate::ledger::claim::{MailState, settled_marker};
use crate::observe::ReplaySettled;
use crate::port::{Bucket, Created, Fetched, Home, ObjectStore, Replaced};
use leadwire_domain::claim::Settled;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::json::Object;
use leadwire_domain::key::EventName;
use leadwire_domain::lead::change::diff;
use leadwire_domain::limits::{OBJECT_BYTES_MAX, REVISIONS_BACK_MAX};
use leadwire_domain::message::Notify;

impl<H: Home> Attempt<'_, H> {
    /// Ends a replay that mails nobody; `None` where there is something to mail.
    pub(super) async fn keep_quiet(
        &self,
        document: &Document,
        mail: &MailState,
    ) -> Result<Option<Outcome>, Stop> {
        let mails = match (self.trigger.notify(), mail) {
            // Whoever wrote such a claim had found a change. Another replay may have stored it since; this mail is begun all the same.
            (Notify::Force, _) | (Notify::IfChanged, MailState::Claimed(..)) => true,
            (Notify::Never, _) => false,
            (Notify::IfChanged, MailState::Absent | MailState::Settled(_)) => {
                self.has_changed(document).await?
            }
        };
        if mails {
            return Ok(None);
        }
        self.settle_quietly(mail).await.map(Some)
    }

    /// Whether the document says anything but the one before it: the newest that an earlier revision stored. Where there is none any more,
    /// everything is new.
    async fn has_changed(&self, document: &Document) -> Result<bool, Stop> {
        let read = |bytes: &[u8]| {
            Object::parse(bytes).map_err(|_not_json| failed(FailureReason::EnrichedInvalid))
        };
        let revision = self.trigger.name.revision();
        let earlier = (1..revision).rev().take(REVISIONS_BACK_MAX).chain([0]);
        for earlier in earlier {
            let name: EventName = self.trigger.name.clone().with_revision(earlier);
            let key = name.enriched_key();
            let store = self.home.store();
            let before = store.get(Bucket::Enriched, &key, OBJECT_BYTES_MAX).await;
            match before.map_err(|error| Stop::Call(FailureReason::StoreUnavailable, error))? {
                Fetched::Found(before) => {
                    let changes = diff(&read(&before.bytes)?, &read(&document.bytes)?);
                    return Ok(!changes.is_empty());
                }
                Fetched::Missing => {}
                Fetched::Denied => return Err(denied("read the document before")),
                Fetched::TooLarge => return Err(failed(FailureReason::EnrichedInvalid)),
            }
        }
        Ok(true)
    }

    /// The end without a mail. Nothing was sent, so that a write that fails is only tried again by the next receive.
    async fn settle_quietly(&self, mail: &MailState) -> Result<Outcome, Stop> {
        let key = self.mail_key();
        let marker = settled_marker(Settled::Silent, None, self.now());
        let store = self.home.store();
        let written = match mail {
            MailState::Settled(settled) => return Ok(self.acked(done(*settled))),
            MailState::Absent => store
                .create(Bucket::Enriched, &key, marker)
                .await
                .map(|created| matches!(created, Created::New(_))),
            MailState::Claimed(_, etag) => store
                .replace(Bucket::Enriched, &key, etag, marker)
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
            match self.read_mail().await? {
                MailState::Settled(Settled::Silent) => {}
                MailState::Settled(settled) => return Ok(self.acked(done(settled))),
                MailState::Absent | MailState::Claimed(..) => {
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
