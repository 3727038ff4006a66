//! Two receivers that fare differently: what the status, `dlq`, `parked` and the audit say of their event.

use super::prelude::*;
use leadwire_domain::effect::{EffectId, EffectState};
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::ledger::Ledger;
use leadwire_pipeline::ledger::history::{EventHistory, LeadState};
use leadwire_pipeline::operate::audit::Account;
use leadwire_pipeline::stage::enrich::Enrich;
use leadwire_pipeline::testkit::WorldBuilder;

fn addresses(texts: &[&str]) -> Vec<EmailAddress> {
    let parse = |text: &&str| EmailAddress::parse(text).unwrap();
    texts.iter().map(parse).collect()
}

/// The effects of both, in the document's order.
pub(crate) fn both() -> [EffectId; 2] {
    let mail = |text| EffectId::of_mail("team", &EmailAddress::parse(text).unwrap());
    ["a@example.com", "b@example.com"].map(mail)
}

/// A world in which two are told of each lead.
pub(crate) fn with_both(ambiguous: AmbiguousPolicy) -> World {
    World::with(|world| {
        world.enrich.to = addresses(&["a@example.com", "b@example.com"]);
        world.enrich.ambiguous = ambiguous;
    })
}

/// Mails meet these faults, by their number from 0.
pub(crate) fn mails_meet(world: &World, faults: impl Fn(usize) -> Option<Fault> + Send + 'static) {
    let mut mails = 0..;
    world.home.set_script(move |call| match call {
        Call::Mail(..) => faults(mails.next()?),
        _ => None,
    });
}

/// An event of two receivers that was worked on until the queue was empty.
pub(crate) async fn worked(
    ambiguous: AmbiguousPolicy,
    faults: impl Fn(usize) -> Option<Fault> + Send + 'static,
) -> (World, EventName) {
    let world = with_both(ambiguous);
    mails_meet(&world, faults);
    world.put_owner("test-1", OMAR);
    let name = name_of(&world.post(ALICE).await);
    world.work_until_idle().await;
    world.home.clear_script();
    (world, name)
}

pub(crate) async fn history(world: &World, name: &EventName) -> EventHistory {
    let (ledger, queue) = (Ledger::new(world.store()), world.queue().snapshot());
    ledger.history(&queue, name.clone()).await.unwrap()
}

/// What is said of an event.
#[derive(Debug, PartialEq, Eq)]
struct Said {
    effects: Vec<EffectState>,
    state: LeadState,
    why: String,
    /// Reason and effects of `failed/X`, where it is open.
    failed: Option<(Why, Vec<EffectId>)>,
    parked: Vec<EffectId>,
}

async fn said(world: &World, name: &EventName) -> Said {
    let event = history(world, name).await;
    let status = event.status(world.clock().now());
    let failures = Ledger::new(world.store()).failures().await.unwrap();
    let failed = failures.into_iter().filter_map(|failure| failure.record);
    let parked = list_parked(&*world.home).await.unwrap();
    Said {
        effects: event
            .effects()
            .each()
            .map(|(_, effect)| effect.state)
            .collect(),
        state: status.state,
        why: status.why,
        failed: failed.map(|record| (record.reason, record.effects)).next(),
        parked: parked
            .into_iter()
            .flat_map(|parked| parked.effects)
            .collect(),
    }
}

#[track_caller]
fn check_account(account: Account, expected: Account) {
    let received = Account {
        received: 1,
        ..expected
    };
    assert_eq!(account, received);
}

async fn check(world: &World, name: &EventName, expected: Said, account: Account) {
    assert_eq!(said(world, name).await, expected);
    let (report, findings) = audited(world).await;
    check_account(report.account, account);
    assert_eq!(findings, []);
}

