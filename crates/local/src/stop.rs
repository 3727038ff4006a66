//! The end of a process: what has begun may end, for a while.

use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// Says when this process begins to stop, and until when it waits for what cannot be broken off.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Sender<Option<Instant>>);

impl Stopping {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(None))
    }

    /// From now on nothing new is sent. What has gone out is waited for so long.
    pub fn begin(&self, wait: Duration) {
        self.0.send_replace(Some(Instant::now() + wait));
    }

    /// Whether this process stops.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.borrow().is_some()
    }

    /// Waits until this process begins to stop, and gives the end of its patience.
    pub(crate) async fn begun(&self) -> Instant {
        let mut seen = self.0.subscribe();
        match seen.wait_for(Option::is_some).await.map(|until| *until) {
            Ok(Some(until)) => until,
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// Waits until this process waits for nothing any more.
    pub(crate) async fn over(&self) {
        let until = self.begun().await;
        sleep_until(until).await;
    }
}
