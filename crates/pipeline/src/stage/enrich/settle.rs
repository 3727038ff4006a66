//! Step f: what became of the effects is written over the claim, and reported.

use super::claim::{self, PAUSE, done_before};
use super::context::{Context, Failed, counts_for_slo};
use super::end;
use super::record::Outcome;
use super::write::Held;
use crate::ledger::{ClaimState, Document, Marker};
use crate::observe::{
    EffectDropped, EffectParked, EffectUnsent, EmailAmbiguous, EmailSent, IN_TIME, Subject,
    Timeliness,
};
use crate::port::{ETag, Home, MailOutcome, PortError, Unsent};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::claim::{Claim, Says, Settled};
use leadwire_domain::effect::{Answer, EffectId, EffectState, Effects, Standing, standing};
use leadwire_domain::failure::FailureReason;
use std::collections::BTreeSet;

/// What came of asking for an effect.
pub(super) struct Answered {
    effect: EffectId,
    answer: Answer,
    /// The call that failed, where one did.
    error: Option<PortError>,
    /// Why nothing was sent, where nothing was.
    unsent: Option<Unsent>,
}

impl Answered {
    pub(super) fn new(effect: EffectId, answer: Answer) -> Self {
        Self {
            effect,
            answer,
            error: None,
            unsent: None,
        }
    }

    pub(super) fn of(effect: EffectId, outcome: MailOutcome) -> Self {
        let detail = outcome.detail().map(str::to_owned);
        let (answer, error) = match outcome {
            MailOutcome::Accepted(id) => return Self::new(effect, Answer::Taken(id)),
            MailOutcome::Unsent(why) => {
                let unsent = Some(why);
                return Self {
                    unsent,
                    ..Self::new(effect, Answer::Unsent)
                };
            }
            MailOutcome::Throttled(error) | MailOutcome::Busy(error) => {
                (Answer::Busy(detail), error)
            }
            MailOutcome::Refused(error) => (Answer::Refused(detail), error),
            MailOutcome::Ambiguous(error) => (Answer::Lost(detail), error),
        };
        Self {
            error: Some(error),
            ..Self::new(effect, answer)
        }
    }
}

/// What is known of the effects of an event while they are sent.
pub(super) struct Board {
    document: Document,
    listed: Vec<EffectId>,
    effects: Effects,
    /// The effect that was taken first of all, where this attempt asked for it.
    first: Option<EffectId>,
    /// Whether an earlier attempt had one taken.
    is_begun: bool,
    /// The effects that this attempt gives back unsent.
    unsent: BTreeSet<EffectId>,
    /// The version of the claim that was written last, as far as that is known.
    etag: ETag,
    /// What became of effects, in the order of their answers: the first `reported` of them were recorded and reported.
    answered: Vec<(EffectId, Timestamp)>,
    reported: usize,
    /// How many of them a write that is under way records.
    recording: usize,
}

impl Board {
    pub(super) fn new<H: Home>(cx: &mut Context<'_, H>, held: Held) -> Self {
        cx.progress.effects_known(&held.listed, &held.effects);
        Self {
            document: held.document,
            listed: held.listed,
            is_begun: held
                .effects
                .values()
                .any(|effect| effect.state == EffectState::Sent),
            first: None,
            unsent: BTreeSet::new(),
            effects: held.effects,
            etag: held.etag,
            answered: Vec::new(),
            reported: 0,
            recording: 0,
        }
    }

    /// Notes an answer.
    pub(super) fn answer<H: Home>(&mut self, cx: &mut Context<'_, H>, answered: Answered) {
        let Answered {
            effect,
            answer,
            error,
            unsent,
        } = answered;
        if let Some(error) = &error {
            cx.report_failed_call(error);
        }
        if let Some(why) = unsent {
            let (subject, effect) = (cx.subject(), &effect);
            EffectUnsent {
                subject,
                effect,
                why,
            }
            .emit();
            self.unsent.insert(effect.clone());
        }
        match &answer {
            Answer::Taken(_) if self.is_begun => {}
            Answer::Taken(_) => {
                self.first.get_or_insert_with(|| effect.clone());
            }
            Answer::Busy(_) | Answer::Unsent | Answer::Refused(_) | Answer::Dropped => {
                cx.progress.is_certain(&effect);
            }
            Answer::Lost(_) => {
                let (subject, effect) = (cx.subject(), &effect);
                EmailAmbiguous { subject, effect }.emit();
                cx.progress.doubt_reported(effect);
            }
        }
        let now = cx.now();
        let doubts_max = cx.config.ambiguous.doubts_max();
        if let Some(found) = self.effects.get_mut(&effect) {
            *found = found.clone().answered(&answer, doubts_max, now);
        }
        self.answered.push((effect, now));
        cx.progress.effects_known(&self.listed, &self.effects);
    }

