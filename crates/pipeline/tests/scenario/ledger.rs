//! What is stored in an unexpected way, as everyone who reads it sees it.

use super::audit::{audit, see};
use super::{OMAR, close_event, json, key_of};
use jiff::SignedDuration;
use leadwire_domain::claim::Settled;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::key::EventName;
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::limits::MESSAGE_BYTES_MAX;
use leadwire_pipeline::ledger::history::{EventHistory, EventStatus, LeadState};
use leadwire_pipeline::ledger::queue::QueueSnapshot;
use leadwire_pipeline::ledger::{ClaimState, Ledger};
use leadwire_pipeline::operate::audit::{AuditReport, AuditStep, Flaw};
use leadwire_pipeline::operate::forget::{Forget, ForgetConfig};
use leadwire_pipeline::operate::replay::preview;
use leadwire_pipeline::operate::resolve::{Resolution, list_parked, resolve};
use leadwire_pipeline::port::{Bucket, Clock as _, NewObject, PortError, PortErrorKind};
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_pipeline::stage::sweep::SweepMode;
use leadwire_pipeline::testkit::{Call, FakeHome, Fault, World};
use std::sync::Arc;
use std::time::Duration;

const LONG: Duration = Duration::from_hours(3);
const STORE_UNAVAILABLE: Outcome = Outcome::Failed(FailureReason::StoreUnavailable);
const UNREADABLE: &str = "the claim cannot be read";

/// What may lie at `mail/X`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    Denied,
    NotJson,
    TooLarge,
    Empty,
}

/// An event that was accepted, with something at its `mail/X`.
struct Case {
    world: World,
    body: String,
    name: EventName,
}

impl Case {
    async fn with(claim: Claim) -> Self {
        let world = World::new();
        world.put_owner("test-1", OMAR);
        let body = close_event("test-1", "ev_1", "2026-11-23T06:49:59.123456");
        let raw_key = key_of(&world.post(&body).await);
        let name = EventName::parse_raw_key(&raw_key).unwrap();
        let bytes = match claim {
            Claim::Denied => {
                deny(&world, "mail/");
                return Self { world, body, name };
            }
            Claim::NotJson => b"nonsense".to_vec(),
            Claim::TooLarge => vec![b' '; MESSAGE_BYTES_MAX + 1],
            Claim::Empty => Vec::new(),
        };
        let object = NewObject::of(bytes);
        world
            .store()
            .plant(Bucket::Enriched, &name.mail_key(), object);
        Self { world, body, name }
    }

    fn ledger(&self) -> Ledger<'_, FakeHome> {
        Ledger::new(self.world.store())
    }

    async fn status(&self) -> Result<EventStatus, PortError> {
        let queue = QueueSnapshot::default();
        let history = self.ledger().history(&queue, self.name.clone()).await?;
        Ok(history.status(self.world.clock().now()))
    }

    async fn audited(&self) -> Result<(AuditReport, Vec<Flaw>), PortError> {
        let mut flaws = Vec::new();
        let mut on_step = |step: AuditStep<'_>| {
            if let AuditStep::Found(finding) = step {
                flaws.push(finding.flaw);
            }
        };
        let see = async || see(&self.world).await;
        let report = audit(&self.world, false).run(see, &mut on_step).await?;
        Ok((report, flaws))
    }

    async fn forgotten(&self) -> Result<ClaimState, PortError> {
        let config = ForgetConfig {
            lease: SignedDuration::from_secs(90),
            owner_file: false,
        };
        let forget = Forget::new(Arc::clone(&self.world.home), config);
        let found = forget.find(&LeadId::parse("test-1").unwrap()).await?;
        forget.run(&found, || true, &mut |_step| ()).await?;
        self.ledger().claim(&self.name).await
    }
}

fn deny(world: &World, prefix: &'static str) {
    let is_read = move |call: &Call| matches!(call, Call::Get(..)) && call.is_on(prefix);
    let script = move |call: &Call| is_read(call).then_some(Fault::Denied);
    world.store().set_script(script);
}

#[track_caller]
fn denied<T: std::fmt::Debug>(result: Result<T, PortError>) {
    let error = result.expect_err("access was denied");
    assert_eq!(error.kind, PortErrorKind::Permanent);
    assert_eq!(error.source.to_string(), "access denied");
}

