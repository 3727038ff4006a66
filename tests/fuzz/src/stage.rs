//! The stages, over fakes: whatever comes, and whatever lies in the store.

use crate::identity::has_form;
use crate::input::{EVENT, now, or, parts, text};
use crate::signature::{Map, config, secret, signed};
use leadwire_domain::failure::FailureReason;
use leadwire_domain::json::{JsonError, Object};
use leadwire_domain::lead::id::{EventId, Sha256Hex};
use leadwire_domain::message::Trigger;
use leadwire_domain::notice::EmailAddress;
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Delivery, Source, SourceKind};
use leadwire_domain::wait::DeferReason;
use leadwire_pipeline::port::{
    Bucket, Clock as _, DelayQueue as _, Home as _, Metadata, NewObject, OutgoingMessage,
};
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::stage::ingest::{Answer, Request};
use leadwire_pipeline::testkit::{World, WorldBuilder};
use leadwire_pipeline::trace::TraceContext;
use serde_json::Value;
use std::borrow::Cow;

const OWNER: &[u8] =
    br#"{"lead_id":"test-1","lead_owner":"Omar","owner_email":"omar@example.com"}"#;
const RAW_KEY: &str = "raw/crm_event_test-1_20261123T063000000000Z.json";
/// A sentence with at most a few names of fields.
const HINT_BYTES_MAX: usize = 400;
const STATUSES: [u16; 9] = [200, 202, 400, 401, 404, 405, 413, 415, 503];

/// Runs a story under a clock that only waiting moves.
pub(crate) fn run<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime without I/O needs nothing")
        .block_on(story)
}

/// 202 means that these very bytes are stored and one trigger is queued; any other answer leaves nothing, but for the quarantine of a
/// signed body.
pub fn request(data: &[u8]) {
    let [path, header, body] = parts(data);
    let (path, header) = (text(or(path, b"/ingest")), text(header));
    let mut headers = Map::default();
    for line in header.lines() {
        if let Some((name, value)) = line.split_once(": ") {
            headers.set(&name.to_ascii_lowercase(), value);
        }
    }
    run(async {
        let world = World::new();
        let answer = post(&world, &path, &headers, body).await;
        check_answer(&answer, &path);
        let is_accepted = check_stored(&world, &answer, body);
        assert_eq!(kept(&world), 0, "what nobody signed is kept");
        if is_accepted {
            check_retry(&world, &path, &headers, body).await;
        }
        check_signed(body).await;
    });
}

async fn post(world: &World, path: &str, headers: &Map, body: &[u8]) -> Answer {
    let request = Request {
        method: "POST",
        path,
        called: path,
        query: "",
        headers,
        body,
        received_at: world.clock().now(),
        trace: TraceContext::default(),
    };
    world.ingest.handle(request).await
}

fn check_answer(answer: &Answer, path: &str) {
    assert!(STATUSES.contains(&answer.status), "{}", answer.status);
    let json: Value = serde_json::from_str(&answer.body).expect("every answer is JSON");
    if answer.status >= 400 {
        let code = json.get("code").and_then(Value::as_str).unwrap_or_default();
        let problem: Problem = code.parse().expect("a code of ours");
        assert_eq!(problem.status(), answer.status);
        // No value of a request is repeated: the document is the same for every request, but for a hint of ours behind the detail.
        let plain = Answer::problem(problem).body;
        let plain = plain.strip_suffix("\"}").unwrap_or(&plain);
        let hint = answer.body.strip_prefix(plain).expect("the same document");
        assert!(hint.len() <= HINT_BYTES_MAX, "{hint}");
    }
    let is_open = matches!(path, "/ingest" | "/ingest/");
    assert!(answer.status != 202 || is_open, "{path} is open");
}

