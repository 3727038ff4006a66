//! What an operator does, by the real verbs, while everything else goes on.

use crate::actor::{begin, end, keep_busy, mistake_of, ports};
use crate::lie::Lying;
use crate::mistake::Stage;
use crate::process::Process;
use crate::setting::Operation;
use crate::state::{Shared, State, lead};
use crate::webhook::Webhook;
use jiff::SignedDuration;
use leadwire_domain::key::{EventName, FAILED};
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::message::Notify;
use leadwire_pipeline::ledger::queue::QueueSnapshot;
use leadwire_pipeline::operate::forget::{Forget, ForgetConfig};
use leadwire_pipeline::operate::redrive::Redrive;
use leadwire_pipeline::operate::replay::{Order, Preview, Replayed, preview, replay};
use leadwire_pipeline::operate::resolve::{Resolution, list_parked, resolve};
use leadwire_pipeline::port::{Bucket, Home, PortError};
use leadwire_pipeline::testkit::MemoryHome;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// A command may take so long; one that forgets waits a lease in it.
const COMMAND_TIMEOUT: Duration = Duration::from_mins(15);
/// Between two commands, at most.
const PAUSE_SECONDS: u64 = 2400;
/// A command is tried so often.
const TRIES: usize = 5;
/// Whoever forgets tries again after so many seconds at most.
const AGAIN_SECONDS: u64 = 300;
/// What a CRM sends beside comes within so many milliseconds.
const BESIDE_MILLIS: u64 = 5000;

/// Does what there is to do, one after the other, each until it succeeds or the operator is tired of it.
pub(crate) async fn operate(shared: Shared, operations: &[Operation]) {
    for operation in operations {
        let pause = shared.with(|state| state.chance.below(PAUSE_SECONDS));
        sleep(Duration::from_secs(pause)).await;
        match operation {
            Operation::Redrive => redrive(&shared).await,
            Operation::Forget => forget(&shared).await,
            Operation::Replay => replay_one(&shared).await,
            Operation::Resolve => resolve_parked(&shared).await,
        }
    }
}

/// Runs a command in a process of its own; none where it fails, or does not end.
async fn command<T>(
    shared: &Shared,
    operation: Operation,
    work: impl AsyncFnOnce(MemoryHome<Process>) -> Result<T, PortError>,
) -> Option<T> {
    let process = begin(shared, Some(operation));
    let home = ports(shared, &process);
    let done = process.run(COMMAND_TIMEOUT, work(home)).await;
    end(shared, &process);
    done.and_then(Result::ok)
}

/// Sends again whatever has a reason in `failed/` and no end, and all dead letters.
pub(crate) async fn redrive(shared: &Shared) {
    shared.with(|state| state.tell("      operator redrives".to_owned()));
    let mut names = shared.with(|state| failed(state));
    // A queue of Amazon's shows nothing without being received from.
    let queue = shared.with(|state| {
        let is_seen = state.chance.happens(500);
        is_seen.then(|| state.memory.snapshot())
    });
    let queue = queue.unwrap_or_else(|| QueueSnapshot::new(None, Vec::new()));
    command(shared, Operation::Redrive, async |home| {
        let mut redrive = Redrive::begin(&home, &queue).await?;
        names.extend(redrive.events().cloned());
        let mut sent = Ok(());
        for name in &names {
            sent = sent.and(redrive.send(name).await.map(drop));
        }
        redrive.end().await?;
        sent
    })
    .await;
}

fn failed(state: &State) -> Vec<EventName> {
    let keys = state.memory.keys(Bucket::Enriched, FAILED);
    let names = keys
        .iter()
        .filter_map(|key| EventName::parse_key(FAILED, key).ok());
    let is_settled = |name: &EventName| {
        let claim = state.memory.peek(Bucket::Enriched, &name.mail_key());
        claim.is_some_and(|claim| claim.bytes.is_empty())
    };
    let is_event = |name: &EventName| !name.to_string().starts_with("message-");
    names
        .filter(|name| is_event(name) && !is_settled(name))
        .collect()
}

