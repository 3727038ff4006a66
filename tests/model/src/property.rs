//! The promises, as predicates over one moment.
//!
//! What "ends" some way is asked of every quiet moment. `circle.rs` shows that no run goes on for ever,
//! and [`NO_DEADLOCK`] that none stops before it is quiet; the three together say that every run ends so.

use stateright::{Model, Property};

use crate::audit::{Audit, audit};
use crate::bounds::{Ambiguous, Notify, Protocol, Start};
use crate::claim::Claim;
use crate::effect::{BOTH, Effect, EffectId, Effects, Set};
use crate::enrich::is_visible;
use crate::fact::{Doc, Failed, Lookup, Phase, Raw, Reason};
use crate::ghost::Woken;
use crate::pair::Rev;
use crate::queue::{Kind, Message, Place};
use crate::state::{Forget, Machine, State};
use crate::sweep::SWEPT_MAX;

pub(crate) const ACCEPTED_IS_STORED: &str = "P1 an accepted event is stored";
pub(crate) const ACCEPTED_HAS_TRIGGER: &str =
    "P1 an accepted event keeps a trigger until it is settled or failed";
pub(crate) const NO_TRIGGER_WITHOUT_BYTES: &str =
    "P1 no trigger is queued before its bytes are stored";
pub(crate) const STORED_ENDS: &str = "P1 every effect of a stored event ends: sent, dropped, forgotten, or refused, parked or dead-lettered with its reason";
pub(crate) const AUDITED: &str =
    "P1 the audit finds no event nowhere, and calls mailed only what was sent to every receiver";
pub(crate) const DLQ_HAS_REASON: &str =
    "P1 what is dead-lettered has its reason in failed/, unless its last receive died";
pub(crate) const FAULTS_ABSORBED: &str =
    "P1 fewer faults than receives still end with every effect sent or parked";
pub(crate) const REPLAY_ENDS: &str =
    "P1 a replay ends mailed, silent, parked, forgotten or dead-lettered";
pub(crate) const NOT_EARLY: &str = "P2 no effect before not_before";
pub(crate) const ONE_DOCUMENT: &str = "P3 the enriched document of a revision never changes";
pub(crate) const FROM_DOCUMENT: &str =
    "P3 every effect is one of the stored document, and rendered from it";
pub(crate) const SENDS_BOUNDED: &str = "P4 an effect is sent once, and once more after a doubt";
pub(crate) const PARK_SENDS_ONCE: &str = "P4 park sends at most once";
pub(crate) const SILENT_MAILS_NOBODY: &str =
    "P4 a replay that is to mail nobody mails nobody, and has its document where it ends";
pub(crate) const CALM_SENDS_ONCE: &str =
    "P4, P6 without a fault each effect is sent exactly once, whatever another receiver does";
pub(crate) const SENT_IS_SENT: &str =
    "P4 what is marked as sent was sent, and a settled event was sent";
pub(crate) const PARKED_IS_DOUBTFUL: &str = "P4 parked means doubtful";
pub(crate) const PARKED_HAS_REASON: &str =
    "P4 what is parked has its reason in failed/, or a dead letter";
pub(crate) const WAITING_IS_FREE: &str = "P6 waiting costs no receive";
pub(crate) const WAIT_HAS_CAUSE: &str = "P6 a wait for mail begins with a busy service or a doubt, never with a lack of turns or of time";
pub(crate) const SETTLED_RESTS: &str = "P6 a message of a settled event neither fails nor waits";
pub(crate) const WOKEN_WHEN_DUE: &str =
    "P9 an event that is not due is woken by its own message only";
pub(crate) const WOKEN_WHILE_WAITING: &str =
    "P9 an event that has its document or its tombstone is not woken";
pub(crate) const WOKEN_PASSES: &str =
    "P9 a wake-up neither waits nor fails for an absent owner: the event's own message does";
pub(crate) const HEARD_IS_MADE: &str =
    "P9 an owner file whose notification came makes its document without the event's own message";
pub(crate) const ONE_BOOT: &str =
    "one machine: no claim of another boot is waited for, whether that died or was stopped";
pub(crate) const FORGOTTEN: &str = "forgotten stays forgotten: nothing stored, nothing sent";
pub(crate) const NOTHING_CIRCLES: &str = "nothing circles: hops and sweeps are bounded";
pub(crate) const NO_DEADLOCK: &str = "a run stops only when it is quiet";