    /// Records the answers that are there, while others are waited for. Gives the claim's new version, where it was written.
    pub(super) fn record<'a, H: Home>(
        &mut self,
        cx: &Context<'a, H>,
    ) -> BoxFuture<'a, Result<Option<ETag>, PortError>> {
        self.recording = self.answered.len();
        let body = claim::of(cx, Says::Named(self.effects.clone()));
        let (ledger, name, etag) = (cx.ledger(), cx.name(), self.etag.clone());
        let work = async move {
            match ledger.write_claim(name, Some(&etag), &body).await? {
                Some(etag) => Ok(Some(etag)),
                // The reply to the one before was lost: its own version is there.
                None => match ledger.claim(name).await?.readable()? {
                    ClaimState::Claimed(claim, etag) if claim.token == body.token => {
                        ledger.write_claim(name, Some(&etag), &body).await
                    }
                    ClaimState::Absent
                    | ClaimState::Settled(..)
                    | ClaimState::Claimed(..)
                    | ClaimState::Unreadable(_) => Ok(None),
                },
            }
        };
        work.boxed()
    }

    /// What came of that. False where it is to be tried again, as long as others are waited for.
    pub(super) fn recorded<H: Home>(
        &mut self,
        cx: &mut Context<'_, H>,
        written: Result<Option<ETag>, PortError>,
    ) -> bool {
        match written {
            Ok(Some(etag)) => {
                self.etag = etag;
                for (effect, _) in self.answered.iter().take(self.recording) {
                    cx.progress.is_certain(effect);
                }
                self.report(cx, self.recording, false);
                true
            }
            Ok(None) => false,
            Err(error) => {
                cx.report_failed_call(&error);
                false
            }
        }
    }

    /// Reports what became of the effects up to the `until`th answer, which the claim says by now.
    fn report<H: Home>(&mut self, cx: &Context<'_, H>, until: usize, is_settled: bool) {
        let reported = self.answered.iter().take(until).skip(self.reported);
        let last_sent = self.answered.iter().rev();
        let last_sent = last_sent.map(|(effect, _)| effect);
        let last_sent = last_sent
            .clone()
            .find(|effect| self.state(effect) == EffectState::Sent);
        for (effect, at) in reported {
            match self.state(effect) {
                EffectState::Sent => {
                    let is_last = is_settled && last_sent == Some(effect);
                    self.report_sent(cx, (effect, *at), is_last);
                }
                EffectState::Dropped => {
                    let subject = cx.subject();
                    EffectDropped { subject, effect }.emit();
                }
                EffectState::Parked => {
                    let subject = cx.subject();
                    EffectParked { subject, effect }.emit();
                }
                EffectState::Idle
                | EffectState::Sending
                | EffectState::Doubt
                | EffectState::Refused => {}
            }
        }
        self.reported = until.max(self.reported);
    }

    /// Whether something is open, and nothing of that was sent.
    fn is_unsent(&self) -> bool {
        let open = || self.listed.iter().filter(|id| self.state(id).is_open());
        open().next().is_some() && open().all(|id| self.unsent.contains(id))
    }

    fn state(&self, effect: &EffectId) -> EffectState {
        self.effects
            .get(effect)
            .map_or(EffectState::Idle, |effect| effect.state)
    }

    fn report_sent<H: Home>(
        &self,
        cx: &Context<'_, H>,
        (effect, at): (&EffectId, Timestamp),
        is_last: bool,
    ) {
        let provenance = &self.document.lead.provenance;
        let source = self.document.source();
        let said = self.effects.get(effect);
        EmailSent {
            // A bare message does not say whom it is about; the document does.
            subject: Subject::of(&self.document.lead.lead_id, &provenance.event_id, source),
            source,
            effect,
            message_id: said
                .and_then(|said| said.message_id.as_deref())
                .unwrap_or_default(),
            attempt: said.map_or(1, |said| said.attempt),
            latency: at.duration_since(provenance.accepted_at),
            since_owner: since_late_owner(cx, provenance.lookup_modified_at, at)
                .filter(|_| self.first.as_ref() == Some(effect)),
            timeliness: if is_last {
                timeliness(cx, provenance.lookup_modified_at, at)
            } else {
                Timeliness::NotLast
            },
        }
        .emit();
    }

    /// What is written last.
    fn last<H: Home>(&self, cx: &Context<'_, H>) -> Last {
        let Standing::Settled { letters } = standing(&self.listed, &self.effects) else {
            let claim = claim::of(cx, Says::Named(self.effects.clone()));
            // No worker sends any more: there is nothing left for the lease to protect.
            let lease_until = cx.now();
            return Last::Claim(Claim {
                lease_until,
                ..claim
            });
        };
        let message_id = match &*self.listed {
            [only] => self
                .effects
                .get(only)
                .and_then(|effect| effect.message_id.clone()),
            _ => None,
        };
        let sent = self.effects.values().filter_map(|effect| effect.at).max();
        Last::Marker(Marker {
            told: Some(letters),
            message_id,
            ..Marker::new(Settled::Sent, sent.unwrap_or_else(|| cx.now()))
        })
    }
}

