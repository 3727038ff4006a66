use super::prelude::*;
use super::receivers::{both, worked};
use leadwire_pipeline::operate::audit::{
    Account, Audit, AuditConfig, AuditReport, AuditStep, Finding, QueueSeen,
};
use leadwire_pipeline::operate::forget::{TombstoneMode, make_tombstones};
use leadwire_pipeline::testkit::WorldBuilder;
use std::cell::Cell;

/// What the queue holds, as one machine can tell it.
fn see(world: &World) -> QueueSeen {
    let (live, dead) = world.queue().snapshot().names();
    QueueSeen { live, dead }
}

fn audit(world: &World, expires: bool) -> Audit<FakeHome> {
    let config = AuditConfig {
        sweep: WorldBuilder::default().sweep,
        expires,
    };
    Audit::new(Arc::clone(&world.home), config)
}

/// What is found, where nothing expires and the queue can be read.
pub(crate) async fn audited(world: &World) -> (AuditReport, Vec<Finding>) {
    let found = audited_where(world, false, true).await;
    found.expect("no fault is scripted")
}

pub(crate) async fn audited_where(
    world: &World,
    expires: bool,
    tells_queue: bool,
) -> Result<(AuditReport, Vec<Finding>), PortError> {
    let mut findings = Vec::new();
    let none = QueueSeen::default;
    let seen = || if tells_queue { see(world) } else { none() };
    let see = async || Ok(seen());
    let mut told = |step: AuditStep<'_>| {
        if let AuditStep::Found(finding) = step {
            findings.push(finding.clone());
        }
    };
    let report = audit(world, expires).run(see, &mut told).await?;
    assert!(report.account.adds_up(), "{report:?}");
    Ok((report, findings))
}

#[track_caller]
fn check(findings: &[Finding], expected: &[(&str, Flaw)]) {
    let found = findings.iter().map(|found| (&*found.key, found.flaw));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}

async fn mailed(world: &World, lead_id: &str) -> String {
    world.own(lead_id);
    let key = key_of(&world.post_lead(lead_id).await);
    world.work_until_idle().await;
    key
}

#[tokio::test(start_paused = true)]
async fn each_event_is_in_one_place_and_the_numbers_add_up() {
    let world = World::parking();
    world.home.set_page(2);
    for lead in ["m1", "m2", "m-3"] {
        mailed(&world, lead).await;
    }
    world.mailer().drop_silently(1);
    mailed(&world, "parked").await;
    world.put_owner("dead", "poison");
    world.post_lead("dead").await;
    world.work_until_idle().await;
    mailed(&world, "gone").await;
    forgotten(&world, "gone").await;
    world.post_lead("lost").await;
    world.queue().purge();
    sleep(LONG).await;
    world.post_lead("young").await;
    world.queue().purge();
    world.post_lead("waiting").await;

    let (report, findings) = audited(&world).await;
    let account = Account {
        received: 9,
        mailed: 3,
        parked: 1,
        dead_lettered: 1,
        forgotten: 1,
        in_flight: 2,
        nowhere: 1,
    };
    assert_eq!(report.account, account);
    assert_eq!((report.without_message, report.inconsistent), (1, 0));
    assert!(!report.is_sound());
    assert_eq!(findings.len(), 1);
    assert!(findings[0].key.starts_with("raw/crm_event_lost_"));

    swept(&world).await;
    world.own("lost");
    let (report, findings) = audited(&world).await;
    assert_eq!((report.account.nowhere, report.account.in_flight), (0, 3));
    check(&findings, &[]);
}

