//! A whole home in memory, with the stages over it and a loop that behaves like the queue's event source mapping.

use super::counts::{Counted, Counts};
use super::notified::{OWNER_BUCKET, notified};
use super::queue::RECEIVES_MAX;
use super::{Call, FakeHome, FakeSecrets, Fault};
use crate::operate::redrive::{Redrive, Redriven};
use crate::port::{
    Bucket, Clock as _, DelayQueue as _, NewObject, OutgoingMessage, PortError, StoredObject,
};
use crate::secrets::SecretCache;
use crate::settings::{
    AmbiguousPolicy, EnrichConfig, IngestConfig, LEASE_SECONDS, OwnerMissingPolicy, Pace, ReplyTo,
    SweepConfig, VISIBILITY_SECONDS,
};
use crate::stage::enrich::{Enrich, Outcome};
use crate::stage::ingest::{Answer, Ingest, Request};
use crate::stage::sweep::Sweep;
use crate::trace::TraceContext;
use jiff::tz::TimeZone;
use leadwire_domain::key::EventName;
use leadwire_domain::notice::{EmailAddress, MailTemplate};
use leadwire_domain::sender::Sender;
use leadwire_domain::source::{Headers, canary};
use std::collections::BTreeMap;
use std::ops::Range;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

/// Records in a batch.
const BATCH: usize = 10;

/// A request without headers.
#[derive(Clone, Copy, Debug)]
pub struct NoHeaders;

impl Headers for NoHeaders {
    fn get(&self, _name: &str) -> Option<&str> {
        None
    }
}

/// How a world differs from the defaults.
#[derive(Debug)]
pub struct WorldBuilder {
    /// What `enrich` is configured with.
    pub enrich: EnrichConfig,
    /// What `sweep` is configured with.
    pub sweep: SweepConfig,
    /// The environment's name.
    pub environment: &'static str,
}

impl Default for WorldBuilder {
    fn default() -> Self {
        Self {
            enrich: enrich_config(),
            sweep: sweep_config(),
            environment: "dev",
        }
    }
}

/// What `enrich` is configured with where a test says nothing else.
pub fn enrich_config() -> EnrichConfig {
    let address = |text| EmailAddress::parse(text).expect("a plain address");
    EnrichConfig {
        delay_seconds: 600,
        from: Sender::of(address("leads@example.com")),
        reply_to: ReplyTo::None,
        time_zone: TimeZone::UTC,
        template: MailTemplate::builtin(),
        to: vec![address("sales@example.com")],
        notify_owner: false,
        ambiguous: AmbiguousPolicy::Resend,
        lease_seconds: LEASE_SECONDS,
        owner_wait_seconds: 1800,
        owner_missing: OwnerMissingPolicy::Dlq,
        mail_wait_seconds: 3600,
        retry_seconds: 15,
        max_receive_count: RECEIVES_MAX,
        lead_url: None,
        environment: "dev".to_owned(),
        boot: None,
        pace: Pace::FUNCTION,
    }
}

/// What `sweep` is configured with where a test says nothing else.
pub fn sweep_config() -> SweepConfig {
    SweepConfig {
        delay_seconds: 600,
        owner_wait_seconds: 1800,
        mail_wait_seconds: 3600,
        visibility_seconds: VISIBILITY_SECONDS,
        max: 100,
        max_age_days: 14,
    }
}

