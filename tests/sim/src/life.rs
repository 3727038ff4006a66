//! Whether a process lives.

use tokio::sync::Notify;

/// The life of a process.
#[derive(Debug)]
pub(crate) struct Life {
    /// The process's number.
    pub(crate) id: u32,
    /// Which run of its machine it belongs to.
    pub(crate) boot: u32,
    death: Notify,
}

impl Life {
    /// A process that lives.
    pub(crate) fn new(id: u32, boot: u32) -> Self {
        Self {
            id,
            boot,
            death: Notify::new(),
        }
    }

    /// Ends it: what the process was doing stops at its next wait, at the latest.
    pub(crate) fn end(&self) {
        self.death.notify_one();
    }

    /// Waits for its end.
    pub(crate) async fn ended(&self) {
        self.death.notified().await;
    }
}
