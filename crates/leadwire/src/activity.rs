//! What came to each source, by its name. One machine stores it by the minute beside the metrics, for as long as they are; a stack has it in the
//! log of `ingest`.

#[cfg(feature = "aws")]
mod log;

use crate::home::{Operated, Traces};
use jiff::{SignedDuration, Timestamp};
use leadwire_local::{MINUTE_AGE_MAX, Minute, NewMinute, TelemetryError, TelemetryStore};
use leadwire_telemetry::local::{Came, Outcome};
use std::collections::BTreeMap;

/// Its name among the minutes. It is no metric: its values are an open set.
const SERIES: &str = "SourceActivity";
const SOURCE: &str = "source";
const OUTCOME: &str = "outcome";
const DETAIL: &str = "detail";

/// What came to one source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Activity {
    /// New events.
    pub(crate) accepted: u64,
    /// Events that were there.
    pub(crate) duplicates: u64,
    /// Types that are not taken.
    pub(crate) ignored: BTreeMap<String, u64>,
    /// Why requests were refused.
    pub(crate) refused: BTreeMap<String, u64>,
    /// When something verified came last, to the minute, however long ago.
    pub(crate) last: Option<Timestamp>,
}

/// A minute as it is stored.
pub(crate) fn minute((came, count): &(Came, u64)) -> NewMinute {
    let sum = f64::from(u32::try_from(*count).unwrap_or(u32::MAX));
    let dimensions = [
        (SOURCE, came.source.as_str()),
        (OUTCOME, came.outcome.name()),
        (DETAIL, &came.detail),
    ];
    NewMinute {
        metric: SERIES.to_owned(),
        dimensions: dimensions
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        minute: Minute {
            minute: came.minute,
            count: *count,
            sum,
            min: 1.0,
            max: 1.0,
        },
    }
}

/// What came in the time until now, by the source's name; what came to none that is configured is under the empty one.
#[cfg_attr(
    not(feature = "aws"),
    expect(clippy::unused_async, reason = "with the feature it asks AWS")
)]
pub(crate) async fn see<O: Operated>(
    home: &O,
    now: Timestamp,
    since: SignedDuration,
) -> anyhow::Result<BTreeMap<String, Activity>> {
    match home.traces() {
        Traces::Kept(store) => Ok(read(&store, now, since)?),
        #[cfg(feature = "aws")]
        Traces::XRay { stack, .. } => log::read(&stack, now, since).await,
    }
}

fn read(
    store: &TelemetryStore,
    now: Timestamp,
    since: SignedDuration,
) -> Result<BTreeMap<String, Activity>, TelemetryError> {
    let minute_of = |time: Timestamp| time.as_second().div_euclid(60);
    let from = minute_of(now - since);
    let mut found: BTreeMap<String, Activity> = BTreeMap::new();
    for stored in store.read_all_minutes(SERIES, minute_of(now - MINUTE_AGE_MAX))? {
        let text = |name: &str| stored.dimensions.get(name).cloned().unwrap_or_default();
        let Some(outcome) = Outcome::from_name(&text(OUTCOME)) else {
            continue;
        };
        let activity = found.entry(text(SOURCE)).or_default();
        if outcome != Outcome::Refused {
            activity.last = Timestamp::from_second(stored.minute.minute * 60).ok();
        }
        if stored.minute.minute >= from {
            activity.add(outcome, text(DETAIL), stored.minute.count);
        }
    }
    Ok(found)
}

impl Activity {
    fn add(&mut self, outcome: Outcome, detail: String, count: u64) {
        let total = match outcome {
            Outcome::Accepted => &mut self.accepted,
            Outcome::Duplicate => &mut self.duplicates,
            Outcome::Ignored => self.ignored.entry(detail).or_default(),
            Outcome::Refused => self.refused.entry(detail).or_default(),
        };
        *total = total.saturating_add(count);
    }
}

/// Counts by name in a line, the largest first: `40 contact.created, 2 lead.deleted`.
pub(crate) fn list(counts: &BTreeMap<String, u64>) -> String {
    let mut counts: Vec<_> = counts.iter().collect();
    counts.sort_by_key(|(name, count)| (std::cmp::Reverse(**count), *name));
    let counts = counts.iter().map(|(name, count)| format!("{count} {name}"));
    counts.collect::<Vec<_>>().join(", ")
}