pub(crate) const R_SENT: &str = "reached: every effect sent";
pub(crate) const R_TWICE: &str = "reached: a second copy after a doubt";
pub(crate) const R_PARKED: &str = "reached: an effect parked";
pub(crate) const R_PARKED_BESIDE: &str = "reached: an effect parked, the other sent";
pub(crate) const R_REFUSED_BESIDE: &str = "reached: an effect refused, the other sent";
pub(crate) const R_DROPPED: &str = "reached: settled with an effect dropped";
pub(crate) const R_NO_RECEIVER: &str = "reached: failed without a receiver";
pub(crate) const R_DLQ: &str = "reached: dead-lettered";
pub(crate) const R_SWEPT: &str = "reached: a trigger sent by the sweep";
pub(crate) const R_SWEPT_OUT: &str = "reached: swept out";
pub(crate) const R_THROTTLED: &str = "reached: an effect throttled, then sent";
pub(crate) const R_UNASSIGNED: &str = "reached: sent as unassigned";
pub(crate) const R_SECOND: &str = "reached: sent from the second document";
pub(crate) const R_REPLAYED: &str = "reached: a replay sent";
pub(crate) const R_SILENT: &str = "reached: a replay ended silent";
pub(crate) const R_FORGOTTEN: &str = "reached: forgotten";
pub(crate) const R_WOKEN: &str = "reached: sent by a wake-up while its own message waits";
pub(crate) const R_WOKEN_BUSY: &str = "reached: a wake-up waits for a busy service";
pub(crate) const R_WOKEN_DEAD: &str = "reached: a wake-up dead-lettered";
pub(crate) const R_STOPPED: &str = "reached: a stop writes a doubt";
pub(crate) const R_CURED: &str = "reached: sent after the dead letter queue";

/// The properties of a protocol in its scenario.
pub(crate) fn of(protocol: &Protocol) -> Vec<Property<Protocol>> {
    let mut all = events_are_kept();
    all.extend(effects_are_counted());
    all.extend(nothing_else_happens());
    let asked = |property: &Property<Protocol>| protocol.reaches.contains(&property.name);
    all.extend(reachable().into_iter().filter(asked));
    all
}

type Condition = fn(&Protocol, &State) -> bool;

fn law(name: &'static str, condition: Condition) -> Property<Protocol> {
    Property::always(name, condition)
}

fn reach(name: &'static str, condition: Condition) -> Property<Protocol> {
    Property::sometimes(name, condition)
}

/// P1.
fn events_are_kept() -> Vec<Property<Protocol>> {
    vec![
        law(ACCEPTED_IS_STORED, |_, s| {
            !s.ghost.accepted || s.raw != Raw::Absent
        }),
        law(ACCEPTED_HAS_TRIGGER, |_, s| {
            !s.ghost.accepted || has_trigger_or_end(s)
        }),
        law(NO_TRIGGER_WITHOUT_BYTES, |_, s| {
            s.was_stored() || s.queue.each().next().is_none()
        }),
        law(STORED_ENDS, |p, s| {
            !(s.is_quiet(p) && s.was_stored()) || s.ghost.prefix_lost || has_ended(p, s)
        }),
        law(AUDITED, |p, s| {
            let sent = |e| s.ghost.effects[Rev::Base][e].sends > 0 || s.ghost.bad[e];
            match audit(s) {
                Audit::Nowhere => !(s.is_quiet(p) && s.was_stored()) || s.ghost.prefix_lost,
                Audit::Mailed => each_of(p, s, sent),
                Audit::Forgotten | Audit::InFlight | Audit::Parked | Audit::DeadLettered => true,
            }
        }),
        law(DLQ_HAS_REASON, |_, s| {
            let mut dead = s.queue.each().filter(|(_, m)| m.place == Place::Dlq);
            dead.all(|(_, m)| m.mute || is_over(s, m.rev) || s.failed[m.rev].is_some())
        }),
        law(FAULTS_ABSORBED, faults_are_absorbed),
        law(REPLAY_ENDS, |p, s| {
            let failed = s.failed[Rev::Replay].is_some() || is_dead(s, Rev::Replay);
            let ended = is_over(s, Rev::Replay) || failed || s.ghost.purged;
            !(s.is_quiet(p) && s.ghost.replayed) || ended
        }),
    ]
}

