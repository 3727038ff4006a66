//! The promises, as predicates over one moment.
//!
//! What "ends" some way is asked of every quiet moment. `circle.rs` shows that no run goes on for ever,
//! and `NO_DEADLOCK` that none stops before it is quiet; the three together say that every run ends so.

use stateright::{Model, Property};

use crate::bounds::{Ambiguous, Notify, Protocol};
use crate::pair::Rev;
use crate::queue::Place;
use crate::state::{Claim, Doc, Forget, Reason, State};
use crate::sweep::SWEPT_MAX;

pub(crate) const ACCEPTED_IS_STORED: &str = "P1 an accepted event is stored";
pub(crate) const ACCEPTED_HAS_TRIGGER: &str =
    "P1 an accepted event keeps a trigger until it is settled or failed";
pub(crate) const NO_TRIGGER_WITHOUT_BYTES: &str =
    "P1 no trigger is queued before its bytes are stored";
pub(crate) const STORED_ENDS: &str =
    "P1 every stored event ends mailed, parked, forgotten or failed with its reason";
pub(crate) const DLQ_HAS_REASON: &str =
    "P1 what is dead-lettered has its reason in failed/, unless its last receive died";
pub(crate) const FAULTS_ABSORBED: &str = "P1 fewer faults than receives still end in a mail";
pub(crate) const REPLAY_ENDS: &str =
    "P1 a replay ends mailed, silent, parked, forgotten or dead-lettered";
pub(crate) const NOT_EARLY: &str = "P2 no effect before not_before";
pub(crate) const ONE_DOCUMENT: &str = "P3 the enriched document of a revision never changes";
pub(crate) const MAIL_FROM_DOCUMENT: &str = "P3 every mail is rendered from the stored document";
pub(crate) const MAILS_BOUNDED: &str = "P4 mails are at most one, and one for each ambiguity";
pub(crate) const PARK_MAILS_ONCE: &str = "P4 park mails at most once";
pub(crate) const SILENT_MAILS_NOBODY: &str =
    "P4 a replay that is to mail nobody mails nobody, and has its document where it ends";
pub(crate) const CALM_MAILS_ONCE: &str = "P4 without a fault there is exactly one mail";
pub(crate) const SENT_IS_MAILED: &str = "P4 settled as sent means mailed";
pub(crate) const PARKED_IS_DOUBTFUL: &str =
    "P4 parked means doubtful and has its reason in failed/";
/// Waiting is not failing.
pub const WAITING_IS_FREE: &str = "P6 waiting costs no receive";
pub(crate) const FORGOTTEN: &str = "forgotten stays forgotten: nothing stored, nothing mailed";
pub(crate) const NOTHING_CIRCLES: &str = "nothing circles: hops and sweeps are bounded";
pub(crate) const NO_DEADLOCK: &str = "a run stops only when it is quiet";

pub(crate) const R_MAILED: &str = "reached: mailed";
pub(crate) const R_TWO_MAILS: &str = "reached: a second mail after an ambiguity";
pub(crate) const R_PARKED: &str = "reached: parked";
pub(crate) const R_DLQ: &str = "reached: dead-lettered";
pub(crate) const R_SWEPT: &str = "reached: a trigger sent by the sweep";
pub(crate) const R_SWEPT_OUT: &str = "reached: swept out";
pub(crate) const R_THROTTLED: &str = "reached: a mail throttled, then sent";
pub(crate) const R_UNASSIGNED: &str = "reached: mailed as unassigned";
pub(crate) const R_REPLAYED: &str = "reached: a replay mailed";
pub(crate) const R_SILENT: &str = "reached: a replay ended silent";
pub(crate) const R_FORGOTTEN: &str = "reached: forgotten";
pub(crate) const R_CURED: &str = "reached: mailed after the dead letter queue";

