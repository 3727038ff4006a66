//! Mail into a folder: one file an event, named by it and created exclusively, hence exactly once.

use super::mime::{compose, message_id};
use super::{ACTION, Guard};
use crate::durable::create_whole;
use leadwire_pipeline::port::{Clock, Mail, MailOutcome, PortError};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// Puts each mail into a file of `outbox/`, readable by any mail program.
#[derive(Clone)]
pub struct OutboxMailer {
    folder: PathBuf,
    clock: Arc<dyn Clock>,
    guard: Guard,
}

impl OutboxMailer {
    pub(crate) fn new(folder: PathBuf, clock: Arc<dyn Clock>, guard: Guard) -> Self {
        Self {
            folder,
            clock,
            guard,
        }
    }

    pub(super) fn guard(&self) -> &Guard {
        &self.guard
    }

    /// Writes the mail under a name that no mail program looks at, and removes it again.
    pub(super) async fn prove(&self, mail: &Mail) -> MailOutcome {
        let message = match compose(mail, self.clock.now()) {
            Ok(message) => message.formatted(),
            Err(error) => return MailOutcome::Refused(PortError::permanent(ACTION, error)),
        };
        let path = self.folder.join(format!(".{}.canary", mail.event));
        let work = move || create_whole(&path, &message).and_then(|_is_new| fs::remove_file(&path));
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(())) => MailOutcome::Accepted(message_id(mail)),
            Ok(Err(error)) => MailOutcome::Busy(PortError::transient(ACTION, error)),
            Err(stopped) => MailOutcome::Ambiguous(PortError::transient(ACTION, stopped)),
        }
    }

    pub(super) async fn deliver(&self, mail: &Mail) -> MailOutcome {
        let message = match compose(mail, self.clock.now()) {
            Ok(message) => message.formatted(),
            Err(error) => return MailOutcome::Refused(PortError::permanent(ACTION, error)),
        };
        let path = self.folder.join(format!("{}.eml", mail.event));
        // There already or new: either way it is there once. A failure leaves nothing, or a whole file that the next attempt finds.
        match tokio::task::spawn_blocking(move || create_whole(&path, &message)).await {
            Ok(Ok(_is_new)) => MailOutcome::Accepted(message_id(mail)),
            Ok(Err(error)) => MailOutcome::Busy(PortError::transient(ACTION, error)),
            Err(stopped) => MailOutcome::Ambiguous(PortError::transient(ACTION, stopped)),
        }
    }
}

impl std::fmt::Debug for OutboxMailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutboxMailer")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}