/// P2, P3 and P4.
fn effects_are_counted() -> Vec<Property<Protocol>> {
    vec![
        law(NOT_EARLY, |_, s| !s.ghost.early_effect),
        law(ONE_DOCUMENT, |_, s| !s.ghost.doc_changed),
        law(FROM_DOCUMENT, |_, s| !s.ghost.doc_foreign),
        law(SENDS_BOUNDED, |_, s| {
            each(|rev, e| {
                let told = s.ghost.effects[rev][e];
                told.sends <= 1 + u8::from(told.unrecorded)
            })
        }),
        law(PARK_SENDS_ONCE, |p, s| {
            p.policy.ambiguous != Ambiguous::Park
                || each(|rev, e| s.ghost.effects[rev][e].sends <= 1)
        }),
        law(SILENT_MAILS_NOBODY, |p, s| {
            let ended = s.mail[Rev::Replay].claim == Claim::Silent;
            let has_document = s.docs[Rev::Replay].is_some() || is_forgotten(s);
            let silent = p.policy.replay == Notify::Never;
            let sent = |e: &EffectId| s.ghost.effects[Rev::Replay][*e].sends > 0;
            (!ended || has_document) && !(silent && EffectId::ALL.iter().any(sent))
        }),
        law(CALM_SENDS_ONCE, calm_sends_once),
        law(SENT_IS_SENT, |p, s| {
            Rev::ALL.into_iter().all(|rev| sent_is_sent(p, s, rev))
        }),
        law(PARKED_IS_DOUBTFUL, |p, s| {
            each(|rev, e| {
                let parked = s.mail[rev].claim.of(BOTH)[e] == Effect::Parked;
                !parked || s.ghost.effects[rev][e].doubts >= p.policy.doubts()
            })
        }),
        law(PARKED_HAS_REASON, |p, s| {
            let parked = |e| said(p, s, Rev::Base)[e] == Effect::Parked;
            let open = !p.open(s, Rev::Base).is_empty() || is_dead(s, Rev::Base);
            let due = s.is_quiet(p) && !open;
            let reason = s.failed[Rev::Base].filter(|f| f.reason != Reason::SweptOut);
            let named = |e| reason.is_some_and(|f| f.effects[e]);
            !due || EffectId::ALL.into_iter().all(|e| !parked(e) || named(e))
        }),
    ]
}

/// P6, P9, forgotten events, and that nothing goes on for ever.
fn nothing_else_happens() -> Vec<Property<Protocol>> {
    vec![
        law(WAITING_IS_FREE, waiting_is_free),
        law(WAIT_HAS_CAUSE, |_, s| {
            let doubts = |rev: Rev| move |e| s.ghost.effects[rev][e].doubts > 0;
            let has_cause =
                |rev| !s.ghost.bad.is_empty() || EffectId::ALL.into_iter().any(doubts(rev));
            let mut messages = s.queue.each();
            messages.all(|(_, m)| m.mail_wait_since.is_none() || has_cause(m.rev))
        }),
        law(SETTLED_RESTS, |_, s| {
            !s.ghost.bothered || s.ghost.prefix_lost
        }),
        law(WOKEN_WHEN_DUE, |_, s| s.ghost.woken != Woken::Early),
        law(WOKEN_WHILE_WAITING, |_, s| s.ghost.woken != Woken::Ended),
        law(WOKEN_PASSES, |_, s| !s.ghost.woken_waits),
        law(HEARD_IS_MADE, heard_is_made),
        law(ONE_BOOT, |p, s| {
            let dead = |rev| s.mail[rev].live && !s.holder_works(rev);
            let asked = p.policy.one_machine && s.runs();
            !asked || !Rev::ALL.into_iter().any(dead)
        }),
        law(FORGOTTEN, |_, s| {
            // A sweep that was under way may still count and give up: `docs/MODEL.md` says so.
            let swept_out = |f: &Failed| f.reason == Reason::SweptOut;
            let failed = s.failed.each().into_iter().flatten();
            let documents = s.docs.each().into_iter().flatten();
            let stored = s.raw == Raw::Stored || documents.count() > 0;
            let back =
                s.forget == Forget::Done && (stored || !failed.copied().all(|f| swept_out(&f)));
            !back && !s.ghost.mailed_forgotten
        }),
        law(NOTHING_CIRCLES, |p, s| {
            let hops = s.queue.each().all(|(_, m)| m.hops <= p.policy.hops);
            hops && s.ghost.swept <= SWEPT_MAX
        }),
        law(NO_DEADLOCK, |p, s| {
            let mut actions = Vec::new();
            s.is_quiet(p) || {
                p.actions(s, &mut actions);
                !actions.is_empty()
            }
        }),
    ]
}

