use super::prelude::*;
use leadwire_pipeline::ledger::queue::QueueSnapshot;
use leadwire_pipeline::operate::redrive::{Redrive, Redriven, preview};
use leadwire_pipeline::port::{OutgoingMessage, QueuedMessage};
use leadwire_pipeline::trace::TraceContext;

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
    let name = name_of(&world.post(ALICE).await);
    world.queue().deliver_now();
    die(&world);
    sleep(Duration::from_mins(10)).await;
    (world, name)
}

/// Redrives an event over what is known of the queue, and gives the other dead letters back.
async fn try_to_redrive(
    world: &World,
    queue: &QueueSnapshot,
    name: &EventName,
) -> Result<Redriven, PortError> {
    let mut redrive = Redrive::begin(&*world.home, queue).await.unwrap();
    let done = redrive.send(name).await;
    redrive.end().await.unwrap();
    done
}

async fn redriven(world: &World, name: &EventName) -> Redriven {
    let queue = world.queue().snapshot();
    try_to_redrive(world, &queue, name).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_sent_again_as_a_new_message_and_mailed() {
    let (world, name) = dead().await;
    assert_eq!(preview(&world.queue().snapshot(), &name), Redriven::Sent);
    assert_eq!(redriven(&world, &name).await, Redriven::Sent);
    assert!(world.queue().dead_letters().is_empty());
    assert_eq!(world.work_until_idle().await, [MAILED]);
    assert_eq!(world.mailer().sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_copy_keeps_its_trace_and_forgets_the_waits_that_were_used_up() {
    let world = World::new();
    push(&world, &format!(r#"{{"s3_key":"raw/x.json",{WAITING}}}"#));
    die(&world);
    let name = EventName::parse_raw_key("raw/x.json").unwrap();
    assert_eq!(redriven(&world, &name).await, Redriven::Sent);
    let records = world.queue().receive(10);
    assert_eq!(records[0].body, r#"{"s3_key":"raw/x.json"}"#);
    assert_eq!(records[0].receive_count, 1);
    assert_eq!(records[0].trace.traceparent.as_deref(), Some(TRACE));
}

#[tokio::test(start_paused = true)]
async fn without_its_dead_letter_an_event_is_redriven_by_the_bare_message() {
    let (world, name) = dead().await;
    redriven(&world, &name).await;
    world.queue().purge();
    let unseen = QueueSnapshot::new(None, Vec::new());
    let done = try_to_redrive(&world, &unseen, &name).await;
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
    assert_eq!(redriven(&world, &name).await, Redriven::Sent);
    assert_eq!(world.queue().bodies(), [silent]);
    world.queue().purge();
    let seen = world.queue().snapshot();
    assert_eq!(preview(&seen, &name), Redriven::LetterGone);
    let unseen = QueueSnapshot::new(None, Vec::new());
    for queue in [&seen, &unseen] {
        let done = try_to_redrive(&world, queue, &name).await;
        assert_eq!(done.unwrap(), Redriven::LetterGone);
    }
    assert_eq!(world.queue().depth(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_queued_gets_no_second_message_and_loses_its_dead_letters() {
    let (world, name) = dead().await;
    world.send_bare(&name.raw_key());
    assert_eq!(redriven(&world, &name).await, Redriven::Sent);
    assert_eq!(world.queue().depth(), 1);
    assert!(world.queue().dead_letters().is_empty());
    let seen = world.queue().snapshot();
    assert_eq!(preview(&seen, &name), Redriven::QueuedAlready);
    assert_eq!(redriven(&world, &name).await, Redriven::QueuedAlready);
    assert_eq!(world.queue().depth(), 1);
}

#[tokio::test(start_paused = true)]
async fn dead_letters_that_are_not_meant_are_given_back_at_once() {
    let (world, name) = dead().await;
    push(&world, r#"{"s3_key":"raw/other.json"}"#);
    push(&world, "not a trigger");
    die(&world);
    assert_eq!(redriven(&world, &name).await, Redriven::Sent);
    let body = |letter: &QueuedMessage| letter.body.clone();
    let left: Vec<String> = world.queue().dead_letters().iter().map(body).collect();
    assert_eq!(left, [r#"{"s3_key":"raw/other.json"}"#, "not a trigger"]);
    let other = EventName::parse_raw_key("raw/other.json").unwrap();
    assert_eq!(redriven(&world, &other).await, Redriven::Sent);
    assert_eq!(world.queue().dead_letters().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_in_between_the_lead_is_mailed_once() {
    let sends: fn(&Call) -> bool = |call| matches!(call, Call::Send(_));
    let deletes: fn(&Call) -> bool = |call| matches!(call, Call::DeleteDead(_));
    for (fault, breaks) in [
        (Fault::Fails, sends),
        (Fault::ReplyLost, sends),
        (Fault::Fails, deletes),
        (Fault::ReplyLost, deletes),
    ] {
        let (world, name) = dead().await;
        world.spoil(fault, breaks);
        let queue = world.queue().snapshot();
        try_to_redrive(&world, &queue, &name).await.unwrap_err();
        world.home.clear_script();
        sleep(TAKEN).await;
        redriven(&world, &name).await;
        world.work_until_idle().await;
        assert_eq!(world.mailer().sent().len(), 1);
        assert!(world.queue().dead_letters().is_empty());
        assert_eq!(only(&world, "enriched/")["lead_id"], "test-1");
        assert_eq!(world.keys("mail/").len(), 1);
    }
}
