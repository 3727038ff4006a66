//! The worker loop of `up`.

use crate::queue::SqliteQueue;
use leadwire_pipeline::enrich::Enrich;
use leadwire_pipeline::port::Home;
use leadwire_pipeline::sweep::Sweep;
use std::sync::Arc;
use std::time::Duration;

/// How the runner works.
#[derive(Clone, Copy, Debug)]
pub struct RunnerConfig {
    /// Messages in one batch, at most 10.
    pub batch_size: u32,
    /// Batches at once.
    pub concurrency: usize,
    /// How long a received message is hidden.
    pub visibility: Duration,
    /// Receives before a message becomes a dead letter.
    pub max_receive_count: u32,
    /// The time between two sweeps.
    pub sweep_interval: Duration,
}

impl Default for RunnerConfig {
    fn default() -> Self {
        todo!()
    }
}

/// The worker loop: receives what is due, hands it to `enrich`, deletes what is done, and sweeps.
#[derive(Debug)]
pub struct Runner<H> {
    queue: SqliteQueue,
    enrich: Arc<Enrich<H>>,
    sweep: Option<Arc<Sweep<H>>>,
    config: RunnerConfig,
}

impl<H: Home + 'static> Runner<H> {
    /// A runner; without a sweep it only works on messages.
    pub fn new(queue: SqliteQueue, enrich: Enrich<H>, sweep: Option<Sweep<H>>, config: RunnerConfig) -> Self {
        Self { queue, enrich: Arc::new(enrich), sweep: sweep.map(Arc::new), config }
    }

    /// Works until `shutdown` resolves, then finishes what runs.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        todo!()
    }
}