impl WorldBuilder {
    /// Makes the world; virtual time starts at 2026-11-23T06:50:00Z.
    #[track_caller]
    pub fn build(self) -> World {
        let home = Arc::new(FakeHome::new(Arc::default(), Arc::default()));
        let secrets = FakeSecrets::default();
        let canary_secret = FakeSecrets::default();
        canary_secret.set(&canary::render_secret([[7; 16], [9; 16]]));
        World {
            ingest: Ingest::new(
                Arc::clone(&home),
                SecretCache::new(secrets.clone(), self.environment),
                IngestConfig {
                    delay_seconds: self.enrich.delay_seconds,
                },
            )
            .with_canary(SecretCache::of_canary(canary_secret.clone())),
            enrich: Enrich::new(Arc::clone(&home), self.enrich)
                .with_owner_bucket(Some(OWNER_BUCKET.to_owned())),
            sweep: Sweep::new(Arc::clone(&home), self.sweep)
                .watching(SecretCache::new(secrets.clone(), self.environment)),
            home,
            secrets,
            canary_secret,
            counts: Counts::begin(Location::caller().file()),
        }
    }
}

/// A whole home in memory.
#[derive(Debug)]
pub struct World {
    /// The ports.
    pub home: Arc<FakeHome>,
    /// The sources document.
    pub secrets: FakeSecrets,
    /// The canary's secret.
    pub canary_secret: FakeSecrets,
    /// The stage that takes webhooks.
    pub ingest: Ingest<FakeHome, FakeSecrets>,
    /// The stage that enriches and mails.
    pub enrich: Enrich<FakeHome>,
    /// The stage that sweeps.
    pub sweep: Sweep<FakeHome, FakeSecrets>,
    counts: Arc<Counts>,
}

impl World {
    /// A world with the defaults.
    #[track_caller]
    pub fn new() -> Self {
        WorldBuilder::default().build()
    }

    /// A world that differs from the defaults.
    #[track_caller]
    pub fn with(change: impl FnOnce(&mut WorldBuilder)) -> Self {
        let mut builder = WorldBuilder::default();
        change(&mut builder);
        builder.build()
    }

    /// A world in which a doubtful mail is parked.
    #[track_caller]
    pub fn parking() -> Self {
        Self::with(|world| world.enrich.ambiguous = AmbiguousPolicy::Park)
    }

    /// A world in which every request must be signed.
    #[track_caller]
    pub fn prod() -> Self {
        Self::with(|world| world.environment = "prod")
    }

    /// The home, where its objects are meant.
    pub fn store(&self) -> &FakeHome {
        &self.home
    }

    /// The home, where its queue is meant.
    pub fn queue(&self) -> &FakeHome {
        &self.home
    }

    /// The home, where its mail is meant.
    pub fn mailer(&self) -> &FakeHome {
        &self.home
    }

    /// The home, where its clock is meant.
    pub fn clock(&self) -> &FakeHome {
        &self.home
    }

    /// Posts a body to `/ingest` without headers.
    pub async fn post(&self, body: &str) -> Answer {
        self.post_to("/ingest", &NoHeaders, body.as_bytes()).await
    }

    /// Posts bytes to a path.
    pub async fn post_to(&self, path: &str, headers: &(dyn Headers + Sync), body: &[u8]) -> Answer {
        self.post_with_query(path, "", headers, body).await
    }

    /// Posts bytes to a path with a raw query.
    pub async fn post_with_query(
        &self,
        path: &str,
        query: &str,
        headers: &(dyn Headers + Sync),
        body: &[u8],
    ) -> Answer {
        self.request(("POST", path, query), headers, body).await
    }

    /// Asks by GET.
    pub async fn get(&self, path: &str, query: &str) -> Answer {
        self.request(("GET", path, query), &NoHeaders, b"").await
    }

    async fn request(
        &self,
        (method, path, query): (&str, &str, &str),
        headers: &(dyn Headers + Sync),
        body: &[u8],
    ) -> Answer {
        let request = Request {
            method,
            path,
            called: path,
            query,
            headers,
            body,
            received_at: self.clock().now(),
            trace: TraceContext::default(),
        };
        self.ingest.handle(request).await
    }

