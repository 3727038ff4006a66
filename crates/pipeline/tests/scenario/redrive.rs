use super::{ALICE, OMAR, key_of, only};
use leadwire_domain::key::EventName;
use leadwire_pipeline::ledger::queue::QueueSnapshot;
use leadwire_pipeline::operate::redrive::{Redrive, Redriven, preview};
use leadwire_pipeline::port::{Bucket, OutgoingMessage, PortError, QueuedMessage};
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::testkit::{Call, Fault, World};
use leadwire_pipeline::trace::TraceContext;
use std::time::Duration;

/// After so long a dead letter that was taken can be taken again.
const TAKEN: Duration = Duration::from_mins(11);
const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const WAITING: &str = r#""waiting":{"kind":"owner","hop":12,"reason":"owner_absent"}"#;

fn push(world: &World, body: &str) {
    world.queue().push(OutgoingMessage {
        body: body.to_owned(),
        delay_seconds: 0,
        trace: TraceContext::of_traceparent(TRACE.to_owned()),
    });
}

/// Makes a dead letter of everything that waits.
fn die(world: &World) {
    for _ in 0..4 {
        world.queue().receive(10);
        world.queue().deliver_now();
    }
    assert_eq!(world.queue().depth(), 0);
}

/// A lead with its owner whose message is a dead letter.
async fn dead() -> (World, EventName) {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let name = EventName::parse_raw_key(&key_of(&world.post(ALICE).await)).unwrap();
    world.queue().deliver_now();
    die(&world);
    tokio::time::sleep(Duration::from_mins(10)).await;
    (world, name)
}

/// Redrives these events, and gives the rest back.
async fn redrive(
    world: &World,
    queue: &QueueSnapshot,
    names: &[&EventName],
) -> Vec<Result<Redriven, PortError>> {
    let mut redrive = Redrive::begin(&*world.home, queue).await.unwrap();
    let mut done = Vec::new();
    for name in names {
        done.push(redrive.send(name).await);
    }
    redrive.end().await.unwrap();
    done
}

