//! What is asked of the machine: its time, random names, and threads that may wait for a disk.

use jiff::Timestamp;
use leadwire_pipeline::os::OsEntropy;
use leadwire_pipeline::port::{Clock, Entropy as _, PortError};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// The time of a home: the system's, or a test's.
#[derive(Clone)]
pub(crate) struct HomeClock(pub(crate) Arc<dyn Clock>);

impl HomeClock {
    pub(crate) fn now(&self) -> Timestamp {
        self.0.now()
    }
}

impl fmt::Debug for HomeClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HomeClock")
    }
}

/// 128 random bits in hexadecimal digits: ids, receipts, versions.
pub(crate) fn random_hex() -> String {
    hex::encode(OsEntropy.bits())
}

/// 128 bits in hexadecimal digits that this process gives once, and another one never: versions of objects. Cheaper than random ones, which
/// cost a call of the system each.
pub(crate) fn unique_hex() -> String {
    static PROCESS: OnceLock<u64> = OnceLock::new();
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let process = PROCESS.get_or_init(|| {
        let bits = u128::from_be_bytes(OsEntropy.bits());
        u64::try_from(bits >> 64).expect("half of the bits")
    });
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("{process:016x}{number:016x}")
}

/// Runs work that waits for the disk where it holds up no other task.
pub(crate) async fn blocking<T: Send + 'static>(
    action: &'static str,
    work: impl FnOnce() -> Result<T, PortError> + Send + 'static,
) -> Result<T, PortError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|stopped| Err(PortError::transient(action, stopped)))
}

/// What a mutex guards here is whole after a panic too.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
