//! What every scenario speaks of: the pipeline's words, and the verbs that several scenarios share.

pub(crate) use super::audit::audited;
pub(crate) use futures_util::future::join_all;
pub(crate) use jiff::{SignedDuration, Timestamp};
pub(crate) use leadwire_domain::claim::Settled;
pub(crate) use leadwire_domain::failure::FailureReason as Why;
pub(crate) use leadwire_domain::key::EventName;
pub(crate) use leadwire_domain::lead::id::{EventId, LeadId};
pub(crate) use leadwire_domain::message::{Notify, Trigger};
pub(crate) use leadwire_domain::source::{Headers, SignedRequest, Source, SourceKind, SourceName};
pub(crate) use leadwire_domain::wait::DeferReason;
pub(crate) use leadwire_pipeline::operate::audit::Flaw;
pub(crate) use leadwire_pipeline::operate::forget::{Forget, ForgetConfig, Forgotten};
pub(crate) use leadwire_pipeline::operate::replay::{
    Order, Preview, Ready, Refusal, Replayed, list_lead, preview, replay,
};
pub(crate) use leadwire_pipeline::operate::resolve::{Resolution, Resolved, list_parked, resolve};
pub(crate) use leadwire_pipeline::port::{Bucket, Clock as _, NewObject, PortError, PortErrorKind};
pub(crate) use leadwire_pipeline::settings::AmbiguousPolicy;
pub(crate) use leadwire_pipeline::stage::enrich::{Done, Outcome};
pub(crate) use leadwire_pipeline::stage::ingest::Answer;
pub(crate) use leadwire_pipeline::stage::sweep::{SweepMode, SweepReport};
pub(crate) use leadwire_pipeline::testkit::{Call, FakeHome, Fault, World};
pub(crate) use serde_json::Value;
pub(crate) use std::collections::{BTreeMap, BTreeSet};
pub(crate) use std::sync::Arc;
pub(crate) use std::time::Duration;
pub(crate) use tokio::time::{Instant, sleep};

/// A secret of `standard` and of `generic`.
pub(crate) const WHSEC: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
/// The seed's lead.
pub(crate) const ALICE: &str =
    r#"{"lead_id":"test-1","display_name":"Alice","lead_email":"alice@example.com"}"#;
/// Her owner.
pub(crate) const OMAR: &str = r#"{"lead_id":"test-1","lead_owner":"Omar","funnel":"Direct VSL","lead_email":"alice@crm.example.com"}"#;
/// Older than everything that an event may wait for.
pub(crate) const LONG: Duration = Duration::from_hours(3);
/// The claim of a worker that died in the last instant before a world began.
pub(crate) const DEAD_CLAIM: &str =
    r#"{"state":"sending","token":"dead","lease_until":"2026-11-23T06:50:00Z","attempt":1}"#;
/// A claim that waits for a person.
pub(crate) const PARKED_CLAIM: &str =
    r#"{"state":"parked","parked_at":"2026-11-23T06:50:00Z","attempt":1}"#;
/// The instant of events that meet in their slots.
pub(crate) const INSTANT: &str = "2026-11-23T06:49:59.123456";
/// 2026-11-23T06:50:00Z, when every world begins.
const BEGIN: i64 = 1_795_416_600;

pub(crate) const MAILED: Outcome = Outcome::Done(Done::Mailed);

pub(crate) const fn failed(why: Why) -> Outcome {
    Outcome::Failed(why)
}

pub(crate) const fn ended(how: Done) -> Outcome {
    Outcome::Done(how)
}

pub(crate) fn count(outcomes: &[Outcome], wanted: Outcome) -> usize {
    let is_wanted = |outcome: &&Outcome| **outcome == wanted;
    outcomes.iter().filter(is_wanted).count()
}

pub(crate) fn has_failed(outcomes: &[Outcome]) -> bool {
    outcomes.iter().any(Outcome::is_failed)
}

pub(crate) fn lead_id(text: &str) -> LeadId {
    LeadId::parse(text).unwrap()
}

pub(crate) fn json(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).expect("every answer is JSON")
}

/// The only accepted event of an answer.
#[track_caller]
pub(crate) fn event_of(answer: &Answer) -> Value {
    assert_eq!(answer.status, 202, "{}", answer.body);
    json(answer)["events"][0].take()
}

/// Its raw key.
#[track_caller]
pub(crate) fn key_of(answer: &Answer) -> String {
    let event = event_of(answer);
    let key = event["s3_key"].as_str();
    key.expect("an accepted event has a key").to_owned()
}

/// Its name.
#[track_caller]
pub(crate) fn name_of(answer: &Answer) -> EventName {
    EventName::parse_raw_key(&key_of(answer)).unwrap()
}

/// Whether it was there already.
#[track_caller]
pub(crate) fn is_duplicate(answer: &Answer) -> bool {
    event_of(answer)["duplicate"] == true
}

