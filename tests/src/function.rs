//! A Lambda function: as many execution environments as it needs, up to its concurrency.

use std::collections::BTreeMap;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use nix::errno::Errno;
pub use nix::sys::signal::Signal;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde_json::Value;
use tokio::sync::Semaphore;

pub use crate::instance::{FunctionConfig, LogBook, environment};
use crate::instance::{Instance, Job, Outcome, Timing};
use crate::shared::Shared;
use crate::{clock, program};

/// How long Lambda waits for the runtime to come back after its answer.
const SETTLE_TIMEOUT: Duration = Duration::from_mins(1);

/// A deployed function; clones are the same function.
#[derive(Clone, Debug)]
pub struct Function(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    config: FunctionConfig,
    free: Semaphore,
    idle: Shared<Vec<Instance>>,
    busy: Shared<Vec<u32>>,
    timings: Shared<Vec<Timing>>,
    log: LogBook,
}

impl Function {
    /// Deploys a function. No process starts before it is invoked.
    pub fn new(config: FunctionConfig) -> Self {
        Self(Arc::new(Inner {
            free: Semaphore::new(config.concurrency),
            config,
            idle: Shared::default(),
            busy: Shared::default(),
            timings: Shared::default(),
            log: LogBook::default(),
        }))
    }

    /// Deploys one of the binaries as `<prefix>-<name>`.
    pub async fn deploy(
        prefix: &str,
        name: &str,
        environment: &BTreeMap<String, String>,
        concurrency: usize,
    ) -> Result<Self> {
        Ok(Self::new(FunctionConfig {
            name: format!("{prefix}-{name}"),
            binary: program::built(name).await?,
            environment: environment.clone(),
            timeout: Duration::from_mins(1),
            concurrency,
        }))
    }

    /// What it writes.
    pub fn log(&self) -> &LogBook {
        &self.0.log
    }

    /// Invokes it with an event that it must answer, and gives back the answer.
    pub async fn answer(&self, event: &Value) -> Result<Value> {
        let outcome = self.invoke(event).await?;
        let Outcome::Response(payload) = outcome else {
            bail!("{outcome:?}: {:?}", self.log().lines());
        };
        Ok(serde_json::from_slice(&payload)?)
    }

    /// Invokes it with an event, and waits for a free environment where all are busy.
    ///
    /// # Errors
    /// The harness itself failed; what the function does wrong is in the [`Outcome`].
    pub async fn invoke(&self, event: &Value) -> Result<Outcome> {
        let inner = &self.0;
        let _permit = inner.free.acquire().await?;
        let idle = inner.idle.lock().pop();
        let mut instance = match idle {
            Some(instance) => instance,
            None => Instance::start(&inner.config, &inner.log).await?,
        };
        let pid = instance.pid();
        inner.busy.lock().push(pid);
        let outcome = instance.run(self.job(event)?, inner.config.timeout).await;
        inner.busy.lock().retain(|other| *other != pid);
        let outcome = outcome?;
        let lives = matches!(outcome, Outcome::Response(_) | Outcome::Error(_));
        let settled = lives && instance.settle(SETTLE_TIMEOUT).await;
        inner.timings.lock().push(instance.timing());
        if settled {
            inner.idle.lock().push(instance);
        }
        Ok(outcome)
    }

    /// When each invocation so far passed which point, in the order of their ends.
    pub fn timings(&self) -> Vec<Timing> {
        self.0.timings.lock().clone()
    }

    /// The processes that wait for an event now.
    pub fn idle(&self) -> Vec<u32> {
        self.0.idle.lock().iter().map(Instance::pid).collect()
    }

    /// Ends the processes that wait for an event, as Lambda does with an environment that it no longer wants, and
    /// says how each ended.
    pub async fn shut_down(&self) -> Result<Vec<ExitStatus>> {
        let idle = std::mem::take(&mut *self.0.idle.lock());
        let mut ends = Vec::new();
        for mut instance in idle {
            signal(Signal::SIGTERM, &[instance.pid()])?;
            ends.push(instance.ended(clock::DEADLINE).await?);
        }
        Ok(ends)
    }

    /// The processes that work on an event now.
    pub fn busy(&self) -> Vec<u32> {
        self.0.busy.lock().clone()
    }

    /// Kills the processes that work on an event now with SIGKILL, waits for their ends, and says how many they were.
    pub async fn kill_busy(&self) -> Result<usize> {
        let pids = self.busy();
        signal(Signal::SIGKILL, &pids)?;
        clock::until("the killed processes have ended", || {
            let busy = self.busy();
            pids.iter().all(|pid| !busy.contains(pid))
        })
        .await?;
        Ok(pids.len())
    }

    /// Sends a signal to the processes that work on an event now, and says how many they were.
    pub fn signal_busy(&self, name: Signal) -> Result<usize> {
        let pids = self.busy();
        signal(name, &pids)?;
        Ok(pids.len())
    }

    fn job(&self, event: &Value) -> Result<Job> {
        let now = clock::now();
        let timeout = i64::try_from(self.0.config.timeout.as_millis())?;
        let (trace, span, request) = (getrandom::u64()?, getrandom::u64()?, getrandom::u32()?);
        let epoch = now.as_second();
        Ok(Job {
            request_id: format!("{request:08x}-0000-4000-8000-000000000000"),
            event: Bytes::from(event.to_string()),
            deadline_ms: now.as_millisecond() + timeout,
            trace: format!("Root=1-{epoch:08x}-{trace:024x};Parent={span:016x};Sampled=1"),
        })
    }
}

/// Sends a signal to processes. One that has ended by itself needs none.
fn signal(signal: Signal, pids: &[u32]) -> Result<()> {
    for pid in pids {
        match kill(Pid::from_raw(i32::try_from(*pid)?), signal) {
            Ok(()) | Err(Errno::ESRCH) => {}
            Err(error) => return Err(error).context("a signal"),
        }
    }
    Ok(())
}