/// What lies in the store and in the queue after a request, which is stored exactly when it was answered with 202.
fn check_stored(world: &World, answer: &Answer, body: &[u8]) -> bool {
    let is_accepted = answer.status == 202;
    let keys = world.store().keys(Bucket::Raw, "");
    let bodies = world.queue().bodies();
    assert_eq!(keys.len(), usize::from(is_accepted), "{keys:?}");
    assert_eq!(bodies.len(), usize::from(is_accepted), "{bodies:?}");
    for key in &keys {
        let stored = world.store().peek(Bucket::Raw, key).expect("it was listed");
        assert_eq!(stored.bytes, body);
        let is_plain = |text: &String| text.bytes().all(|byte| byte.is_ascii_graphic());
        assert!(stored.metadata.values().all(is_plain));
    }
    for message in &bodies {
        let trigger = Trigger::parse(message).expect("our own message");
        assert!(keys.contains(&trigger.name.raw_key()));
        let facts = trigger.facts.expect("our own message has facts");
        assert_eq!(facts.sha256, Sha256Hex::of(body));
        assert!(has_form(facts.lead_id.as_str()));
        assert_eq!(facts.not_before.duration_since(now()).as_secs(), 600);
    }
    is_accepted
}

/// What is kept of a body that is no event.
fn kept(world: &World) -> usize {
    world.store().keys(Bucket::Enriched, "quarantine/").len()
}