/// The only document under a prefix of the enriched bucket.
#[track_caller]
pub(crate) fn only(world: &World, prefix: &str) -> Value {
    let keys = world.keys(prefix);
    assert_eq!(keys.len(), 1, "{prefix}: {keys:?}");
    let object = world.peek(&keys[0]).expect("it was listed");
    serde_json::from_slice(&object.bytes).unwrap_or(Value::Null)
}

/// Every key of the two buckets that are ours.
pub(crate) fn all_keys(world: &World) -> Vec<String> {
    let buckets = [Bucket::Raw, Bucket::Enriched];
    buckets.map(|bucket| world.home.keys(bucket, "")).concat()
}

/// Whether the event is waited for because another worker holds its claim.
pub(crate) fn waits_for_claim(outcome: Outcome) -> bool {
    let reason = DeferReason::ClaimLive;
    matches!(outcome, Outcome::Deferred { reason: found, .. } if found == reason)
}

/// Whether a record was put back to send what is in doubt once more.
pub(crate) fn is_doubt(outcome: Outcome) -> bool {
    let reason = DeferReason::InDoubt;
    matches!(outcome, Outcome::Deferred { reason: found, .. } if found == reason)
}

/// What the only claim says of the document's nth effect.
#[track_caller]
pub(crate) fn effect_of(world: &World, nth: usize) -> Value {
    let document = only(world, "enriched/");
    let name = document["_leadwire"]["notify"][nth]
        .as_str()
        .expect("it has so many");
    only(world, "mail/")["effects"][name].take()
}

/// Whether every event was received once.
pub(crate) fn costs_no_receive(world: &World) -> bool {
    let deliveries = world.queue().deliveries();
    deliveries.iter().all(|(_, receives)| *receives == 1)
}

/// The attempts of the mails that went out.
pub(crate) fn attempts(world: &World) -> Vec<u32> {
    let sent = world.mailer().sent();
    sent.iter().map(|mail| mail.attempt).collect()
}

/// The subjects of the mails that went out.
pub(crate) fn subjects(world: &World) -> Vec<String> {
    let sent = world.mailer().sent().into_iter();
    sent.map(|mail| mail.text.subject).collect()
}

/// A Close event of one lead at one instant.
pub(crate) fn close_event(lead_id: &str, event_id: &str, time: &str) -> String {
    format!(
        r#"{{"subscription_id":"whsub_1","event":{{"id":"{event_id}","date_created":"{time}","object_type":"lead","object_id":"{lead_id}","lead_id":"{lead_id}","action":"created","data":{{"id":"{lead_id}","display_name":"Zoe {event_id}"}}}}}}"#
    )
}

/// What one event counts that is accepted, enriched and mailed in time.
pub(crate) const WHOLE: &str = "EffectsSent mail 1, EmailsSent 1, EndToEndLatency generic 1, EnrichmentDelay generic 1, EnrichmentLag 1, EventsPerRequest 1, IngestLatency generic 1, LeadsAccepted generic 1, LeadsEnriched 1, MailedInTime 1";

/// What was counted since the last look, in the order of the names.
#[track_caller]
pub(crate) fn check_told(world: &World, expected: &str) {
    let told = world.counted_by_value();
    let told: Vec<String> = told.iter().map(|(name, n)| format!("{name} {n}")).collect();
    assert_eq!(told.join(", "), expected);
}

/// The claim of a worker whose lease ends then.
pub(crate) fn claim_until(lease: &str) -> String {
    DEAD_CLAIM.replace("2026-11-23T06:50:00Z", lease)
}

/// Leaves the claim of a worker that is gone beside the only raw object.
pub(crate) fn plant_claim(world: &World, claim: &str) {
    let raw = world.keys("raw/").remove(0);
    world.put(&raw.replace("raw/", "mail/"), claim);
}

pub(crate) fn since_begin(time: Timestamp) -> i64 {
    time.as_second() - BEGIN
}

/// When each receive was, in whole seconds since the world began.
pub(crate) fn receives(world: &World) -> Vec<i64> {
    let times = world.queue().delivered_at();
    times.into_iter().map(since_begin).collect()
}

/// Reads of keys that begin so.
pub(crate) fn reads(prefix: &'static str) -> impl Fn(&Call) -> bool + Copy {
    move |call| call.is_on(prefix) && matches!(call, Call::Get(..))
}

/// Reads of owner files.
pub(crate) fn reads_owner(call: &Call) -> bool {
    matches!(call, Call::Get(Bucket::Lookup, _))
}

/// Creates of keys that begin so.
pub(crate) fn creates(prefix: &'static str) -> impl Fn(&Call) -> bool + Copy {
    move |call| call.is_on(prefix) && matches!(call, Call::Create(..))
}

/// Replaces of keys that begin so.
pub(crate) fn replaces(prefix: &'static str) -> impl Fn(&Call) -> bool + Copy {
    move |call| call.is_on(prefix) && matches!(call, Call::Replace(..))
}

/// Calls on the store.
pub(crate) fn is_on_store(call: &Call) -> bool {
    call.key().is_some()
}

