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

/// Events that may be meant, each with the lead that it must be of, where a lead was asked for; and what is not there.
pub(super) type Selected = (Vec<(EventName, Option<LeadId>)>, Vec<String>);

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
        let lead = LeadId::from_text(text);
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
    let (mut found, mut unknown) = Selected::default();
    match selection {
        Selection::Time { from, to } => {
            let names = list_time(home, *from, *to).await?;
            found.extend(names.into_iter().map(|name| (name, None)));
        }
        Selection::Ids(ids) => {
            for id in ids {
                let events = find(home, id).await?;
                if let (Id::Name { text, .. }, true) = (id, events.is_empty()) {
                    unknown.push(text.clone());
                }
                found.extend(events);
            }
        }
    }
    Ok((found, unknown))
}

async fn find<O: Operated>(
    home: &O,
    id: &Id,
) -> Result<Vec<(EventName, Option<LeadId>)>, PortError> {
    let (event, lead) = match id {
        Id::Key(name) => return Ok(vec![(name.clone(), None)]),
        Id::Name { event, lead, .. } => (event, lead),
    };
    if let Some(name) = event
        && is_there(home, name).await?
    {
        return Ok(vec![(name.clone(), None)]);
    }
    let Some(lead) = lead else {
        return Ok(Vec::new());
    };
    let names = list_lead(home, lead).await?.into_iter();
    Ok(names.map(|name| (name, Some(lead.clone()))).collect())
}

/// Whether anything is stored of an event. Where only its document is left, it is named as what cannot be replayed.
async fn is_there<O: Operated>(home: &O, name: &EventName) -> Result<bool, PortError> {
    let ledger = Ledger::new(home.store());
    Ok(ledger.exists(Kind::Raw, name).await? || ledger.exists(Kind::Document, name).await?)
}
