//! What a run looks at, and what it leaves to the next one. A round, over one run or several, looks at everything.

use super::look::Look;
use super::range::{divide, merge};
use crate::ledger::{Ledger, Progress, Span};
use crate::observe::{SweepProgressIgnored, SweepProgressNotStored};
use crate::port::ObjectStore;
use std::time::Duration;

/// Where the listings of a run took longer than this, one range after the other, the next one divides its names.
const LONG: Duration = Duration::from_mins(1);

/// What a run looks at.
#[derive(Debug)]
pub(super) struct Round {
    spans: Vec<Span>,
    /// What is stored; unknown where it could not be read.
    stored: Option<Progress>,
    /// Whether it goes on from where another run stopped.
    is_resumed: bool,
    /// Whether it stores where it stops.
    is_stored: bool,
}

impl Round {
    /// Looks at everything, and leaves what is stored alone.
    pub(super) async fn of_everything<S: ObjectStore>(ledger: Ledger<'_, S>) -> Self {
        let stored = read(ledger).await;
        let marks = stored.as_ref().map(|progress| &*progress.marks);
        Self {
            spans: divide(Vec::new(), marks.unwrap_or_default()),
            stored,
            is_resumed: false,
            is_stored: false,
        }
    }

    /// Looks at what the last run left, else at everything. What it left is taken once: where that cannot be noted, a run that can store
    /// nothing would look at the same for ever.
    pub(super) async fn resumed<S: ObjectStore>(ledger: Ledger<'_, S>) -> Self {
        let mut round = Self::of_everything(ledger).await;
        round.is_stored = true;
        let Some(stored) = &mut round.stored else {
            return round;
        };
        if stored.left.is_empty() {
            return round;
        }
        let left = std::mem::take(&mut stored.left);
        match ledger.put_sweep_progress(stored).await {
            Ok(()) => {
                round.spans = divide(left, &stored.marks);
                round.is_resumed = true;
            }
            Err(error) => SweepProgressNotStored { error: &error }.emit(),
        }
        round
    }

    /// The ranges, once.
    pub(super) fn take_spans(&mut self) -> Vec<Span> {
        std::mem::take(&mut self.spans)
    }

    /// The lost events that earlier runs of this round have found.
    pub(super) fn found_before(&self) -> u64 {
        let stored = self.stored.as_ref().filter(|_| self.is_resumed);
        stored.map_or(0, |progress| progress.found)
    }

    /// Stores what is left, and where the names can be divided.
    pub(super) async fn end<S: ObjectStore>(self, ledger: Ledger<'_, S>, looks: &mut [Look]) {
        if !self.is_stored {
            return;
        }
        let left: Vec<Span> = looks.iter().filter_map(Look::left).collect();
        let took: Duration = looks.iter().map(|look| look.took).sum();
        let is_long = took > LONG || self.is_resumed || !left.is_empty();
        let found = looks.iter().map(|look| look.found).sum::<u64>() + self.found_before();
        let seen: Vec<Span> = looks.iter().filter_map(Look::seen).collect();
        let new = looks.iter_mut().flat_map(Look::take_marks).collect();
        let old = self.stored.clone().unwrap_or_default().marks;
        let progress = Progress {
            found: if left.is_empty() { 0 } else { found },
            left,
            marks: if is_long {
                merge(old, &seen, new)
            } else {
                Vec::new()
            },
        };
        if self.stored.as_ref() == Some(&progress) {
            return;
        }
        if let Err(error) = ledger.put_sweep_progress(&progress).await {
            SweepProgressNotStored { error: &error }.emit();
        }
    }
}

async fn read<S: ObjectStore>(ledger: Ledger<'_, S>) -> Option<Progress> {
    match ledger.sweep_progress().await {
        Ok(progress) => Some(progress),
        Err(error) => {
            SweepProgressIgnored { error: &error }.emit();
            None
        }
    }
}