#[tokio::test(start_paused = true)]
async fn enrich_mails_only_where_the_claim_can_be_read() {
    for (claim, outcome) in [
        (Claim::Denied, STORE_UNAVAILABLE),
        (Claim::NotJson, STORE_UNAVAILABLE),
        (Claim::TooLarge, STORE_UNAVAILABLE),
        (Claim::Empty, Outcome::Done(Done::MailedBefore)),
    ] {
        let case = Case::with(claim).await;
        assert_eq!(case.world.work_next().await, [outcome], "{claim:?}");
        assert_eq!(case.world.mailer().tries(), 0, "{claim:?}");
        let documents = case.world.store().keys(Bucket::Enriched, "enriched/");
        assert!(documents.is_empty(), "{claim:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn ingest_answers_a_retry_by_what_it_can_read_of_the_claim() {
    for (claim, status, triggers) in [
        (Claim::Denied, 503, 1),
        (Claim::NotJson, 202, 2),
        (Claim::TooLarge, 202, 2),
        (Claim::Empty, 202, 1),
    ] {
        let case = Case::with(claim).await;
        let answer = case.world.post(&case.body).await;
        assert_eq!(answer.status, status, "{claim:?}");
        assert_eq!(case.world.queue().depth(), triggers, "{claim:?}");
        if status == 202 {
            assert_eq!(json(&answer)["events"][0]["duplicate"], true, "{claim:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lead_is_never_stored_again_where_it_is_not_known_whether_it_was_forgotten() {
    let case = Case::with(Claim::Empty).await;
    case.forgotten().await.unwrap();
    deny(&case.world, "mail/");
    assert_eq!(case.world.post(&case.body).await.status, 503);
    assert!(case.world.store().keys(Bucket::Raw, "raw/").is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_audit_names_a_claim_that_cannot_be_read() {
    denied(Case::with(Claim::Denied).await.audited().await);
    for (claim, mailed, flaw) in [
        (Claim::NotJson, 0, Flaw::ClaimUnreadable),
        (Claim::TooLarge, 0, Flaw::ClaimUnreadable),
        // Nothing was merged here.
        (Claim::Empty, 1, Flaw::SentWithoutDocument),
    ] {
        let (report, flaws) = Case::with(claim).await.audited().await.unwrap();
        assert_eq!(report.account.mailed, mailed, "{claim:?}");
        assert_eq!(flaws, [flaw], "{claim:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_status_shows_a_claim_that_cannot_be_read_as_that() {
    denied(Case::with(Claim::Denied).await.status().await);
    for (claim, state, why) in [
        (Claim::NotJson, LeadState::Retrying, UNREADABLE),
        (Claim::TooLarge, LeadState::Retrying, UNREADABLE),
        (Claim::Empty, LeadState::Mailed, ""),
    ] {
        let status = Case::with(claim).await.status().await.unwrap();
        assert_eq!((status.state, &*status.why), (state, why), "{claim:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn forget_settles_whatever_it_can_replace() {
    denied(Case::with(Claim::Denied).await.forgotten().await);
    assert!(Case::with(Claim::TooLarge).await.forgotten().await.is_err());
    for claim in [Claim::NotJson, Claim::Empty] {
        let settled = Case::with(claim).await.forgotten().await.unwrap();
        assert_eq!(settled.settled(), Some(Settled::Forgotten), "{claim:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_operator_who_resolves_or_replays_hears_of_a_claim_that_cannot_be_read() {
    for claim in [Claim::Denied, Claim::NotJson, Claim::TooLarge] {
        let case = Case::with(claim).await;
        let home = &*case.world.home;
        let resolved = resolve(home, &case.name, Resolution::Resend).await;
        assert!(resolved.is_err(), "{claim:?}: {resolved:?}");
        assert!(preview(home, &case.name).await.is_err(), "{claim:?}");
        let listed = list_parked(home).await;
        // What was never claimed is not read.
        assert_eq!(listed.is_ok(), claim == Claim::Denied, "{claim:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_raw_object_that_may_not_be_read_is_an_error_for_everyone() {
    let case = Case::with(Claim::Empty).await;
    let mail_key = case.name.mail_key();
    case.world.store().remove(Bucket::Enriched, &mail_key);
    deny(&case.world, "raw/");
    denied(case.status().await);
    denied(case.audited().await);
    denied(preview(&*case.world.home, &case.name).await);
    assert_eq!(case.world.post(&case.body).await.status, 503);
    assert_eq!(case.world.work_next().await, [STORE_UNAVAILABLE]);
    case.world.queue().purge();
    tokio::time::sleep(LONG).await;
    denied(case.world.sweep.run(SweepMode::Confirm).await);
    assert_eq!(case.world.queue().depth(), 0);
}

/// An object without metadata, under a name of its own.
fn put_by_hand(world: &World) -> EventName {
    let object = NewObject::of(super::ALICE.as_bytes().to_vec());
    world.store().plant(Bucket::Raw, "raw/hand-1.json", object);
    world.put_owner("test-1", OMAR);
    EventName::parse_raw_key("raw/hand-1.json").unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_put_by_hand_is_shown_as_it_is_mailed() {
    let world = World::new();
    let name = put_by_hand(&world);
    // Neighbours on either side, one of them of another lead.
    for lead in ["a", "z"] {
        let body = close_event(lead, "ev_2", "2026-11-23T06:49:59.123456");
        world.post(&body).await;
    }
    world.queue().purge();
    world.send_bare("raw/hand-1.json");
    assert_eq!(world.work().await, [Outcome::Done(Done::Mailed)]);

    let ledger = Ledger::new(world.store());
    let queue = QueueSnapshot::default();
    let check = |events: &[EventHistory]| {
        let event = events.iter().find(|event| event.name == name).unwrap();
        assert_eq!((event.lead_id(), event.event_id()), ("test-1", "hand-1"));
        let received = event.received.as_ref().unwrap();
        assert_eq!(received.source, "generic");
        let status = event.status(world.clock().now());
        assert_eq!(status.state, LeadState::Mailed);
        let document = event.document.as_ref().unwrap();
        assert_eq!(document.event_id.as_str(), event.event_id());
        assert_eq!(document.accepted_at, received.accepted_at);
    };
    let newest = ledger.newest(&queue, 10).await.unwrap();
    assert_eq!(newest.len(), 3);
    check(&newest);
    let lead_id = LeadId::parse("test-1").unwrap();
    let of_lead = ledger.lead(&queue, &lead_id).await.unwrap();
    assert_eq!(of_lead.len(), 1);
    check(&of_lead);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_put_by_hand_is_no_delivery_of_the_event_that_it_holds() {
    let world = World::new();
    let body = close_event("test-1", "ev_1", "2026-11-23T06:49:59.123456");
    let lead_id = LeadId::parse("test-1").unwrap();
    let name = EventName::new(&lead_id, "2026-11-23T06:49:59.123456Z".parse().unwrap());
    let object = NewObject::of(body.as_bytes().to_vec());
    world.store().plant(Bucket::Raw, &name.raw_key(), object);
    let answer = world.post(&body).await;
    assert_eq!(json(&answer)["events"][0]["duplicate"], false);
    assert_ne!(key_of(&answer), name.raw_key());
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_put_by_hand_is_audited_swept_and_forgotten_like_any_other() {
    let world = World::new();
    let name = put_by_hand(&world);
    let (bucket, raw_key) = (Bucket::Raw, name.raw_key());
    tokio::time::sleep(LONG).await;
    assert_eq!(world.sweep.run(SweepMode::Confirm).await.unwrap().sent, 1);
    assert_eq!(
        world.queue().bodies(),
        [r#"{"s3_key":"raw/hand-1.json"}"#.to_owned()]
    );
    assert_eq!(world.work().await, [Outcome::Done(Done::Mailed)]);
    let case = Case {
        body: String::new(),
        name,
        world,
    };
    let (report, flaws) = case.audited().await.unwrap();
    assert_eq!((report.account.mailed, flaws), (1, Vec::new()));
    let ClaimState::Settled(tombstone, _) = case.forgotten().await.unwrap() else {
        panic!("it has no tombstone");
    };
    assert_eq!(tombstone.how, Settled::Forgotten);
    assert!(tombstone.identity.is_some());
    assert!(case.world.store().peek(bucket, &raw_key).is_none());
}
