//! Who acts in a world: CRMs and workers.

use crate::fault::Kind;
use crate::lie::Lying;
use crate::mistake::{Mistake, Stage};
use crate::old;
use crate::process::Process;
use crate::rule::event_of;
use crate::setting::{Form, Operation};
use crate::state::{Shared, State};
use crate::webhook::{SECRET, Webhook};
use crate::{DELAY_SECONDS, MAIL};
use leadwire_domain::key::RAW;
use leadwire_domain::message::Trigger;
use leadwire_domain::source::Source;
use leadwire_domain::wait::DeferReason;
use leadwire_pipeline::port::{Bucket, Clock as _, OutgoingMessage};
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::settings::{EnrichConfig, IngestConfig, VISIBILITY_SECONDS};
use leadwire_pipeline::stage::enrich::{Enrich, Outcome, Record};
use leadwire_pipeline::stage::ingest::{Answer, Ingest, Request};
use leadwire_pipeline::testkit::{self, FakeSecrets, MemoryHome, Received};
use leadwire_pipeline::trace::TraceContext;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// API Gateway's patience.
const INGEST_TIMEOUT: Duration = Duration::from_secs(29);
/// The functions' own timeout, and what is left of an invocation at its start.
const WORK_TIMEOUT: Duration = Duration::from_mins(1);
/// The same on one machine, where nothing ends a turn but its work.
const TURN_TIMEOUT: Duration = Duration::from_mins(30);
/// What is worked on there is not given out again meanwhile.
const TURN_SECONDS: u32 = 1860;
/// Records in a batch.
const BATCH: usize = 10;
/// A CRM tries so often.
const TRIES: u32 = 5;

/// Who an event is: source and id.
fn identity(source: Source, id: &str) -> String {
    format!("{source} {id}")
}

/// A process begins: nobody rests until it has ended.
pub(crate) fn begin(shared: &Shared, operation: Option<Operation>) -> Arc<Process> {
    let process = Arc::new(Process::new(shared, operation));
    shared.with(|state| {
        state.busy += 1;
        state.alive.push(Arc::clone(&process.life));
    });
    process
}

/// The ports of a process.
pub(crate) fn ports(shared: &Shared, process: &Arc<Process>) -> MemoryHome<Process> {
    let memory = shared.with(|state| Arc::clone(&state.memory));
    MemoryHome::new(memory, Arc::clone(process))
}

/// The home of a process, with whatever lies belong to its stage.
pub(crate) fn home_of(
    shared: &Shared,
    process: &Arc<Process>,
    stage: Stage,
) -> Arc<Lying<MemoryHome<Process>>> {
    let home = ports(shared, process);
    Arc::new(Lying::new(home, mistake_of(shared, stage)))
}

/// The mistake that a stage commits in this world.
pub(crate) fn mistake_of(shared: &Shared, stage: Stage) -> Option<Mistake> {
    let mistake = shared.with(|state| state.setting.mistake);
    mistake.filter(|mistake| mistake.stage() == stage)
}

/// A process has ended.
pub(crate) fn end(shared: &Shared, process: &Process) {
    shared.with(|state| {
        state.busy -= 1;
        state.alive.retain(|alive| alive.id != process.life.id);
        state.ledger.died(process.life.id);
    });
    shared.changed();
}

/// Sent once more after a time, a request may be made anew, with that time in it and another text.
pub(crate) fn renew(webhook: &mut Webhook, state: &mut State, after: Duration) {
    if !state.chance.happens(state.setting.renewed_per_mille) {
        return;
    }
    let time = state.now().checked_add(after);
    webhook.time = time.unwrap_or_else(|_| state.now());
    for part in &mut webhook.parts {
        part.display_name.push_str(" anew");
    }
}

/// A CRM sends an event until it is taken, or it is tired.
pub(crate) async fn send(shared: Shared, mut webhook: Webhook) {
    for _ in 0..TRIES {
        let answer = post(&shared, &webhook).await;
        let is_taken = answer.is_some_and(|answer| answer.status == 202);
        let (retries, pause) = shared.with(|state| {
            let pause = 1 + state.chance.below(60);
            (state.setting.crm_retries, Duration::from_secs(pause))
        });
        if is_taken || !retries {
            break;
        }
        sleep(pause).await;
        shared.with(|state| renew(&mut webhook, state, Duration::ZERO));
    }
}

/// Sends an event after a time; the world is busy until that is done.
pub(crate) async fn keep_busy(shared: Shared, webhook: Webhook, after: Duration) {
    sleep(after).await;
    send(shared.clone(), webhook).await;
    shared.with(|state| state.busy -= 1);
    shared.changed();
}

