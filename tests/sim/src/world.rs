//! A world from its beginning to its end: faults first, then none; and everything must have come to an end.

use crate::actor::{self, Webhook};
use crate::fault::Schedule;
use crate::operator;
use crate::rule::End;
use crate::setting::{Form, Operation, Owner, Setting};
use crate::state::{Plan, Report, Shared, State, lead};
use jiff::SignedDuration;
use leadwire_domain::failure::{FailureReason, FailureRecord};
use leadwire_domain::key::FAILED;
use leadwire_domain::message::Trigger;
use leadwire_pipeline::port::Bucket;
use leadwire_pipeline::settings::OwnerMissingPolicy;
use leadwire_pipeline::testkit::{Chance, sweep_config};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

/// Sweeps at the end: an event is enqueued again twice, and given up at the third time.
const SWEEPS: u32 = 4;
/// So many in a thousand worlds are one machine.
const ONE_MACHINE_PER_MILLE: u64 = 250;
/// After so long every dead letter that was taken and not given back can be taken again.
const TAKEN: Duration = Duration::from_mins(11);
/// A webhook comes again within so many seconds.
const AGAIN_SECONDS: u64 = 1200;

/// The world of a seed.
pub fn run_seed(seed: u64, tells: bool) -> Report {
    run_seed_with(seed, tells, |_| ())
}

/// The world of a seed, changed before it begins.
pub fn run_seed_with(seed: u64, tells: bool, alter: impl FnOnce(&mut Setting)) -> Report {
    let mut chance = Chance::new(seed);
    let mut setting = Setting::drawn(&mut chance);
    // Drawn apart, so that the other worlds of a seed stay what they were.
    if Chance::new(!seed).happens(ONE_MACHINE_PER_MILLE) {
        setting = setting.on_one_machine();
    }
    alter(&mut setting);
    let plan = Plan::Drawn {
        left: setting.faults_max,
    };
    run(setting, chance, plan, tells)
}

/// A world in which nothing goes wrong but what a script says.
pub fn run_script(setting: Setting, script: Schedule, tells: bool) -> Report {
    run(setting, Chance::new(1), Plan::Written(script), tells)
}

fn run(setting: Setting, chance: Chance, plan: Plan, tells: bool) -> Report {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O");
    runtime.block_on(async {
        let shared = Shared::new(setting, chance, plan, tells);
        live(&shared).await;
        shared.report()
    })
}

async fn live(shared: &Shared) {
    let owners = populate(shared);
    let setting = shared.with(|state| state.setting.clone());
    for _ in 0..setting.workers {
        tokio::spawn(actor::work(shared.clone()));
    }
    if setting.poison {
        actor::poison(shared);
    }
    if setting.purge {
        tokio::spawn(empty(shared.clone()));
    }
    if setting.sweeps {
        tokio::spawn(sweep_now_and_then(shared.clone()));
    }
    if !setting.operations.is_empty() {
        shared.with(|state| state.busy += 1);
        tokio::spawn(operate(shared.clone(), setting.operations));
    }
    shared.until(is_idle).await;
    check_untroubled(shared, &owners);
    shared.with(|state| state.heals = true);
    // What is late comes before the first sweep.
    sleep(Duration::from_secs(setting.late_seconds_max + 60)).await;
    let lost_after = Duration::try_from(sweep_config().lost_after()).unwrap_or_default();
    for _ in 0..SWEEPS {
        if shared.with(|state| state.is_broken()) {
            return;
        }
        if shared.with(|state| !is_anything_left(state)) {
            break;
        }
        sleep(lost_after + Duration::from_mins(5)).await;
        if setting.has_sweeper {
            actor::sweep(shared).await;
        }
        shared.until(is_idle).await;
    }
    shared.with(check_dead_letters);
    sleep(TAKEN).await;
    operator::redrive(shared).await;
    shared.until(is_idle).await;
    shared.with(|state| check_ends(state, &owners));
}

/// Nothing waits, nobody works, and every CRM is done.
fn is_idle(state: &mut State) -> Option<()> {
    (state.busy == 0 && state.memory.depth() == 0).then_some(())
}

/// Makes the leads and sends their events, each in a task of its own. Gives back when each lead's owner is assigned.
fn populate(shared: &Shared) -> BTreeMap<String, Owner> {
    let (leads, events) = shared.with(|state| (state.setting.leads, state.setting.events));
    let mut owners = BTreeMap::new();
    for number in 0..leads {
        let lead = lead(number);
        let owner = shared.with(|state| state.setting.owner(&mut state.chance));
        tokio::spawn(actor::assign(shared.clone(), lead.clone(), owner));
        owners.insert(lead, owner);
    }
    for number in 0..events {
        let (webhook, after, again) = shared.with(|state| event(state, number, leads));
        tokio::spawn(keep_busy(shared.clone(), webhook, after));
        if let Some((webhook, after)) = again {
            tokio::spawn(keep_busy(shared.clone(), webhook, after));
        }
        shared.with(|state| state.busy += 1);
    }
    owners
}

type Sent = (Webhook, Duration);

