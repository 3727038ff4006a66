//! `forget`: everything that is stored about one lead is deleted, and what is left of each event keeps it from coming back
//! (docs/PROTOCOL.md, Forget). The marks first, then one lease, then deletion: a worker that starts after the marks finds the tombstone
//! before it writes, and one that started earlier is done by the time when the deletion begins.
//!
//! It may be interrupted at any time and begun again. What is found is in `find.rs`, the marks are in `mark.rs`; `upgrade.rs` gives what
//! the first edition forgot its tombstones.

mod find;
mod mark;
mod upgrade;

pub use find::{Found, FoundEvent};
pub use upgrade::{TombstoneMode, TombstoneReport, TombstoneStep, count_missing, make_tombstones};

use crate::ledger::Ledger;
use crate::port::{Clock, Eraser, Home, PortError};
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;
use std::time::Duration;

/// Between two words about how long is still waited.
const TICK: Duration = Duration::from_secs(1);

/// The settings of `forget`.
#[derive(Clone, Copy, Debug)]
pub struct ForgetConfig {
    /// The life of a mail claim, as the pipeline runs with.
    pub lease: SignedDuration,
    /// Whether the lead's owner file is ours to delete.
    pub owner_file: bool,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForgetStep {
    /// So many events of all have their markers.
    Marked {
        /// How many.
        done: usize,
        /// Of how many.
        all: usize,
    },
    /// A worker that began before the markers has this long to end.
    Waiting {
        /// How long.
        left: Duration,
    },
    /// So many events of all are deleted.
    Erased {
        /// How many.
        done: usize,
        /// Of how many.
        all: usize,
    },
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// Events.
    pub events: usize,
    /// Versions of objects.
    pub versions: u64,
    /// Versions of the owner file.
    pub owner_file: u64,
}

/// Forgets leads in one home.
#[derive(Debug)]
pub struct Forget<H> {
    home: Arc<H>,
    config: ForgetConfig,
}

impl<H: Home> Forget<H>
where
    H::Store: Eraser,
{
    /// Over a home.
    pub fn new(home: Arc<H>, config: ForgetConfig) -> Self {
        Self { home, config }
    }

    /// Forgets what [`Forget::find`] found. An event that comes after that is a new one. `gone` ends when every worker has ended that was
    /// at work when it was first polled; where a home cannot know that it never does, and a lease is waited for. It is polled once everything
    /// is marked, since a worker that begins later sees the marks.
    pub async fn run(
        &self,
        found: &Found,
        gone: impl Future<Output = ()> + Send,
        on_step: &mut (impl FnMut(ForgetStep) + Send),
    ) -> Result<Forgotten, PortError> {
        let events = || found.events.iter().chain(&found.recent);
        let all = events().count();
        let mut newest: Option<Timestamp> = None;
        for (done, event) in (1..).zip(events()) {
            let at = self.mark(event).await?;
            newest = newest.max(Some(at));
            on_step(ForgetStep::Marked { done, all });
        }
        if let Some(newest) = newest {
            tokio::select! {
                biased;
                () = gone => {}
                () = self.wait(newest, on_step) => {}
            }
        }
        let mut forgotten = Forgotten {
            events: found.events.len(),
            ..Forgotten::default()
        };
        for (done, event) in (1..).zip(events()) {
            forgotten.versions += self.erase(event).await?;
            on_step(ForgetStep::Erased { done, all });
        }
        if self.config.owner_file {
            forgotten.owner_file = self.ledger().erase_owner(&found.lead_id).await?;
        }
        Ok(forgotten)
    }

    /// One lease from the newest mark on. Measured by a monotonic clock.
    async fn wait(&self, newest: Timestamp, on_step: &mut (impl FnMut(ForgetStep) + Send)) {
        let gone = self.home.clock().now().duration_since(newest);
        let left = (self.config.lease - gone).clamp(SignedDuration::ZERO, self.config.lease);
        let mut left = Duration::try_from(left).unwrap_or_default();
        while !left.is_zero() {
            on_step(ForgetStep::Waiting { left });
            let pause = left.min(TICK);
            tokio::time::sleep(pause).await;
            left -= pause;
        }
    }

    /// Deletes an event and its revisions, what the tombstone hides last: it says whose they are, should this be interrupted. Returns how
    /// many versions there were.
    async fn erase(&self, event: &FoundEvent) -> Result<u64, PortError> {
        let (ledger, name) = (self.ledger(), &event.name);
        // A worker that has ended since may have left a claim for a revision.
        self.settle_revisions(name).await?;
        let left = ledger.left(name).await?;
        let erased = ledger.erase(name, &left).await?;
        if !ledger.left(name).await?.keys.is_empty() {
            return Err(PortError::transient(
                "forget the event",
                "something was written again meanwhile; forget the lead once more",
            ));
        }
        // Where no versions are kept, the tombstone has taken the place of the raw object.
        let overwritten = event.raw_versions.saturating_sub(left.raw_versions);
        Ok(erased + overwritten)
    }

    fn ledger(&self) -> Ledger<'_, H::Store> {
        Ledger::new(self.home.store())
    }
}
