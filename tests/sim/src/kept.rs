//! Sweeps over as many events as a stack keeps: a store that makes its listings as it is asked for them, with the latencies of Amazon S3 in
//! virtual time.

use jiff::{SignedDuration, Timestamp};
use leadwire_pipeline::port::{
    Bucket, Created, ETag, Fetched, ListPage, Listed, Metadata, NewObject, ObjectStore, PortError,
    Ports, Replaced, StoredObject,
};
use leadwire_pipeline::stage::sweep::{Sweep, SweepReport};
use leadwire_pipeline::testkit::{Chance, FakeHome, Memory, sweep_config};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::{Instant, sleep};

/// Runs of the schedule in a month of 30 days, at the template's `SweepMinutes`.
pub const RUNS_A_MONTH: f64 = 24.0 * 30.0;
/// What a run has, as the template's `Timeout` says.
pub const TIME: Duration = Duration::from_mins(15);
/// Amazon S3's list prices of us-east-1: dollars for a LIST or a PUT, and for a GET.
const LIST_DOLLARS: f64 = 0.005 / 1000.0;
const GET_DOLLARS: f64 = 0.0004 / 1000.0;
/// One event in so many has failed for good.
const FAILED: u64 = 1_000;

/// What is kept.
#[derive(Clone, Debug)]
pub struct Stock {
    /// Events.
    pub events: u64,
    /// Those that have lost their message, evenly spread: at most what a sweep sends.
    pub lost: u64,
    /// Entries of a listing's page.
    pub page: u64,
    /// How long a call takes, from and to.
    pub latency: [Duration; 2],
    /// What a run has.
    pub time: Duration,
    /// Whether each listing that goes on leaves out the entry that it begins with: a mistake that must be noticed.
    pub lies: bool,
}

impl Stock {
    /// So many events, as Amazon S3 keeps them.
    pub fn of(events: u64) -> Self {
        Self {
            events,
            lost: 100.min(events),
            page: 1_000,
            latency: [Duration::from_millis(15), Duration::from_millis(30)],
            time: TIME,
            lies: false,
        }
    }

    /// Sweeps until everything was looked at, so many times, one round after the other.
    pub fn sweep(&self, rounds: usize) -> Result<Swept, PortError> {
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build();
        let runtime = runtime.map_err(|error| PortError::permanent("start a runtime", error))?;
        runtime.block_on(self.rounds(rounds))
    }

    async fn rounds(&self, rounds: usize) -> Result<Swept, PortError> {
        let memory = Arc::new(Memory::default());
        let home = FakeHome::new(Arc::clone(&memory), Arc::default());
        let store = Store {
            stock: self.clone(),
            stored_at: memory.time() - SignedDuration::from_hours(24),
            home: home.clone(),
            chance: Mutex::new(Chance::new(self.events)),
            calls: Arc::default(),
        };
        let calls = Arc::clone(&store.calls);
        let ports = Ports {
            store,
            queue: home.clone(),
            mailer: home.clone(),
            clock: home.clone(),
            entropy: home,
        };
        let sweep = Sweep::new(Arc::new(ports), sweep_config());
        let mut runs = Vec::new();
        for _ in 0..rounds {
            loop {
                let before = calls.now();
                let begun = Instant::now();
                let report = sweep.run_within(self.time).await?;
                let is_complete = report.complete;
                runs.push(Run {
                    report,
                    took: begun.elapsed(),
                    calls: calls.now().since(before),
                });
                if is_complete {
                    break;
                }
            }
        }
        let sent: BTreeSet<String> = memory.bodies().iter().map(|body| key_in(body)).collect();
        let lost = (0..self.events).filter(|number| self.is_lost(*number));
        let missed = lost.filter(|number| !sent.contains(&format!("raw/{}", name(*number))));
        Ok(Swept {
            missed: missed.count(),
            runs,
        })
    }

    fn is_lost(&self, number: u64) -> bool {
        let every = self.events / self.lost.max(1);
        self.lost > 0 && number % every == every / 2 && number / every < self.lost
    }

    /// What lies there of an event: its size under a prefix.
    fn size(&self, prefix: &str, number: u64) -> Option<u64> {
        let has_failed = number % FAILED == FAILED - 1;
        match prefix {
            "raw/" => Some(64),
            _ if self.is_lost(number) => None,
            "mail/" => (!has_failed).then_some(0),
            "failed/" => has_failed.then_some(64),
            _ => None,
        }
    }
}

/// What the sweeps came to.
#[derive(Debug)]
pub struct Swept {
    /// Lost events that were not enqueued.
    pub missed: usize,
    /// The runs, one after the other.
    pub runs: Vec<Run>,
}