/// With an id of its own a request is one event however often it comes; without one each is an event.
async fn check_retry(world: &World, path: &str, headers: &Map, body: &[u8]) {
    let again = post(world, path, headers, body).await;
    assert_eq!(again.status, 202);
    let is_duplicate = again.body.contains(r#""duplicate":true"#);
    let keys = world.store().keys(Bucket::Raw, "").len();
    assert_eq!(keys, if is_duplicate { 1 } else { 2 });
}

async fn check_signed(body: &[u8]) {
    let world = WorldBuilder {
        environment: "prod",
        ..WorldBuilder::default()
    }
    .build();
    let members = SourceKind::configurable()
        .map(|kind| format!(r#""{kind}":{}"#, kind.example_members(&secret(kind))));
    let members = members.collect::<Vec<_>>().join(",");
    world.secrets.set(&format!("{{{members}}}"));
    let id = EventId::parse("msg_1").expect("a plain id");
    let nobody = post(&world, "/ingest", &Map::default(), body).await;
    assert_eq!(nobody.status, 401);
    assert!(world.store().calls().is_empty() && world.queue().depth() == 0);
    for kind in SourceKind::configurable() {
        let path = Source::from(kind).name().path();
        let Some(signed) = signed(kind, &id, body) else {
            continue;
        };
        let before = (kept(&world), world.store().keys(Bucket::Raw, "").len());
        let (headers, query) = (Map::of(&signed), &signed.query);
        let answer = world.post_with_query(&path, query, &headers, &signed.body);
        let answer = answer.await;
        let config = config(kind);
        let delivery = Delivery {
            method: "POST",
            path: "/ingest",
            query,
            headers: &headers,
            body: &signed.body,
            received_at: now(),
        };
        // What stood in it and is a secret is in nothing that is kept.
        let verified = config.verify(&delivery).expect("it was taken as signed");
        let body = verified.body;
        let elements = config
            .split(&body)
            .unwrap_or_else(|_none| vec![Cow::Borrowed(&*body)]);
        check_elements(&world, &answer, &elements, before);
    }
}

/// Each element of a signed request is stored as it came, kept as it came, or of a type that is not taken. `kept_before` and
/// `stored_before` are how many there were.
fn check_elements(
    world: &World,
    answer: &Answer,
    elements: &[Cow<'_, [u8]>],
    (kept_before, stored_before): (usize, usize),
) {
    let status = answer.status;
    assert!([200, 202, 400, 413].contains(&status), "{}", answer.body);
    let json: Value = serde_json::from_str(&answer.body).expect("every answer is JSON");
    let list = |name: &str| json.get(name).and_then(Value::as_array).cloned();
    let events = list("events").unwrap_or_default();
    assert_eq!(events.is_empty(), status != 202);
    for event in &events {
        let key = event.get("s3_key").and_then(Value::as_str);
        let stored = world.store().peek(Bucket::Raw, key.unwrap_or_default());
        let stored = stored.expect("what is accepted is stored").bytes;
        assert!(elements.iter().any(|element| **element == stored));
    }
    let stored = world.store().keys(Bucket::Raw, "").len() - stored_before;
    assert_eq!(stored, events.len());
    let refused: Vec<usize> = if status >= 400 {
        (0..elements.len()).collect()
    } else {
        let refused = list("refused").unwrap_or_default().into_iter();
        let index = |refusal: Value| usize::try_from(refusal.get("index")?.as_u64()?).ok();
        refused.filter_map(index).collect()
    };
    for element in refused.iter().filter_map(|index| elements.get(*index)) {
        let key = leadwire_domain::key::quarantine_key(Sha256Hex::of(element));
        let stored = world.store().peek(Bucket::Enriched, &key);
        assert_eq!(stored.expect("it is kept first").bytes, **element);
    }
    assert!(kept(world) <= kept_before + refused.len());
}

/// Any bytes in place of an owner file are merged only where they are strict JSON about the same lead, and choose at most one recipient.
pub fn lookup_file(data: &[u8]) {
    run(async {
        let mut builder = WorldBuilder::default();
        builder.enrich.notify_owner = true;
        let world = builder.build();
        plant(&world, Bucket::Raw, RAW_KEY, EVENT);
        plant(&world, Bucket::Lookup, "test-1.json", data);
        world.send_bare(RAW_KEY);
        let outcomes = world.work().await;
        let read = Object::parse(data);
        let is_unfinished = matches!(read, Err(JsonError::CutOff));
        let file = read.ok();
        let is_same_lead = file.as_ref().is_some_and(|file| {
            let id = file.get("lead_id").map(|id| id.get().to_owned());
            id.is_some_and(|id| crate::identity::id_in(&id).as_deref() == Some("test-1"))
        });
        let is_mailed = outcomes == [Outcome::Done(Done::Mailed)];
        let may_be_merged = file
            .as_ref()
            .is_some_and(|file| file.get("_leadwire").is_none());
        assert_eq!(is_mailed, is_same_lead && may_be_merged, "{outcomes:?}");
        if is_unfinished {
            let outcome = outcomes.first().expect("one record has one outcome");
            assert!(waits_for_rest(*outcome), "{outcome:?}");
        } else if !is_mailed {
            let reason = if file.is_some() && !is_same_lead && may_be_merged {
                [FailureReason::LookupMismatch, FailureReason::LookupInvalid]
            } else {
                [FailureReason::LookupInvalid; 2]
            };
            let outcome = outcomes.first().expect("one record has one outcome");
            assert!(reason.map(Outcome::Failed).contains(outcome), "{outcome:?}");
            assert!(world.store().keys(Bucket::Enriched, "enriched/").is_empty());
        }
        let owner = file.and_then(|file| file.text("owner_email"));
        let owner = owner.and_then(|owner| EmailAddress::parse(&owner).ok());
        for mail in world.mailer().sent() {
            let expected = [EmailAddress::parse("sales@example.com").ok(), owner.clone()];
            let expected: Vec<_> = expected.into_iter().flatten().collect();
            assert!(expected.contains(&mail.to), "{:?}", mail.to);
        }
    });
}

fn waits_for_rest(outcome: Outcome) -> bool {
    let unfinished = DeferReason::OwnerUnfinished;
    matches!(outcome, Outcome::Deferred { reason, .. } if reason == unfinished)
}

fn plant(world: &World, bucket: Bucket, key: &str, bytes: &[u8]) {
    let object = NewObject::of(bytes.to_vec());
    world.store().plant(bucket, key, object);
}

/// Whatever lies in the queue and in the store, a record ends mailed once, waiting, or failed with a reason; it never panics or hangs.
pub fn record(data: &[u8]) {
    let [message, raw, lookup, enriched, claim, state] = parts(data);
    let raw = or(raw, EVENT);
    let own = format!(
        r#"{{"v":1,"s3_key":"{RAW_KEY}","lead_id":"test-1","event_id":"ev_1","sha256":"{}","accepted_at":"2026-11-23T06:30:00Z","not_before":"2026-11-23T06:40:00Z","source":"generic"}}"#,
        Sha256Hex::of(raw)
    );
    let message = text(or(message, own.as_bytes()));
    run(async {
        let world = World::new();
        let trigger = Trigger::parse(&message).ok();
        let key = |trigger: &Trigger| (trigger.name.enriched_key(), trigger.name.mail_key());
        if let Some(trigger) = &trigger {
            let (enriched_key, mail_key) = key(trigger);
            plant(&world, Bucket::Raw, &trigger.name.raw_key(), raw);
            plant(&world, Bucket::Lookup, "test-1.json", or(lookup, OWNER));
            if !enriched.is_empty() {
                plant(&world, Bucket::Enriched, &enriched_key, enriched);
            }
            if !claim.is_empty() || !state.is_empty() {
                let metadata = Metadata::from([("state".to_owned(), text(state).into_owned())]);
                let object = NewObject::with_metadata(claim.to_vec(), metadata);
                world.store().plant(Bucket::Enriched, &mail_key, object);
            }
        }
        let outgoing = OutgoingMessage {
            body: message.clone().into_owned(),
            delay_seconds: 0,
            trace: TraceContext::default(),
        };
        let sent = world.home.queue().send(outgoing).await;
        sent.expect("no fault is scripted");
        let outcomes = world.work().await;
        check_outcome(&world, &outcomes, trigger.as_ref());
        // The same message again, and whatever was put back: not one mail more.
        let mails = world.mailer().sent().len();
        world.queue().deliver_now();
        world.work().await;
        assert!(mails <= 1 && world.mailer().sent().len() <= 1);
    });
}

fn check_outcome(world: &World, outcomes: &[Outcome], trigger: Option<&Trigger>) {
    let [outcome] = outcomes else {
        assert_eq!(outcomes.len(), 1, "one record has one outcome");
        return;
    };
    let forbidden = [
        FailureReason::Panicked,
        FailureReason::DeadlineExceeded,
        FailureReason::MailAmbiguous,
    ];
    assert!(
        !forbidden.map(Outcome::Failed).contains(outcome),
        "{outcome:?}"
    );
    let is_mailed = *outcome == Outcome::Done(Done::Mailed);
    // A claim may say that it was told already.
    let mails = world.mailer().sent().len();
    assert!(mails <= usize::from(is_mailed), "{mails}");
    match trigger {
        None => {
            assert_eq!(*outcome, Outcome::Failed(FailureReason::BadMessage));
            let keys = world.store().keys(Bucket::Enriched, "");
            assert!(keys.iter().all(|key| key.starts_with("failed/message-")) && keys.len() == 1);
        }
        Some(trigger) if is_mailed => {
            let marker = world
                .store()
                .peek(Bucket::Enriched, &trigger.name.mail_key());
            assert!(marker.expect("a mail has its marker").bytes.is_empty());
        }
        Some(trigger) => {
            let is_noted = world
                .store()
                .peek(Bucket::Enriched, &trigger.name.failed_key())
                .is_some();
            let is_permanent = *outcome == Outcome::Done(Done::CanaryFailed)
                || matches!(outcome, Outcome::Failed(reason) if reason.is_permanent());
            // What is parked has its reason too.
            let is_parked = *outcome == Outcome::Done(Done::Parked);
            assert_eq!(is_noted, is_permanent || is_parked, "{outcome:?}");
        }
    }
}