#[tokio::test(start_paused = true)]
async fn an_audit_changes_nothing() {
    let world = World::new();
    mailed(&world, "a").await;
    world.post(ALICE).await;
    let before = world.home.calls().len();
    audited(&world).await;
    let calls = world.home.calls().split_off(before);
    let is_reading = |call: &Call| matches!(call, Call::Get(..) | Call::List(..));
    assert!(calls.iter().all(is_reading), "{calls:?}");
    assert_eq!(world.queue().depth(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_the_queue_cannot_be_read_age_decides() {
    let world = World::new();
    world.post(ALICE).await;
    let (report, _) = audited_where(&world, true, false).await.unwrap();
    assert_eq!((report.account.in_flight, report.without_message), (1, 0));
    sleep(LONG).await;
    let (report, findings) = audited_where(&world, true, false).await.unwrap();
    assert_eq!(report.account.nowhere, 1);
    assert_eq!(findings[0].flaw, Flaw::Nowhere);
    let (report, _) = audited(&world).await;
    assert_eq!(report.account.in_flight, 1, "its message waits still");
}

#[tokio::test(start_paused = true)]
async fn bytes_that_are_not_those_that_were_accepted_are_told() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    let mut stored = world.peek(&key).unwrap();
    stored.bytes = br#"{"lead_id":"b"}"#.to_vec();
    world.put_back(&key, stored);
    let enriched = key.replace("raw/", "enriched/");
    let (report, findings) = audited(&world).await;
    let expected = [
        (&*key, Flaw::RawChanged),
        (&key, Flaw::LeadsMixed),
        (&enriched, Flaw::DocumentOfOtherBytes),
        (&enriched, Flaw::LeadsMixed),
    ];
    check(&findings, &expected);
    assert_eq!((report.account.mailed, report.inconsistent), (1, 4));
    assert!(!report.is_sound());
}

#[tokio::test(start_paused = true)]
async fn documents_and_claims_that_miss_what_they_rest_on_are_told() {
    let world = World::new();
    let [a, b, c] = ["a", "b", "c"].map(|lead| mailed(&world, lead));
    let (a, b, c) = (a.await, b.await, c.await);
    let of = |key: &str, prefix: &str| key.replace("raw/", prefix);
    world.remove(&of(&a, "enriched/"));
    world.put(&of(&b, "enriched/"), "{}");
    world.remove(&c);
    world.put(&of(&c, "mail/"), r#"{"state":"idle","attempt":1}"#);
    world.put("mail/d.json", "nonsense");
    let (report, findings) = audited(&world).await;
    let expected = [
        (&*of(&a, "mail/"), Flaw::SentWithoutDocument),
        (&of(&b, "enriched/"), Flaw::DocumentUnreadable),
        (&of(&c, "enriched/"), Flaw::DocumentWithoutRaw),
        (&of(&c, "mail/"), Flaw::ClaimWithoutRaw),
        ("mail/d.json", Flaw::ClaimWithoutRaw),
    ];
    check(&findings, &expected);
    assert_eq!((report.account.received, report.inconsistent), (2, 5));

    let (report, findings) = audited_where(&world, true, true).await.unwrap();
    assert!(findings[2].is_note, "its raw object has expired");
    assert_eq!((report.inconsistent, report.notes), (4, 1));
}

#[tokio::test(start_paused = true)]
async fn a_marker_whose_raw_object_has_expired_is_no_event_any_more() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    world.remove(&key);
    world.remove(&key.replace("raw/", "enriched/"));
    let (report, findings) = audited(&world).await;
    assert_eq!((report.account.received, report.expired), (0, 1));
    assert!(report.is_sound() && findings.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_died_long_ago_is_told_unless_its_failure_is() {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let key = key_of(&world.post(ALICE).await);
    plant_claim(&world, &claim_until("2026-11-23T07:01:30Z"));
    let (report, findings) = audited(&world).await;
    assert_eq!(report.account.in_flight, 1);
    check(&findings, &[]);
    sleep(LONG).await;
    let mail = key.replace("raw/", "mail/");
    let (report, findings) = audited(&world).await;
    assert_eq!(report.account.in_flight, 1);
    check(&findings, &[(&mail, Flaw::ClaimStale)]);
    world.queue().purge();
    world.put(&key.replace("raw/", "failed/"), "{}");
    let (report, findings) = audited(&world).await;
    assert_eq!(report.account.dead_lettered, 1);
    check(&findings, &[]);
}

#[tokio::test(start_paused = true)]
async fn a_lead_that_was_forgotten_only_in_part_is_told_after_a_while() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    world.put_marker(&key.replace("raw/", "mail/"), "forgotten");
    let (report, findings) = audited(&world).await;
    assert_eq!(report.account.forgotten, 1);
    check(&findings, &[]);
    sleep(Duration::from_mins(16)).await;
    let (_, findings) = audited(&world).await;
    let enriched = key.replace("raw/", "enriched/");
    let flaw = Flaw::ForgottenButStored;
    check(&findings, &[(&key, flaw), (&enriched, flaw)]);
}

#[tokio::test(start_paused = true)]
async fn a_tombstone_is_a_forgotten_event_with_or_without_its_claim_and_no_stored_object() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    forgotten(&world, "a").await;
    for has_claim in [true, false] {
        sleep(Duration::from_mins(16)).await;
        let (report, findings) = audited(&world).await;
        let account = Account {
            received: 1,
            forgotten: 1,
            ..Account::default()
        };
        assert_eq!(report.account, account, "{has_claim}");
        assert!(report.is_sound());
        check(&findings, &[]);
        world.remove(&key.replace("raw/", "mail/"));
    }
    let enriched = key.replace("raw/", "enriched/");
    world.put(&enriched, "{}");
    let (_, findings) = audited(&world).await;
    check(&findings, &[(&enriched, Flaw::ForgottenButStored)]);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_event_without_a_tombstone_calls_for_one() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    let mail_key = key.replace("raw/", "mail/");
    world.put_marker(&mail_key, "forgotten");
    world.remove(&key);
    world.remove(&key.replace("raw/", "enriched/"));
    sleep(Duration::from_mins(16)).await;
    let (report, findings) = audited(&world).await;
    assert_eq!((report.account.forgotten, report.inconsistent), (1, 1));
    check(&findings, &[(&mail_key, Flaw::TombstoneMissing)]);
    assert!(
        Flaw::TombstoneMissing
            .meaning()
            .contains("forget --tombstones")
    );
    make_tombstones(&*world.home, TombstoneMode::Make, &mut |_step| ())
        .await
        .unwrap();
    let (report, findings) = audited(&world).await;
    assert_eq!((report.account.forgotten, report.is_sound()), (1, true));
    check(&findings, &[]);
}

#[tokio::test(start_paused = true)]
async fn a_replay_is_checked_like_its_event_and_counted_beside_the_account() {
    let world = World::new();
    let key = mailed(&world, "a").await;
    let revision = |prefix: &str, n: u32| {
        let key = key.replace("raw/", prefix);
        key.replace(".json", &format!(".r{n}.json"))
    };
    let document = world.peek(&key.replace("raw/", "enriched/")).unwrap();
    let text = String::from_utf8(document.bytes).unwrap();
    world.put(&revision("enriched/", 1), &text);
    world.put(&revision("mail/", 1), "");
    world.put(&revision("mail/", 2), "");
    let other = text.replace(r#""lead_id":"a""#, r#""lead_id":"b""#);
    world.put(&revision("enriched/", 10), &other);
    world.put("enriched/crm.q.json", &text);
    let (report, findings) = audited(&world).await;
    assert_eq!((report.account.received, report.replays), (1, 3));
    assert_eq!((report.inconsistent, report.notes), (2, 1));
    let expected = [
        ("enriched/crm.q.json", Flaw::KeyStrange),
        (&revision("mail/", 2), Flaw::SentWithoutDocument),
        (&revision("enriched/", 10), Flaw::LeadsMixed),
    ];
    check(&findings, &expected);
}

#[tokio::test(start_paused = true)]
async fn names_that_begin_alike_are_events_of_their_own() {
    let world = World::new();
    for name in ["a", "a-b", "a_b", "ab", "a0"] {
        world.put(&format!("raw/{name}.json"), r#"{"lead_id":"x"}"#);
        world.put(&format!("mail/{name}.json"), "");
        world.put(&format!("mail/{name}.r1.json"), "");
    }
    let (report, findings) = audited(&world).await;
    assert_eq!((report.account.mailed, report.replays), (5, 5));
    assert_eq!(findings.len(), 10);
    let lacks_document = |finding: &Finding| finding.flaw == Flaw::SentWithoutDocument;
    assert!(findings.iter().all(lacks_document));
}

#[tokio::test(start_paused = true)]
async fn what_seems_wrong_is_looked_at_again_since_the_home_works_on() {
    let world = World::new();
    world.own("lead_1");
    world.post(&close_event("lead_1", "ev_1", INSTANT)).await;
    sleep(LONG).await;
    let looks = Cell::new(0);
    // The first look into the queue finds nothing: it was taken before the sweep sent.
    let see = async || {
        looks.set(looks.get() + 1);
        if looks.get() == 1 {
            return Ok(QueueSeen {
                live: Some(BTreeSet::new()),
                ..QueueSeen::default()
            });
        }
        Ok(see(&world))
    };
    let report = audit(&world, false).run(see, &mut |_step| ()).await;
    let report = report.unwrap();
    assert_eq!((report.account.in_flight, looks.get()), (1, 2));
    assert!(report.is_sound());
}

/// A mailed event of two receivers, and its marker from now on.
async fn marked(told: Option<&str>) -> (World, EventName) {
    let (world, name) = worked(AmbiguousPolicy::Resend, |_| None).await;
    let mut marker = world.peek(&name.mail_key()).unwrap();
    marker.metadata.remove("told");
    let told = told.map(|told| ("told".to_owned(), told.to_owned()));
    marker.metadata.extend(told);
    world.put_back(&name.mail_key(), marker);
    (world, name)
}

fn rewrite_notify(world: &World, name: &EventName, notify: Option<Value>) {
    let mut document = only(world, "enriched/");
    let ours = document["_leadwire"].as_object_mut().unwrap();
    ours.remove("notify");
    ours.extend(notify.map(|notify| ("notify".to_owned(), notify)));
    world.put(&name.enriched_key(), &document.to_string());
}

#[tokio::test(start_paused = true)]
async fn what_a_marker_says_of_the_receivers_must_fit_the_document() {
    for (told, is_flaw) in [
        (None, false),
        (Some("ss"), false),
        (Some("ds"), false),
        (Some("dd"), true),
        (Some("s"), true),
        (Some("sss"), true),
        (Some("sx"), true),
        (Some(""), true),
    ] {
        let (world, name) = marked(told).await;
        let (report, findings) = audited(&world).await;
        assert_eq!(report.account.mailed, 1, "{told:?}");
        let key = name.mail_key();
        let expected = is_flaw.then_some((&*key, Flaw::ToldDiffers));
        check(&findings, expected.as_slice());
        // A document of the first edition names none: any number fits.
        rewrite_notify(&world, &name, None);
        let (_, findings) = audited(&world).await;
        let is_flaw = is_flaw && !matches!(told, Some("s" | "sss"));
        let expected = is_flaw.then_some((&*key, Flaw::ToldDiffers));
        check(&findings, expected.as_slice());
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_without_receivers_is_never_settled_as_sent() {
    let (world, name) = marked(None).await;
    rewrite_notify(&world, &name, Some(Value::Array(vec![])));
    let (report, findings) = audited(&world).await;
    check(&findings, &[(&name.mail_key(), Flaw::SentWithoutReceiver)]);
    assert!(!report.is_sound());
}

#[tokio::test(start_paused = true)]
async fn a_claim_names_receivers_of_its_document_and_no_others() {
    let [a, b] = both();
    let of_none = r#"{"v":2,"token":"t","lease_until":"2026-11-23T06:50:00Z","effects":{}}"#;
    let of = |effect: &str| of_none.replace("{}", &format!(r#"{{"{effect}":{{"state":"idle"}}}}"#));
    let first = of_none.replace(r#","effects":{}"#, "");
    for (claim, of_other, alone) in [
        (of(a.as_str()), None, Some(Flaw::ClaimWithoutDocument)),
        (of(b.as_str()), None, Some(Flaw::ClaimWithoutDocument)),
        (
            of("team:0123456789abcdef"),
            Some(Flaw::ClaimOfOtherEffects),
            Some(Flaw::ClaimWithoutDocument),
        ),
        (of_none.to_owned(), None, None),
        (first, None, None),
    ] {
        let (world, name) = worked(AmbiguousPolicy::Resend, |_| None).await;
        world.put(&name.mail_key(), &claim);
        let key = name.mail_key();
        let (_, findings) = audited(&world).await;
        check(&findings, of_other.map(|flaw| (&*key, flaw)).as_slice());
        world.remove(&name.enriched_key());
        let (_, findings) = audited(&world).await;
        check(&findings, alone.map(|flaw| (&*key, flaw)).as_slice());
    }
}
