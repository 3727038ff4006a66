//! Turns at a mail server: a slow one takes a part of the worker's turns, and never all.

use crate::system::lock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// Leads whose mails are sent at once, each to all of its receivers.
const LEADS_MAX: usize = 16;
/// A lead whose mails take longer than this is slow. Where all are, no other one waits for its turn.
const SLOW_AFTER: Duration = Duration::from_secs(10);

/// Who sends at a server.
#[derive(Debug, Default)]
pub(super) struct Lane {
    /// By the tag of the event, or of its revision.
    leads: Mutex<BTreeMap<String, Lead>>,
    freed: Notify,
}

#[derive(Debug)]
struct Lead {
    since: Instant,
    mails: usize,
}

/// The right to send a mail, given back when dropped.
#[derive(Debug)]
pub(super) struct LaneTurn {
    lane: Arc<Lane>,
    event: String,
}

/// What there is for a mail that wants to be sent.
enum Entry {
    Turn,
    /// None before this, unless one is given back.
    NoneBefore(Instant),
}

impl Lane {
    /// A turn for a mail of an event. `None` where every turn is taken by a lead that is slow: then it is better put back.
    pub(super) async fn enter(self: &Arc<Self>, event: &str) -> Option<LaneTurn> {
        loop {
            let mut freed = std::pin::pin!(self.freed.notified());
            // From now on: a turn that is given back after the look is noticed.
            freed.as_mut().enable();
            match self.try_enter(event) {
                Entry::Turn => {
                    return Some(LaneTurn {
                        lane: Arc::clone(self),
                        event: event.to_owned(),
                    });
                }
                Entry::NoneBefore(slow_at) if slow_at <= Instant::now() => return None,
                Entry::NoneBefore(slow_at) => tokio::select! {
                    () = freed => {}
                    () = sleep_until(slow_at) => {}
                },
            }
        }
    }

    fn try_enter(&self, event: &str) -> Entry {
        let mut leads = lock(&self.leads);
        if let Some(lead) = leads.get_mut(event) {
            lead.mails += 1;
            return Entry::Turn;
        }
        if leads.len() < LEADS_MAX {
            let since = Instant::now();
            leads.insert(event.to_owned(), Lead { since, mails: 1 });
            return Entry::Turn;
        }
        let newest = leads.values().map(|lead| lead.since).max();
        Entry::NoneBefore(newest.unwrap_or_else(Instant::now) + SLOW_AFTER)
    }
}

impl Drop for LaneTurn {
    fn drop(&mut self) {
        let mut leads = lock(&self.lane.leads);
        let Some(lead) = leads.get_mut(&self.event) else {
            return;
        };
        lead.mails -= 1;
        if lead.mails == 0 {
            leads.remove(&self.event);
            self.lane.freed.notify_waiters();
        }
    }
}
