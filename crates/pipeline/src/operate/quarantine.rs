//! What a source signed and is no event: listed, and taken once more, by the code and the configuration of today.

use crate::ledger::{Ledger, Quarantined};
use crate::port::{Eraser, Home, Listed, PortError, SecretStore};
use crate::stage::ingest::{Again, Ingest};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use leadwire_domain::key::QUARANTINE;

/// Objects that are read at once.
const READS_AT_ONCE: usize = 16;
/// The fewest digits that name an object: fewer are hit by chance.
const DIGITS_MIN: usize = 6;

/// What became of an object that was taken once more.
#[derive(Debug)]
pub enum Retried {
    /// What is in it is stored and queued, or is of a type that is not taken. The object is gone.
    Taken(Again),
    /// The same, and the object is still there: it could not be deleted. To take it again makes no second event.
    NotRemoved(Again, PortError),
    /// Nothing in it could be taken, and nothing changed.
    Refused(Again),
}

/// Everything in quarantine, the oldest first.
pub async fn list<H: Home>(home: &H) -> Result<Vec<Quarantined>, PortError> {
    let ledger = Ledger::new(home.store());
    let entries = ledger.list_quarantine().all().await?;
    let read = |entry: Listed| async move { ledger.quarantined(&entry.key).await };
    let reading = stream::iter(entries).map(read).buffered(READS_AT_ONCE);
    let found: Vec<Option<Quarantined>> = reading.try_collect().await?;
    let mut found: Vec<_> = found.into_iter().flatten().collect();
    found.sort_by(|one, other| {
        (one.received_at(), &one.key).cmp(&(other.received_at(), &other.key))
    });
    Ok(found)
}

/// How many objects are in quarantine.
pub async fn count<H: Home>(home: &H) -> Result<usize, PortError> {
    let listed = Ledger::new(home.store()).list_quarantine().all().await?;
    Ok(listed.len())
}

/// The keys that a text names: a key, its digest, or the beginning of that.
pub async fn find<H: Home>(home: &H, text: &str) -> Result<Vec<String>, PortError> {
    let digits = text.strip_prefix(QUARANTINE).unwrap_or(text);
    let is_digest = |byte: u8| byte.is_ascii_hexdigit();
    if digits.len() < DIGITS_MIN || !digits.bytes().all(is_digest) {
        return Ok(Vec::new());
    }
    let begin = format!("{QUARANTINE}{}", digits.to_ascii_lowercase());
    let listed = Ledger::new(home.store()).list_quarantine().all().await?;
    let keys = listed.into_iter().map(|entry| entry.key);
    Ok(keys.filter(|key| key.starts_with(&begin)).collect())
}

/// Takes an object once more. What can be taken is stored and queued first, and only then is the object deleted: a death in between leaves
/// both, and the next try finds the event.
pub async fn retry<H, S>(
    home: &H,
    ingest: &Ingest<H, S>,
    quarantined: &Quarantined,
) -> Result<Retried, PortError>
where
    H: Home<Store: Eraser>,
    S: SecretStore,
{
    let again = ingest.again(quarantined).await?;
    if !again.is_over() {
        return Ok(Retried::Refused(again));
    }
    let ledger = Ledger::new(home.store());
    Ok(match ledger.erase_quarantined(&quarantined.key).await {
        Ok(()) => Retried::Taken(again),
        Err(error) => Retried::NotRemoved(again, error),
    })
}
