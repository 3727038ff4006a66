//! Senders that behave as CRMs do: what is not answered with 202 is sent again, some give up too early, some send twice.

use crate::lead::{Event, owner};
use crate::target::{Answer, Keys, Sender, Target};
use anyhow::Result;
use leadwire_pipeline::testkit::Chance;
use std::cell::RefCell;
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// Senders at once.
pub(crate) const SENDERS: u64 = 8;
/// Events of one lead.
const EVENTS_EACH: u64 = 2;
/// How far back a sender remembers what it sends again.
const MEMORY: u64 = 500;
/// The longest pause before what failed is sent again.
const PAUSE_MILLIS: u64 = 300;
/// Longest that an event is sent again and again: the process begins within that.
const PATIENCE: Duration = Duration::from_mins(2);

/// What is done.
#[derive(Clone, Copy, Debug)]
pub struct Soak {
    /// How long leads come.
    pub lasts: Duration,
    /// The time between two kills, half of it more or less by chance; zero kills once, at the end.
    pub kill_every: Duration,
    /// Events a second.
    pub rate: u32,
    /// So many of a hundred requests go wrong at the sender.
    pub percent: u32,
    /// What chance begins with.
    pub seed: u64,
}

/// What was sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) accepted: Keys,
    /// Events that were sent again although they had been accepted.
    pub(crate) posted_again: usize,
    /// Requests without waiting for an answer.
    pub(crate) abandoned: usize,
    /// Requests without an answer, or with 503.
    pub(crate) failed: usize,
    /// Answers that are neither 202 nor 503.
    pub(crate) odd: Vec<String>,
}

pub(crate) struct Crm<'a, T: Target> {
    target: &'a T,
    sender: T::Sender,
    chance: Chance,
    soak: Soak,
    /// Its first event.
    first: u64,
    sent: &'a RefCell<Sent>,
}

/// An event by its number.
pub(crate) fn event(number: u64) -> Event {
    Event::flat(&lead_of(number), &format!("soak-{number}"))
}

/// An event by its id.
pub(crate) fn event_of(id: &str) -> Event {
    let number = id
        .strip_prefix("soak-")
        .and_then(|number| number.parse().ok());
    event(number.unwrap_or(0))
}

fn lead_of(number: u64) -> String {
    format!("lead-{}", number / EVENTS_EACH)
}

impl<'a, T: Target> Crm<'a, T> {
    pub(crate) fn new(target: &'a T, soak: Soak, number: u64, sent: &'a RefCell<Sent>) -> Self {
        Self {
            target,
            sender: target.sender(),
            chance: Chance::new(soak.seed.wrapping_add(100 + number)),
            soak,
            first: number,
            sent,
        }
    }

    /// Sends every eighth event, so that they come evenly.
    pub(crate) async fn send_all(mut self) -> Result<()> {
        let began = Instant::now();
        for number in (self.first..).step_by(usize::try_from(SENDERS)?) {
            let after = f64::from(u32::try_from(number)?) / f64::from(self.soak.rate);
            let at = Duration::from_secs_f64(after);
            if at >= self.soak.lasts {
                break;
            }
            sleep_until(began + at).await;
            self.one(number).await?;
        }
        Ok(())
    }

    /// One event, and by chance what else a CRM and the author of owner files do.
    async fn one(&mut self, number: u64) -> Result<()> {
        let event = event(number);
        self.target
            .put_owner(&event.lead_id, &owner(&event.lead_id))?;
        if self.chance.percent(self.soak.percent) {
            let is_sent = self.sender.abandon(&event).await;
            let mut sent = self.sent.borrow_mut();
            sent.abandoned += 1;
            sent.failed += usize::from(!is_sent);
        }
        self.deliver(&event).await?;
        let earlier = number.saturating_sub(self.chance.below(MEMORY));
        if self.chance.percent(self.soak.percent) {
            self.sent.borrow_mut().posted_again += 1;
            self.deliver(&self::event(earlier)).await?;
        }
        if self.chance.percent(self.soak.percent) {
            let owner = format!("New owner at {number}");
            self.target.put_owner(&lead_of(earlier), &owner)?;
        }
        Ok(())
    }

    /// Sends until it is accepted.
    async fn deliver(&mut self, event: &Event) -> Result<()> {
        let began = Instant::now();
        let id = &event.event_id;
        while began.elapsed() < PATIENCE {
            let answer = self.sender.post(event).await;
            if let Some(key) = answer.as_ref().and_then(Answer::key) {
                let accepted = &mut self.sent.borrow_mut().accepted;
                accepted.entry(id.clone()).or_default().insert(key);
                return Ok(());
            }
            if let Some(answer) = answer.filter(|answer| answer.status != 503) {
                let odd = format!("{id}: {}", answer.status);
                self.sent.borrow_mut().odd.push(odd);
                return Ok(());
            }
            self.sent.borrow_mut().failed += 1;
            sleep(Duration::from_millis(self.chance.below(PAUSE_MILLIS))).await;
        }
        anyhow::bail!("{id} is not accepted in {PATIENCE:?}")
    }
}