const DEAD: Account = Account {
    received: 0,
    mailed: 0,
    parked: 0,
    dead_lettered: 1,
    forgotten: 0,
    in_flight: 0,
    nowhere: 0,
};

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_fails_the_event_and_the_other_is_told_once() {
    let [a, b] = both();
    // Each receive tries the refused one alone again.
    let refuse = |number| (number >= 1).then_some(Fault::Refused);
    let (world, name) = worked(AmbiguousPolicy::Resend, refuse).await;
    let expected = Said {
        effects: vec![EffectState::Sent, EffectState::Refused],
        state: LeadState::Dead,
        why: format!("mail_refused for {b}"),
        failed: Some((Why::MailRefused, vec![b.clone()])),
        parked: vec![],
    };
    check(&world, &name, expected, DEAD).await;
    assert_eq!(world.mailer().tries(), 4);
    let event = history(&world, &name).await;
    assert_eq!(event.effects().said[&b].attempt, 3);
    assert_eq!(
        event.effects().said[&a].message_id.as_deref(),
        Some("mail-1")
    );

    world.redrive().await.unwrap();
    assert_eq!(world.work_until_idle().await, [MAILED]);
    let sent = world.mailer().sent().into_iter().map(|mail| mail.effect);
    assert!(sent.eq([a, b]));
    assert_eq!(said(&world, &name).await.failed, None);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_parked_parks_the_event_once_the_other_is_told() {
    let [_, b] = both();
    let lose = |number| (number == 1).then_some(Fault::Fails);
    let (world, name) = worked(AmbiguousPolicy::Park, lose).await;
    let expected = Said {
        effects: vec![EffectState::Sent, EffectState::Parked],
        state: LeadState::Parked,
        why: "whether 1 of its 2 mails went out is not known".to_owned(),
        failed: Some((Why::MailAmbiguous, vec![b.clone()])),
        parked: vec![b],
    };
    let parked = Account {
        parked: 1,
        ..Account::default()
    };
    check(&world, &name, expected, parked).await;
    // What has a message may still change.
    world.send_bare(&name.raw_key());
    let (report, _) = audited(&world).await;
    check_account(
        report.account,
        Account {
            in_flight: 1,
            ..Account::default()
        },
    );
}

#[tokio::test(start_paused = true)]
async fn one_that_is_refused_beside_one_that_is_parked_fails_the_event_and_both_are_listed() {
    let [a, b] = both();
    let faults = |number| {
        Some(if number == 1 {
            Fault::Fails
        } else {
            Fault::Refused
        })
    };
    let (world, name) = worked(AmbiguousPolicy::Park, faults).await;
    let expected = Said {
        effects: vec![EffectState::Refused, EffectState::Parked],
        state: LeadState::Dead,
        why: "mail_refused for 2 of 2".to_owned(),
        failed: Some((Why::MailRefused, vec![a, b.clone()])),
        parked: vec![b],
    };
    check(&world, &name, expected, DEAD).await;
}

/// An event whose document names both, and whose mails were put off; from now on others are configured.
async fn reconfigured(receivers: &[&str]) -> (World, EventName) {
    let mut world = with_both(AmbiguousPolicy::Resend);
    world.put_owner("test-1", OMAR);
    let name = name_of(&world.post(ALICE).await);
    world.mailer().be_busy(2);
    world.work_next().await;
    let mut config = WorldBuilder::default().enrich;
    config.to = addresses(receivers);
    world.enrich = Enrich::new(Arc::clone(&world.home), config);
    (world, name)
}

#[tokio::test(start_paused = true)]
async fn one_that_is_no_longer_configured_is_dropped_and_keeps_nothing_open() {
    let (world, name) = reconfigured(&["a@example.com", "new@example.com"]).await;
    assert_eq!(world.work_until_idle().await, [MAILED]);
    let sent = world.mailer().sent();
    assert_eq!(
        sent.len(),
        1,
        "who was added later is not told of earlier events"
    );
    let expected = Said {
        effects: vec![EffectState::Sent, EffectState::Dropped],
        state: LeadState::Mailed,
        why: "but for a receiver that is no longer configured".to_owned(),
        failed: None,
        parked: vec![],
    };
    let mailed = Account {
        mailed: 1,
        ..Account::default()
    };
    check(&world, &name, expected, mailed).await;
    let marker = world.peek(&name.mail_key()).unwrap();
    assert_eq!(marker.metadata["told"], "sd");
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_receivers_are_all_gone_fails_and_is_never_settled() {
    let (world, name) = reconfigured(&["new@example.com"]).await;
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [failed(Why::NoReceiver); 3]);
    let expected = Said {
        effects: vec![EffectState::Dropped; 2],
        state: LeadState::Dead,
        why: "no_receiver".to_owned(),
        failed: Some((Why::NoReceiver, vec![])),
        parked: vec![],
    };
    check(&world, &name, expected, DEAD).await;
    assert_eq!(world.mailer().sent().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_nobody_is_configured_for_fails_and_is_never_settled() {
    // Its owner would be told, and has no address.
    let world = World::with(|world| {
        world.enrich.to = vec![];
        world.enrich.notify_owner = true;
    });
    world.put_owner("test-1", OMAR);
    let name = name_of(&world.post(ALICE).await);
    let outcomes = world.work_until_idle().await;
    assert_eq!(outcomes, [failed(Why::NoReceiver); 3]);
    let expected = Said {
        effects: vec![],
        state: LeadState::Dead,
        why: "no_receiver".to_owned(),
        failed: Some((Why::NoReceiver, vec![])),
        parked: vec![],
    };
    check(&world, &name, expected, DEAD).await;
}
