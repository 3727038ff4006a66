//! Which name an event gets, and what one request of many events promises: identity entries, slots, tombstones.
//!
//! Two events of one lead that happened in the same instant, each in a request of its own or both in one; two
//! requests at a time; forget. Enrichment is left out. The first of the two requests that are idle takes the next
//! webhook, as they are alike.

mod model;
mod moment;
mod property;
mod step;

pub use model::walk;
pub use moment::{
    At, Event, Forgetting, Held, Known, Moment, Move, Naming, NamingModel, Part, Request, SLOTS,
};
pub use property::{ALL_QUEUED, BYTES_STAY, FORGOTTEN_STAYS, ONE_NAME, R_COMPLETED, STORED};
