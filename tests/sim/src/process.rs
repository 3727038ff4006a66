//! A process of a function: it calls the ports, and it may die at any of its calls.

use futures_util::future::{Either, select};
use jiff::SignedDuration;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::Notify;

/// One invocation in a process of its own.
#[derive(Debug)]
pub(crate) struct Process {
    /// Its number.
    pub(crate) id: u32,
    /// How far its clock is ahead of the true time.
    pub(crate) skew: SignedDuration,
    /// Which run of its machine it belongs to.
    pub(crate) boot: u32,
    death: Notify,
}

impl Process {
    /// A process that lives.
    pub(crate) fn new(id: u32, skew: SignedDuration, boot: u32) -> Self {
        Self {
            id,
            skew,
            boot,
            death: Notify::new(),
        }
    }

    /// Kills it: what it was doing stops at its next wait, at the latest.
    pub(crate) fn kill(&self) {
        self.death.notify_one();
    }

    /// Runs work until it ends, or until the process dies, by itself or by the platform's timeout: then there is no answer.
    pub(crate) async fn run<T>(
        &self,
        timeout: Duration,
        work: impl Future<Output = T>,
    ) -> Option<T> {
        let work = pin!(work);
        let death = pin!(self.death.notified());
        match tokio::time::timeout(timeout, select(death, work)).await {
            Ok(Either::Right((answer, _))) => Some(answer),
            Ok(Either::Left(_)) | Err(_) => None,
        }
    }
}
