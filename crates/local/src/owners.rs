//! Looks whether owner files came that leads wait for: what S3's notifications are on AWS. A look costs a `stat` for each lead that waits, and
//! nothing for any other lead or file.

use crate::lookup::{FileVersion, LookupFolder};
use crate::queue::SqliteQueue;
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::observe::QueueUnavailable;
use leadwire_pipeline::port::Home;
use leadwire_pipeline::stage::enrich::Enrich;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// The time between two looks: a lead whose owner came is mailed within five seconds.
const EVERY: Duration = Duration::from_secs(1);

/// Looks for ever.
pub(crate) async fn watch<H: Home>(
    queue: SqliteQueue,
    lookup: LookupFolder,
    enrich: Arc<Enrich<H>>,
) {
    if let Err(error) = queue.read_owner_waits().await {
        // What an earlier process put back looks by itself then.
        QueueUnavailable { error: &error }.emit();
    }
    let mut watch = Watch::new(queue, lookup, enrich);
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        watch.look().await;
    }
}

/// Which files woke their leads. A file wakes its lead once, and once more when it has changed.
struct Watch<H> {
    queue: SqliteQueue,
    lookup: LookupFolder,
    enrich: Arc<Enrich<H>>,
    woken: BTreeMap<LeadId, FileVersion>,
}

impl<H: Home> Watch<H> {
    fn new(queue: SqliteQueue, lookup: LookupFolder, enrich: Arc<Enrich<H>>) -> Self {
        Self {
            queue,
            lookup,
            enrich,
            woken: BTreeMap::new(),
        }
    }

    /// Looks once.
    async fn look(&mut self) {
        let waiting = self.queue.owner_waits();
        self.woken
            .retain(|lead_id, _| waiting.binary_search(lead_id).is_ok());
        for (lead_id, version) in self.lookup.versions(waiting).await {
            let is_new = self.woken.get(&lead_id) != Some(&version);
            if is_new && self.enrich.wake(&lead_id).await.is_ok() {
                self.woken.insert(lead_id, version);
            }
        }
    }
}

#[cfg(test)]
mod flood;
#[cfg(test)]
mod tests;
