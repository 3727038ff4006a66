use crate::sample::{Sample, message, sample};
use leadwire_pipeline::port::{DelayQueue, OutgoingMessage, PortErrorKind};
use leadwire_pipeline::stage::enrich::Record;
use leadwire_pipeline::trace::TraceContext;
use std::time::Duration;

const VISIBILITY: Duration = Duration::from_mins(6);

impl Sample {
    async fn receive(&self) -> Vec<Record> {
        self.home.queue().receive(10, VISIBILITY, 3).await.unwrap()
    }
}

#[tokio::test]
async fn a_message_is_received_after_its_delay_and_not_before() {
    let sample = sample();
    sample
        .home
        .queue()
        .send(message("late", 600))
        .await
        .unwrap();
    sample.home.queue().send(message("now", 0)).await.unwrap();
    assert_eq!(bodies(&sample.receive().await), ["now"]);
    sample.clock.advance(599);
    assert!(
        sample
            .receive()
            .await
            .iter()
            .all(|record| record.body != "late")
    );
    sample.clock.advance(1);
    assert_eq!(bodies(&sample.receive().await), ["late"]);
}

#[tokio::test]
async fn a_received_message_is_hidden_and_comes_back_counted_until_it_is_deleted() {
    let sample = sample();
    let trace = TraceContext {
        traceparent: Some("00-6ac29d00abababababababababababab-0101010101010101-01".to_owned()),
        tracestate: Some("a=b".to_owned()),
        xray: Some("Root=1".to_owned()),
    };
    sample
        .home
        .queue()
        .send(OutgoingMessage {
            body: "b".to_owned(),
            delay_seconds: 0,
            trace: trace.clone(),
        })
        .await
        .unwrap();
    let first = sample.receive().await.remove(0);
    assert_eq!((first.receive_count, &first.trace), (1, &trace));
    assert_eq!(first.sent_at, Some("2026-11-23T07:00:00Z".parse().unwrap()));
    assert!(sample.receive().await.is_empty());
    sample.clock.advance(360);
    let second = sample.receive().await.remove(0);
    assert_eq!(
        (second.receive_count, &second.message_id),
        (2, &first.message_id)
    );
    assert_eq!(
        sample
            .home
            .queue()
            .delete(vec![first.receipt_handle])
            .await
            .unwrap(),
        0,
        "an old receipt deletes nothing"
    );
    assert_eq!(
        sample
            .home
            .queue()
            .delete(vec![second.receipt_handle])
            .await
            .unwrap(),
        1
    );
    sample.clock.advance(3600);
    assert!(sample.receive().await.is_empty());
}

#[tokio::test]
async fn the_visibility_of_a_received_message_can_be_shortened() {
    let sample = sample();
    sample.home.queue().send(message("b", 0)).await.unwrap();
    let record = sample.receive().await.remove(0);
    sample
        .home
        .queue()
        .set_visibility(&record.receipt_handle, 15)
        .await
        .unwrap();
    sample.clock.advance(14);
    assert!(sample.receive().await.is_empty());
    sample.clock.advance(1);
    assert_eq!(sample.receive().await.len(), 1);
    sample
        .home
        .queue()
        .set_visibility("no such receipt", 0)
        .await
        .unwrap();
}

