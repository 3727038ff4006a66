//! The connections that are served at once. A sender that keeps its connection open, and sends nothing, must not keep another from being
//! heard: at the limit the one that has been idle for longest goes.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// Connections that are served at once; more wait in the system's backlog. Each holds at most one body of 1 MiB.
const CONNECTIONS_MAX: usize = 256;
/// A connection that was taken or answered within this time may have a request on its way.
const IDLE_MIN: Duration = Duration::from_millis(500);
/// How long to wait for a place before another connection is asked for its.
const PATIENCE: Duration = Duration::from_millis(100);
/// In place of the time since when a connection is idle.
const BUSY: u64 = u64::MAX;

/// All places.
pub(super) struct Seats {
    free: Arc<Semaphore>,
    taken: Mutex<BTreeMap<u64, Arc<Use>>>,
    began: Instant,
    numbers: AtomicU64,
}

/// What one connection is at.
struct Use {
    /// Milliseconds since the beginning, or [`BUSY`].
    idle_since: AtomicU64,
    leave: Notify,
}

/// A place that a connection has until this is dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    number: u64,
    state: Arc<Use>,
    _place: OwnedSemaphorePermit,
}

impl Seats {
    pub(super) fn new() -> Arc<Self> {
        Self::of(CONNECTIONS_MAX)
    }

    fn of(places: usize) -> Arc<Self> {
        Arc::new(Self {
            free: Arc::new(Semaphore::new(places)),
            taken: Mutex::default(),
            began: Instant::now(),
            numbers: AtomicU64::default(),
        })
    }

    /// A place, as soon as there is one.
    pub(super) async fn take(self: &Arc<Self>) -> Option<Seat> {
        loop {
            if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
                return Some(self.seat(place));
            }
            self.ask_longest_idle();
            let waiting = Arc::clone(&self.free).acquire_owned();
            if let Ok(place) = tokio::time::timeout(PATIENCE, waiting).await {
                return Some(self.seat(place.ok()?));
            }
        }
    }

    fn seat(self: &Arc<Self>, place: OwnedSemaphorePermit) -> Seat {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let state = Arc::new(Use {
            idle_since: AtomicU64::new(self.now()),
            leave: Notify::new(),
        });
        self.lock().insert(number, Arc::clone(&state));
        Seat {
            seats: Arc::clone(self),
            number,
            state,
            _place: place,
        }
    }

    fn ask_longest_idle(&self) {
        let latest = Instant::now().duration_since(self.began);
        let latest = millis(latest.saturating_sub(IDLE_MIN));
        let taken = self.lock();
        let since = |state: &Use| state.idle_since.load(Ordering::Acquire);
        let longest = taken.values().min_by_key(|state| since(state));
        if let Some(longest) = longest.filter(|state| since(state) <= latest) {
            longest.leave.notify_one();
        }
    }

    fn now(&self) -> u64 {
        millis(self.began.elapsed())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<Use>>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(BUSY - 1)
}

impl Seat {
    /// A request is under way until [`Seat::end`].
    pub(super) fn begin(&self) {
        self.state.idle_since.store(BUSY, Ordering::Release);
    }

    pub(super) fn end(&self) {
        let now = self.seats.now();
        self.state.idle_since.store(now, Ordering::Release);
    }

    /// Ends when the connection is to go, and has no request under way.
    pub(super) async fn given_up(&self) {
        loop {
            self.state.leave.notified().await;
            if self.state.idle_since.load(Ordering::Acquire) != BUSY {
                return;
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.lock().remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn is_asked(seat: &Seat) -> bool {
        let asked = tokio::time::timeout(Duration::from_millis(1), seat.given_up());
        asked.await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn at_the_limit_the_longest_idle_connection_goes_and_no_busy_one() {
        let seats = Seats::of(3);
        let busy = seats.take().await.unwrap();
        busy.begin();
        let idle = seats.take().await.unwrap();
        tokio::time::advance(Duration::from_secs(1)).await;
        let used = seats.take().await.unwrap();
        used.begin();
        used.end();
        let next = tokio::spawn({
            let seats = Arc::clone(&seats);
            async move { seats.take().await.is_some() }
        });
        tokio::time::sleep(IDLE_MIN * 3).await;
        assert!(!is_asked(&busy).await && is_asked(&idle).await);
        assert!(!next.is_finished());
        drop(idle);
        assert!(next.await.unwrap());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_answered_just_now_stays_and_who_comes_waits() {
        let seats = Seats::of(1);
        let seat = seats.take().await.unwrap();
        seat.begin();
        let next = tokio::spawn({
            let seats = Arc::clone(&seats);
            async move { seats.take().await.is_some() }
        });
        tokio::time::sleep(IDLE_MIN * 3).await;
        assert!(!is_asked(&seat).await);
        seat.end();
        tokio::time::sleep(IDLE_MIN / 2).await;
        assert!(!is_asked(&seat).await);
        tokio::time::sleep(IDLE_MIN).await;
        assert!(is_asked(&seat).await);
        drop(seat);
        assert!(next.await.unwrap());
    }
}
