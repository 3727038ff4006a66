//! The number of a replay, taken by a create that only one caller can win: two operators at once share none.

use super::Order;
use crate::ledger::{Kind, Ledger, ReplayNumber};
use crate::port::{Clock, Created, Entropy, Home, ObjectStore, PortError};
use leadwire_domain::key::EventName;
use leadwire_domain::message::Notify;

/// Numbers that are tried before the caller is asked to come back: each one that is lost is another operator's.
const TRIES_MAX: u32 = 16;

/// Takes the next number of an event.
pub(super) async fn take<H: Home>(
    home: &H,
    event: &EventName,
    order: &Order,
) -> Result<EventName, PortError> {
    let bits = u128::from_be_bytes(home.entropy().bits());
    let mine = ReplayNumber {
        v: 1,
        notify: order.notify,
        run: order.run.clone(),
        requested_at: home.clock().now(),
        token: format!("{bits:032x}"),
    };
    let ledger = Ledger::new(home.store());
    let newest = newest(ledger, event).await?;
    for number in (1..=TRIES_MAX).filter_map(|step| newest.checked_add(step)) {
        let name = event.clone().with_revision(number);
        let created = ledger.create_replay_number(&name, &mine).await;
        if matches!(created, Ok(Created::New(_))) {
            return Ok(name);
        }
        let found = ledger.replay_number(&name).await?;
        if found.is_some_and(|found| found.token == mine.token) {
            return Ok(name);
        }
        created?;
    }
    Err(PortError::transient(
        "take a number for the replay",
        "others took every number that was tried",
    ))
}

/// The newest revision that anything is stored of. A number that was taken counts even where nothing came of it, and what came of it counts
/// even where its number has expired.
async fn newest<S: ObjectStore>(
    ledger: Ledger<'_, S>,
    event: &EventName,
) -> Result<u32, PortError> {
    let mut newest = 0;
    for kind in [Kind::Replay, Kind::Document, Kind::Claim, Kind::Failure] {
        for name in ledger.revisions(kind, event).await? {
            newest = newest.max(name.revision());
        }
    }
    Ok(newest)
}

/// The replay that a run took a number for, and what it was to do.
pub(super) async fn find_run<H: Home>(
    home: &H,
    event: &EventName,
    run: &str,
) -> Result<Option<(EventName, Notify)>, PortError> {
    let ledger = Ledger::new(home.store());
    for name in ledger.revisions(Kind::Replay, event).await? {
        if let Some(taken) = ledger.replay_number(&name).await?
            && taken.run == run
        {
            return Ok(Some((name, taken.notify)));
        }
    }
    Ok(None)
}
