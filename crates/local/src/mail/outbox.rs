//! Mail into a folder: one file an event, named by it and created exclusively, hence exactly once.

use super::ACTION;
use crate::durable::create_whole;
use leadwire_pipeline::port::{Mail, MailOutcome, PortError};
use std::path::Path;
use std::{fs, io};

/// Puts a mail into a file of the folder, readable by any mail program. A canary's gets a name that none looks at, and is removed again.
pub(super) async fn put(folder: &Path, mail: &Mail, message: Vec<u8>) -> Result<(), MailOutcome> {
    let is_canary = mail.is_canary;
    let path = folder.join(if is_canary {
        format!(".{}.canary", mail.event)
    } else {
        format!("{}.eml", mail.event)
    });
    // There already or new: either way it is there once. A failure leaves nothing, or a whole file that the next attempt finds.
    let work = move || {
        create_whole(&path, &message)?;
        if is_canary {
            fs::remove_file(&path)?;
        }
        Ok::<_, io::Error>(())
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(MailOutcome::Busy(PortError::transient(ACTION, error))),
        Err(stopped) => {
            let error = PortError::transient(ACTION, stopped);
            Err(MailOutcome::Ambiguous(error))
        }
    }
}