pub(crate) struct Map(pub(crate) BTreeMap<&'static str, String>);

impl Headers for Map {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

pub(crate) fn no_headers() -> Map {
    Map(BTreeMap::new())
}

pub(crate) fn header(name: &'static str, value: &str) -> Map {
    Map(BTreeMap::from([(name, value.to_owned())]))
}

/// Posts the seed's lead with an id of its sender's.
pub(crate) async fn post_with_id(world: &World, id: &str) -> Answer {
    let headers = header("idempotency-key", id);
    let body = ALICE.as_bytes();
    world.post_to("/ingest", &headers, body).await
}

/// The headers of a request that is signed now.
pub(crate) fn signed(world: &World, kind: SourceKind, secret: &str, body: &str) -> Map {
    let request = signed_request(world, kind, secret, body);
    Map(request.headers.into_iter().collect())
}

/// A request that is signed now.
pub(crate) fn signed_request(
    world: &World,
    kind: SourceKind,
    secret: &str,
    body: &str,
) -> SignedRequest {
    let id = EventId::parse("msg_1").unwrap();
    let source = kind.example(secret).unwrap();
    let now = world.clock().now();
    source.sign(&id, body.as_bytes().to_vec(), now).unwrap()
}

/// Posts a body, signed, to the source that is named after its kind.
pub(crate) async fn post_signed(
    world: &World,
    kind: SourceKind,
    secret: &str,
    body: &str,
) -> Answer {
    let name = Source::from(kind).to_string();
    post_signed_to(world, &name, kind, secret, body).await
}

/// Posts a body, signed, to the source of that name.
pub(crate) async fn post_signed_to(
    world: &World,
    name: &str,
    kind: SourceKind,
    secret: &str,
    body: &str,
) -> Answer {
    let request = signed_request(world, kind, secret, body);
    let path = SourceName::parse(name).unwrap().path();
    let headers = Map(request.headers.into_iter().collect());
    let posting = world.post_with_query(&path, &request.query, &headers, &request.body);
    posting.await
}

#[track_caller]
pub(crate) fn check_refused(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(json(answer)["code"], code);
}

pub(crate) async fn swept(world: &World) -> SweepReport {
    let report = world.observed(world.sweep.run(SweepMode::Send)).await;
    report.unwrap()
}

/// `forget` as the command runs it.
pub(crate) fn forget(world: &World) -> Forget<FakeHome> {
    let config = ForgetConfig {
        lease: SignedDuration::from_secs(90),
        owner_file: true,
    };
    Forget::new(Arc::clone(&world.home), config)
}

pub(crate) async fn try_to_forget(world: &World, lead: &str) -> Result<Forgotten, PortError> {
    let forget = forget(world);
    let found = forget.find(&lead_id(lead)).await?;
    forget
        .run(&found, std::future::pending(), &mut |_step| ())
        .await
}

pub(crate) async fn forgotten(world: &World, lead: &str) -> Forgotten {
    try_to_forget(world, lead).await.unwrap()
}

pub(crate) async fn ready(world: &World, name: &EventName) -> Ready {
    match preview(&*world.home, name).await.unwrap() {
        Preview::Ready(ready) => *ready,
        Preview::Refused(refusal) => panic!("{refusal}"),
    }
}

pub(crate) async fn refused(world: &World, name: &EventName) -> Refusal {
    match preview(&*world.home, name).await.unwrap() {
        Preview::Refused(refusal) => refusal,
        Preview::Ready(ready) => panic!("{ready:?}"),
    }
}

pub(crate) fn order(notify: Notify, run: &str, is_resumed: bool) -> Order {
    Order {
        notify,
        run: run.to_owned(),
        is_resumed,
    }
}

/// An event of the seed's lead that was mailed.
pub(crate) async fn mailed() -> (World, EventName) {
    let world = World::new();
    world.put_owner("test-1", OMAR);
    let name = name_of(&world.post(ALICE).await);
    assert_eq!(world.work_until_idle().await, [MAILED]);
    (world, name)
}

/// An event of the seed's lead, which has its owner, in a world of its own.
pub(crate) async fn posted(world: World) -> World {
    world.put_owner("test-1", OMAR);
    world.post(ALICE).await;
    world
}

pub(crate) const fn queued(revision: u32) -> Replayed {
    Replayed::Queued { revision }
}

/// Posts so many leads that have owners: l0, l1, and so on.
pub(crate) async fn post_leads(world: &World, count: usize) {
    for lead in (0..count).map(|number| format!("l{number}")) {
        world.own(&lead);
        world.post_lead(&lead).await;
    }
}

/// Replays an event as it is now.
pub(crate) async fn replayed(world: &World, name: &EventName, notify: Notify) -> Replayed {
    let ready = ready(world, name).await;
    let order = order(notify, "run-1", false);
    replay(&*world.home, &ready, &order).await.unwrap()
}

/// A world that takes signed envelopes.
pub(crate) fn standard_world() -> World {
    let world = World::prod();
    let sources = format!(r#"{{"standard":{{"secrets":["{WHSEC}"]}}}}"#);
    world.secrets.set(&sources);
    world
}
