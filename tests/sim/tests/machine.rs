//! The simulator's rules over the home of one machine as it is: its database, its queue, its boots. The process dies at each of its calls, before
//! it takes effect and after, and the next run goes on with what is in the folder.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that meets the unexpected should stop"
)]

use futures_util::future::{Either, select};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::channel::TEAM;
use leadwire_domain::effect::EffectId;
use leadwire_domain::key::{ENRICHED, FAILED, MAIL, RAW};
use leadwire_domain::notice::EmailAddress;
use leadwire_local::{
    ANSWER_DEADLINE, FileSystem, LEASE_SECONDS, LocalHome, Mode, OpenOptions, PACE,
};
use leadwire_pipeline::port::{
    Acceptance, Accepted, Bucket, Clock, Created, DelayQueue, ETag, Entropy, Fetched, ListPage,
    Mail, MailOutcome, Mailer, NewObject, ObjectStore, OutgoingMessage, PortError, Replaced,
    StoredObject,
};
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::settings::{
    AmbiguousPolicy, EnrichConfig, IngestConfig, VISIBILITY_SECONDS,
};
use leadwire_pipeline::stage::enrich::Enrich;
use leadwire_pipeline::stage::ingest::{Ingest, Request};
use leadwire_pipeline::testkit::{self, enrich_config};
use leadwire_pipeline::trace::TraceContext;
use leadwire_sim::DELAY_SECONDS;
use leadwire_sim::rule::{Delivery, Documents, End, Ledger, Writing, name_in};
use leadwire_sim::setting::{MACHINE_LEASE_SECONDS, MACHINE_PACE};
use std::collections::BTreeSet;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;

const LEADS: [&str; 2] = ["lead", "lead_1"];
const BYTES_MAX: usize = 1024 * 1024;

/// What outlives every run: the time, what the rules know, and when the process dies.
#[derive(Debug)]
struct World {
    now: Timestamp,
    ledger: Ledger,
    /// Versions of objects that were held against the rules.
    seen: BTreeSet<(String, String)>,
    boot: u32,
    calls: usize,
    bits: u128,
    /// The call at which it dies, and whether that takes effect.
    dies_at: Option<(usize, bool)>,
    breach: Option<String>,
}

/// A clock that a test moves on, and everything else that its runs share.
#[derive(Clone, Debug)]
struct Shared(Arc<(Mutex<World>, Notify)>);

impl Shared {
    fn with(&self) -> MutexGuard<'_, World> {
        self.0.0.lock().unwrap()
    }

    fn check(&self, result: Result<(), String>) {
        if let Err(breach) = result {
            self.with().breach.get_or_insert(breach);
        }
    }
}

impl Clock for Shared {
    fn now(&self) -> Timestamp {
        self.with().now
    }
}

/// The ports of one run, with the rules between.
#[derive(Debug)]
struct Run {
    home: LocalHome,
    shared: Shared,
    boot: u32,
}

impl Run {
    /// Makes a call; where the process dies there, nobody waits for it any more.
    async fn make<T>(&self, call: impl Future<Output = T>) -> T {
        let takes_effect = {
            let mut world = self.shared.with();
            world.calls += 1;
            let death = world.dies_at.filter(|(at, _)| *at == world.calls);
            death.map(|(_, takes_effect)| takes_effect)
        };
        match takes_effect {
            None => return call.await,
            Some(true) => drop(call.await),
            Some(false) => {}
        }
        self.shared.0.1.notify_one();
        std::future::pending().await
    }

    async fn look(&self, bucket: Bucket, key: &str) -> Option<StoredObject> {
        match self.home.store().get(bucket, key, BYTES_MAX).await.unwrap() {
            Fetched::Found(object) => Some(object),
            Fetched::Missing | Fetched::Denied | Fetched::TooLarge => None,
        }
    }

