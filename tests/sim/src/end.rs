//! How a world ends: every event, and every effect of it, has come to an end that somebody can see.

use crate::receiver::Service;
use crate::rule::End;
use crate::setting::Owner;
use crate::state::State;
use leadwire_domain::effect::{EffectId, EffectState, Standing, not_happened, standing};
use leadwire_domain::failure::{FailureReason, FailureRecord};
use leadwire_domain::key::FAILED;
use leadwire_domain::message::Trigger;
use leadwire_pipeline::port::Bucket;
use leadwire_pipeline::settings::{AmbiguousPolicy, OwnerMissingPolicy};
use leadwire_pipeline::testkit::ANSWER_DEADLINE;
use std::collections::BTreeMap;
use std::time::Duration;

type Owners = BTreeMap<String, Owner>;

/// Where nothing went wrong but what services do, each effect of everything with an owner has come as far as its own service lets it, whatever
/// the others do, without a sweep or a redrive (P4, P6: waiting is not failing).
pub(crate) fn check_untroubled(state: &mut State, owners: &Owners) {
    let setting = &state.setting;
    if state.report.faults > 0 || setting.overlap_per_mille > 0 || setting.purge {
        return;
    }
    check_receives(state);
    // What the first edition left, an operator changed or a new configuration drops is counted elsewhere.
    let setting = &state.setting;
    if setting.upgrades || !setting.operations.is_empty() || setting.receivers.change.is_some() {
        return;
    }
    for name in state.raw_names() {
        // What a slow answer refused is the sweeper's.
        let is_ours = state.ledger.identities.contains_key(&name);
        if !is_ours || waits_in_vain(state, &name, owners) {
            continue;
        }
        let listed = state.listed(&name);
        if listed.is_empty() {
            state.breach(format!("P6: nothing went wrong and {name} has no effect"));
        }
        for effect in &listed {
            check_calm(state, &name, effect);
        }
    }
}

/// An effect of an event with which nothing went wrong was sent exactly once, but where its service loses replies or refuses.
fn check_calm(state: &mut State, name: &str, effect: &EffectId) {
    let mails = state.ledger.mails_to(name, effect);
    let is_right = match state.setting.receivers.service(effect) {
        Service::Up | Service::Throttling | Service::Busy(_) => mails == 1,
        Service::Late(seconds) if Duration::from_secs(seconds) < ANSWER_DEADLINE => mails == 1,
        Service::Refusing { .. } => mails == 0,
        Service::Losing | Service::Late(_) if state.setting.ambiguous == AmbiguousPolicy::Park => {
            mails == 1
        }
        Service::Losing | Service::Late(_) => mails == 2,
    };
    if !is_right {
        state.breach(format!(
            "P6: nothing went wrong and {name} has {mails} mails to {effect}"
        ));
    }
}

/// Where nothing went wrong, only what fails is received more than once.
fn check_receives(state: &mut State) {
    let again = state.memory.deliveries().into_iter();
    let again = again.filter(|(_, receives)| *receives > 1);
    let names: Vec<String> = again
        .filter_map(|(body, _)| Some(Trigger::parse(&body).ok()?.name.to_string()))
        .collect();
    for name in names {
        if !state.ledger.failed.contains(&name) && !state.is_forgotten(&name) {
            state.breach(format!("P6: {name} waited and was received again"));
        }
    }
}

/// Every dead letter says why (P1), once the sweeper had its time; and where nothing goes wrong any more, it gives nothing up.
pub(crate) fn check_dead_letters(state: &mut State) {
    for name in state.raw_names() {
        let failure = failure(state, &name);
        let is_given_up = failure.is_some_and(|failure| failure.reason == FailureReason::SweptOut);
        if is_given_up && !state.setting.sweeps {
            state.breach(format!("P1: {name} was swept without an effect"));
        }
        let is_silent = state.memory.is_dead(&name) && !state.ledger.is_over(&name);
        if is_silent {
            state.breach(format!("P1: {name} is a dead letter without a reason"));
        }
    }
    if state.setting.poison && !state.setting.purge && dead_strangers(state) != 1 {
        state.breach("P1: what nobody can read is no dead letter".to_owned());
    }
}

