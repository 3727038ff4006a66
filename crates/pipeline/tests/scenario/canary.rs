use super::prelude::*;
use leadwire_domain::effect::EffectId;
use leadwire_domain::notice::{EmailAddress, LeadUrlTemplate};
use leadwire_domain::source::canary::{LEAD_ID, body, owner_file, recipient, render_secret};
use leadwire_pipeline::operate::canary::{Accepted, Canary};
use leadwire_pipeline::port::{WebhookReply, WebhookSender};
use leadwire_pipeline::testkit::FakeSecrets;

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

#[tokio::test(start_paused = true)]
async fn a_canary_goes_the_whole_way_to_the_simulator_alone_and_is_counted_once() {
    let link = LeadUrlTemplate::parse("https://app.close.com/lead/{lead_id}/").unwrap();
    let world = World::with(|world| {
        world.environment = "prod";
        world.enrich.notify_owner = true;
        world.enrich.lead_url = Some(link);
        let boss = EmailAddress::parse("boss@example.com").unwrap();
        world.enrich.to.push(boss);
    });
    let begun = world.clock().now();
    let outcomes = world.observed(async {
        let sent = send(&world).await;
        assert_eq!(sent.lead_id.as_str(), LEAD_ID);
        assert_eq!(world.keys("raw/"), [sent.s3_key]);
        world.work_until_idle().await
    });
    assert_eq!(outcomes.await, [MAILED]);
    assert!(world.clock().now().duration_since(begun).as_secs() >= 600);
    let document = only(&world, "enriched/");
    assert_eq!(document["_leadwire"]["source"], "canary");
    let mails = world.mailer().sent();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, recipient());
    assert!(mails[0].is_canary);
    // One receiver of its own, whoever is configured.
    let effect = EffectId::of_mail("canary", &recipient());
    assert_eq!(mails[0].effect, effect);
    assert_eq!(document["_leadwire"]["notify"], serde_json::json!([effect]));
    assert!(!mails[0].text.text.contains("https://"), "no link");
    check_told(&world, "CanaryMailed 1");
}

#[tokio::test(start_paused = true)]
async fn every_canary_is_an_event_of_its_own_and_its_owner_file_is_put_where_it_lacks_or_differs() {
    let world = World::new();
    let puts = || {
        let is_put = |call: &Call| matches!(call, Call::Put(Bucket::Lookup, _));
        world.home.calls().iter().filter(|c| is_put(c)).count()
    };
    let first = send(&world).await;
    let second = send(&world).await;
    assert_ne!(first.event_id, second.event_id);
    assert_ne!(first.s3_key, second.s3_key);
    assert_eq!(puts(), 1);
    world.put_owner(LEAD_ID, OMAR);
    send(&world).await;
    assert_eq!(puts(), 2);
    let file = world.peek("leadwire-canary.json");
    assert_eq!(file.unwrap().bytes, owner_file());
    assert_eq!(world.work_until_idle().await.len(), 3);
    assert_eq!(world.mailer().sent().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn waiting_retries_and_doubts_of_a_canary_are_counted_nowhere() {
    let world = World::new();
    let owner = std::str::from_utf8(owner_file()).unwrap();
    let outcomes = world.observed(async {
        send(&world).await;
        world.remove("leadwire-canary.json");
        world.work_next().await;
        world.put("leadwire-canary.json", owner);
        world.mailer().be_busy(1);
        world.work_next().await;
        world.mailer().drop_silently(1);
        world.work_next().await;
        world.work_until_idle().await
    });
    assert_eq!(outcomes.await.last(), Some(&MAILED));
    check_told(&world, "CanaryMailed 1");
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_fails_is_written_down_counted_nowhere_and_no_dead_letter() {
    let world = World::new();
    let outcomes = world.observed(async {
        send(&world).await;
        world.mailer().refuse(1);
        world.work_until_idle().await
    });
    assert_eq!(outcomes.await, [ended(Done::CanaryFailed)]);
    assert_eq!(only(&world, "failed/")["reason"], "mail_refused");

    world.spoil(Fault::Fails, reads("raw/"));
    let outcomes = world.observed(async {
        send(&world).await;
        world.work_until_idle().await
    });
    let outcomes = outcomes.await;
    assert_eq!(outcomes.last(), Some(&ended(Done::CanaryFailed)));
    assert_eq!(outcomes.len(), 3, "a transient failure is tried again");
    assert!(world.queue().dead_letters().is_empty());
    check_told(&world, "");
    sleep(Duration::from_hours(24)).await;
    assert_eq!(swept(&world).await.found, 0, "it has come to its end");
}

#[tokio::test(start_paused = true)]
async fn a_canary_that_is_swept_is_counted_only_once_it_is_mailed() {
    let world = World::new();
    let course = async {
        send(&world).await;
        world.queue().purge();
        sleep(Duration::from_hours(24)).await;
        assert_eq!(swept(&world).await.sent, 1);
        check_told(&world, "SweepRuns 1");
        world.work_until_idle().await;
    };
    world.observed(course).await;
    check_told(&world, "CanaryMailed 1");
}

#[tokio::test(start_paused = true)]
async fn an_operators_bare_message_about_a_canary_is_a_canary_by_what_is_stored() {
    let world = World::new();
    let course = async {
        let sent = send(&world).await;
        world.queue().purge();
        world.send_bare(&sent.s3_key);
        world.mailer().be_busy(1);
        world.work_until_idle().await;
    };
    world.observed(course).await;
    assert_eq!(world.mailer().sent()[0].to, recipient());
    check_told(&world, "CanaryMailed 1");
}

#[tokio::test(start_paused = true)]
async fn no_message_makes_a_lead_a_canary_or_a_canary_a_lead() {
    let world = posted(World::new()).await;
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
        world.send(&forged).await;
    }
    sleep(Duration::from_mins(11)).await;
    world.work().await;
    assert_eq!(world.mailer().tries(), 0);
    assert_eq!(world.keys("failed/").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_its_secret_makes_a_canary_and_refusals_are_counted_nowhere() {
    let world = World::new();
    let none = no_headers();
    let body = String::from_utf8(body(world.clock().now())).unwrap();
    let other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let forged = signed(&world, SourceKind::Canary, other, &body);
    let course = async {
        for headers in [&none, &forged] {
            let body = body.as_bytes();
            let answer = world.post_to("/ingest/canary", headers, body).await;
            assert_eq!(answer.status, 401);
        }
    };
    world.observed(course).await;
    check_told(&world, "");
    assert_eq!(world.queue().depth(), 0);
    check_refused(&world.post_lead(LEAD_ID).await, 400, "invalid_lead_id");
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
    sleep(Duration::from_mins(10)).await;
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
