//! Events with several receivers: who they are, what is said of each, and what became of each.

use super::prelude::*;
use leadwire_domain::channel::TEAM;
use leadwire_domain::effect::EffectId;
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::settings::EnrichConfig;
use leadwire_pipeline::stage::enrich::Enrich;
use leadwire_pipeline::testkit::enrich_config;

/// The address of a receiver by its number.
pub(crate) fn address(number: usize) -> EmailAddress {
    EmailAddress::parse(&format!("r{number}@example.com")).unwrap()
}

/// The mail to that receiver.
pub(crate) fn effect(number: usize) -> EffectId {
    EffectId::of_mail(TEAM, &address(number))
}

/// So many receivers: 0, 1, and so on.
pub(crate) fn team(count: usize) -> Vec<EmailAddress> {
    (0..count).map(address).collect()
}

/// A world with so many receivers, and what a doubt does in it.
pub(crate) fn world_of(count: usize, ambiguous: AmbiguousPolicy) -> World {
    World::with(|world| {
        world.enrich.to = team(count);
        world.enrich.ambiguous = ambiguous;
    })
}

/// The seed's lead, which has its owner, with so many receivers; its time has come.
pub(crate) async fn due(count: usize) -> World {
    due_in(world_of(count, AmbiguousPolicy::Resend)).await
}

/// The same in a world of its own.
pub(crate) async fn due_in(world: World) -> World {
    let world = posted(world).await;
    sleep(Duration::from_mins(10)).await;
    world
}

/// Configures other receivers from now on.
pub(crate) fn configure(world: &mut World, to: Vec<EmailAddress>) {
    configure_as(world, to, AmbiguousPolicy::Resend);
}

/// Configures other receivers, and what becomes of a doubt.
pub(crate) fn configure_as(world: &mut World, to: Vec<EmailAddress>, ambiguous: AmbiguousPolicy) {
    let config = EnrichConfig {
        to,
        ambiguous,
        ..enrich_config()
    };
    world.enrich = Enrich::new(Arc::clone(&world.home), config);
}

/// Whether a call is the mail to a receiver.
pub(crate) fn mails_to(number: usize) -> impl Fn(&Call) -> bool + Send + 'static {
    let effect = effect(number);
    move |call| matches!(call, Call::Mail(_, to) if *to == effect)
}

/// The attempts of the mails that went out to a receiver.
pub(crate) fn copies(world: &World, number: usize) -> Vec<u32> {
    let sent = world.mailer().sent().into_iter();
    let to = sent.filter(|mail| mail.effect == effect(number));
    to.map(|mail| mail.attempt).collect()
}

/// How often a receiver's mail was tried.
pub(crate) fn tries(world: &World, number: usize) -> usize {
    let calls = world.home.all_calls();
    calls.into_iter().filter(mails_to(number)).count()
}

/// The only claim, while it has a body.
#[track_caller]
pub(crate) fn claim(world: &World) -> Value {
    only(world, "mail/")
}

/// What the only claim says of a receiver's mail.
#[track_caller]
pub(crate) fn said(world: &World, number: usize) -> Value {
    claim(world)["effects"][effect(number).as_str()].take()
}

/// The states of the first receivers' mails, as the only claim names them.
#[track_caller]
pub(crate) fn states(world: &World, count: usize) -> Vec<String> {
    let mut claim = claim(world);
    let state = |number: usize| {
        let state = claim["effects"][effect(number).as_str()]["state"].take();
        state.as_str().unwrap_or("not named").to_owned()
    };
    (0..count).map(state).collect()
}

/// What the only marker says of the document's effects.
#[track_caller]
pub(crate) fn told(world: &World) -> String {
    let key = world.keys("mail/").remove(0);
    assert_eq!(world.state(&key), "sent");
    let marker = world.peek(&key).unwrap();
    marker.metadata.get("told").cloned().unwrap_or_default()
}

/// The reason of the only failure, and the numbers of the receivers that it names.
#[track_caller]
pub(crate) fn failure(world: &World) -> (String, Vec<usize>) {
    let failure = only(world, "failed/");
    let reason = failure["reason"].as_str().unwrap_or_default().to_owned();
    let named = failure["effects"].as_array().cloned().unwrap_or_default();
    let number = |id: &Value| (0..50).find(|n| id == effect(*n).as_str());
    let named = named.iter().map(|id| number(id).expect("a receiver"));
    (reason, named.collect())
}

/// Whether nothing is said of a failure.
pub(crate) fn has_no_failure(world: &World) -> bool {
    world.keys("failed/").is_empty()
}

/// The writes of claims so far, in their order: `create` and `replace`.
pub(crate) fn claim_writes(world: &World) -> Vec<&'static str> {
    let calls = world.home.calls();
    let which = |call: &Call| match call {
        Call::Create(_, key) if key.starts_with("mail/") => Some("create"),
        Call::Replace(_, key) if key.starts_with("mail/") => Some("replace"),
        _ => None,
    };
    calls.iter().filter_map(which).collect()
}

/// Whether the record is put back for this reason.
pub(crate) fn waits(outcome: Outcome, why: DeferReason) -> bool {
    matches!(outcome, Outcome::Deferred { reason, .. } if reason == why)
}

/// Makes every message of the dead letters' events come again, and works until nothing is left to do.
pub(crate) async fn redriven(world: &World) -> Vec<Outcome> {
    world.redrive().await.unwrap();
    world.work_until_idle().await
}
