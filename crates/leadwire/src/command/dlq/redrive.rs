//! `dlq redrive`: dead letters sent again. The copy goes first, then the dead letter: what fails in between only doubles a trigger, which is
//! harmless, because a claim lets nobody mail twice.

use super::{Age, is_meant, is_queued, lead_of, name_of, reason_code};
use crate::cli::DlqRedriveArgs;
use crate::home::Operated;
use crate::output::{BAD, Ended, Output};
use anyhow::Context as _;
use jiff::Timestamp;
use leadwire_domain::key::EventName;
use leadwire_domain::message::Trigger;
use leadwire_domain::wait::Waiting;
use leadwire_pipeline::ledger::{Failure, Ledger};
use leadwire_pipeline::operate::queue::QueueSnapshot;
use leadwire_pipeline::port::{Clock as _, DelayQueue as _, OutgoingMessage, QueuedMessage};
use leadwire_pipeline::trace::TraceContext;
use serde_json::json;
use std::collections::BTreeMap;

/// What redriving does to one failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Redriven {
    Sent,
    WouldSend,
    QueuedAlready,
    NotAnEvent,
    LetterGone,
}

impl Redriven {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::WouldSend => "would be sent",
            Self::QueuedAlready => "in the queue already",
            Self::NotAnEvent => "names no event; nothing can be sent",
            Self::LetterGone => {
                "its dead letter, which said whether it mails, is gone; replay it again"
            }
        }
    }
}

/// What is to be redriven.
struct Wanted {
    lead_id: String,
    shown: String,
    name: Option<EventName>,
}

impl Wanted {
    fn of(failure: &Failure) -> Self {
        Self {
            lead_id: lead_of(failure),
            shown: name_of(failure),
            name: failure.name.clone(),
        }
    }
}

/// Redrives what is meant; dead letters that are not meant are given back.
pub(in crate::command) async fn redrive<O: Operated>(
    home: &O,
    args: &DlqRedriveArgs,
    age: Age,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let now = home.clock().now();
    let failures = Ledger::new(home.store()).failures().await?;
    let unknown: Vec<&String> = args
        .ids
        .iter()
        .filter(|id| !failures.iter().any(|failure| is_meant(failure, id)))
        .collect();
    let mut wanted: Vec<Wanted> = failures
        .iter()
        .filter(|failure| is_wanted(failure, args, age, now))
        .map(Wanted::of)
        .collect();
    let look = home.look().await?;
    let sent = if args.dry_run {
        let done = |want: &Wanted| match &want.name {
            None => Redriven::NotAnEvent,
            Some(name) if is_queued(&look, Some(name)) && look.dead(name).is_empty() => {
                Redriven::QueuedAlready
            }
            Some(name) if is_letter_gone(&look, name) => Redriven::LetterGone,
            Some(_) => Redriven::WouldSend,
        };
        for want in &wanted {
            tell(output, want, done(want))?;
        }
        wanted
            .iter()
            .filter(|want| done(want) == Redriven::WouldSend)
            .count()
    } else {
        let (letters, strangers) = by_event(home.take_dead().await?);
        if args.all {
            wanted.extend(settled_leftovers(&letters, &failures));
        }
        let sent = send_all(home, &look, (&wanted, &letters), output).await;
        give_back(home, &wanted, &letters, &strangers).await?;
        sent?
    };
    for id in &unknown {
        output.json(&json!({ "id": id, "result": "not found" }))?;
        output.line(format!("{BAD}{id}{BAD:#}  not found in `dlq ls`"))?;
    }
    let verb = if args.dry_run {
        "would be sent"
    } else {
        "sent"
    };
    output.line(format!("{sent} of {} {verb}", wanted.len()))?;
    Ok(Ended::when(unknown.is_empty()))
}

fn is_wanted(failure: &Failure, args: &DlqRedriveArgs, age: Age, now: Timestamp) -> bool {
    if !args.ids.is_empty() {
        return args.ids.iter().any(|id| is_meant(failure, id));
    }
    let reason = args.reason.as_deref();
    reason.is_none_or(|reason| reason == reason_code(failure)) && age.holds(failure, now)
}

/// Whether a replay has no dead letter any more, where the home can tell without taking them.
fn is_letter_gone(look: &QueueSnapshot, name: &EventName) -> bool {
    name.revision() > 0 && look.live(name).is_some() && look.dead(name).is_empty()
}

type Letters = BTreeMap<EventName, Vec<QueuedMessage>>;

/// The dead letters of each event, and those that name none.
fn by_event(letters: Vec<QueuedMessage>) -> (Letters, Vec<QueuedMessage>) {
    let mut events = Letters::new();
    let mut strangers = Vec::new();
    for letter in letters {
        match Trigger::parse(&letter.body) {
            Ok(trigger) => events.entry(trigger.name).or_default().push(letter),
            Err(_not_ours) => strangers.push(letter),
        }
    }
    for letters in events.values_mut() {
        letters.sort_by_key(|letter| letter.visible_at);
    }
    (events, strangers)
}

