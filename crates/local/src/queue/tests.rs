use super::sql;
use crate::database::connect_to_read;
use crate::sample::{message, sample};
use leadwire_pipeline::port::{DelayQueue, OutgoingMessage, PortErrorKind};
use leadwire_pipeline::stage::enrich::Record;
use leadwire_pipeline::trace::TraceContext;
use rusqlite::{StatementStatus, named_params};
use std::time::Duration;
use tokio::task::JoinSet;

fn bodies(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.body.as_str()).collect()
}

/// A message that is due at once, and the trace that it carries.
fn traced() -> (OutgoingMessage, TraceContext) {
    let trace = TraceContext {
        traceparent: Some("00-6ac29d00abababababababababababab-0101010101010101-01".to_owned()),
        tracestate: Some("a=b".to_owned()),
        xray: Some("Root=1".to_owned()),
    };
    let message = OutgoingMessage {
        trace: trace.clone(),
        ..message("b", 0)
    };
    (message, trace)
}

#[tokio::test]
async fn a_message_is_received_after_its_delay_and_not_before() {
    let sample = sample();
    sample.send("late", 600).await;
    sample.send("now", 0).await;
    assert_eq!(bodies(&sample.receive().await), ["now"]);
    sample.clock.advance(599);
    assert!(!bodies(&sample.receive().await).contains(&"late"));
    sample.clock.advance(1);
    assert_eq!(bodies(&sample.receive().await), ["late"]);
}

#[tokio::test]
async fn a_received_message_is_hidden_and_comes_back_counted_until_it_is_deleted() {
    let (sample, (message, trace)) = (sample(), traced());
    let queue = sample.home.queue();
    queue.send(message).await.unwrap();
    let first = sample.receive().await.remove(0);
    assert_eq!((first.receive_count, &first.trace), (1, &trace));
    assert_eq!(first.sent_at, Some("2026-11-23T07:00:00Z".parse().unwrap()));
    assert!(sample.receive().await.is_empty());
    sample.clock.advance(360);
    let second = sample.receive().await.remove(0);
    assert_eq!(second.receive_count, 2);
    assert_eq!(second.message_id, first.message_id);
    let deleted = queue.delete(vec![first.receipt_handle]).await;
    assert_eq!(deleted.unwrap(), 0, "an old receipt deletes nothing");
    let deleted = queue.delete(vec![second.receipt_handle]).await;
    assert_eq!(deleted.unwrap(), 1);
    sample.clock.advance(3600);
    assert!(sample.receive().await.is_empty());
}

#[tokio::test]
async fn the_visibility_of_a_received_message_can_be_shortened() {
    let sample = sample();
    let queue = sample.home.queue();
    sample.send("b", 0).await;
    let handle = sample.receive().await.remove(0).receipt_handle;
    queue.set_visibility(&handle, 15).await.unwrap();
    sample.clock.advance(14);
    assert!(sample.receive().await.is_empty());
    sample.clock.advance(1);
    assert_eq!(sample.receive().await.len(), 1);
    queue.set_visibility("no such receipt", 0).await.unwrap();
}

#[tokio::test]
async fn after_exactly_three_receives_a_message_is_a_dead_letter_with_all_it_had_until_deleted() {
    let (sample, (message, trace)) = (sample(), traced());
    let queue = sample.home.queue();
    queue.send(message).await.unwrap();
    for receive in 1..=3 {
        assert_eq!(sample.receive().await.remove(0).receive_count, receive);
        assert_eq!(sample.depth().await.dead, 0);
        sample.clock.advance(360);
    }
    assert!(sample.receive().await.is_empty());
    assert!(queue.waiting(10).await.unwrap().is_empty());
    let dead = queue.dead_letters(10).await.unwrap().remove(0);
    assert_eq!((dead.body.as_str(), dead.receive_count), ("b", 3));
    assert_eq!(dead.sent_at, "2026-11-23T07:00:00Z".parse().unwrap());
    assert_eq!(dead.trace, trace);
    let ids = vec![dead.message_id, "no such letter".to_owned()];
    assert_eq!(queue.delete_dead_letters(ids.clone()).await.unwrap(), 1);
    assert_eq!(queue.delete_dead_letters(ids).await.unwrap(), 0);
    assert_eq!(sample.depth().await.dead, 0);
}