#[tokio::test]
async fn after_exactly_three_receives_in_vain_a_message_is_a_dead_letter() {
    let sample = sample();
    sample
        .home
        .queue()
        .send(message("poison", 0))
        .await
        .unwrap();
    for receive in 1..=3 {
        assert_eq!(sample.receive().await.remove(0).receive_count, receive);
        assert_eq!(sample.home.queue().depth().await.unwrap().dead, 0);
        sample.clock.advance(360);
    }
    assert!(sample.receive().await.is_empty());
    let dead = sample
        .home
        .queue()
        .dead_letters(10)
        .await
        .unwrap()
        .remove(0);
    assert_eq!((dead.body.as_str(), dead.receive_count), ("poison", 3));
    assert_eq!(dead.sent_at, "2026-11-23T07:00:00Z".parse().unwrap());
    assert!(sample.home.queue().waiting(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn dead_letters_take_no_place_in_a_batch() {
    let sample = sample();
    for _ in 0..10 {
        sample
            .home
            .queue()
            .send(message("poison", 0))
            .await
            .unwrap();
    }
    for _ in 0..3 {
        assert_eq!(sample.receive().await.len(), 10);
        sample.clock.advance(360);
    }
    sample.home.queue().send(message("good", 0)).await.unwrap();
    assert_eq!(bodies(&sample.receive().await), ["good"]);
}

#[tokio::test]
async fn a_dead_letter_keeps_its_attributes_until_it_is_deleted() {
    let sample = sample();
    let trace = TraceContext {
        traceparent: Some("00-a-b-01".to_owned()),
        ..TraceContext::default()
    };
    sample
        .home
        .queue()
        .send(OutgoingMessage {
            body: "b".to_owned(),
            delay_seconds: 0,
            trace: trace.clone(),
        })
        .await
        .unwrap();
    for _ in 0..4 {
        sample.receive().await;
        sample.clock.advance(360);
    }
    let dead = sample
        .home
        .queue()
        .dead_letters(10)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        (dead.body.as_str(), dead.receive_count, &dead.trace),
        ("b", 3, &trace)
    );
    let queue = sample.home.queue();
    let ids = vec![dead.message_id, "no such letter".to_owned()];
    assert_eq!(queue.delete_dead_letters(ids.clone()).await.unwrap(), 1);
    assert_eq!(queue.delete_dead_letters(ids).await.unwrap(), 0);
    assert_eq!(queue.depth().await.unwrap().dead, 0);
}

#[tokio::test]
async fn every_waiting_message_is_shown_with_its_time_soonest_first() {
    let sample = sample();
    for (body, delay) in [("later", 600), ("soon", 60), ("now", 0)] {
        sample
            .home
            .queue()
            .send(message(body, delay))
            .await
            .unwrap();
    }
    sample.receive().await;
    let waiting = sample.home.queue().waiting(10).await.unwrap();
    let shown: Vec<_> = waiting
        .iter()
        .map(|m| {
            (
                m.body.as_str(),
                m.due_at.to_string(),
                m.receive_count,
                m.in_flight,
            )
        })
        .collect();
    let expected = [
        ("soon", "2026-11-23T07:01:00Z".to_owned(), 0, false),
        ("now", "2026-11-23T07:06:00Z".to_owned(), 1, true),
        ("later", "2026-11-23T07:10:00Z".to_owned(), 0, false),
    ];
    assert_eq!(shown, expected);
    let depth = sample.home.queue().depth().await.unwrap();
    assert_eq!(
        (depth.delayed, depth.due, depth.in_flight, depth.dead),
        (2, 0, 1, 0)
    );
}

#[tokio::test]
async fn the_oldest_message_is_the_one_that_was_sent_first_whatever_became_of_it_since() {
    let sample = sample();
    let queue = sample.home.queue();
    assert_eq!(queue.oldest().await.unwrap(), None);
    queue.send(message("first", 0)).await.unwrap();
    let sent = queue.now();
    sample.clock.advance(100);
    queue.send(message("second", 0)).await.unwrap();
    assert_eq!(sample.receive().await.len(), 2);
    assert_eq!(queue.oldest().await.unwrap(), Some(sent));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_receivers_never_share_a_message() {
    let sample = sample();
    for number in 0..100 {
        sample
            .home
            .queue()
            .send(message(&number.to_string(), 0))
            .await
            .unwrap();
    }
    let receivers: Vec<_> = (0..20)
        .map(|_| {
            let queue = sample.home.queue();
            tokio::spawn(async move { queue.receive(10, VISIBILITY, 3).await.unwrap() })
        })
        .collect();
    let mut ids = Vec::new();
    for receiver in receivers {
        let records = receiver.await.unwrap();
        assert!(records.len() <= 10);
        ids.extend(records.into_iter().map(|record| record.message_id));
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 100);
}

#[tokio::test]
async fn what_amazon_sqs_would_refuse_is_refused() {
    let sample = sample();
    for bad in [message(&"x".repeat(4097), 0), message("x", 901)] {
        assert_eq!(
            sample.home.queue().send(bad).await.unwrap_err().kind,
            PortErrorKind::Permanent
        );
    }
}

fn bodies(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.body.as_str()).collect()
}