/// Forgets a lead. Once that is done, nothing of it is left but its claims, and nothing comes back.
async fn forget(shared: &Shared) {
    let lead = shared.with(|state| lead(state.chance.place(state.setting.leads)));
    let lead_id = LeadId::parse(&lead).expect("a plain id");
    let lease = shared.with(|state| i64::from(state.setting.lease_seconds));
    let config = ForgetConfig {
        lease: SignedDuration::from_secs(lease),
        owner_file: true,
    };
    shared.with(|state| {
        state.tell(format!("      operator forgets {lead}"));
        state.ownerless.insert(lead.clone());
    });
    for number in 0..TRIES {
        if number > 0 {
            let pause = shared.with(|state| state.chance.below(AGAIN_SECONDS));
            sleep(Duration::from_secs(pause)).await;
        }
        let pause = shared.with(until_a_message);
        sleep(pause.unwrap_or_default()).await;
        post_beside(shared, &lead);
        let done = command(shared, Operation::Forget, async |home| {
            let honest = Forget::new(Arc::new(home.clone()), config);
            let found = honest.find(&lead_id).await?;
            let home = Lying::new(home, mistake_of(shared, Stage::Forget));
            Forget::new(Arc::new(home), config)
                .run(&found, std::future::pending(), &mut |_step| ())
                .await?;
            Ok::<_, PortError>(found)
        })
        .await;
        if let Some(found) = done {
            let events = found.events.iter().map(|event| event.name.to_string());
            return shared.with(|state| {
                state.tell(format!("      {lead} is forgotten"));
                events.for_each(|event| state.forget(&event));
            });
        }
    }
}

/// Some forget just when a message comes, so that a worker is in the middle of it.
fn until_a_message(state: &mut State) -> Option<Duration> {
    let early = state.chance.millis(BESIDE_MILLIS);
    let happens = state.chance.happens(400);
    let next = state.memory.next_visible_at().filter(|_| happens)?;
    let wait = Duration::try_from(next.duration_since(state.now())).ok()?;
    Some(wait.saturating_sub(early))
}

/// While a lead is forgotten, its CRM may send an event of it once more.
fn post_beside(shared: &Shared, lead: &str) {
    let again = shared.with(|state| {
        let of_lead = |webhook: &&Webhook| webhook.parts.iter().any(|part| part.lead == lead);
        let sent: Vec<&Webhook> = state.sent.iter().filter(of_lead).collect();
        let place = state.chance.place(sent.len());
        let webhook = (*sent.get(place)?).clone();
        let after = state.chance.millis(BESIDE_MILLIS);
        let happens = state.chance.happens(500);
        state.busy += usize::from(happens);
        happens.then_some((webhook, after))
    });
    if let Some((webhook, after)) = again {
        tokio::spawn(keep_busy(shared.clone(), webhook, after));
    }
}

/// Replays an event; a run that is interrupted goes on under its id.
async fn replay_one(shared: &Shared) {
    let (event, notify) = shared.with(|state| {
        let names = state.raw_names();
        let event = names.get(state.chance.place(names.len())).cloned();
        let notify = state
            .chance
            .pick(Notify::Force, &[Notify::IfChanged, Notify::Never]);
        (event, notify)
    });
    let Some(event) =
        event.and_then(|event| EventName::parse_raw_key(&format!("raw/{event}.json")).ok())
    else {
        return;
    };
    shared.with(|state| state.tell(format!("      operator replays {event}, {notify:?}")));
    for number in 0..TRIES {
        let order = Order {
            notify,
            run: format!("run of {event}"),
            is_resumed: number > 0,
        };
        let done = command(shared, Operation::Replay, async |home| {
            replay_as(&home, &event, &order).await
        })
        .await;
        if done.is_some() {
            return;
        }
    }
}

async fn replay_as<H: Home>(
    home: &H,
    event: &EventName,
    order: &Order,
) -> Result<Option<Replayed>, PortError> {
    match preview(home, event).await? {
        Preview::Ready(ready) => replay(home, &ready, order).await.map(Some),
        Preview::Refused(_) => Ok(None),
    }
}

/// Looks into the mailboxes, once whatever is under way has come, and says of each event what became of its parked effects.
async fn resolve_parked(shared: &Shared) {
    let parked = command(shared, Operation::Resolve, async |home| {
        list_parked(&home).await
    });
    let parked = parked.await;
    let late = shared.with(|state| state.setting.late_seconds_max);
    sleep(Duration::from_secs(late + 1)).await;
    for parked in parked.unwrap_or_default() {
        let name = parked.name.to_string();
        let Some(resolution) = shared.with(|state| decide(state, &name)) else {
            continue;
        };
        shared.with(|state| state.tell(format!("      operator resolves {name}: {resolution:?}")));
        for _ in 0..TRIES {
            let done = command(shared, Operation::Resolve, async |home| {
                resolve(&home, &parked.name, resolution).await
            })
            .await;
            if done.is_some() {
                break;
            }
        }
    }
}

/// Where each parked effect happened, it is said so; else they are sent again, those that happened too.
fn decide(state: &mut State, name: &str) -> Option<Resolution> {
    let parked = state.ledger.parked(name, &state.listed(name));
    if parked.is_empty() {
        return None;
    }
    state.ledger.resolved.insert(name.to_owned());
    let is_out = |effect| state.ledger.mails_to(name, effect) > 0;
    Some(if parked.iter().all(is_out) {
        Resolution::Sent
    } else {
        Resolution::Resend
    })
}