    /// Posts an event of a lead of which nothing is known but its id.
    pub async fn post_lead(&self, lead_id: &str) -> Answer {
        self.post(&format!(r#"{{"lead_id":"{lead_id}"}}"#)).await
    }

    /// Writes the owner file of a lead.
    pub fn put_owner(&self, lead_id: &str, json: &str) {
        self.put(&format!("{lead_id}.json"), json);
    }

    /// Gives a lead an owner.
    pub fn own(&self, lead_id: &str) {
        let file = format!(r#"{{"lead_id":"{lead_id}","lead_owner":"Omar"}}"#);
        self.put_owner(lead_id, &file);
    }

    /// Writes an object as another party would.
    pub fn put(&self, key: &str, text: &str) {
        self.put_bytes(key, text.as_bytes());
    }

    /// Puts an object that need not be text.
    pub fn put_bytes(&self, key: &str, bytes: &[u8]) {
        let object = NewObject::of(bytes.to_vec());
        self.home.plant(bucket_of(key), key, object);
    }
    /// Puts an object where it lay, as a hand may that changed it.
    pub fn put_back(&self, key: &str, object: StoredObject) {
        let object = NewObject::with_metadata(object.bytes, object.metadata);
        self.home.plant(bucket_of(key), key, object);
    }

    /// Leaves a marker that says how an event ended.
    pub fn put_marker(&self, key: &str, state: &str) {
        let metadata = [
            ("state".to_owned(), state.to_owned()),
            ("settled-at".to_owned(), self.home.now().to_string()),
        ];
        let marker = NewObject::with_metadata(Vec::new(), metadata.into());
        self.home.plant(bucket_of(key), key, marker);
    }

    /// How the marker at a key says that its event ended.
    #[track_caller]
    pub fn state(&self, key: &str) -> String {
        let marker = self.peek(key).expect("there is a marker");
        assert!(marker.bytes.is_empty(), "{key} is a claim still");
        marker.metadata.get("state").cloned().unwrap_or_default()
    }

    /// An object as it lies there.
    pub fn peek(&self, key: &str) -> Option<StoredObject> {
        self.home.peek(bucket_of(key), key)
    }
    /// How many versions of an object there are.
    pub fn versions(&self, key: &str) -> usize {
        self.home.versions(bucket_of(key), key)
    }

    /// Removes an object as an operator would.
    pub fn remove(&self, key: &str) {
        self.home.remove(bucket_of(key), key);
    }

    /// The keys under a prefix.
    pub fn keys(&self, prefix: &str) -> Vec<String> {
        self.home.keys(bucket_of(prefix), prefix)
    }

    /// Every such call meets a fault.
    pub fn spoil(&self, fault: Fault, is_meant: impl Fn(&Call) -> bool + Send + 'static) {
        let script = move |call: &Call| is_meant(call).then_some(fault);
        self.home.set_script(script);
    }

    /// The next such call meets a fault.
    pub fn spoil_once(&self, fault: Fault, is_meant: impl Fn(&Call) -> bool + Send + 'static) {
        self.spoil_some(0..1, fault, is_meant);
    }

    /// Such calls meet a fault whose numbers, from 0, are among these.
    pub fn spoil_some(
        &self,
        numbers: Range<usize>,
        fault: Fault,
        is_meant: impl Fn(&Call) -> bool + Send + 'static,
    ) {
        let mut calls = 0..;
        self.home.set_script(move |call| {
            let number = if is_meant(call) { calls.next() } else { None };
            numbers.contains(&number?).then_some(fault)
        });
    }

    /// Queues a message, visible at once.
    pub async fn send(&self, body: &str) {
        let sent = self.home.send(at_once(body.to_owned())).await;
        sent.expect("no fault is scripted");
    }

    /// Sends a message as an operator would.
    pub fn send_bare(&self, s3_key: &str) {
        self.home
            .push(at_once(format!(r#"{{"s3_key":"{s3_key}"}}"#)));
    }

    /// Sends every dead letter again, by the operator's own verb.
    pub async fn redrive(&self) -> Result<Vec<Redriven>, PortError> {
        let queue = self.home.snapshot();
        let mut redrive = Redrive::begin(&*self.home, &queue).await?;
        let names: Vec<EventName> = redrive.events().cloned().collect();
        let mut redriven = Vec::new();
        for name in &names {
            redriven.push(redrive.send(name).await);
        }
        redrive.end().await?;
        redriven.into_iter().collect()
    }

    /// Receives one batch, works on it, and deletes what did not fail.
    pub async fn work(&self) -> Vec<Outcome> {
        let records = self.queue().receive(BATCH);
        let handles: BTreeMap<String, String> = records
            .iter()
            .map(|r| (r.message_id.clone(), r.receipt_handle.clone()))
            .collect();
        let results = self
            .enrich
            .handle_batch(records, Duration::from_mins(1))
            .await;
        assert_eq!(
            results.len(),
            handles.len(),
            "every record has an outcome of its own"
        );
        for (message_id, outcome) in &results {
            if let Some(handle) = handles.get(message_id).filter(|_| !outcome.is_failed()) {
                self.queue().delete(handle);
            }
        }
        results.into_iter().map(|(_, outcome)| outcome).collect()
    }

    /// Works on one batch, unless the process dies at it: then nothing of it is deleted, and the next process begins where it was.
    pub async fn work_or_die(&self) -> Option<Vec<Outcome>> {
        tokio::select! {
            biased;
            () = self.home.died() => {
                self.home.revive();
                None
            }
            outcomes = self.work() => Some(outcomes),
        }
    }

    /// Works on a batch of S3's notifications, one of each object in a bucket, as they come from the owners' queue.
    pub async fn notify(&self, objects: &[(&str, &str)]) -> Vec<Outcome> {
        let records = objects.iter().enumerate();
        let records = records.map(|(number, object)| notified(&format!("s3-{number}"), *object));
        let batch = self
            .enrich
            .handle_batch(records.collect(), Duration::from_mins(1));
        batch
            .await
            .into_iter()
            .map(|(_, outcome)| outcome)
            .collect()
    }

    /// Goes forward in time to the next message, and works on what is visible then.
    pub async fn work_next(&self) -> Vec<Outcome> {
        if let Some(next) = self.queue().next_visible_at() {
            let wait = next.duration_since(self.clock().now());
            tokio::time::sleep(Duration::try_from(wait).unwrap_or(Duration::ZERO)).await;
        }
        self.work().await
    }

    /// Works until the queue is empty, going forward in time from message to message. Gives every outcome.
    pub async fn work_until_idle(&self) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        while self.queue().depth() > 0 {
            outcomes.extend(self.work_next().await);
            assert!(outcomes.len() < 10_000, "nothing circles for ever");
        }
        outcomes
    }

    /// Runs a future, and sees what it causes in metrics.
    pub async fn observed<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| {
            self.counts.look(true);
            let polled = future.as_mut().poll(context);
            self.counts.look(false);
            polled
        })
        .await
    }

    /// The metrics seen since the last call, by name.
    pub fn counted(&self) -> Counted {
        let mut counted = Counted::new();
        for (name, count) in self.counts.take_seen() {
            let name = name.split(' ').next().unwrap_or_default();
            *counted.entry(name.to_owned()).or_default() += count;
        }
        counted
    }

    /// The same by name and value of the further dimension, where there is one: `LeadsRejected unverified`.
    pub fn counted_by_value(&self) -> Counted {
        self.counts.take_seen()
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.counts.end();
    }
}

impl Default for World {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

/// The bucket of a key: owner files lie in no folder.
fn bucket_of(key: &str) -> Bucket {
    match key.split_once('/') {
        Some(("raw", _)) => Bucket::Raw,
        Some(_) => Bucket::Enriched,
        None => Bucket::Lookup,
    }
}

fn at_once(body: String) -> OutgoingMessage {
    OutgoingMessage {
        body,
        delay_seconds: 0,
        trace: TraceContext::default(),
    }
}
