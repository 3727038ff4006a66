use super::duplicate::Map;
use super::{ALICE, OMAR, json, key_of, only};
use leadwire_domain::lead::id::EventId;
use leadwire_domain::notice::LeadUrlTemplate;
use leadwire_domain::source::Source;
use leadwire_domain::source::canary::{LEAD_ID, body, owner_file, recipient, render_secret};
use leadwire_pipeline::operate::canary::{Accepted, Canary};
use leadwire_pipeline::port::{
    Bucket, Clock, DelayQueue, Home, NewObject, OutgoingMessage, PortError, PortErrorKind,
    WebhookReply, WebhookSender,
};
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::stage::sweep::SweepMode;
use leadwire_pipeline::testkit::{Call, FakeHome, FakeSecrets, Fault, Told, World, WorldBuilder};
use leadwire_pipeline::trace::TraceContext;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// The way from outside to the world's own address.
struct Door<'a>(&'a World);

impl WebhookSender for Door<'_> {
    async fn post(
        &self,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Result<WebhookReply, PortError> {
        let headers = Map(headers.into_iter().collect());
        let answer = self.0.post_to("/ingest/canary", &headers, &body).await;
        Ok(WebhookReply {
            status: answer.status,
            body: answer.body.into_bytes(),
        })
    }
}

fn canary(world: &World) -> Canary<FakeHome, FakeSecrets, Door<'_>> {
    let (home, secret) = (Arc::clone(&world.home), world.canary_secret.clone());
    Canary::new(home, secret, Door(world))
}

async fn send(world: &World) -> Accepted {
    canary(world).send().await.expect("it is accepted")
}

fn nothing() -> Told {
    Told::new()
}

#[tokio::test(start_paused = true)]
async fn a_canary_goes_the_whole_way_to_the_simulator_alone_and_is_counted_once() {
    let mut builder = WorldBuilder {
        environment: "prod",
        ..WorldBuilder::default()
    };
    builder.enrich.notify_owner = true;
    builder.enrich.lead_url =
        Some(LeadUrlTemplate::parse("https://app.close.com/lead/{lead_id}/").unwrap());
    let world = builder.build();
    let begun = world.clock().now();
    let outcomes = world.observed(async {
        let sent = send(&world).await;
        assert_eq!(sent.lead_id.as_str(), LEAD_ID);
        assert_eq!(world.store().keys(Bucket::Raw, "raw/"), [sent.s3_key]);
        world.work_until_idle().await
    });
    assert_eq!(outcomes.await, [Outcome::Done(Done::Mailed)]);
    assert!(world.clock().now().duration_since(begun).as_secs() >= 600);
    let document = only(&world, "enriched/");
    assert_eq!(document["_leadwire"]["source"], "canary");
    let mails = world.mailer().sent();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, [recipient()]);
    assert!(mails[0].is_canary);
    assert!(!mails[0].text.text.contains("https://"), "no link");
    assert_eq!(world.told(), Told::from([("CanaryMailed".to_owned(), 1)]));
}

