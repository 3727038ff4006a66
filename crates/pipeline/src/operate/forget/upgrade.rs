//! What the first edition forgot has no tombstone: `mail/X` alone said that it is forgotten, and ingest does not read that any more. So each
//! such marker whose raw object is gone gets one, once, after the upgrade.

use crate::ledger::{ClaimState, Kind, Ledger, Listing, Marker, RawState, is_mark};
use crate::port::{Home, ObjectStore, PortError};
use futures_util::future::try_join_all;
use leadwire_domain::claim::Settled;
use leadwire_domain::key::{EventName, MAIL};
use serde::Serialize;

/// Markers that are read at once.
const READS_AT_ONCE: usize = 32;

/// Whether anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TombstoneMode {
    /// Tombstones are made.
    Make,
    /// It is only counted how many would be.
    DryRun,
}

/// What was found and made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TombstoneReport {
    /// Ends of events that were looked at.
    pub examined: u64,
    /// Forgotten events that have a tombstone already.
    pub had: u64,
    /// Forgotten events that got one; or would, where nothing is written.
    pub made: u64,
    /// Forgotten events whose raw objects are still there: forgetting was interrupted, and `forget` finishes it.
    pub unfinished: Vec<String>,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TombstoneStep {
    /// Ends of events that were looked at.
    pub examined: u64,
}

/// An event that has come to its end, as the listings have it.
struct Ended {
    name: EventName,
    raw: RawSeen,
}

/// What a listing says of a raw object.
#[derive(Clone, Copy)]
enum RawSeen {
    Gone,
    Empty,
    Stored,
}

/// What became of one.
enum Became {
    NotForgotten,
    Had,
    Made,
    Unfinished,
}

/// Gives each forgotten event whose raw object is gone its tombstone. `mail/` is listed beside `raw/`, and each marker that ended an event is
/// read. It may be interrupted and begun again.
pub async fn make_tombstones<H: Home>(
    home: &H,
    mode: TombstoneMode,
    on_step: &mut (impl FnMut(TombstoneStep) + Send),
) -> Result<TombstoneReport, PortError> {
    let ledger = Ledger::new(home.store());
    let mut ends = Ends::new(ledger);
    let mut report = TombstoneReport::default();
    loop {
        let ended = ends.next_few(|_raw| true).await?;
        if ended.is_empty() {
            return Ok(report);
        }
        let looks = ended.iter().map(|ended| make_one(ledger, ended, mode));
        for (became, ended) in try_join_all(looks).await?.into_iter().zip(&ended) {
            report.examined += 1;
            match became {
                Became::NotForgotten => {}
                Became::Had => report.had += 1,
                Became::Made => report.made += 1,
                Became::Unfinished => report.unfinished.push(ended.name.raw_key()),
            }
        }
        on_step(TombstoneStep {
            examined: report.examined,
        });
    }
}

/// How many forgotten events have no tombstone. Only markers whose raw object is gone are read.
pub async fn count_missing<H: Home>(home: &H) -> Result<u64, PortError> {
    let ledger = Ledger::new(home.store());
    let mut ends = Ends::new(ledger);
    let mut missing = 0;
    loop {
        let ended = ends.next_few(|raw| matches!(raw, RawSeen::Gone)).await?;
        if ended.is_empty() {
            return Ok(missing);
        }
        let looks = ended
            .iter()
            .map(|ended| make_one(ledger, ended, TombstoneMode::DryRun));
        for became in try_join_all(looks).await? {
            missing += u64::from(matches!(became, Became::Made));
        }
    }
}

/// The events that have come to their end, by `mail/` beside `raw/`.
struct Ends<'a, S> {
    claims: Listing<'a, S>,
    raws: Listing<'a, S>,
}

impl<'a, S: ObjectStore> Ends<'a, S> {
    fn new(ledger: Ledger<'a, S>) -> Self {
        Self {
            claims: ledger.list(Kind::Claim),
            raws: ledger.list(Kind::Raw),
        }
    }

    /// The next few whose raw objects are as is wanted; none at the end.
    async fn next_few(
        &mut self,
        is_wanted: impl Fn(RawSeen) -> bool,
    ) -> Result<Vec<Ended>, PortError> {
        let mut ended = Vec::new();
        while ended.len() < READS_AT_ONCE {
            let Some(entry) = self.claims.next().await? else {
                break;
            };
            // A claim that is not empty is open, and a revision shares the raw object of its event.
            let name = Kind::Claim.parse(&entry.key).ok();
            let Some(name) = name.filter(|name| is_mark(&entry) && name.revision() == 0) else {
                continue;
            };
            let raw = self
                .raws
                .seek(entry.key.strip_prefix(MAIL).unwrap_or_default());
            let raw = match raw.await? {
                None => RawSeen::Gone,
                Some(raw) if is_mark(&raw) => RawSeen::Empty,
                Some(_) => RawSeen::Stored,
            };
            if is_wanted(raw) {
                ended.push(Ended { name, raw });
            }
        }
        Ok(ended)
    }
}

async fn make_one<S: ObjectStore>(
    ledger: Ledger<'_, S>,
    ended: &Ended,
    mode: TombstoneMode,
) -> Result<Became, PortError> {
    let ClaimState::Settled(marker, _) = ledger.claim(&ended.name).await? else {
        return Ok(Became::NotForgotten);
    };
    let Marker {
        how: Settled::Forgotten,
        at,
        identity,
        ..
    } = marker
    else {
        return Ok(Became::NotForgotten);
    };
    match (ended.raw, mode) {
        (RawSeen::Empty, _) => return Ok(Became::Had),
        (RawSeen::Stored, _) => return Ok(Became::Unfinished),
        (RawSeen::Gone, TombstoneMode::DryRun) => return Ok(Became::Made),
        (RawSeen::Gone, TombstoneMode::Make) => {}
    }
    let tombstone = (at, identity.as_deref());
    let written = ledger.write_tombstone(&ended.name, None, tombstone).await?;
    Ok(if written {
        Became::Made
    } else {
        // Somebody wrote there since it was listed: another run, or a retry that ingest took for a new event.
        match ledger.raw(&ended.name).await? {
            RawState::Forgotten(_) => Became::Had,
            RawState::Absent | RawState::TooLarge | RawState::Stored(_) => Became::Unfinished,
        }
    })
}
