//! Mail into a folder: one file a mail, named by it and created exclusively, hence exactly once.

use super::ACTION;
use super::name::MailName;
use crate::durable::create_whole;
use leadwire_pipeline::port::{MailOutcome, PortError};
use std::path::Path;
use std::{fs, io};

/// Puts a mail into a file of the folder, readable by any mail program.
pub(super) async fn put(
    folder: &Path,
    name: &MailName,
    message: Vec<u8>,
) -> Result<(), MailOutcome> {
    let path = folder.join(name.file());
    // There already or new: either way it is there once. A failure leaves nothing, or a whole file that the next attempt finds.
    write(move || create_whole(&path, &message).map(drop)).await
}

/// Shows that a mail could be put there: its file gets a name at which no mail program looks, and is removed again.
pub(super) async fn prove(
    folder: &Path,
    name: &MailName,
    message: Vec<u8>,
) -> Result<(), MailOutcome> {
    let path = folder.join(name.canary_file());
    write(move || {
        create_whole(&path, &message)?;
        fs::remove_file(&path)
    })
    .await
}

async fn write(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> Result<(), MailOutcome> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(MailOutcome::Busy(PortError::transient(ACTION, error))),
        Err(stopped) => {
            let error = PortError::transient(ACTION, stopped);
            Err(MailOutcome::Ambiguous(error))
        }
    }
}