#[tokio::test]
async fn dead_letters_take_no_place_in_a_batch() {
    let sample = sample();
    for _ in 0..10 {
        sample.send("poison", 0).await;
    }
    for _ in 0..3 {
        assert_eq!(sample.receive().await.len(), 10);
        sample.clock.advance(360);
    }
    sample.send("good", 0).await;
    assert_eq!(bodies(&sample.receive().await), ["good"]);
}

#[tokio::test]
async fn every_waiting_message_is_shown_with_its_time_soonest_first() {
    let sample = sample();
    for (body, delay) in [("later", 600), ("soon", 60), ("now", 0)] {
        sample.send(body, delay).await;
    }
    sample.receive().await;
    let waiting = sample.home.queue().waiting(10).await.unwrap();
    let shown = waiting.iter().map(|m| {
        let due_at = m.due_at.to_string();
        (m.body.as_str(), due_at, m.receive_count, m.in_flight)
    });
    let expected = [
        ("soon", "2026-11-23T07:01:00Z".to_owned(), 0, false),
        ("now", "2026-11-23T07:06:00Z".to_owned(), 1, true),
        ("later", "2026-11-23T07:10:00Z".to_owned(), 0, false),
    ];
    assert_eq!(shown.collect::<Vec<_>>(), expected);
    let depth = sample.depth().await;
    assert_eq!((depth.delayed, depth.due), (2, 0));
    assert_eq!((depth.in_flight, depth.dead), (1, 0));
}

#[tokio::test]
async fn the_oldest_message_is_the_one_that_was_sent_first_whatever_became_of_it_since() {
    let sample = sample();
    let queue = sample.home.queue();
    assert_eq!(queue.oldest().await.unwrap(), None);
    sample.send("first", 0).await;
    let sent = queue.now();
    sample.clock.advance(100);
    sample.send("second", 0).await;
    assert_eq!(sample.receive().await.len(), 2);
    assert_eq!(queue.oldest().await.unwrap(), Some(sent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_receivers_never_share_a_message() {
    let sample = sample();
    for number in 0..100 {
        sample.send(&number.to_string(), 0).await;
    }
    let mut receivers = JoinSet::new();
    for _ in 0..20 {
        let queue = sample.home.queue();
        let visibility = Duration::from_mins(6);
        receivers.spawn(async move { queue.receive(10, visibility, 3).await.unwrap() });
    }
    let received = receivers.join_all().await;
    assert!(received.iter().all(|records| records.len() <= 10));
    let received = received.into_iter().flatten();
    let mut ids: Vec<String> = received.map(|record| record.message_id).collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 100);
}

#[tokio::test]
async fn what_amazon_sqs_would_refuse_is_refused() {
    let sample = sample();
    for bad in [message(&"x".repeat(4097), 0), message("x", 901)] {
        let refused = sample.home.queue().send(bad).await.unwrap_err();
        assert_eq!(refused.kind, PortErrorKind::Permanent);
    }
}

#[tokio::test]
async fn several_messages_are_queued_together_each_with_its_delay_or_none_is() {
    let sample = sample();
    let queue = sample.home.queue();
    let sent = queue.send_all(vec![message("now", 0), message("late", 600)]);
    sent.await.unwrap();
    assert_eq!(bodies(&sample.receive().await), ["now"]);
    let long = "x".repeat(4097);
    for bad in [message(&long, 0), message("m", 901)] {
        let refused = queue.send_all(vec![message("good", 0), bad]).await;
        assert_eq!(refused.unwrap_err().kind, PortErrorKind::Permanent);
    }
    assert!(sample.receive().await.is_empty());
    sample.clock.advance(600);
    assert!(bodies(&sample.receive().await).contains(&"late"));
}

#[tokio::test]
async fn no_look_at_the_queue_is_prepared_again_for_another_time() {
    let sample = sample();
    let connection = connect_to_read(&sample.home.folder().database()).unwrap();
    let mut due = connection.prepare(sql::DUE).unwrap();
    for now in 1..9 {
        let params = named_params! {":now": now, ":max": 10};
        assert!(!due.exists(params).unwrap());
    }
    assert_eq!(due.get_status(StatementStatus::RePrepare), 0);
}