/// The properties of a protocol in its scenario.
pub(crate) fn of(protocol: &Protocol) -> Vec<Property<Protocol>> {
    let mut all = events_are_kept();
    all.extend(mails_are_counted());
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

/// P1, and what else is asked of every event.
fn events_are_kept() -> Vec<Property<Protocol>> {
    vec![
        law(ACCEPTED_IS_STORED, |_, s| {
            !s.ghost.accepted || s.raw || is_forgotten(s)
        }),
        law(ACCEPTED_HAS_TRIGGER, |_, s| {
            !s.ghost.accepted || has_trigger_or_end(s)
        }),
        law(NO_TRIGGER_WITHOUT_BYTES, |_, s| {
            s.ghost.stored || s.queue.each().next().is_none()
        }),
        law(STORED_ENDS, |p, s| {
            !(s.is_quiet(p) && s.ghost.stored) || has_ended(s, Rev::Base) || s.ghost.prefix_lost
        }),
        law(DLQ_HAS_REASON, |_, s| dlq_is_explained(s)),
        law(FAULTS_ABSORBED, faults_are_absorbed),
        law(REPLAY_ENDS, |p, s| {
            let dead = s
                .queue
                .each()
                .any(|(_, m)| m.rev == Rev::Replay && m.place == Place::Dlq);
            let swallowed =
                s.mail[Rev::Replay].claim == Claim::Absent && s.ghost.mails[Rev::Replay] == 0;
            !(s.is_quiet(p) && s.ghost.replayed)
                || dead
                || is_forgotten(s)
                || s.ghost.purged
                || !swallowed
        }),
    ]
}

/// P2, P3, P4 and P6, and that nothing goes on for ever.
fn mails_are_counted() -> Vec<Property<Protocol>> {
    vec![
        law(NOT_EARLY, |_, s| !s.ghost.early_effect),
        law(ONE_DOCUMENT, |_, s| !s.ghost.doc_changed),
        law(MAIL_FROM_DOCUMENT, |_, s| !s.ghost.doc_foreign),
        law(MAILS_BOUNDED, |_, s| {
            let bounded = |rev: &Rev| s.ghost.mails[*rev] <= 1 + s.ghost.ambiguous[*rev];
            Rev::ALL.iter().all(bounded)
        }),
        law(PARK_MAILS_ONCE, |p, s| {
            p.policy.ambiguous != Ambiguous::Park
                || s.ghost.mails.each().into_iter().all(|n| *n <= 1)
        }),
        law(SILENT_MAILS_NOBODY, silent_mails_nobody),
        law(CALM_MAILS_ONCE, calm_mails_once),
        law(SENT_IS_MAILED, |_, s| {
            let told = |rev: &Rev| s.mail[*rev].claim != Claim::Sent || s.ghost.mails[*rev] > 0;
            Rev::ALL.iter().all(told)
        }),
        law(PARKED_IS_DOUBTFUL, |p, s| {
            let parked = |rev: &&Rev| s.mail[**rev].claim == Claim::Parked;
            Rev::ALL
                .iter()
                .filter(parked)
                .all(|rev| faults(p, s) > 0 && s.failed[*rev].is_some())
        }),
        law(WAITING_IS_FREE, waiting_is_free),
        law(FORGOTTEN, |_, s| {
            let stored = s.raw || s.docs.each().iter().any(|d| d.is_some());
            let back = s.forget == Forget::Done && stored;
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
        reach(R_MAILED, |_, s| is_sent(s)),
        reach(R_TWO_MAILS, |_, s| s.ghost.mails[Rev::Base] == 2),
        reach(R_PARKED, |_, s| s.mail[Rev::Base].claim == Claim::Parked),
        reach(R_DLQ, |_, s| s.ghost.dead_lettered),
        reach(R_SWEPT, |_, s| is_sent(s) && s.ghost.swept > 0),
        reach(R_SWEPT_OUT, |_, s| {
            s.failed[Rev::Base] == Some(Reason::SweptOut)
        }),
        reach(R_THROTTLED, |_, s| is_sent(s) && s.ghost.deferred),
        reach(R_UNASSIGNED, |_, s| {
            is_sent(s) && s.docs[Rev::Base] == Some(Doc::Unassigned)
        }),
        reach(R_REPLAYED, |_, s| s.ghost.mails[Rev::Replay] > 0),
        reach(R_SILENT, |_, s| s.mail[Rev::Replay].claim == Claim::Silent),
        reach(R_FORGOTTEN, |_, s| s.forget == Forget::Done),
        reach(R_CURED, |_, s| is_sent(s) && s.ghost.dead_lettered),
    ]
}

/// Faults (deaths, lost replies, errors, purges) that have happened.
fn faults(protocol: &Protocol, state: &State) -> u8 {
    protocol.bounds.faults() - state.left.faults()
}

fn is_sent(state: &State) -> bool {
    state.mail[Rev::Base].claim == Claim::Sent
}

fn is_forgotten(state: &State) -> bool {
    state.mail[Rev::Base].claim == Claim::Forgotten
}

/// Mailed, parked, forgotten, or failed with a reason.
fn has_ended(state: &State, rev: Rev) -> bool {
    let closed = matches!(
        state.mail[rev].claim,
        Claim::Sent | Claim::Forgotten | Claim::Parked | Claim::Silent
    );
    closed || is_forgotten(state) || state.failed[rev].is_some()
}

fn has_trigger_or_end(state: &State) -> bool {
    let waits = |place: Place| matches!(place, Place::Queue | Place::Flight | Place::Dlq);
    has_ended(state, Rev::Base)
        || state.ghost.prefix_lost
        || state.ghost.purged
        || state
            .queue
            .each()
            .any(|(_, m)| m.rev == Rev::Base && waits(m.place))
}

fn dlq_is_explained(state: &State) -> bool {
    let mut dead = state.queue.each().filter(|(_, m)| m.place == Place::Dlq);
    dead.all(|(_, m)| m.mute || has_ended(state, m.rev))
}

fn faults_are_absorbed(protocol: &Protocol, state: &State) -> bool {
    let closed = matches!(
        state.mail[Rev::Base].claim,
        Claim::Sent | Claim::Forgotten | Claim::Parked
    );
    let excused = state.ghost.struck || state.ghost.prefix_lost;
    let few = faults(protocol, state) < protocol.policy.receives;
    !(state.is_quiet(protocol) && state.ghost.stored && few && !excused) || closed
}

fn silent_mails_nobody(protocol: &Protocol, state: &State) -> bool {
    let ended = state.mail[Rev::Replay].claim == Claim::Silent;
    let has_document = state.docs[Rev::Replay].is_some() || is_forgotten(state);
    let mailed = state.ghost.mails[Rev::Replay] > 0;
    (!ended || has_document) && !(mailed && protocol.policy.notify == Notify::Never)
}

fn calm_mails_once(protocol: &Protocol, state: &State) -> bool {
    let excused = state.ghost.struck || state.ghost.prefix_lost || is_forgotten(state);
    let calm = faults(protocol, state) == 0 && !excused;
    !(state.is_quiet(protocol) && state.ghost.stored && calm) || state.ghost.mails[Rev::Base] == 1
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
