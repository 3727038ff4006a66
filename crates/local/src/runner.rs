//! The worker loop of `up`: what the event source mapping and the schedule are on AWS. It sleeps until a message is due or the bell rings.

use crate::lookup::LookupFolder;
use crate::owners;
use crate::queue::{HEARTBEAT, HELD, SqliteQueue};
use jiff::Timestamp;
use leadwire_pipeline::observe::{DeleteFailed, QueueUnavailable, SweepFailed};
use leadwire_pipeline::port::{Home, NoSecrets, PortError, SecretStore};
use leadwire_pipeline::settings::VISIBILITY_SECONDS;
use leadwire_pipeline::stage::enrich::{Enrich, Record};
use leadwire_pipeline::stage::sweep::{Sweep, SweepMode};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep};
use tracing::{Instrument as _, Span};

/// The pause after a queue that could not be read: a full disk stays full for a while.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// How the runner works.
#[derive(Clone, Copy, Debug)]
pub struct RunnerConfig {
    /// Messages received at once.
    pub batch_size: u32,
    /// Messages that are worked on at once, each with a turn of its own.
    pub concurrency: usize,
    /// How long after it was received a message comes back that failed.
    pub visibility: Duration,
    /// Receives before a message becomes a dead letter.
    pub max_receive_count: u32,
    /// The time between two sweeps.
    pub sweep_interval: Duration,
}

impl Default for RunnerConfig {
    /// As the template has it: visibility 360 s, three receives, a sweep an hour.
    fn default() -> Self {
        Self {
            batch_size: 10,
            concurrency: 64,
            visibility: Duration::from_secs(u64::from(VISIBILITY_SECONDS)),
            max_receive_count: 3,
            sweep_interval: Duration::from_hours(1),
        }
    }
}

/// How what is done about a message and a sweep is traced. Tracing is not this room's business: the process that runs it says how.
pub trait Spans: Send + Sync {
    /// Gives a record the span that covers what is done about it.
    fn begin(&self, _record: &mut Record) {}

    /// The span of a sweep.
    fn sweep(&self) -> Span {
        Span::none()
    }
}

/// Nothing is traced.
impl Spans for () {}

/// The worker loop: receives what is due, hands it to `enrich`, deletes what is done, and sweeps.
pub struct Runner<H, S = NoSecrets> {
    queue: SqliteQueue,
    enrich: Arc<Enrich<H>>,
    sweep: Option<Arc<Sweep<H, S>>>,
    config: RunnerConfig,
    spans: Arc<dyn Spans>,
    owners: Option<LookupFolder>,
}

impl<H: Home + 'static, S: SecretStore + 'static> Runner<H, S> {
    /// A runner; without a sweep it only works on messages.
    pub fn new(
        queue: SqliteQueue,
        enrich: Enrich<H>,
        sweep: Option<Sweep<H, S>>,
        config: RunnerConfig,
    ) -> Self {
        Self {
            queue,
            enrich: Arc::new(enrich),
            sweep: sweep.map(Arc::new),
            config,
            spans: Arc::new(()),
            owners: None,
        }
    }

    /// The same runner, traced.
    #[must_use]
    pub fn traced(self, spans: impl Spans + 'static) -> Self {
        Self {
            spans: Arc::new(spans),
            ..self
        }
    }

    /// The same runner, which looks for owner files that leads wait for.
    #[must_use]
    pub fn watching(self, owners: LookupFolder) -> Self {
        Self {
            owners: Some(owners),
            ..self
        }
    }