/// Dead letters of events that came to their end by another message: they would keep the alarm up for ever.
fn settled_leftovers(letters: &Letters, failures: &[Failure]) -> Vec<Wanted> {
    let is_listed = |name: &EventName| {
        failures
            .iter()
            .any(|failure| failure.name.as_ref() == Some(name))
    };
    let leftover = letters.keys().filter(|name| !is_listed(name));
    leftover
        .map(|name| Wanted {
            lead_id: "-".to_owned(),
            shown: name.to_string(),
            name: Some(name.clone()),
        })
        .collect()
}

async fn send_all<O: Operated>(
    home: &O,
    look: &QueueSnapshot,
    (wanted, letters): (&[Wanted], &Letters),
    output: &mut Output,
) -> anyhow::Result<usize> {
    let mut sent = 0;
    for want in wanted {
        let letters = want.name.as_ref().and_then(|name| letters.get(name));
        let letters = letters.map_or(&[][..], Vec::as_slice);
        let done = send_one(home, look, want, letters)
            .await
            .with_context(|| want.shown.clone())?;
        sent += usize::from(done == Redriven::Sent);
        tell(output, want, done)?;
    }
    Ok(sent)
}

async fn send_one<O: Operated>(
    home: &O,
    look: &QueueSnapshot,
    want: &Wanted,
    letters: &[QueuedMessage],
) -> anyhow::Result<Redriven> {
    let Some(name) = &want.name else {
        return Ok(Redriven::NotAnEvent);
    };
    let is_queued = is_queued(look, Some(name));
    if is_queued && letters.is_empty() {
        return Ok(Redriven::QueuedAlready);
    }
    if !is_queued {
        let Some(copy) = copy_of(name, letters) else {
            return Ok(Redriven::LetterGone);
        };
        match letters.first() {
            Some(letter) => home.send_copy(copy, letter).await?,
            None => home.queue().send(copy).await?,
        }
    }
    for letter in letters {
        home.delete_dead(letter).await?;
    }
    Ok(Redriven::Sent)
}

async fn give_back<O: Operated>(
    home: &O,
    wanted: &[Wanted],
    letters: &Letters,
    strangers: &[QueuedMessage],
) -> anyhow::Result<()> {
    let is_wanted = |name: &EventName| wanted.iter().any(|want| want.name.as_ref() == Some(name));
    let others = letters.iter().filter(|(name, _)| !is_wanted(name));
    let others: Vec<QueuedMessage> = others
        .flat_map(|(_, letters)| letters)
        .chain(strangers)
        .cloned()
        .collect();
    Ok(home.return_dead(&others).await?)
}

fn tell(output: &mut Output, want: &Wanted, done: Redriven) -> anyhow::Result<()> {
    let Wanted { lead_id, shown, .. } = want;
    output.json(&json!({ "event": shown, "lead_id": lead_id, "result": done.as_str() }))?;
    output.line(format!("{lead_id}  {shown}  {}", done.as_str()))?;
    Ok(())
}

/// A fresh trigger: its waits begin anew, else a wait that was used up would end it again at once. Where there is no dead letter any more,
/// the bare form does; but not for a replay, since only its own message said whether it mails.
fn copy_of(name: &EventName, letters: &[QueuedMessage]) -> Option<OutgoingMessage> {
    let stored = letters
        .iter()
        .find_map(|letter| Trigger::parse(&letter.body).ok());
    if stored.is_none() && name.revision() > 0 {
        return None;
    }
    let facts = stored.and_then(|trigger| trigger.facts);
    let trigger = Trigger {
        name: name.clone(),
        facts,
        waiting: Waiting::default(),
    };
    let trace = letters
        .first()
        .map_or_else(TraceContext::default, |letter| letter.trace.clone());
    Some(OutgoingMessage {
        body: trigger.body(),
        delay_seconds: 0,
        trace,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(body: &str) -> QueuedMessage {
        QueuedMessage {
            message_id: "m".to_owned(),
            handle: "m".to_owned(),
            body: body.to_owned(),
            visible_at: Timestamp::UNIX_EPOCH,
            receives: 3,
            trace: TraceContext::default(),
            others: Vec::new(),
        }
    }

    fn body(name: &EventName, letters: &[QueuedMessage]) -> Option<String> {
        copy_of(name, letters).map(|copy| copy.body)
    }

    #[test]
    fn a_copy_forgets_the_waits_that_were_used_up() {
        let name = EventName::parse_raw_key("raw/x.json").unwrap();
        let waited = letter(
            r#"{"s3_key":"raw/x.json","waiting":{"kind":"owner","hop":12,"reason":"owner_absent"}}"#,
        );
        let bare = Some(r#"{"s3_key":"raw/x.json"}"#.to_owned());
        assert_eq!(body(&name, &[waited]), bare);
        assert_eq!(body(&name, &[]), bare);
    }

    #[test]
    fn a_copy_of_a_replay_that_mails_nobody_mails_nobody_and_without_its_letter_there_is_none() {
        let name = EventName::parse_raw_key("raw/x.json").unwrap();
        let name = name.with_revision(2);
        let silent = r#"{"v":2,"s3_key":"raw/x.json","lead_id":"x","event_id":"e","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","accepted_at":"2026-11-23T06:50:00Z","not_before":"2026-11-23T06:50:00Z","source":"close","revision":2,"notify":"never"}"#;
        assert_eq!(body(&name, &[letter(silent)]).as_deref(), Some(silent));
        assert_eq!(body(&name, &[]), None);
    }
}