    /// What a run had under way when it died may have been written all the same, and nobody saw it.
    async fn catch_up(&self, boot: u32) {
        for prefix in [MAIL, FAILED] {
            let page = self.home.store().list(Bucket::Enriched, prefix, None).await;
            for entry in page.unwrap().entries {
                self.check_write_of(boot, Bucket::Enriched, &entry.key)
                    .await;
            }
        }
    }

    /// What a mail is held against: nothing is replayed here.
    async fn documents(&self, name: &str) -> Documents {
        let key = format!("{ENRICHED}{name}.json");
        Documents {
            own: self.look(Bucket::Enriched, &key).await,
            earlier: Vec::new(),
        }
    }

    /// What was written is held against the rules.
    async fn check_write(&self, bucket: Bucket, key: &str) {
        self.check_write_of(self.boot, bucket, key).await;
    }

    async fn check_write_of(&self, boot: u32, bucket: Bucket, key: &str) {
        let Some((object, name)) = self.look(bucket, key).await.zip(name_in(key)) else {
            return;
        };
        let raw = self.look(Bucket::Raw, &format!("{RAW}{name}.json")).await;
        let documents = self.documents(name).await;
        let mut world = self.shared.with();
        let version = (key.to_owned(), object.etag.0.clone());
        if !world.seen.insert(version) {
            return;
        }
        let writing = Writing {
            now: world.now,
            skew: SignedDuration::ZERO,
            process: boot,
            operation: None,
            boot,
            lives: world.boot,
        };
        let ledger = &mut world.ledger;
        let result = ledger.written((key, &object), raw.as_ref(), &documents, &writing);
        drop(world);
        self.shared.check(result);
    }
}

impl ObjectStore for Run {
    async fn get(&self, bucket: Bucket, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
        let store = self.home.store();
        self.make(store.get(bucket, key, bytes_max)).await
    }

    async fn create(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> Result<Created, PortError> {
        let write = async {
            let created = self.home.store().create(bucket, key, object).await?;
            if matches!(created, Created::New(_)) {
                self.check_write(bucket, key).await;
            }
            Ok(created)
        };
        self.make(write).await
    }

    async fn replace(
        &self,
        bucket: Bucket,
        key: &str,
        etag: &ETag,
        object: NewObject,
    ) -> Result<Replaced, PortError> {
        let write = async {
            let replaced = self.home.store().replace(bucket, key, etag, object).await?;
            if matches!(replaced, Replaced::New(_)) {
                self.check_write(bucket, key).await;
            }
            Ok(replaced)
        };
        self.make(write).await
    }

    async fn put(&self, bucket: Bucket, key: &str, object: NewObject) -> Result<(), PortError> {
        let write = async {
            self.home.store().put(bucket, key, object).await?;
            self.check_write(bucket, key).await;
            Ok(())
        };
        self.make(write).await
    }

    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<ListPage, PortError> {
        let store = self.home.store();
        self.make(store.list(bucket, prefix, after)).await
    }

    fn accepts(&self) -> bool {
        self.home.store().accepts()
    }

    async fn accept(&self, acceptance: Acceptance) -> Result<Accepted, PortError> {
        let write = async {
            let raw = acceptance.objects.last().map(|(_, key, _)| key.clone());
            let accepted = self.home.store().accept(acceptance).await?;
            if let (Accepted::New, Some(key)) = (accepted, raw) {
                self.check_write(Bucket::Raw, &key).await;
            }
            Ok(accepted)
        };
        self.make(write).await
    }
}

impl DelayQueue for Run {
    async fn send(&self, message: OutgoingMessage) -> Result<(), PortError> {
        let queue = self.home.queue();
        self.make(queue.send(message)).await
    }

