//! `sweep/progress.json`: how far the sweep has come, and where the names can be divided. Names of objects, and nothing else.

use super::{Ledger, Read, Span};
use crate::port::{Bucket, NewObject, ObjectStore, PortError};
use leadwire_domain::key::SWEEP_PROGRESS;
use leadwire_domain::limits::{SWEEP_MARKS_MAX, SWEEP_PROGRESS_BYTES_MAX, SWEEP_RANGES_MAX};
use serde::{Deserialize, Serialize};

const READ: &str = "read the sweep's progress";
const VERSION: u32 = 1;

/// A name at which a page of raw objects ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The name.
    pub(crate) name: String,
    /// How many pages came before it, since the mark before it.
    pub(crate) pages: u64,
}

/// How far the sweep has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Progress {
    /// What the last run did not look at, in order; nothing where it looked at everything.
    pub(crate) left: Vec<Span>,
    /// Where the names can be divided, in order.
    pub(crate) marks: Vec<Mark>,
    /// The lost events that were found since everything was looked at last, where something is left.
    pub(crate) found: u64,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    v: u32,
    #[serde(flatten)]
    progress: Progress,
}

impl Progress {
    /// Whether a sweep can have stored it.
    fn is_sound(&self) -> bool {
        let names = self.left.iter().flat_map(|span| [&span.after, &span.until]);
        // Only the first may begin at the beginning, and only the last may end at the end.
        let inner = names.skip(1);
        let inner: Vec<_> = inner
            .take((2 * self.left.len()).saturating_sub(2))
            .collect();
        self.left.len() <= SWEEP_RANGES_MAX
            && self.marks.len() <= SWEEP_MARKS_MAX
            && inner.iter().all(|name| name.is_some())
            && self.left.iter().all(is_forward)
            && inner.is_sorted()
            && self.marks.is_sorted_by(|one, next| one.name < next.name)
    }
}

fn is_forward(span: &Span) -> bool {
    match (&span.after, &span.until) {
        (Some(after), Some(until)) => after < until,
        (None, _) | (_, None) => true,
    }
}

impl<S: ObjectStore> Ledger<'_, S> {
    /// How far the sweep has come; nothing where none has stored it. What no sweep can have stored is an error.
    pub(crate) async fn sweep_progress(self) -> Result<Progress, PortError> {
        let at = (Bucket::Enriched, SWEEP_PROGRESS);
        match self.read(READ, at, SWEEP_PROGRESS_BYTES_MAX).await? {
            Read::Missing => Ok(Progress::default()),
            Read::TooLarge => Err(PortError::permanent(READ, "larger than it can be")),
            Read::Found(object) => {
                let stored: Stored = serde_json::from_slice(&object.bytes)
                    .map_err(|error| PortError::permanent(READ, error))?;
                let is_ours = stored.v == VERSION && stored.progress.is_sound();
                is_ours
                    .then_some(stored.progress)
                    .ok_or_else(|| PortError::permanent(READ, "no sweep has written it"))
            }
        }
    }

    /// Stores it.
    pub(crate) async fn put_sweep_progress(self, progress: &Progress) -> Result<(), PortError> {
        let stored = Stored {
            v: VERSION,
            progress: progress.clone(),
        };
        let bytes = serde_json::to_vec(&stored).expect("plain fields always serialise");
        let object = NewObject::of(bytes);
        self.store
            .put(Bucket::Enriched, SWEEP_PROGRESS, object)
            .await
    }
}
