//! What is stored in an unexpected way, as everyone who reads it sees it.

use super::audit::audited_where;
use super::prelude::*;
use leadwire_domain::limits::CLAIM_BYTES_MAX;
use leadwire_pipeline::ledger::history::{EventHistory, EventStatus, LeadState};
use leadwire_pipeline::ledger::queue::QueueSnapshot;
use leadwire_pipeline::ledger::{ClaimState, Ledger};
use leadwire_pipeline::operate::audit::AuditReport;

const STORE_UNAVAILABLE: Outcome = failed(Why::StoreUnavailable);
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
        let body = close_event("test-1", "ev_1", INSTANT);
        let name = name_of(&world.post(&body).await);
        match claim {
            Claim::Denied => deny(&world, "mail/"),
            Claim::NotJson => world.put(&name.mail_key(), "nonsense"),
            Claim::TooLarge => world.put(&name.mail_key(), &" ".repeat(CLAIM_BYTES_MAX + 1)),
            Claim::Empty => world.put(&name.mail_key(), ""),
        }
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
        let (report, findings) = audited_where(&self.world, false, true).await?;
        let flaws = findings.iter().map(|finding| finding.flaw);
        Ok((report, flaws.collect()))
    }

    async fn forgotten(&self) -> Result<ClaimState, PortError> {
        try_to_forget(&self.world, "test-1").await?;
        self.ledger().claim(&self.name).await
    }
}

fn deny(world: &World, prefix: &'static str) {
    world.spoil(Fault::Denied, reads(prefix));
}

#[track_caller]
fn denied<T: std::fmt::Debug>(result: Result<T, PortError>) {
    let error = result.expect_err("access was denied");
    assert_eq!(error.kind, PortErrorKind::Permanent);
    assert_eq!(error.source.to_string(), "access denied");
}

#[tokio::test(start_paused = true)]
async fn enrich_mails_only_where_no_claim_is_that_it_cannot_read() {
    for (claim, outcome) in [
        (Claim::NotJson, STORE_UNAVAILABLE),
        (Claim::TooLarge, STORE_UNAVAILABLE),
        (Claim::Empty, ended(Done::MailedBefore)),
    ] {
        let case = Case::with(claim).await;
        assert_eq!(case.world.work_next().await, [outcome], "{claim:?}");
        assert_eq!(case.world.mailer().tries(), 0, "{claim:?}");
        let left = case.world.peek(&case.name.mail_key()).unwrap();
        let planted = Case::with(claim).await;
        let planted = planted.world.peek(&planted.name.mail_key()).unwrap();
        assert_eq!(left.bytes, planted.bytes, "{claim:?}");
    }
    // A first receive reads no claim: it creates one, which fails where there is any.
    let case = Case::with(Claim::Denied).await;
    assert_eq!(case.world.work_next().await, [MAILED]);
    // Any other reads it first.
    case.world.send(&second_receive(&case.name)).await;
    assert_eq!(case.world.work_next().await, [STORE_UNAVAILABLE]);
    assert_eq!(case.world.mailer().tries(), 1);
}

/// A message that has waited before.
fn second_receive(name: &EventName) -> String {
    let waiting = r#"{"kind":"owner","hop":1,"reason":"owner_absent"}"#;
    format!(r#"{{"s3_key":"{}","waiting":{waiting}}}"#, name.raw_key())
}

#[tokio::test(start_paused = true)]
async fn ingest_asks_nothing_of_the_claim() {
    for claim in [Claim::Denied, Claim::NotJson, Claim::TooLarge, Claim::Empty] {
        let case = Case::with(claim).await;
        let answer = case.world.post(&case.body).await;
        assert!(is_duplicate(&answer), "{claim:?}");
        assert_eq!(case.world.queue().depth(), 2, "{claim:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lead_is_never_stored_again_where_it_is_not_known_whether_it_was_forgotten() {
    let case = Case::with(Claim::Empty).await;
    case.forgotten().await.unwrap();
    deny(&case.world, "raw/");
    assert_eq!(case.world.post(&case.body).await.status, 503);
    let raw = case.world.keys("raw/");
    assert_eq!(raw.len(), 1);
    assert_eq!(case.world.state(&raw[0]), "forgotten");
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
    case.world.remove(&mail_key);
    deny(&case.world, "raw/");
    denied(case.status().await);
    denied(case.audited().await);
    denied(preview(&*case.world.home, &case.name).await);
    assert_eq!(case.world.post(&case.body).await.status, 503);
    assert_eq!(case.world.work_next().await, [STORE_UNAVAILABLE]);
    case.world.queue().purge();
    sleep(LONG).await;
    denied(case.world.sweep.run(SweepMode::Confirm).await);
    assert_eq!(case.world.queue().depth(), 0);
}

/// An object without metadata, under a name of its own.
fn put_by_hand(world: &World) -> EventName {
    world.put("raw/hand-1.json", ALICE);
    world.put_owner("test-1", OMAR);
    EventName::parse_raw_key("raw/hand-1.json").unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_put_by_hand_is_shown_as_it_is_mailed() {
    let world = World::new();
    let name = put_by_hand(&world);
    // Neighbours on either side, one of them of another lead.
    for lead in ["a", "z"] {
        let body = close_event(lead, "ev_2", INSTANT);
        world.post(&body).await;
    }
    world.queue().purge();
    world.send_bare("raw/hand-1.json");
    assert_eq!(world.work().await, [MAILED]);

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
    let lead_id = lead_id("test-1");
    let of_lead = ledger.lead(&queue, &lead_id).await.unwrap();
    assert_eq!(of_lead.len(), 1);
    check(&of_lead);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_put_by_hand_is_no_delivery_of_the_event_that_it_holds() {
    let world = World::new();
    let body = close_event("test-1", "ev_1", INSTANT);
    let lead_id = lead_id("test-1");
    let name = EventName::new(&lead_id, "2026-11-23T06:49:59.123456Z".parse().unwrap());
    world.put(&name.raw_key(), &body);
    let answer = world.post(&body).await;
    assert!(!is_duplicate(&answer));
    assert_ne!(key_of(&answer), name.raw_key());
}

#[tokio::test(start_paused = true)]
async fn an_object_that_was_put_by_hand_is_audited_swept_and_forgotten_like_any_other() {
    let world = World::new();
    let name = put_by_hand(&world);
    let raw_key = name.raw_key();
    sleep(LONG).await;
    assert_eq!(world.sweep.run(SweepMode::Confirm).await.unwrap().sent, 1);
    assert_eq!(world.queue().bodies(), [r#"{"s3_key":"raw/hand-1.json"}"#]);
    assert_eq!(world.work().await, [MAILED]);
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
    assert_eq!(case.world.state(&raw_key), "forgotten");
}