/// An event, when it is sent, and when once more.
fn event(state: &mut State, number: usize, leads: usize) -> (Webhook, Duration, Option<Sent>) {
    let lead = lead(state.chance.place(leads));
    let form = state
        .chance
        .pick(Form::Signed, &[Form::WithKey, Form::Plain]);
    let spread = state.setting.spread_millis;
    // Events of one instant want the same key.
    let time = SignedDuration::from_secs(i64::try_from(state.chance.below(2)).unwrap_or(0));
    let webhook = Webhook {
        id: format!("e-{number}"),
        lead,
        form,
        time: state
            .now()
            .checked_sub(time)
            .unwrap_or_else(|_| state.now()),
        display_name: format!("Name {number}"),
    };
    let after = state.chance.millis(spread);
    let per_mille = state.setting.again_per_mille;
    let again = state.chance.happens(per_mille).then(|| {
        let altered = state.setting.altered_per_mille;
        let mut again = webhook.clone();
        if state.chance.happens(altered) {
            again.display_name.push_str(" altered");
        }
        let later = after + Duration::from_secs(state.chance.below(AGAIN_SECONDS));
        state.busy += 1;
        (again, later)
    });
    (webhook, after, again)
}

/// Sends an event after a time; the world is busy until that is done.
async fn keep_busy(shared: Shared, webhook: Webhook, after: Duration) {
    sleep(after).await;
    actor::send(shared.clone(), webhook).await;
    shared.with(|state| state.busy -= 1);
    shared.changed();
}

async fn empty(shared: Shared) {
    let after = shared.with(|state| state.chance.below(1200));
    sleep(Duration::from_secs(after)).await;
    shared.with(|state| {
        // Where everything has come to rest before, nobody does that any more: a redrive would be emptied with it.
        if !state.heals {
            state.tell("      operator empties the queue".to_owned());
            state.memory.purge();
        }
    });
    shared.changed();
}

/// The world is busy until the operator is done.
async fn operate(shared: Shared, operations: &[Operation]) {
    operator::operate(shared.clone(), operations).await;
    shared.with(|state| state.busy -= 1);
    shared.changed();
}

async fn sweep_now_and_then(shared: Shared) {
    loop {
        let pause = shared.with(|state| 60 + state.chance.below(7200));
        sleep(Duration::from_secs(pause)).await;
        actor::sweep(&shared).await;
    }
}

/// Whether the sweeper has anything to do yet.
fn is_anything_left(state: &mut State) -> bool {
    let names = state.raw_names().into_iter();
    let mut left = names
        .filter(|name| state.ledger.end(name).is_none() && !state.ledger.failed.contains(name));
    left.next().is_some()
}

/// Where nothing went wrong, everything with an owner is mailed without a sweep or a redrive (P6: waiting is not failing).
fn check_untroubled(shared: &Shared, owners: &BTreeMap<String, Owner>) {
    shared.with(|state| {
        let setting = &state.setting;
        if state.report.faults > 0 || setting.overlap_per_mille > 0 || setting.purge {
            return;
        }
        // What a slow answer refused is the sweeper's.
        let names = state.raw_names().into_iter();
        let left: Vec<String> = names
            .filter(|name| state.ledger.identities.contains_key(name))
            .filter(|name| !waits_in_vain(state, name, owners))
            .filter(|name| !matches!(state.ledger.end(name), Some(End::Mailed | End::Forgotten)))
            .collect();
        for name in left {
            state.breach(format!("P6: nothing went wrong and {name} is not mailed"));
        }
    });
}

/// Every dead letter says why (P1), once the sweeper had its time; and where nothing goes wrong any more, it gives nothing up.
fn check_dead_letters(state: &mut State) {
    for name in state.raw_names() {
        let failure = state
            .memory
            .peek(Bucket::Enriched, &format!("{FAILED}{name}.json"));
        let is_given_up = failure.is_some_and(|failure| {
            let reason = serde_json::from_slice(&failure.bytes);
            reason.is_ok_and(|failure: FailureRecord| failure.reason == FailureReason::SweptOut)
        });
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

/// At the end everything that is stored was mailed or parked, or waits in vain for its owner.
fn check_ends(state: &mut State, owners: &BTreeMap<String, Owner>) {
    for name in state.raw_names() {
        let has_end = match state.ledger.end(&name) {
            Some(_) => true,
            None => waits_in_vain(state, &name, owners) && state.ledger.failed.contains(&name),
        };
        if !has_end {
            state.breach(format!("P1: {name} has no end"));
        }
    }
    // A queue that was emptied lost replays too, and the sweep does not look after them.
    let replays: Vec<String> = state.ledger.orders.keys().cloned().collect();
    for name in replays {
        let ledger = &state.ledger;
        let has_end = ledger.is_over(&name);
        if !has_end && !ledger.is_marked(&name) && !state.setting.purge {
            state.breach(format!("P1: the replay {name} has no end"));
        }
    }
    let received = state.ledger.accepted().count();
    let accounted = state.ledger.accepted();
    let accounted = accounted.filter(|name| state.ledger.is_over(name)).count();
    if received != accounted {
        state.breach(format!("P1: of {received} events {accounted} have an end"));
    }
}

fn waits_in_vain(state: &State, name: &str, owners: &BTreeMap<String, Owner>) -> bool {
    let raw = state.raw(name);
    let lead = raw.as_ref().and_then(|raw| raw.metadata.get("lead-id"));
    let is_never = |lead| owners.get(lead) == Some(&Owner::Never) || state.ownerless.contains(lead);
    lead.is_some_and(is_never) && state.setting.owner_missing == OwnerMissingPolicy::Dlq
}
