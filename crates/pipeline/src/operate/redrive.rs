//! `redrive`: dead letters sent again. The copy goes first, then the dead letter: what fails in between only doubles a trigger, which is
//! harmless, because no mail is sent twice under a claim.

use crate::ledger::queue::{ByEvent, QueueSnapshot, by_event, fresh_message};
use crate::port::{DeadLetterQueue, DelayQueue, Home, OutgoingMessage, PortError, QueuedMessage};
use leadwire_domain::key::EventName;
use leadwire_domain::message::Trigger;

/// What redriving does to one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redriven {
    /// A copy was sent, or is on its way already; its dead letters are deleted.
    Sent,
    /// It has a message and no dead letter: there is nothing to do.
    QueuedAlready,
    /// It is a replay without a dead letter, and only that said whether it mails.
    LetterGone,
}

/// What a redrive would do, as far as that is known without taking the dead letters.
pub fn preview(queue: &QueueSnapshot, name: &EventName) -> Redriven {
    let has_letter = !queue.dead(name).is_empty();
    if !has_letter && queue.is_queued(name) {
        Redriven::QueuedAlready
    } else if !has_letter && name.revision() > 0 && queue.live(name).is_some() {
        Redriven::LetterGone
    } else {
        Redriven::Sent
    }
}

/// A redrive that has taken the dead letters.
#[derive(Debug)]
pub struct Redrive<'a, H> {
    home: &'a H,
    queue: &'a QueueSnapshot,
    letters: ByEvent,
    strangers: Vec<QueuedMessage>,
}

impl<'a, H: Home + DeadLetterQueue> Redrive<'a, H> {
    /// Takes the dead letters. `queue` says what has a message already.
    pub async fn begin(home: &'a H, queue: &'a QueueSnapshot) -> Result<Self, PortError> {
        let (letters, strangers) = by_event(home.take_dead().await?);
        Ok(Self {
            home,
            queue,
            letters,
            strangers,
        })
    }

    /// The events that have dead letters which were not redriven yet.
    pub fn events(&self) -> impl Iterator<Item = &EventName> {
        self.letters.keys()
    }

    /// Sends an event's dead letters again, as one message; where there is none, the event's bare message.
    pub async fn send(&mut self, name: &EventName) -> Result<Redriven, PortError> {
        let letters = self.letters.remove(name).unwrap_or_default();
        let is_queued = self.queue.is_queued(name);
        if is_queued && letters.is_empty() {
            return Ok(Redriven::QueuedAlready);
        }
        if !is_queued {
            let Some(copy) = copy_of(name, &letters) else {
                return Ok(Redriven::LetterGone);
            };
            match letters.first() {
                Some(letter) => self.home.send_copy(copy, letter).await?,
                None => self.home.queue().send(copy).await?,
            }
        }
        for letter in &letters {
            self.home.delete_dead(letter).await?;
        }
        Ok(Redriven::Sent)
    }

    /// Gives back the dead letters that were not redriven.
    pub async fn end(self) -> Result<(), PortError> {
        let others = self.letters.into_values().flatten();
        let others: Vec<QueuedMessage> = others.chain(self.strangers).collect();
        self.home.return_dead(&others).await
    }
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
    let trace = letters.first().map(|letter| letter.trace.clone());
    Some(fresh_message(
        name.clone(),
        facts,
        trace.unwrap_or_default(),
    ))
}
