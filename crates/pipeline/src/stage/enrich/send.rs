//! Step e: the effects, each asked for once in an attempt, all at the same time.

use super::claim;
use super::context::{Context, Failed};
use super::end;
use super::record::Outcome;
use super::settle::{self, Answered, Board};
use super::write::Held;
use crate::port::{ETag, Entropy, Home, Mail, MailOutcome, Mailer, PortError, Unsent};
use crate::settings::{Pace, ReplyTo};
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use leadwire_domain::channel::Addressee;
use leadwire_domain::effect::{Answer, EffectId, Standing, standing};
use leadwire_domain::notice::Content;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

/// How long before the end of a record's time an answer is no longer waited for, so that the attempt itself records the doubt.
const RECORD_RESERVE: Duration = Duration::from_millis(1500);
/// How long an answer may stay unrecorded while others are waited for.
const RECORD_AFTER: Duration = Duration::from_secs(1);
/// The pause before a service that throttles is asked again in the same attempt, at least and at most.
const ASK_AGAIN_MILLIS: std::ops::Range<u64> = 200..1000;

/// Sends what the claim says is being sent, and settles. Answers are recorded when all are there, or a second after the first that is not
/// recorded yet: a slow receiver does not keep the others unrecorded.
pub(super) async fn all<H: Home>(cx: &mut Context<'_, H>, held: Held) -> Result<Outcome, Failed> {
    if held.todo.is_empty() && is_told_by_claim(&held) {
        return end::of_attempt(cx, (&held.listed, &held.effects), true).await;
    }
    if cx.deadline - cx.config.pace.send < Instant::now() {
        claim::give_back(cx).await;
        return end::unsent(cx).await;
    }
    let mut asked = ask_all(cx, &held);
    let mut board = Board::new(cx, held);
    let mut recording: Option<BoxFuture<'_, Result<Option<ETag>, PortError>>> = None;
    let mut record_at: Option<Instant> = None;
    loop {
        let time = record_at.unwrap_or(cx.deadline);
        tokio::select! {
            biased;
            answered = asked.next() => match answered {
                Some(answered) => {
                    board.answer(cx, answered);
                    record_at = record_at.or_else(|| Some(Instant::now() + RECORD_AFTER));
                }
                None => break,
            },
            written = async { recording.as_mut().expect("only where there is one").await }, if recording.is_some() => {
                recording = None;
                if !board.recorded(cx, written) {
                    record_at = Some(Instant::now() + RECORD_AFTER);
                }
            }
            () = sleep_until(time), if record_at.is_some() && recording.is_none() => {
                record_at = None;
                recording = Some(board.record(cx));
            }
        }
    }
    if let Some(recording) = recording {
        let written = recording.await;
        board.recorded(cx, written);
    }
    settle::settle(cx, board).await
}

/// Whether the claim that was taken says already how the event stands, as where all that was open is parked by now. That of an event with
/// no receiver does not yet, and where all was sent the marker is missing.
fn is_told_by_claim(held: &Held) -> bool {
    let stands = standing(&held.listed, &held.effects);
    !matches!(stands, Standing::NoReceiver | Standing::Settled { .. })
}

/// Begins every effect that is to be sent.
fn ask_all<'a, H: Home>(
    cx: &mut Context<'a, H>,
    held: &Held,
) -> FuturesUnordered<impl Future<Output = Answered> + Send + use<'a, H>> {
    let asker = Asker {
        home: cx.home,
        sends: cx.sends,
        deadline: cx.deadline,
        pace: cx.config.pace,
    };
    let mails = compose(cx, held);
    for (effect, mail) in &mails {
        if mail.is_some() {
            cx.progress.sending(effect);
        }
    }
    mails
        .into_iter()
        .map(|(effect, mail)| asker.ask(effect, mail))
        .collect()
}

/// The mails, each to one receiver. One whose receiver is no longer configured has none.
fn compose<H: Home>(cx: &Context<'_, H>, held: &Held) -> Vec<(EffectId, Option<Mail>)> {
    let document = &held.document;
    let is_canary = document.source().is_synthetic();
    // There is no such lead in the CRM.
    let link = cx.config.lead_url.as_ref().filter(|_| !is_canary);
    let content = Content::new(&document.lead, cx.now(), &cx.config.time_zone, link);
    let reply_to = match cx.config.reply_to {
        ReplyTo::Lead if !is_canary => content.reply_to().cloned(),
        ReplyTo::Lead | ReplyTo::None => None,
    };
    let lead = Addressee {
        owner: document.lead.owner_email.as_ref(),
        is_canary,
    };
    let roll = cx.config.receivers().roll(&held.listed, lead);
    let mail = |effect: &EffectId| {
        let to = roll.address(effect)?.clone();
        Some(Mail {
            event: cx.name().tag(),
            effect: effect.clone(),
            attempt: held.effects.get(effect).map_or(1, |effect| effect.attempt),
            environment: cx.config.environment.clone(),
            from: cx.config.from.clone(),
            reply_to: reply_to.clone(),
            to,
            text: cx.config.template.render(&content, &roll.others(effect)),
            is_canary,
        })
    };
    let todo = held.todo.iter();
    todo.map(|effect| (effect.clone(), mail(effect))).collect()
}

/// What asks for an effect.
struct Asker<'a, H> {
    home: &'a H,
    sends: &'a Semaphore,
    deadline: Instant,
    pace: Pace,
}

impl<H> Clone for Asker<'_, H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for Asker<'_, H> {}

impl<H: Home> Asker<'_, H> {
    /// Asks once, and again only a service that throttles: that is a definite no. Without a turn nothing is asked.
    async fn ask(self, effect: EffectId, mail: Option<Mail>) -> Answered {
        let Some(mail) = mail else {
            return Answered::new(effect, Answer::Dropped);
        };
        let mut throttled = None;
        loop {
            let last_send = self.deadline - self.pace.send;
            let Ok(Ok(turn)) = timeout_at(last_send, self.sends.acquire()).await else {
                let unsent = MailOutcome::Unsent(Unsent::NoTurn);
                return Answered::of(effect, throttled.unwrap_or(unsent));
            };
            let sent = self.home.mailer().send(&mail);
            let sent = timeout_at(self.deadline - RECORD_RESERVE, sent).await;
            match sent {
                Ok(outcome @ MailOutcome::Throttled(_))
                    if Instant::now() < self.deadline - self.pace.record / 2 =>
                {
                    throttled = Some(outcome);
                }
                // The service was asked before, and what it said then counts.
                Ok(unsent @ MailOutcome::Unsent(_)) => {
                    return Answered::of(effect, throttled.unwrap_or(unsent));
                }
                Ok(outcome) => return Answered::of(effect, outcome),
                Err(_late) => {
                    let late = "no reply within the record's time".to_owned();
                    return Answered::new(effect, Answer::Lost(Some(late)));
                }
            }
            drop(turn);
            let [jitter, ..] = self.home.entropy().bits();
            let spread = ASK_AGAIN_MILLIS.end - ASK_AGAIN_MILLIS.start;
            let millis = ASK_AGAIN_MILLIS.start + spread * u64::from(jitter) / 256;
            sleep(Duration::from_millis(millis)).await;
        }
    }
}