#[tokio::test(start_paused = true)]
async fn every_canary_is_an_event_of_its_own_and_its_owner_file_is_put_where_it_lacks_or_differs() {
    let world = World::new();
    let puts = || {
        let is_put = |call: &Call| matches!(call, Call::Put(Bucket::Lookup, _));
        world.store().calls().iter().filter(|c| is_put(c)).count()
    };
    let first = send(&world).await;
    let second = send(&world).await;
    assert_ne!(first.event_id, second.event_id);
    assert_ne!(first.s3_key, second.s3_key);
    assert_eq!(puts(), 1);
    world.put_owner(LEAD_ID, OMAR);
    send(&world).await;
    assert_eq!(puts(), 2);
    let file = world.store().peek(Bucket::Lookup, "leadwire-canary.json");
    assert_eq!(file.unwrap().bytes, owner_file());
    assert_eq!(world.work_until_idle().await.len(), 3);
    assert_eq!(world.mailer().sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn waiting_retries_and_doubts_of_a_canary_are_counted_nowhere() {
    let world = World::new();
    let outcomes = world.observed(async {
        send(&world).await;
        world.store().remove(Bucket::Lookup, "leadwire-canary.json");
        world.work_next().await;
        world
            .store()
            .plant(Bucket::Lookup, "leadwire-canary.json", owner());
        world.mailer().be_busy(1);
        world.work_next().await;
        world.mailer().drop_silently(1);
        world.work_next().await;
        world.work_until_idle().await
    });
    assert_eq!(outcomes.await.last(), Some(&Outcome::Done(Done::Mailed)));
    assert_eq!(world.told(), Told::from([("CanaryMailed".to_owned(), 1)]));
}

fn owner() -> NewObject {
    NewObject::of(owner_file().to_vec())
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_fails_is_written_down_counted_nowhere_and_no_dead_letter() {
    let world = World::new();
    let outcomes = world.observed(async {
        send(&world).await;
        world.mailer().refuse(1);
        world.work_until_idle().await
    });
    assert_eq!(outcomes.await, [Outcome::Done(Done::CanaryFailed)]);
    assert_eq!(only(&world, "failed/")["reason"], "mail_refused");

    let store = world.store();
    store.set_script(|call| matches!(call, Call::Get(Bucket::Raw, _)).then_some(Fault::Fails));
    let outcomes = world.observed(async {
        send(&world).await;
        world.work_until_idle().await
    });
    let outcomes = outcomes.await;
    assert_eq!(outcomes.last(), Some(&Outcome::Done(Done::CanaryFailed)));
    assert_eq!(outcomes.len(), 3, "a transient failure is tried again");
    assert!(world.queue().dead_letters().is_empty());
    assert_eq!(world.told(), nothing());
    let later = Duration::from_hours(24);
    tokio::time::sleep(later).await;
    let report = world.observed(world.sweep.run(SweepMode::Send)).await;
    assert_eq!(report.unwrap().found, 0, "it has come to its end");
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_is_swept_is_counted_only_once_it_is_mailed() {
    let world = World::new();
    world
        .observed(async {
            send(&world).await;
            world.queue().purge();
            tokio::time::sleep(Duration::from_hours(24)).await;
            assert_eq!(world.sweep.run(SweepMode::Send).await.unwrap().sent, 1);
            assert_eq!(world.told(), nothing());
            world.work_until_idle().await;
        })
        .await;
    assert_eq!(world.told(), Told::from([("CanaryMailed".to_owned(), 1)]));
}

#[tokio::test(start_paused = true)]
async fn an_operators_bare_message_about_a_canary_is_a_canary_by_what_is_stored() {
    let world = World::new();
    world
        .observed(async {
            let sent = send(&world).await;
            world.queue().purge();
            world.send_bare(&sent.s3_key);
            world.mailer().be_busy(1);
            world.work_until_idle().await;
        })
        .await;
    assert_eq!(world.mailer().sent()[0].to, [recipient()]);
    assert_eq!(world.told(), Told::from([("CanaryMailed".to_owned(), 1)]));
}

#[tokio::test(start_paused = true)]
async fn no_message_makes_a_lead_a_canary_or_a_canary_a_lead() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    world.post(ALICE).await;
    send(&world).await;
    let bodies = world.queue().bodies();
    world.queue().purge();
    for body in bodies {
        let forged = if body.contains(r#""source":"canary""#) {
            body.replace(r#""source":"canary""#, r#""source":"standard""#)
        } else {
            body.replace(r#""source":"generic""#, r#""source":"canary""#)
        };
        assert_ne!(forged, body);
        let message = OutgoingMessage {
            body: forged,
            delay_seconds: 0,
            trace: TraceContext::default(),
        };
        world.home.queue().send(message).await.unwrap();
    }
    tokio::time::sleep(Duration::from_mins(11)).await;
    world.work().await;
    assert_eq!(world.mailer().tries(), 0);
    let failures = world.store().keys(Bucket::Enriched, "failed/");
    assert_eq!(failures.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_its_secret_makes_a_canary_and_refusals_are_counted_nowhere() {
    let world = World::new();
    let none = Map(BTreeMap::default());
    let body = body(world.clock().now());
    let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let other = Source::Canary.parse_key(other).unwrap();
    let id = EventId::parse("msg_1").unwrap();
    let forged = other.sign(&id, &body, world.clock().now()).unwrap();
    let forged = Map(forged.into_iter().collect());
    world
        .observed(async {
            for headers in [&none, &forged] {
                let answer = world.post_to("/ingest/canary", headers, &body).await;
                assert_eq!(answer.status, 401);
            }
        })
        .await;
    assert_eq!(world.told(), nothing());
    assert_eq!(world.queue().depth(), 0);
    let flat = format!(r#"{{"lead_id":"{LEAD_ID}"}}"#);
    let answer = world.post(&flat).await;
    assert_eq!(
        (answer.status, &json(&answer)["code"]),
        (400, &"invalid_lead_id".into())
    );
}

#[tokio::test(start_paused = true)]
async fn trouble_with_the_canarys_secret_touches_no_lead_and_is_told_to_the_canary() {
    let world = World::new();
    world.canary_secret.set("nonsense");
    let error = canary(&world).send().await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Permanent);
    world.canary_secret.set_down(true);
    assert!(canary(&world).send().await.is_err());
    key_of(&world.post(ALICE).await);

    world.canary_secret.set_down(false);
    world.canary_secret.set(&render_secret([[1; 16]; 2]));
    world.secrets.set_down(true);
    tokio::time::sleep(Duration::from_mins(10)).await;
    send(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_is_not_accepted_says_how_it_was_answered() {
    let world = World::new();
    world.queue().fail_sends(1);
    let error = canary(&world).send().await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Transient);
    let why = error.source.to_string();
    assert_eq!(why, "it was answered with 503 (unavailable)");
}
