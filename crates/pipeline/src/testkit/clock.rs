//! Time and randomness under the test's control.

use super::lock;
use crate::port::{Clock, Entropy};
use jiff::{SignedDuration, Timestamp};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

/// A clock that follows tokio's: under `start_paused` it moves only when everything waits.
#[derive(Debug)]
pub struct FakeClock {
    epoch: Timestamp,
    start: Instant,
    skew: Mutex<SignedDuration>,
}

impl FakeClock {
    /// A clock that shows `epoch` now.
    pub fn starting_at(epoch: Timestamp) -> Self {
        Self {
            epoch,
            start: Instant::now(),
            skew: Mutex::new(SignedDuration::ZERO),
        }
    }

    /// Puts the clock ahead or back, as another machine's may be.
    pub fn set_skew(&self, skew: SignedDuration) {
        *lock(&self.skew) = skew;
    }
}

impl Clock for FakeClock {
    fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.start.elapsed()).unwrap_or(SignedDuration::MAX);
        let now = self.epoch.checked_add(elapsed).unwrap_or(self.epoch);
        now.checked_add(*lock(&self.skew)).unwrap_or(now)
    }
}

/// Bits that never repeat and are the same in every run.
#[derive(Debug, Default)]
pub struct FakeEntropy(AtomicU64);

impl Entropy for FakeEntropy {
    fn bits(&self) -> [u8; 16] {
        let next = u128::from(self.0.fetch_add(1, Ordering::Relaxed)) + 1;
        next.wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            .to_be_bytes()
    }
}
