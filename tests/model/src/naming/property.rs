//! What naming promises.

use stateright::Property;

use super::{Event, Forgetting, Moment, NamingModel};

/// One name.
pub const ONE_NAME: &str = "an event is stored under one name only";
/// Immutable bytes.
pub const BYTES_STAY: &str = "stored bytes are never replaced";
/// Accepted is stored.
pub const STORED: &str = "an accepted event is stored under its name, or was forgotten";
/// Another's marker.
pub const NOT_SWALLOWED: &str =
    "an event is never stored under a name that another's forgotten marker closes";
/// Forgotten.
pub const FORGOTTEN_STAYS: &str = "a forgotten event is not stored again";

pub(crate) fn all() -> Vec<Property<NamingModel>> {
    vec![
        Property::<NamingModel>::always(ONE_NAME, |_, m| {
            m.known
                .each()
                .into_iter()
                .all(|k| k.names.count_ones() <= 1)
        }),
        Property::<NamingModel>::always(BYTES_STAY, |_, m| !m.replaced),
        Property::<NamingModel>::always(STORED, |_, m| {
            Event::ALL.into_iter().all(|e| is_kept(m, e))
        }),
        Property::<NamingModel>::always(NOT_SWALLOWED, |_, m| {
            let closed =
                |raw: Option<Event>, by: Option<Event>| raw.is_some() && by.is_some() && raw != by;
            !m.slots.iter().any(|held| closed(held.raw, held.forgotten))
        }),
        Property::<NamingModel>::always(FORGOTTEN_STAYS, |_, m| {
            let back =
                |e: Event| m.known[e].forgotten && m.slots.iter().any(|held| held.raw == Some(e));
            m.forgetting != Forgetting::Done || !Event::ALL.into_iter().any(back)
        }),
    ]
}

fn is_kept(moment: &Moment, event: Event) -> bool {
    let known = moment.known[event];
    known.forgotten
        || known.accepted.is_none_or(|slot| {
            moment
                .slots
                .get(slot)
                .is_some_and(|held| held.raw == Some(event))
        })
}