/// One run.
#[derive(Debug)]
pub struct Run {
    /// What it says.
    pub report: SweepReport,
    /// How long it took.
    pub took: Duration,
    /// What it asked of the store.
    pub calls: Calls,
}

/// Calls on the store.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calls {
    /// LIST and PUT.
    pub lists_and_puts: u64,
    /// GET.
    pub gets: u64,
}

impl Calls {
    /// All of them.
    pub fn count(self) -> u64 {
        self.lists_and_puts + self.gets
    }

    /// What they cost.
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "counts below 2^52"
    )]
    pub fn dollars(self) -> f64 {
        self.lists_and_puts as f64 * LIST_DOLLARS + self.gets as f64 * GET_DOLLARS
    }

    fn since(self, before: Self) -> Self {
        Self {
            lists_and_puts: self.lists_and_puts - before.lists_and_puts,
            gets: self.gets - before.gets,
        }
    }
}

#[derive(Debug, Default)]
struct Counters {
    lists_and_puts: AtomicU64,
    gets: AtomicU64,
}

impl Counters {
    fn now(&self) -> Calls {
        Calls {
            lists_and_puts: self.lists_and_puts.load(Ordering::Relaxed),
            gets: self.gets.load(Ordering::Relaxed),
        }
    }
}

/// The store. What is written lies in memory.
struct Store {
    stock: Stock,
    stored_at: Timestamp,
    home: FakeHome,
    chance: Mutex<Chance>,
    calls: Arc<Counters>,
}

impl Store {
    async fn call(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
        sleep(self.latency()).await;
    }

    fn latency(&self) -> Duration {
        let [least, most] = self.stock.latency;
        let further = u64::try_from((most.saturating_sub(least)).as_micros()).unwrap_or(u64::MAX);
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        least + Duration::from_micros(chance.below(further + 1))
    }

    fn page(&self, prefix: &str, after: Option<&str>) -> ListPage {
        let stock = &self.stock;
        let after = after.and_then(|after| number_of(prefix, after));
        let first = after.map_or(0, |number| number + 1 + u64::from(stock.lies));
        let sized = (first..stock.events).filter_map(|n| Some((n, stock.size(prefix, n)?)));
        let mut sized = sized.peekable();
        let mut entries = Vec::new();
        while entries.len() < usize::try_from(stock.page).unwrap_or(usize::MAX)
            && let Some((number, size)) = sized.next()
        {
            entries.push(Listed {
                key: format!("{prefix}{}", name(number)),
                size,
                last_modified: self.stored_at,
            });
        }
        ListPage {
            more: sized.peek().is_some(),
            entries,
        }
    }
}

/// The name of an event, in the order of the numbers.
fn name(number: u64) -> String {
    format!("crm_event_lead{number:09}_20261122T065000123456Z.json")
}

/// The event whose name that is.
fn number_of(prefix: &str, key: &str) -> Option<u64> {
    let rest = key.strip_prefix(prefix)?.strip_prefix("crm_event_lead")?;
    rest.get(..9)?.parse().ok()
}

/// The key that a message names.
fn key_in(body: &str) -> String {
    let message: serde_json::Value = serde_json::from_str(body).unwrap_or_default();
    let key = message.get("s3_key").and_then(serde_json::Value::as_str);
    key.unwrap_or_default().to_owned()
}

impl ObjectStore for Store {
    async fn get(&self, bucket: Bucket, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
        self.call(&self.calls.gets).await;
        let Some(number) = number_of("raw/", key) else {
            return self.home.get(bucket, key, bytes_max).await;
        };
        let bytes = format!(r#"{{"lead_id":"lead{number:09}"}}"#).into_bytes();
        Ok(Fetched::Found(StoredObject {
            bytes,
            etag: ETag("1".to_owned()),
            metadata: Metadata::new(),
            last_modified: self.stored_at,
        }))
    }

    async fn create(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> Result<Created, PortError> {
        self.call(&self.calls.lists_and_puts).await;
        self.home.create(bucket, key, object).await
    }

    async fn replace(
        &self,
        bucket: Bucket,
        key: &str,
        etag: &ETag,
        object: NewObject,
    ) -> Result<Replaced, PortError> {
        self.call(&self.calls.lists_and_puts).await;
        self.home.replace(bucket, key, etag, object).await
    }

    async fn put(&self, bucket: Bucket, key: &str, object: NewObject) -> Result<(), PortError> {
        self.call(&self.calls.lists_and_puts).await;
        self.home.put(bucket, key, object).await
    }

    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<ListPage, PortError> {
        self.call(&self.calls.lists_and_puts).await;
        match prefix {
            "raw/" | "mail/" | "failed/" => Ok(self.page(prefix, after)),
            _ => self.home.list(bucket, prefix, after).await,
        }
    }
}
