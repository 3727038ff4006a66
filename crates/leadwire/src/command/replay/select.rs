//! Which events are meant.

use super::ReplayArgs;
use crate::duration::parse_time;
use crate::home::Operated;
use crate::usage::Usage;
use jiff::Timestamp;
use leadwire_domain::key::{EventName, RAW};
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::ledger::{Kind, Ledger};
use leadwire_pipeline::operate::replay::{list_lead, list_time};
use leadwire_pipeline::port::PortError;

/// What was asked for.
pub(in crate::command) enum Selection {
    /// These leads and events.
    Ids(Vec<Id>),
    /// What was stored in a span of time.
    Time {
        /// From then on.
        from: Timestamp,
        /// And before then.
        to: Timestamp,
    },
}

/// A lead or an event.
pub(in crate::command) enum Id {
    /// The key of a raw object.
    Key(EventName),
    /// An event's name where there is one, else a lead.
    Name {
        text: String,
        event: Option<EventName>,
        lead: Option<LeadId>,
    },
}

/// An event that may be meant.
pub(super) struct Candidate {
    pub(super) name: EventName,
    /// Whose it must be, where a lead was asked for.
    lead: Option<LeadId>,
}

impl Candidate {
    fn of(name: EventName) -> Self {
        Self { name, lead: None }
    }

    /// Whether the lead that is stored is the one that was asked for.
    pub(super) fn is_of(&self, lead_id: &LeadId) -> bool {
        self.lead.as_ref().is_none_or(|lead| lead == lead_id)
    }
}

/// What was found.
#[derive(Default)]
pub(super) struct Selected {
    pub(super) candidates: Vec<Candidate>,
    /// What was asked for and is not there.
    pub(super) unknown: Vec<String>,
}

impl Selection {
    /// Checks what was typed.
    pub(super) fn parse(args: &ReplayArgs, now: Timestamp) -> Result<Self, Usage> {
        let time = |flag: &str, text: &str| {
            let such = "2026-11-23, 2026-11-23T06:50:00Z or 12h";
            let wrong = || Usage::of(format!("{flag} {text:?}: give a time such as {such}"));
            parse_time(text, now).ok_or_else(wrong)
        };
        let Some(from) = &args.from else {
            let ids = args.ids.iter().map(|id| Id::parse(id));
            return ids.collect::<Result<_, _>>().map(Self::Ids);
        };
        let from = time("--from", from)?;
        let to = args.to.as_ref().map_or(Ok(now), |to| time("--to", to))?;
        if from >= to {
            return Err(Usage::of("--from is not before --to"));
        }
        Ok(Self::Time { from, to })
    }
}

impl Id {
    fn parse(text: &str) -> Result<Self, Usage> {
        if text.starts_with(RAW) {
            let key = EventName::parse_raw_key(text);
            return key.map(Self::Key).map_err(|error| wrong(text, &error));
        }
        let event = EventName::parse_raw_key(&format!("{RAW}{text}.json"));
        let lead = LeadId::parse(text);
        match (event, lead) {
            (Err(_), Err(error)) => Err(wrong(text, &error)),
            (event, lead) => Ok(Self::Name {
                text: text.to_owned(),
                event: event.ok(),
                lead: lead.ok(),
            }),
        }
    }
}

fn wrong(text: &str, error: &impl std::fmt::Display) -> Usage {
    Usage::of(format!("{text:?}: {error}"))
}

/// Finds the events.
pub(super) async fn select<O: Operated>(
    home: &O,
    selection: &Selection,
) -> Result<Selected, PortError> {
    let mut selected = Selected::default();
    match selection {
        Selection::Time { from, to } => {
            let names = list_time(home, *from, *to).await?;
            selected.candidates = names.into_iter().map(Candidate::of).collect();
        }
        Selection::Ids(ids) => {
            for id in ids {
                select_id(home, id, &mut selected).await?;
            }
        }
    }
    Ok(selected)
}

async fn select_id<O: Operated>(
    home: &O,
    id: &Id,
    selected: &mut Selected,
) -> Result<(), PortError> {
    let (text, event, lead) = match id {
        Id::Key(name) => {
            selected.candidates.push(Candidate::of(name.clone()));
            return Ok(());
        }
        Id::Name { text, event, lead } => (text, event, lead),
    };
    if let Some(name) = event
        && is_there(home, name).await?
    {
        selected.candidates.push(Candidate::of(name.clone()));
        return Ok(());
    }
    let names = match lead {
        Some(lead) => list_lead(home, lead).await?,
        None => Vec::new(),
    };
    if names.is_empty() {
        selected.unknown.push(text.clone());
    }
    let candidates = names.into_iter().map(|name| Candidate {
        name,
        lead: lead.clone(),
    });
    selected.candidates.extend(candidates);
    Ok(())
}

/// Whether anything is stored of an event. Where only its document is left, it is named as what cannot be replayed.
async fn is_there<O: Operated>(home: &O, name: &EventName) -> Result<bool, PortError> {
    let ledger = Ledger::new(home.store());
    Ok(ledger.exists(Kind::Raw, name).await? || ledger.exists(Kind::Document, name).await?)
}