    async fn set_visibility(&self, receipt_handle: &str, seconds: u32) -> Result<(), PortError> {
        let queue = self.home.queue();
        self.make(queue.set_visibility(receipt_handle, seconds))
            .await
    }
}

impl Mailer for Run {
    async fn send(&self, mail: &Mail) -> MailOutcome {
        let sent = async {
            let documents = self.documents(&mail.event).await;
            let mut world = self.shared.with();
            let clean = (Delivery::Clean, self.boot);
            let name = mail.event.replace("-r", ".r");
            world.ledger.asked(&name, &mail.effect, None);
            let result = world.ledger.mailed(mail, &documents, clean);
            drop(world);
            self.shared.check(result);
            MailOutcome::Accepted("mail-1".to_owned())
        };
        self.make(sent).await
    }
}

impl Clock for Run {
    fn now(&self) -> Timestamp {
        self.shared.now()
    }
}

impl Entropy for Run {
    fn bits(&self) -> [u8; 16] {
        let mut world = self.shared.with();
        world.bits = world
            .bits
            .wrapping_add(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
        world.bits.to_be_bytes()
    }
}

/// Who is told.
fn receivers() -> [EmailAddress; 2] {
    ["sales@example.com", "calls@example.com"].map(|text| EmailAddress::parse(text).unwrap())
}

/// The CRM sends what it has no 202 for.
async fn post(run: &Arc<Run>) {
    let secrets = SecretCache::new(run.home.secrets(), "dev");
    let delay_seconds = DELAY_SECONDS;
    let ingest = Ingest::new(Arc::clone(run), secrets, IngestConfig { delay_seconds });
    for lead in LEADS {
        let id = format!("e-{lead}");
        let headers = vec![("idempotency-key", id.clone())];
        let body = format!(r#"{{"lead_id":"{lead}"}}"#);
        run.shared.with().ledger.post(&id, body.as_bytes());
        let request = Request {
            method: "POST",
            path: "/ingest",
            called: "/ingest",
            query: "",
            headers: &headers,
            body: body.as_bytes(),
            received_at: run.now(),
            trace: TraceContext::default(),
        };
        let answer = ingest.handle(request).await;
        assert_eq!(answer.status, 202, "{}", answer.body);
        let told: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let key = told.pointer("/events/0/s3_key").unwrap().as_str().unwrap();
        let raw = run.look(Bucket::Raw, key).await;
        let ledger = &mut run.shared.with().ledger;
        let accepted = ledger.accept(&id, name_in(key).unwrap(), raw.as_ref());
        run.shared.check(accepted);
    }
}

/// Works on what is due, going forward in time, until nothing waits.
async fn work(run: &Arc<Run>, policy: AmbiguousPolicy) {
    let config = EnrichConfig {
        ambiguous: policy,
        to: receivers().to_vec(),
        lease_seconds: 1800,
        environment: "sim".to_owned(),
        boot: run.home.boot().map(str::to_owned),
        ..enrich_config()
    };
    let enrich = Enrich::new(Arc::clone(run), config);
    let queue = run.home.queue();
    for _turn in 0..100 {
        let waiting = queue.waiting(100).await.unwrap();
        let Some(due) = waiting.iter().map(|message| message.due_at).min() else {
            return;
        };
        {
            let mut world = run.shared.with();
            world.now = world.now.max(due);
        }
        let visibility = Duration::from_secs(u64::from(VISIBILITY_SECONDS));
        let records = queue.receive(10, visibility, 3).await.unwrap();
        let handles: Vec<(String, String)> = records
            .iter()
            .map(|record| (record.message_id.clone(), record.receipt_handle.clone()))
            .collect();
        let outcomes = enrich.handle_batch(records, Duration::from_mins(1)).await;
        let is_over = |id: &String| outcomes.iter().any(|(of, o)| of == id && !o.is_failed());
        let over = handles.into_iter().filter(|(id, _)| is_over(id));
        queue
            .delete(over.map(|(_, handle)| handle).collect())
            .await
            .unwrap();
    }
    panic!("it circles");
}

fn open(path: &Path, shared: &Shared) -> LocalHome {
    for _try in 0..1000 {
        let options = OpenOptions {
            clock: Arc::new(shared.clone()),
            file_system: |_path| Ok(FileSystem::Local),
        };
        match LocalHome::open_with(path, Mode::Serve, options) {
            Ok(home) => return home,
            // The threads of the run before still let go of it.
            Err(_served) => std::thread::park_timeout(Duration::from_millis(5)),
        }
    }
    panic!("the folder stays locked");
}

/// A world from beginning to end. Gives how many calls it made.
async fn live(policy: AmbiguousPolicy, dies_at: Option<(usize, bool)>) -> usize {
    let folder = tempfile::tempdir().unwrap();
    let shared = Shared(Arc::new((
        Mutex::new(World {
            now: "2026-11-23T06:50:00Z".parse().unwrap(),
            ledger: Ledger::new(policy == AmbiguousPolicy::Park),
            seen: BTreeSet::new(),
            boot: 1,
            calls: 0,
            bits: 1,
            dies_at,
            breach: None,
        }),
        Notify::new(),
    )));
    for _boot in 0..3 {
        let home = open(folder.path(), &shared);
        for lead in LEADS {
            let file = home.folder().lookup().join(format!("{lead}.json"));
            std::fs::write(file, format!(r#"{{"lead_id":"{lead}","lead_owner":"O"}}"#)).unwrap();
        }
        let boot = shared.with().boot;
        let run = Arc::new(Run {
            home,
            shared: shared.clone(),
            boot,
        });
        let life = pin!(async {
            run.catch_up(boot - 1).await;
            post(&run).await;
            work(&run, policy).await;
        });
        let death = pin!(shared.0.1.notified());
        match select(life, death).await {
            Either::Left(_) => {
                run.catch_up(boot).await;
                break;
            }
            Either::Right(_) => {
                let mut world = shared.with();
                world.ledger.died(boot);
                world.boot += 1;
            }
        }
    }
    let world = shared.with();
    assert_eq!(world.breach, None, "{policy:?} {dies_at:?}");
    let names: Vec<&str> = world.ledger.accepted().collect();
    assert_eq!(names.len(), LEADS.len(), "{policy:?} {dies_at:?}");
    for name in names {
        let end = world.ledger.end(name);
        let receivers = receivers().map(|address| EffectId::of_mail(TEAM, &address));
        let is_parked = !world.ledger.parked(name, &receivers).is_empty();
        let is_over = end == Some(End::Told) || (is_parked && policy == AmbiguousPolicy::Park);
        assert!(is_over, "{policy:?} {dies_at:?}: {name} {end:?}");
        for effect in &receivers {
            let mails = world.ledger.mails_to(name, effect);
            let is_parked = world.ledger.parked(name, &receivers).contains(effect);
            assert!(
                mails > 0 || is_parked,
                "{policy:?} {dies_at:?}: {name} {effect}"
            );
            assert!(dies_at.is_some() || mails == 1, "{name} {effect} {mails}");
        }
    }
    world.calls
}

#[test]
fn the_worlds_of_one_machine_have_the_times_of_the_real_one() {
    assert_eq!((MACHINE_PACE, MACHINE_LEASE_SECONDS), (PACE, LEASE_SECONDS));
    assert_eq!(testkit::ANSWER_DEADLINE, ANSWER_DEADLINE);
}

#[test]
fn a_machine_that_dies_at_any_of_its_calls_keeps_every_promise() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    runtime.block_on(async {
        for policy in [AmbiguousPolicy::Resend, AmbiguousPolicy::Park] {
            let calls = live(policy, None).await;
            // An event costs one call in, identity entry and message with it, and five out, with one more for each receiver.
            assert_eq!(calls, LEADS.len() * (1 + 5 + receivers().len()));
            for at in 1..=calls {
                for takes_effect in [false, true] {
                    live(policy, Some((at, takes_effect))).await;
                }
            }
        }
    });
}
