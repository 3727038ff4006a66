//! What naming promises.

use stateright::Property;

use super::moment::{Event, Forgetting, Moment, NamingModel};

/// One name.
pub const ONE_NAME: &str = "an event is stored under one name only";
/// Immutable bytes.
pub const BYTES_STAY: &str = "stored bytes are never replaced";
/// Accepted is stored.
pub const STORED: &str = "an accepted event is stored under its name, or was forgotten";
/// Accepted is queued.
pub const ALL_QUEUED: &str =
    "2xx means that a trigger of every event is queued, or it was forgotten";
/// Forgotten.
pub const FORGOTTEN_STAYS: &str = "a forgotten event is not stored again";
/// Reached: a retry after a partial failure.
pub const R_COMPLETED: &str = "reached: accepted after a refusal";

pub(crate) fn all() -> Vec<Property<NamingModel>> {
    vec![
        Property::<NamingModel>::always(ONE_NAME, |_, m| {
            let mut known = m.known.each().into_iter();
            known.all(|k| k.names.count_ones() <= 1)
        }),
        Property::<NamingModel>::always(BYTES_STAY, |_, m| !m.replaced),
        Property::<NamingModel>::always(STORED, |_, m| {
            Event::ALL.into_iter().all(|e| is_kept(m, e))
        }),
        Property::<NamingModel>::always(ALL_QUEUED, |_, m| {
            let mut known = m.known.each().into_iter();
            known.all(|k| k.accepted.is_none() || k.queued || k.forgotten)
        }),
        Property::<NamingModel>::always(FORGOTTEN_STAYS, |_, m| {
            let stored = |e: Event| {
                let mut held = m.slots.iter().flatten();
                held.any(|held| held.event == e && !held.tombstone)
            };
            let back = |e: Event| m.known[e].forgotten && stored(e);
            m.forgetting != Forgetting::Done || !Event::ALL.into_iter().any(back)
        }),
        Property::<NamingModel>::sometimes(R_COMPLETED, |_, m| {
            let mut known = m.known.each().into_iter();
            m.refused && known.all(|k| k.accepted.is_some())
        }),
    ]
}

fn is_kept(moment: &Moment, event: Event) -> bool {
    let known = moment.known[event];
    let holds = |slot: usize| {
        let held = moment.slots.get(slot).copied().flatten();
        held.is_some_and(|held| held.event == event)
    };
    known.forgotten || known.accepted.is_none_or(holds)
}
