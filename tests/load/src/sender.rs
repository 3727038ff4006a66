//! Senders that behave as CRMs do: what is not answered with 202 is sent again, some give up too early, some send twice.

use crate::flood::key_of;
use crate::lead::{Event, owner, put_owner};
use crate::machine::Machine;
use crate::post::Connection;
use crate::soak::Soak;
use anyhow::{Context as _, Result};
use leadwire_pipeline::testkit::Chance;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

/// Senders at once.
const SENDERS: u64 = 8;
/// Events of one lead.
const EVENTS_EACH: u64 = 2;
/// How far back a sender remembers what it sends again.
const MEMORY: u64 = 500;
/// The longest pause before what failed is sent again.
const PAUSE_MILLIS: u64 = 300;
/// Longest that an event is sent again and again: the process begins within that.
const PATIENCE: Duration = Duration::from_mins(2);

/// What was sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    /// The keys that each event's id was answered with: one, if all is well.
    pub(crate) accepted: BTreeMap<String, BTreeSet<String>>,
    /// Events that were sent again although they had been accepted.
    pub(crate) posted_again: usize,
    /// Requests whose answer nobody waited for.
    pub(crate) abandoned: usize,
    /// Requests without an answer, or with 503.
    pub(crate) failed: usize,
    /// Answers that are neither 202 nor 503.
    pub(crate) odd: Vec<String>,
}

/// Senders at work, in a thread of their own.
pub(crate) struct Sending {
    thread: JoinHandle<Result<()>>,
    sent: Arc<Mutex<Sent>>,
}

struct Sender {
    connection: Connection,
    chance: Chance,
    percent: u32,
    data: PathBuf,
    sent: Arc<Mutex<Sent>>,
}

impl Sending {
    /// Begins to send.
    pub(crate) fn begin(machine: &Machine, soak: &Soak) -> Result<Self> {
        let sent = Arc::<Mutex<Sent>>::default();
        let (shared, soak) = (Arc::clone(&sent), soak.clone());
        let (address, data) = (machine.address, machine.data());
        let thread = std::thread::Builder::new()
            .name("senders".to_owned())
            .spawn(move || {
                let runtime = Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(send_all(&soak, address, &data, &shared))
            })?;
        Ok(Self { thread, sent })
    }

    /// Waits until the last event is accepted.
    pub(crate) fn finish(self) -> Result<Sent> {
        let ended = self.thread.join();
        ended.ok().context("the senders panicked")??;
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(sent.clone())
    }

    /// The lead of an event.
    pub(crate) fn lead_of(event_id: &str) -> String {
        let number = event_id
            .strip_prefix("soak-")
            .and_then(|number| number.parse::<u64>().ok());
        format!("lead-{}", number.unwrap_or(0) / EVENTS_EACH)
    }
}

fn event(number: u64) -> Event {
    let event_id = format!("soak-{number}");
    Event::flat(&Sending::lead_of(&event_id), &event_id)
}

async fn send_all(
    soak: &Soak,
    address: SocketAddr,
    data: &std::path::Path,
    sent: &Arc<Mutex<Sent>>,
) -> Result<()> {
    let began = Instant::now();
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        let mut sender = Sender {
            connection: Connection::to(address),
            chance: Chance::new(soak.seed.wrapping_add(100 + number)),
            percent: soak.percent,
            data: data.to_owned(),
            sent: Arc::clone(sent),
        };
        let (rate, lasts) = (f64::from(soak.rate), soak.lasts);
        senders.spawn(async move {
            // Each has every eighth event, so that they come evenly.
            for number in (number..).step_by(8) {
                let after = f64::from(u32::try_from(number)?) / rate;
                let at = Duration::from_secs_f64(after);
                if at >= lasts {
                    return anyhow::Ok(());
                }
                sleep_until(began + at).await;
                sender.one(number).await?;
            }
            Ok(())
        });
    }
    while let Some(ended) = senders.join_next().await {
        ended??;
    }
    Ok(())
}

impl Sender {
    /// One event, and by chance what else a CRM and whoever writes owner files do.
    async fn one(&mut self, number: u64) -> Result<()> {
        let event = event(number);
        put_owner(&self.data, &event.lead_id, &owner(&event.lead_id))?;
        if self.chance.percent(self.percent) {
            self.note(|sent| sent.abandoned += 1);
            if self.connection.abandon(&event.request()).await.is_err() {
                self.note(|sent| sent.failed += 1);
            }
        }
        self.deliver(&event).await?;
        let earlier = number.saturating_sub(self.chance.below(MEMORY));
        if self.chance.percent(self.percent) {
            self.note(|sent| sent.posted_again += 1);
            self.deliver(&self::event(earlier)).await?;
        }
        if self.chance.percent(self.percent) {
            let lead_id = Sending::lead_of(&format!("soak-{earlier}"));
            put_owner(&self.data, &lead_id, &format!("New owner at {number}"))?;
        }
        Ok(())
    }

    /// Sends until it is accepted.
    async fn deliver(&mut self, event: &Event) -> Result<()> {
        let (request, began) = (event.request(), Instant::now());
        while began.elapsed() < PATIENCE {
            let answer = self.connection.post(&request).await.ok();
            let id = event.event_id.clone();
            if let Some(key) = answer.as_ref().and_then(key_of) {
                self.note(|sent| sent.accepted.entry(id).or_default().insert(key));
                return Ok(());
            }
            if let Some(answer) = answer.filter(|answer| answer.status != 503) {
                self.note(|sent| sent.odd.push(format!("{id}: {}", answer.status)));
                return Ok(());
            }
            self.note(|sent| sent.failed += 1);
            sleep(Duration::from_millis(self.chance.below(PAUSE_MILLIS))).await;
        }
        anyhow::bail!("{} is not accepted in {PATIENCE:?}", event.event_id)
    }

    fn note<T>(&self, note: impl FnOnce(&mut Sent) -> T) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        note(&mut sent);
    }
}