async fn redrive_one(world: &World, name: &EventName) -> Result<Redriven, PortError> {
    let queue = world.queue().snapshot();
    redrive(world, &queue, &[name]).await.remove(0)
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_sent_again_as_a_new_message_and_mailed() {
    let (world, name) = dead().await;
    assert_eq!(preview(&world.queue().snapshot(), &name), Redriven::Sent);
    assert_eq!(redrive_one(&world, &name).await.unwrap(), Redriven::Sent);
    assert!(world.queue().dead_letters().is_empty());
    assert_eq!(world.work_until_idle().await, [Outcome::Done(Done::Mailed)]);
    assert_eq!(world.mailer().sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_copy_keeps_its_trace_and_forgets_the_waits_that_were_used_up() {
    let world = World::new();
    push(&world, &format!(r#"{{"s3_key":"raw/x.json",{WAITING}}}"#));
    die(&world);
    let name = EventName::parse_raw_key("raw/x.json").unwrap();
    assert_eq!(redrive_one(&world, &name).await.unwrap(), Redriven::Sent);
    let records = world.queue().receive(10);
    assert_eq!(records[0].body, r#"{"s3_key":"raw/x.json"}"#);
    assert_eq!(records[0].receive_count, 1);
    assert_eq!(records[0].trace.traceparent.as_deref(), Some(TRACE));
}

#[tokio::test(start_paused = true)]
async fn without_its_dead_letter_an_event_is_redriven_by_the_bare_message() {
    let (world, name) = dead().await;
    redrive_one(&world, &name).await.unwrap();
    world.queue().purge();
    let unseen = QueueSnapshot::new(None, Vec::new());
    let done = redrive(&world, &unseen, &[&name]).await.remove(0);
    assert_eq!(done.unwrap(), Redriven::Sent);
    let bare = format!(r#"{{"s3_key":"{}"}}"#, name.raw_key());
    assert_eq!(world.queue().bodies(), [bare]);
}

#[tokio::test(start_paused = true)]
async fn a_replay_that_mails_nobody_stays_one_and_without_its_letter_it_is_not_redriven() {
    let world = World::new();
    let name = EventName::parse_raw_key("raw/x.json").unwrap();
    let name = name.with_revision(2);
    let silent = r#"{"v":2,"s3_key":"raw/x.json","lead_id":"x","event_id":"e","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","accepted_at":"2026-11-23T06:50:00Z","not_before":"2026-11-23T06:50:00Z","source":"close","revision":2,"notify":"never"}"#;
    push(&world, silent);
    die(&world);
    assert_eq!(redrive_one(&world, &name).await.unwrap(), Redriven::Sent);
    assert_eq!(world.queue().bodies(), [silent]);
    world.queue().purge();
    let seen = world.queue().snapshot();
    assert_eq!(preview(&seen, &name), Redriven::LetterGone);
    let unseen = QueueSnapshot::new(None, Vec::new());
    for queue in [&seen, &unseen] {
        let done = redrive(&world, queue, &[&name]).await.remove(0);
        assert_eq!(done.unwrap(), Redriven::LetterGone);
    }
    assert_eq!(world.queue().depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_gets_no_second_message_and_loses_its_dead_letters() {
    let (world, name) = dead().await;
    world.send_bare(&name.raw_key());
    assert_eq!(redrive_one(&world, &name).await.unwrap(), Redriven::Sent);
    assert_eq!(world.queue().depth(), 1);
    assert!(world.queue().dead_letters().is_empty());
    let seen = world.queue().snapshot();
    assert_eq!(preview(&seen, &name), Redriven::QueuedAlready);
    let again = redrive_one(&world, &name).await.unwrap();
    assert_eq!(again, Redriven::QueuedAlready);
    assert_eq!(world.queue().depth(), 1);
}

#[tokio::test(start_paused = true)]
async fn dead_letters_that_are_not_meant_are_given_back_at_once() {
    let (world, name) = dead().await;
    push(&world, r#"{"s3_key":"raw/other.json"}"#);
    push(&world, "not a trigger");
    die(&world);
    assert_eq!(redrive_one(&world, &name).await.unwrap(), Redriven::Sent);
    let body = |letter: &QueuedMessage| letter.body.clone();
    let left: Vec<String> = world.queue().dead_letters().iter().map(body).collect();
    assert_eq!(left, [r#"{"s3_key":"raw/other.json"}"#, "not a trigger"]);
    let other = EventName::parse_raw_key("raw/other.json").unwrap();
    assert_eq!(redrive_one(&world, &other).await.unwrap(), Redriven::Sent);
    assert_eq!(world.queue().dead_letters().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_in_between_the_lead_is_mailed_once() {
    let breaks: [fn(&Call) -> Option<Fault>; 4] = [
        |call| matches!(call, Call::Send(_)).then_some(Fault::Fails),
        |call| matches!(call, Call::Send(_)).then_some(Fault::ReplyLost),
        |call| matches!(call, Call::DeleteDead(_)).then_some(Fault::Fails),
        |call| matches!(call, Call::DeleteDead(_)).then_some(Fault::ReplyLost),
    ];
    for breaks in breaks {
        let (world, name) = dead().await;
        world.store().set_script(breaks);
        redrive_one(&world, &name).await.unwrap_err();
        world.store().clear_script();
        tokio::time::sleep(TAKEN).await;
        redrive_one(&world, &name).await.unwrap();
        world.work_until_idle().await;
        assert_eq!(world.mailer().sent().len(), 1);
        assert!(world.queue().dead_letters().is_empty());
        assert_eq!(only(&world, "enriched/")["lead_id"], "test-1");
        assert_eq!(world.store().keys(Bucket::Enriched, "mail/").len(), 1);
    }
}