fn reachable() -> Vec<Property<Protocol>> {
    vec![
        reach(R_SENT, |p, s| {
            let told = |e| said(p, s, Rev::Base)[e] == Effect::Sent;
            is_sent(s) && each_of(p, s, told)
        }),
        reach(R_TWICE, |_, s| {
            let copies = |e| s.ghost.effects[Rev::Base][e].sends == 2;
            EffectId::ALL.into_iter().any(copies)
        }),
        reach(R_PARKED, |_, s| has(s, |e| *e == Effect::Parked)),
        reach(R_PARKED_BESIDE, |_, s| {
            has(s, |e| *e == Effect::Parked) && has(s, |e| *e == Effect::Sent)
        }),
        reach(R_REFUSED_BESIDE, |_, s| {
            has(s, |e| matches!(e, Effect::Refused(_))) && has(s, |e| *e == Effect::Sent)
        }),
        reach(R_DROPPED, |_, s| {
            is_sent(s) && has(s, |e| *e == Effect::Dropped)
        }),
        reach(R_NO_RECEIVER, |_, s| {
            s.failed[Rev::Base].is_some_and(|f| f.reason == Reason::NoReceiver)
        }),
        reach(R_DLQ, |_, s| s.ghost.dead_lettered),
        reach(R_SWEPT, |_, s| is_sent(s) && s.ghost.swept > 0),
        reach(R_SWEPT_OUT, |_, s| {
            s.failed[Rev::Base].is_some_and(|f| f.reason == Reason::SweptOut)
        }),
        reach(R_THROTTLED, |_, s| is_sent(s) && !s.ghost.bad.is_empty()),
        reach(R_UNASSIGNED, |_, s| {
            is_sent(s) && s.docs[Rev::Base] == Some(Doc::Unassigned)
        }),
        reach(R_SECOND, |_, s| {
            is_sent(s) && s.docs[Rev::Base] == Some(Doc::Second)
        }),
        reach(R_REPLAYED, |_, s| {
            matches!(s.mail[Rev::Replay].claim, Claim::Sent(_))
        }),
        reach(R_SILENT, |_, s| s.mail[Rev::Replay].claim == Claim::Silent),
        reach(R_FORGOTTEN, |_, s| s.forget == Forget::Done),
        reach(R_WOKEN, |_, s| {
            let waits = |m: &Message| !m.woken && m.kind == Kind::Owner && m.place == Place::Queue;
            is_sent(s) && s.queue.each().any(|(_, m)| waits(m))
        }),
        reach(R_WOKEN_BUSY, |_, s| {
            let waits = |m: &Message| m.woken && m.kind == Kind::Mail;
            s.queue.each().any(|(_, m)| waits(m))
        }),
        reach(R_WOKEN_DEAD, |_, s| {
            let dead = |m: &Message| m.woken && m.place == Place::Dlq;
            s.queue.each().any(|(_, m)| dead(m))
        }),
        reach(R_STOPPED, |_, s| {
            s.machine == Machine::Stopping && has(s, |e| matches!(e, Effect::Doubt(_)))
        }),
        reach(R_CURED, |_, s| is_sent(s) && s.ghost.dead_lettered),
    ]
}

/// Whether the claim of the event names such an effect.
fn has(state: &State, what: fn(&Effect) -> bool) -> bool {
    let said = state.mail[Rev::Base].claim.of(BOTH);
    said.each().into_iter().any(what)
}

/// Every effect of every revision.
fn each(holds: impl Fn(Rev, EffectId) -> bool) -> bool {
    let all = |rev: Rev| EffectId::ALL.into_iter().all(|e| holds(rev, e));
    Rev::ALL.into_iter().all(all)
}

/// Every effect of the event's document.
fn each_of(protocol: &Protocol, state: &State, holds: impl Fn(EffectId) -> bool) -> bool {
    let named = |e: &EffectId| state.has_effect(protocol, Rev::Base, *e);
    EffectId::ALL.into_iter().filter(named).all(holds)
}

/// What the claim says of the effects of the document; of nothing, where there is none.
fn said(protocol: &Protocol, state: &State, rev: Rev) -> Effects {
    let document = Set::of(|e| state.has_effect(protocol, rev, e));
    state.mail[rev].claim.of(document)
}

fn is_sent(state: &State) -> bool {
    matches!(state.mail[Rev::Base].claim, Claim::Sent(_))
}

fn is_forgotten(state: &State) -> bool {
    state.raw == Raw::Tombstone || state.mail[Rev::Base].claim == Claim::Forgotten
}

fn is_over(state: &State, rev: Rev) -> bool {
    state.mail[rev].is_settled() || is_forgotten(state)
}

