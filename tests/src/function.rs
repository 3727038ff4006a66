//! A Lambda function: as many execution environments as it needs, up to its concurrency.

use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use serde_json::Value;
use tokio::sync::Semaphore;

use crate::clock;
use crate::instance::{Instance, Job, Outcome, Timing};
pub use crate::runtime::{FunctionConfig, LogBook};

/// How long Lambda waits for the runtime to come back after its answer.
const SETTLE_TIMEOUT: Duration = Duration::from_mins(1);

/// A deployed function; clones are the same function.
#[derive(Clone, Debug)]
pub struct Function(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: FunctionConfig,
    free: Semaphore,
    idle: Mutex<Vec<Instance>>,
    busy: Mutex<Vec<u32>>,
    timings: Mutex<Vec<Timing>>,
    log: LogBook,
}

impl Function {
    /// Deploys a function. No process starts before it is invoked.
    pub fn new(config: FunctionConfig) -> Self {
        Self(Arc::new(Inner {
            free: Semaphore::new(config.concurrency),
            config,
            idle: Mutex::default(),
            busy: Mutex::default(),
            timings: Mutex::default(),
            log: LogBook::default(),
        }))
    }

    /// What it writes.
    pub fn log(&self) -> &LogBook {
        &self.0.log
    }

    /// Invokes it with an event, and waits for a free environment where all are busy.
    ///
    /// # Errors
    /// The harness itself failed; what the function does wrong is in the [`Outcome`].
    pub async fn invoke(&self, event: &Value) -> Result<Outcome> {
        self.invoke_bytes(Bytes::from(event.to_string())).await
    }

    /// Invokes it with the very bytes of an event.
    ///
    /// # Errors
    /// The harness itself failed.
    pub async fn invoke_bytes(&self, event: Bytes) -> Result<Outcome> {
        let inner = &self.0;
        let _permit = inner.free.acquire().await?;
        let idle = guard(&inner.idle).pop();
        let mut instance = match idle {
            Some(instance) => instance,
            None => Instance::start(&inner.config, &inner.log).await?,
        };
        let pid = instance.pid();
        guard(&inner.busy).push(pid);
        let outcome = instance.run(self.job(event)?, inner.config.timeout).await;
        guard(&inner.busy).retain(|other| *other != pid);
        let outcome = outcome?;
        let lives = matches!(outcome, Outcome::Response(_) | Outcome::Error(_));
        let settled = lives && instance.settle(SETTLE_TIMEOUT).await;
        guard(&inner.timings).push(instance.timing());
        if settled {
            guard(&inner.idle).push(instance);
        }
        Ok(outcome)
    }

    /// When each invocation so far passed which point, in the order of their ends.
    pub fn timings(&self) -> Vec<Timing> {
        guard(&self.0.timings).clone()
    }

    /// The processes that wait for an event now.
    pub fn idle(&self) -> Vec<u32> {
        guard(&self.0.idle).iter().map(Instance::pid).collect()
    }

    /// Ends the processes that wait for an event, as Lambda does with an environment that it no longer wants, and
    /// says how each ended.
    ///
    /// # Errors
    /// There is no shell here, or one does not end in time.
    pub async fn shut_down(&self, deadline: Duration) -> Result<Vec<ExitStatus>> {
        let idle = std::mem::take(&mut *guard(&self.0.idle));
        let mut ends = Vec::new();
        for mut instance in idle {
            signal("TERM", &[instance.pid()]).await?;
            ends.push(instance.ended(deadline).await?);
        }
        Ok(ends)
    }

    /// The processes that work on an event now.
    pub fn busy(&self) -> Vec<u32> {
        guard(&self.0.busy).clone()
    }

    /// Kills the processes that work on an event now with SIGKILL, waits for their ends, and says how many they were.
    ///
    /// # Errors
    /// There is no shell here, or one does not end.
    pub async fn kill_busy(&self) -> Result<usize> {
        let pids = self.busy();
        signal("KILL", &pids).await?;
        let ended = || {
            let busy = self.busy();
            let ended = pids.iter().all(|pid| !busy.contains(pid));
            std::future::ready(Ok(ended.then_some(())))
        };
        clock::eventually("the killed processes have ended", clock::DEADLINE, ended).await?;
        Ok(pids.len())
    }

    /// Sends a signal, such as `TERM`, to the processes that work on an event now, and says how many they were.
    ///
    /// # Errors
    /// There is no shell here.
    pub async fn signal_busy(&self, name: &str) -> Result<usize> {
        let pids = self.busy();
        signal(name, &pids).await?;
        Ok(pids.len())
    }

    fn job(&self, event: Bytes) -> Result<Job> {
        let now = clock::now();
        let timeout = i64::try_from(self.0.config.timeout.as_millis())?;
        let (seed, id) = (random_hex()?, random_hex()?);
        let (epoch, rest) = (
            format!("{:08x}", now.as_second()),
            seed.get(..24).unwrap_or(""),
        );
        let parent = id.get(..16).unwrap_or("");
        Ok(Job {
            request_id: uuid_like(&id),
            event,
            deadline_ms: now.as_millisecond() + timeout,
            trace: format!("Root=1-{epoch}-{rest};Parent={parent};Sampled=1"),
        })
    }
}

async fn signal(name: &str, pids: &[u32]) -> Result<()> {
    if pids.is_empty() {
        return Ok(());
    }
    tokio::process::Command::new("sh")
        .args(["-c", "kill -s \"$@\"", "kill", name])
        .args(pids.iter().map(u32::to_string))
        .status()
        .await
        .context("a shell")?;
    Ok(())
}

/// Sixteen random bytes in hex, from the seed that the standard library gives every hash map.
fn random_hex() -> Result<String> {
    use sha2::{Digest, Sha256};
    use std::hash::{BuildHasher, Hasher, RandomState};
    let words = [RandomState::new(), RandomState::new()].map(|state| state.build_hasher().finish());
    let digest = hex::encode(Sha256::digest(format!("{words:?}")));
    Ok(digest
        .get(..32)
        .context("a digest has 64 digits")?
        .to_owned())
}

fn uuid_like(hex: &str) -> String {
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}

fn guard<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
