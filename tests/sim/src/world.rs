//! A world from its beginning to its end: faults first, then none; and everything must have come to an end.

use crate::actor;
use crate::end::{check_dead_letters, check_ends, check_untroubled};
use crate::fault::Schedule;
use crate::machine;
use crate::operator;
use crate::owner;
use crate::setting::{Form, Operation, Owner, Setting};
use crate::state::{Plan, Report, Shared, State, lead};
use crate::sweeper;
use crate::webhook::{Part, Webhook};
use jiff::SignedDuration;
use leadwire_pipeline::testkit::{Chance, sweep_config};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::sleep;

/// Sweeps at the end: what an earlier one left is looked at first; then an event is enqueued again twice, and given up at the third time.
const SWEEPS: u32 = 5;
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
    let mut apart = Chance::new(!seed);
    if apart.happens(ONE_MACHINE_PER_MILLE) {
        setting = setting.on_one_machine();
    }
    setting = setting
        .with_receivers(&mut apart)
        .with_senders(&mut apart)
        .with_notifications(&mut apart)
        .with_turns(&mut apart)
        .with_late_services(&mut apart);
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
    if let Some((_, seconds)) = setting.receivers.change {
        tokio::spawn(actor::reconfigure(shared.clone(), seconds));
    }
    if setting.purge {
        tokio::spawn(empty(shared.clone()));
    }
    if setting.stops {
        shared.with(|state| state.busy += 1);
        tokio::spawn(machine::stop_once(shared.clone()));
    }
    if setting.sweeps {
        tokio::spawn(sweep_now_and_then(shared.clone()));
    }
    if !setting.operations.is_empty() {
        shared.with(|state| state.busy += 1);
        tokio::spawn(operate(shared.clone(), setting.operations));
    }
    shared.until(is_idle).await;
    shared.with(|state| check_untroubled(state, &owners));
    shared.with(|state| state.heals = true);
    // What is late comes before the first sweep.
    sleep(Duration::from_secs(setting.late_seconds_max + 60)).await;
    let lost_after = Duration::try_from(sweep_config().lost_after(true)).unwrap_or_default();
    for _ in 0..SWEEPS {
        if shared.with(|state| state.is_broken()) {
            return;
        }
        if shared.with(|state| !is_anything_left(state)) {
            break;
        }
        sleep(lost_after + Duration::from_mins(5)).await;
        if setting.has_sweeper {
            sweeper::sweep(shared).await;
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
        let assigned = shared.with(|state| state.setting.owner(&mut state.chance));
        tokio::spawn(owner::assign(shared.clone(), lead.clone(), assigned));
        owners.insert(lead, assigned);
    }
    for number in 0..events {
        let (webhook, after, again) = shared.with(|state| event(state, number, leads));
        tokio::spawn(actor::keep_busy(shared.clone(), webhook, after));
        if let Some((webhook, after)) = again {
            tokio::spawn(actor::keep_busy(shared.clone(), webhook, after));
        }
        shared.with(|state| state.busy += 1);
    }
    owners
}

type Sent = (Webhook, Duration);

/// An event, when it is sent, and when once more.
fn event(state: &mut State, number: usize, leads: usize) -> (Webhook, Duration, Option<Sent>) {
    let first = lead(state.chance.place(leads));
    let form = state
        .chance
        .pick(Form::Signed, &[Form::WithKey, Form::Plain]);
    let count = if form == Form::Signed {
        1 + state.chance.place(state.setting.events_in_request_max)
    } else {
        1
    };
    let parts = (0..count).map(|index| Part {
        lead: if index == 0 {
            first.clone()
        } else {
            lead(state.chance.place(leads))
        },
        display_name: format!("Name {number} {index}"),
    });
    let parts = parts.collect();
    let spread = state.setting.spread_millis;
    // Events of one instant want the same key.
    let time = SignedDuration::from_secs(i64::try_from(state.chance.below(2)).unwrap_or(0));
    let webhook = Webhook {
        id: format!("e-{number}"),
        form,
        time: state
            .now()
            .checked_sub(time)
            .unwrap_or_else(|_| state.now()),
        parts,
    };
    state.sent.push(webhook.clone());
    let after = state.chance.millis(spread);
    let per_mille = state.setting.again_per_mille;
    let again = state.chance.happens(per_mille).then(|| {
        let altered = state.setting.altered_per_mille;
        let mut again = webhook.clone();
        if state.chance.happens(altered) {
            let altered = again.parts.iter_mut();
            altered.for_each(|part| part.display_name.push_str(" altered"));
        }
        let later = after + Duration::from_secs(state.chance.below(AGAIN_SECONDS));
        actor::renew(&mut again, state, later);
        state.busy += 1;
        (again, later)
    });
    (webhook, after, again)
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
        sweeper::sweep(&shared).await;
    }
}

/// Whether the sweeper has anything to do yet.
fn is_anything_left(state: &mut State) -> bool {
    let names = state.raw_names();
    !names.iter().all(|name| state.ledger.is_over(name))
}
