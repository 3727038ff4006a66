//! In-memory ports that fail on demand, and a world that runs whole scenarios in milliseconds under virtual time.

mod clock;
mod counts;
mod interested;
mod mailer;
mod queue;
mod store;
mod world;

pub use clock::{FakeClock, FakeEntropy};
pub use counts::{Told, count};
pub use interested::keep_callsites_enabled;
pub use mailer::FakeMailer;
pub use queue::{DeadLetter, FakeQueue};
pub use store::{Call, FakeStore, Fault};
pub use world::{FakeHome, FakeSecrets, NoHeaders, World, WorldBuilder};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A fake's state stays usable after a test's panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