/// The last write of an attempt.
enum Last {
    /// Nothing is left to do.
    Marker(Marker),
    /// Something is.
    Claim(Claim),
}

impl Last {
    /// Whether a stored marker is this one, whose reply was lost.
    fn is(&self, stored: &Marker) -> bool {
        let said = |marker: &Marker| (marker.how, marker.at, marker.told.clone());
        matches!(self, Self::Marker(own) if said(own) == said(stored))
    }
}

/// Writes what became of the effects. They have happened: recording that is all that is left to do, so it is tried until the record's
/// deadline. What another has written meanwhile stands.
pub(super) async fn settle<H: Home>(
    cx: &mut Context<'_, H>,
    mut board: Board,
) -> Result<Outcome, Failed> {
    let (ledger, name) = (cx.ledger(), cx.name());
    let last = board.last(cx);
    let mut pause = PAUSE;
    let others = loop {
        let written = match &last {
            Last::Marker(marker) => ledger.settle(name, Some(&board.etag), marker).await,
            Last::Claim(claim) => ledger.write_claim(name, Some(&board.etag), claim).await,
        };
        match written {
            Ok(Some(_)) => break None,
            Ok(None) => {}
            Err(error) => cx.report_failed_call(&error),
        }
        match ledger.claim(name).await.and_then(ClaimState::readable) {
            Ok(ClaimState::Claimed(claim, etag)) if claim.token == cx.token => board.etag = etag,
            Ok(ClaimState::Settled(marker, _)) if last.is(&marker) => break None,
            Ok(others) => break Some(others),
            Err(error) => cx.report_failed_call(&error),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    };
    cx.progress.recorded();
    let all = board.answered.len();
    board.report(cx, all, matches!(last, Last::Marker(_)));
    match others {
        None if board.is_unsent() => end::unsent(cx).await,
        None => end::of_attempt(cx, (&board.listed, &board.effects), true).await,
        // Forgotten meanwhile, or an operator's verb.
        Some(ClaimState::Settled(marker, _)) => Ok(cx.acked(done_before(marker.how))),
        Some(_) => Err(FailureReason::StoreUnavailable.into()),
    }
}

/// Since the owner file was written, where the lead waited for it. Of a replay or an operator's message that says nothing.
fn since_late_owner<H: Home>(
    cx: &Context<'_, H>,
    owner_since: Option<Timestamp>,
    sent_at: Timestamp,
) -> Option<SignedDuration> {
    let facts = cx.trigger.facts.as_ref();
    let not_before = facts.filter(|_| counts_for_slo(cx.trigger))?.not_before;
    let came_at = owner_since.filter(|since| *since > not_before)?;
    Some(sent_at.duration_since(came_at))
}

fn timeliness<H: Home>(
    cx: &Context<'_, H>,
    owner_since: Option<Timestamp>,
    sent_at: Timestamp,
) -> Timeliness {
    if cx.name().revision() > 0 {
        return Timeliness::Replayed;
    }
    let Some(facts) = cx
        .trigger
        .facts
        .as_ref()
        .filter(|_| counts_for_slo(cx.trigger))
    else {
        return Timeliness::NotCounted;
    };
    let ready = owner_since.map_or(facts.not_before, |since| since.max(facts.not_before));
    if sent_at.duration_since(ready) <= IN_TIME {
        Timeliness::InTime
    } else {
        Timeliness::Late
    }
}