fn is_dead(state: &State, rev: Rev) -> bool {
    let mut messages = state.queue.each();
    messages.any(|(_, m)| m.rev == rev && m.place == Place::Dlq)
}

/// Settled or forgotten; or in `failed/`, which names what was not sent, where there is no dead letter to be redriven.
fn has_ended(protocol: &Protocol, state: &State) -> bool {
    let said = said(protocol, state, Rev::Base);
    let unsent = Set::of(|e| matches!(said[e], Effect::Refused(_) | Effect::Parked));
    let open = protocol.open(state, Rev::Base);
    is_over(state, Rev::Base)
        || state.failed[Rev::Base].is_some_and(|failed| {
            let swept_out = failed.reason == Reason::SweptOut;
            let named = open.is_empty() && unsent.is_within(failed.effects);
            swept_out || named || is_dead(state, Rev::Base)
        })
}

fn has_trigger_or_end(state: &State) -> bool {
    let waits = |place: Place| matches!(place, Place::Queue | Place::Flight | Place::Dlq);
    is_over(state, Rev::Base)
        || state.failed[Rev::Base].is_some()
        || state.ghost.prefix_lost
        || state.ghost.purged
        || state
            .queue
            .each()
            .any(|(_, m)| m.rev == Rev::Base && waits(m.place))
}

fn faults_are_absorbed(protocol: &Protocol, state: &State) -> bool {
    let few = protocol.faults(state.left) < protocol.policy.receives;
    let excused = state.ghost.struck || state.ghost.prefix_lost || is_forgotten(state);
    let said = said(protocol, state, Rev::Base);
    let good = |e| matches!(said[e], Effect::Sent | Effect::Parked) || state.ghost.bad[e];
    let made = state.docs[Rev::Base].is_some();
    !(state.is_quiet(protocol) && state.was_stored() && few && !excused)
        || (made && each_of(protocol, state, good))
}

fn calm_sends_once(protocol: &Protocol, state: &State) -> bool {
    let excused = state.ghost.struck || state.ghost.prefix_lost || is_forgotten(state);
    let fresh = protocol.policy.start == Start::Empty;
    let calm = protocol.faults(state.left) == 0 && fresh && !excused;
    let once = |e| state.ghost.effects[Rev::Base][e].sends == 1 || state.ghost.bad[e];
    !(state.is_quiet(protocol) && state.was_stored() && calm) || each_of(protocol, state, once)
}

fn sent_is_sent(protocol: &Protocol, state: &State, rev: Rev) -> bool {
    let sends = |e: EffectId| state.ghost.effects[rev][e].sends;
    let claim = state.mail[rev].claim;
    let (Claim::Sent(told) | Claim::Named(told)) = claim else {
        return true;
    };
    let true_of = |e: EffectId| told[e] != Effect::Sent || sends(e) > 0;
    let settled = |e: EffectId| matches!(told[e], Effect::Sent | Effect::Dropped);
    let told_all = EffectId::ALL
        .into_iter()
        .all(|e| settled(e) || !state.has_effect(protocol, rev, e));
    let any = told.each().contains(&&Effect::Sent);
    EffectId::ALL.into_iter().all(true_of)
        && (matches!(claim, Claim::Named(_)) || (told_all && any))
}

/// Every receive beyond the present one is explained by a failure that may cost one.
fn waiting_is_free(_: &Protocol, state: &State) -> bool {
    let explained =
        |slot| usize::from(state.queue.get(slot).strikes) + usize::from(state.holders(slot) > 0);
    let mut messages = state
        .queue
        .each()
        .filter(|(_, m)| m.place != Place::Deleted);
    messages.all(|(slot, m)| usize::from(m.receives) <= explained(slot))
}

/// In the owner window nobody waits for time to pass once the file is there and its notification came. Faults are excused.
fn heard_is_made(protocol: &Protocol, state: &State) -> bool {
    let there = matches!(state.lookup, Lookup::First | Lookup::Second);
    let heard = there && !state.ghost.unheard && protocol.bounds.wakes > 0;
    let calm = protocol.faults(state.left) == 0 && !state.ghost.struck && !is_forgotten(state);
    let now = state
        .queue
        .each()
        .any(|(slot, m)| m.place != Place::Dlq && is_visible(state, slot));
    let rests = state.runs() && !state.is_at_work() && !now;
    let asked = state.phase == Phase::Due && state.ghost.accepted && heard && calm && rests;
    !asked || state.docs[Rev::Base].is_some()
}
