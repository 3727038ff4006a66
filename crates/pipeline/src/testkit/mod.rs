//! One home in memory for scenarios, simulator and benches: Amazon's semantics, virtual time, and a script that says what goes wrong.

mod asked;
mod chance;
mod counts;
mod home;
mod interested;
pub mod laws;
mod mail_log;
mod mailer;
mod memory;
mod notified;
mod port;
mod queue;
mod script;
mod secrets;
mod store;
mod world;

pub use asked::{Asked, FakeHome};
pub use chance::Chance;
pub use counts::{Counted, count};
pub use home::MemoryHome;
pub use interested::keep_callsites_enabled;
pub use mail_log::{Logged, Row};
pub use mailer::ANSWER_DEADLINE;
pub use memory::Memory;
pub use notified::{OWNER_BUCKET, notification, notified};
pub use port::free_port;
pub use queue::{RECEIVES_MAX, Received};
pub use script::{Call, Course, Fault, Script};
pub use secrets::FakeSecrets;
pub use world::{NoHeaders, World, WorldBuilder, enrich_config, sweep_config};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// A mutex stays usable after a test's panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