async fn post(shared: &Shared, webhook: &Webhook) -> Option<Answer> {
    let process = begin(shared, None);
    let home = home_of(shared, &process, Stage::Ingest);
    let received_at = home.now();
    let body = webhook.body();
    let headers = webhook.headers(&body, received_at);
    let sources = FakeSecrets::default();
    let path = match webhook.form {
        Form::Signed => {
            sources.set(&format!(r#"{{"standard":{{"secrets":["{SECRET}"]}}}}"#));
            "/ingest/standard"
        }
        Form::WithKey | Form::Plain => "/ingest",
    };
    shared.with(|state| {
        for (index, body) in webhook.bodies().iter().enumerate() {
            let own = identity(webhook.source(), &webhook.id_of(index));
            state.ledger.post(&own, body.as_bytes());
        }
    });
    let ingest = Ingest::new(
        home,
        SecretCache::new(sources, "dev"),
        IngestConfig {
            delay_seconds: DELAY_SECONDS,
        },
    );
    let request = Request {
        method: "POST",
        path,
        called: path,
        query: "",
        headers: &headers,
        body: body.as_bytes(),
        received_at,
        trace: TraceContext::default(),
    };
    let answer = process.run(INGEST_TIMEOUT, ingest.handle(request)).await;
    if let Some(answer) = answer.as_ref().filter(|answer| answer.status == 202) {
        shared.with(|state| accept(state, webhook, answer));
    }
    end(shared, &process);
    answer
}

/// What a 202 says must be so, of each event.
fn accept(state: &mut State, webhook: &Webhook, answer: &Answer) {
    let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let events = told.get("events").and_then(serde_json::Value::as_array);
    let events = events.cloned().unwrap_or_default();
    if events.len() != webhook.parts.len() {
        let (id, count) = (&webhook.id, events.len());
        state.breach(format!("P1: {id} is answered as {count} events"));
    }
    for (index, (event, body)) in events.iter().zip(webhook.bodies()).enumerate() {
        accept_one(state, webhook, (index, event), body.as_bytes());
    }
}

fn accept_one(
    state: &mut State,
    webhook: &Webhook,
    (index, event): (usize, &serde_json::Value),
    body: &[u8],
) {
    let text = |member: &str| {
        let value = event.get(member);
        value
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default()
    };
    let (id, key) = (text("event_id"), text("s3_key"));
    let own = identity(webhook.source(), id);
    let sent = webhook.id_of(index);
    if webhook.form == Form::Plain {
        state.ledger.post(&own, body);
    } else if id != sent {
        state.breach(format!("P5: {sent} is answered as {id}"));
    }
    let name = event_of(RAW, key).unwrap_or_default().to_owned();
    let raw = state.memory.peek(Bucket::Raw, key);
    state.tell(format!("      202 {own} {name}"));
    let is_new = !state.ledger.identities.contains_key(&name);
    let result = state.ledger.accept(&own, &name, raw.as_ref());
    state.check(result);
    state.conserve(&name);
    if is_new && state.setting.upgrades {
        old::leave(state, &name);
    }
}

/// Takes messages for ever, a batch at a time, as Lambda's poller does.
pub(crate) async fn work(shared: Shared) {
    loop {
        let next = shared.with(|state| {
            if state.stops.is_some() {
                return None;
            }
            let now = state.now();
            let next = state.memory.next_visible_at()?;
            let wait = Duration::try_from(next.duration_since(now)).unwrap_or(Duration::ZERO);
            let latency = state.setting.latency_millis;
            Some((wait, state.chance.millis(latency)))
        });
        match next {
            None => shared.change().await,
            Some((wait, poll)) if wait.is_zero() => {
                sleep(poll).await;
                receive(&shared).await;
            }
            Some((wait, _)) => {
                // Something else may become visible before.
                let change = std::pin::pin!(shared.change());
                let time = std::pin::pin!(sleep(wait));
                futures_util::future::select(time, change).await;
            }
        }
    }
}

async fn receive(shared: &Shared) {
    let mut records = shared.with(receive_some);
    shared.changed();
    if records.is_empty() {
        tokio::task::yield_now().await;
        return;
    }
    let process = begin(shared, None);
    let is_machine = shared.with(|state| {
        state.working += 1;
        state.setting.one_machine
    });
    let (timeout, remaining) = if is_machine {
        (TURN_TIMEOUT, Duration::MAX)
    } else {
        (WORK_TIMEOUT, WORK_TIMEOUT)
    };
    let home = home_of(shared, &process, Stage::Enrich);
    home.misread_messages(&mut records);
    let enrich = Enrich::new(home, shared.with(|state| enrich_config(state)));
    let asked = records.iter().map(|record| record.message_id.clone());
    let asked: Vec<String> = asked.collect();
    let over = shared.with(|state| over_before(state, &records));
    let work = enrich.handle_batch(records, remaining);
    if let Some(outcomes) = process.run(timeout, work).await {
        let told: Vec<&str> = outcomes.iter().map(|(id, _)| id.as_str()).collect();
        if told != asked {
            shared.with(|state| state.breach(format!("P6: {asked:?} were answered as {told:?}")));
        }
        shared.with(|state| check_in_good_order(state, process.life.id, &over, &outcomes));
        for (message_id, outcome) in &outcomes {
            delete(shared, process.life.id, message_id, *outcome);
        }
    }
    shared.with(|state| state.working -= 1);
    end(shared, &process);
}

/// The messages whose events had come to their end before they were received.
fn over_before(state: &State, records: &[Record]) -> Vec<String> {
    let is_over = |record: &&Record| {
        let trigger = Trigger::parse(&record.body);
        trigger.is_ok_and(|trigger| state.ledger.end(&trigger.name.to_string()).is_some())
    };
    let over = records.iter().filter(is_over);
    over.map(|record| record.message_id.clone()).collect()
}

/// A process that ended by itself has let go of what it held, if it could (P4: what was never sent is no doubt); and a message of a settled
/// event neither fails nor waits (P6).
fn check_in_good_order(
    state: &mut State,
    process: u32,
    over: &[String],
    outcomes: &[(String, Outcome)],
) {
    if !state.hindered.contains(&process) {
        for name in state.ledger.left_by(process) {
            state.breach(format!("P4: the claim of {name} is left behind"));
        }
    }
    if state.troubled.contains(&process) {
        return;
    }
    for (message_id, outcome) in outcomes.iter().filter(|(id, _)| over.contains(id)) {
        let is_at_rest = match outcome {
            Outcome::Done(_) => true,
            Outcome::Deferred { reason, .. } => {
                matches!(reason, DeferReason::TooEarly | DeferReason::NoTimeLeft)
            }
            Outcome::Failed(_) => false,
        };
        if !is_at_rest {
            state.breach(format!(
                "P6: {message_id} is of a settled event: {outcome:?}"
            ));
        }
    }
}

/// Some of what is visible, in any order.
fn receive_some(state: &mut State) -> Vec<Record> {
    let mut most = 1 + state.chance.place(BATCH);
    let mut held = VISIBILITY_SECONDS;
    if state.setting.one_machine {
        // A turn is a record's.
        (most, held) = (1, TURN_SECONDS);
    }
    let mut records = Vec::new();
    if state.stops.is_some() {
        return records;
    }
    for _ in 0..state.memory.depth() {
        if records.len() == most {
            break;
        }
        let place = state.chance.place(state.memory.depth());
        let is_overlapping = state.chance.happens(state.setting.overlap_per_mille);
        let hidden = if is_overlapping {
            u32::try_from(state.chance.below(30)).unwrap_or(0)
        } else {
            held
        };
        match state.memory.receive_at(place, hidden) {
            Received::Record(record) => records.push(record),
            Received::Moved(Some(event)) => state.conserve(&event),
            Received::Moved(None) | Received::Nothing => {}
        }
    }
    records
}

/// The poller deletes what did not fail; where that goes wrong, the message comes again.
fn delete(shared: &Shared, process: u32, message_id: &str, outcome: Outcome) {
    shared.with(|state| {
        state.tell(format!("      {message_id} {outcome:?}"));
        if outcome.is_failed() {
            // On one machine it was hidden for longer.
            return state.memory.give_back(message_id, VISIBILITY_SECONDS);
        }
        let fault = state.course(Kind::Delete, None).fault;
        state.step(process, ("DeleteMessage", message_id), fault);
        if fault.is_none()
            && let Some(event) = state.memory.delete(message_id)
        {
            state.conserve(&event);
        }
    });
    shared.changed();
}

pub(crate) fn enrich_config(state: &State) -> EnrichConfig {
    let (to, notify_owner) = state.configured();
    EnrichConfig {
        to,
        notify_owner,
        ambiguous: state.setting.ambiguous,
        lease_seconds: state.setting.lease_seconds,
        owner_missing: state.setting.owner_missing,
        environment: "sim".to_owned(),
        boot: state.boot_name(),
        pace: state.setting.pace(),
        template: MAIL.clone(),
        ..testkit::enrich_config()
    }
}

/// Changes the configuration once, where the world says so.
pub(crate) async fn reconfigure(shared: Shared, seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
    shared.with(State::reconfigure);
}

/// Sends a message that is not leadwire's.
pub(crate) fn poison(shared: &Shared) {
    shared.with(|state| {
        let message = OutgoingMessage {
            body: "not a trigger".to_owned(),
            delay_seconds: 0,
            trace: TraceContext::default(),
        };
        state.tell(format!("      operator sends {}", message.body));
        state.memory.push(message);
    });
    shared.changed();
}