/// Dead letters that name no event.
fn dead_strangers(state: &State) -> usize {
    let letters = state.memory.dead_letters().into_iter();
    let strangers = letters.filter(|letter| Trigger::parse(&letter.body).is_err());
    strangers.count()
}

fn failure(state: &State, name: &str) -> Option<FailureRecord> {
    let key = format!("{FAILED}{name}.json");
    let failure = state.memory.peek(Bucket::Enriched, &key)?;
    serde_json::from_slice(&failure.bytes).ok()
}

/// At the end each effect of everything that is stored was sent or dropped, was refused or parked with its reason, or the event waits in vain
/// for its owner.
pub(crate) fn check_ends(state: &mut State, owners: &Owners) {
    for name in state.raw_names() {
        check_end(state, &name, waits_in_vain(state, &name, owners));
    }
    // A queue that was emptied lost replays too, and the sweep does not look after them.
    let replays: Vec<String> = state.ledger.orders.keys().cloned().collect();
    for name in replays {
        let is_lost = state.is_forgotten(&name) || state.setting.purge;
        if !state.ledger.is_over(&name) && !is_lost {
            state.breach(format!("P1: the replay {name} has no end"));
        }
    }
    let accepted: Vec<String> = state.ledger.accepted().map(str::to_owned).collect();
    let is_accounted = |name: &&String| state.ledger.is_over(name) || state.is_forgotten(name);
    let accounted = accepted.iter().filter(is_accounted).count();
    if accepted.len() != accounted {
        let received = accepted.len();
        state.breach(format!("P1: of {received} events {accounted} have an end"));
    }
}

fn check_end(state: &mut State, name: &str, waits: bool) {
    if let Some(End::Told | End::Silent | End::Forgotten) = state.ledger.end(name) {
        return;
    }
    let listed = state.listed(name);
    let said = state.ledger.said(name, &listed);
    let Some(failure) = failure(state, name) else {
        return state.breach(format!("P1: {name} has no end"));
    };
    if listed.is_empty() {
        if !waits {
            state.breach(format!("P1: {name} has no effect, and an owner"));
        }
        return;
    }
    let reason = match standing(&listed, &said) {
        Standing::Refused => FailureReason::MailRefused,
        Standing::Parked => FailureReason::MailAmbiguous,
        Standing::NoReceiver => FailureReason::NoReceiver,
        Standing::Open { .. } | Standing::Settled { .. } => {
            return state.breach(format!("P1: {name} has no end: {said:?}"));
        }
    };
    let happened_not = not_happened(&listed, &said);
    // What the first edition parked is parked for every receiver of today.
    let is_old = listed == [EffectId::everybody()];
    let names_right = failure.effects == happened_not || is_old;
    if failure.reason != reason || !names_right {
        state.breach(format!(
            "P1: {name} did not do {happened_not:?}, and failed/ says {:?} of {:?}",
            failure.reason, failure.effects
        ));
    }
    for effect in state.ledger.in_state(name, &listed, EffectState::Refused) {
        let service = state.setting.receivers.service(&effect);
        if service != (Service::Refusing { heals: false }) {
            state.breach(format!("P1: {effect} of {name} is not sent, and could be"));
        }
    }
}

fn waits_in_vain(state: &State, name: &str, owners: &Owners) -> bool {
    let raw = state.raw(name);
    let lead = raw.as_ref().and_then(|raw| raw.metadata.get("lead-id"));
    let is_never = |lead| owners.get(lead) == Some(&Owner::Never) || state.ownerless.contains(lead);
    lead.is_some_and(is_never) && state.setting.owner_missing == OwnerMissingPolicy::Dlq
}