    /// Works until `shutdown` resolves, then finishes what runs. What has been received is worked on: a shutdown costs no receive.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send) {
        let mut shutdown = pin!(shutdown);
        let mut running = JoinSet::new();
        let sweeping = tokio::spawn(sweep_for_ever(
            self.sweep.clone(),
            self.config.sweep_interval,
            Arc::clone(&self.spans),
        ));
        let stopped = watch::Sender::new(false);
        let (queue, enrich) = (self.queue.clone(), Arc::clone(&self.enrich));
        let owners = self.owners.clone();
        let watching = owners.map(|owners| tokio::spawn(owners::watch(queue, owners, enrich)));
        let turns = Arc::new(Semaphore::new(self.config.concurrency.max(1)));
        loop {
            let turn = tokio::select! {
                () = &mut shutdown => break,
                turn = self.turn_with_work(&turns) => turn,
            };
            let Some(turn) = turn else { break };
            let taken = self.more_turns(&turns, turn);
            while running.try_join_next().is_some() {}
            let max = u32::try_from(taken.len()).unwrap_or(u32::MAX);
            let receives = self.config.max_receive_count;
            let receiving = self.queue.receive(max, HELD, receives);
            match receiving.await {
                Ok(records) if records.is_empty() => {}
                Ok(records) => {
                    let until = later(self.queue.now(), self.config.visibility);
                    for (mut record, turn) in records.into_iter().zip(taken) {
                        self.spans.begin(&mut record);
                        let (enrich, queue) = (Arc::clone(&self.enrich), self.queue.clone());
                        let stopped = stopped.subscribe();
                        running.spawn(work_on(enrich, (queue, stopped), (record, until), turn));
                    }
                }
                Err(error) => tokio::select! {
                    () = &mut shutdown => break,
                    () = pause(&error) => {}
                },
            }
        }
        // A sweep may stop anywhere: the next one goes on. What is not woken looks by itself.
        sweeping.abort();
        stopped.send_replace(true);
        watching.inspect(JoinHandle::abort);
        running.join_all().await;
    }

    /// The turns that are free beside one, as many as messages may be received at once.
    fn more_turns(
        &self,
        turns: &Arc<Semaphore>,
        turn: OwnedSemaphorePermit,
    ) -> Vec<OwnedSemaphorePermit> {
        let more = std::iter::from_fn(|| Arc::clone(turns).try_acquire_owned().ok());
        let max = usize::try_from(self.config.batch_size).unwrap_or(usize::MAX);
        std::iter::once(turn).chain(more).take(max).collect()
    }

    /// Waits until there is a turn and a message is due.
    async fn turn_with_work(&self, turns: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
        let turn = Arc::clone(turns).acquire_owned().await.ok()?;
        loop {
            let wait = match self.queue.next_due().await {
                Ok(Some(due)) => match Duration::try_from(due.duration_since(self.queue.now())) {
                    Ok(wait) if !wait.is_zero() => wait.min(HEARTBEAT),
                    Ok(_) | Err(_) => return Some(turn),
                },
                Ok(None) => HEARTBEAT,
                Err(error) => {
                    pause(&error).await;
                    continue;
                }
            };
            tokio::select! {
                () = self.queue.bell().notified() => {}
                () = sleep(wait) => {}
            }
        }
    }
}

/// One message, to its end: what is done or deferred is deleted, what failed comes back at a time. That is tried until it is done: else the
/// message would stay hidden until the next start, which gives back what was held.
async fn work_on<H: Home>(
    enrich: Arc<Enrich<H>>,
    (queue, mut stopped): (SqliteQueue, watch::Receiver<bool>),
    (record, until): (Record, Timestamp),
    turn: OwnedSemaphorePermit,
) {
    let handle = record.receipt_handle.clone();
    // Nothing ends a turn here but its work.
    let outcomes = enrich.handle_batch(vec![record], Duration::MAX).await;
    drop(turn);
    let is_over = outcomes.iter().all(|(_id, outcome)| !outcome.is_failed());
    loop {
        let ended = if is_over {
            queue.delete(vec![handle.clone()]).await.map(drop)
        } else {
            queue.give_back(&handle, until).await
        };
        let Err(error) = ended else { return };
        DeleteFailed { error: &error }.emit();
        tokio::select! {
            _stopped = stopped.wait_for(|stopped| *stopped) => return,
            () = sleep(PAUSE_AFTER_FAILURE) => {}
        }
    }
}

fn later(time: Timestamp, wait: Duration) -> Timestamp {
    time.checked_add(wait).unwrap_or(Timestamp::MAX)
}

async fn pause(error: &PortError) {
    QueueUnavailable { error }.emit();
    sleep(PAUSE_AFTER_FAILURE).await;
}

async fn sweep_for_ever<H: Home, S: SecretStore>(
    sweep: Option<Arc<Sweep<H, S>>>,
    every: Duration,
    spans: Arc<dyn Spans>,
) {
    let Some(sweep) = sweep else { return };
    let every = every.max(Duration::from_secs(1));
    // Not at once: after a night switched off, what is due in the queue looks lost until it has been worked on.
    let mut ticks = interval_at(Instant::now() + every, every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let _now: Instant = ticks.tick().await;
        let run = sweep.run(SweepMode::Send).instrument(spans.sweep());
        if let Err(error) = run.await {
            SweepFailed { error: &error }.emit();
        }
    }
}

#[cfg(test)]
mod tests;
