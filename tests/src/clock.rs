//! Time as the harness sees it: the wall clock of the platform, and waiting for a state.

use std::time::Duration;

use anyhow::{Result, bail};
use jiff::Timestamp;
use tokio::time::Instant;

/// Longest that a test waits for a state before it fails: so long that a busy machine is no reason.
pub const DEADLINE: Duration = Duration::from_mins(5);
/// The pause between two looks at a state that is waited for.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// The wall clock. The harness is the platform here, so it is the one that owns a clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the harness plays Lambda, whose clock is the wall clock"
)]
pub fn now() -> Timestamp {
    Timestamp::now()
}

/// Looks at a state until `look` gives a value, and fails with `what` when [`DEADLINE`] has passed.
///
/// # Errors
/// The deadline passed, or a look failed for good.
pub async fn eventually<T, F, Fut>(what: &str, mut look: F) -> Result<T>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<Option<T>>>,
{
    let end = Instant::now() + DEADLINE;
    loop {
        if let Some(value) = look().await? {
            return Ok(value);
        }
        if Instant::now() >= end {
            bail!("waited {DEADLINE:?} in vain: {what}");
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// The same for a state that is either there or not.
pub async fn until(what: &str, is_so: impl Fn() -> bool) -> Result<()> {
    eventually(what, || std::future::ready(Ok(is_so().then_some(())))).await
}
