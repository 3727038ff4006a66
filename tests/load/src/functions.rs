//! The real functions, over a cloud in memory.

use crate::lead::Event;
use crate::report::Report;
use crate::target::{Answer, Flooded, Keys, Killed, Mail, Mails, Sender, Target, name_of};
use anyhow::{Result, ensure};
use futures_util::future::{join_all, try_join_all};
use leadwire_pipeline::testkit::Chance;
use leadwire_tests::clients::{ACCOUNT, Clients};
use leadwire_tests::cloud::SEND_EMAIL;
use leadwire_tests::fault::Fault;
use leadwire_tests::mailbox::effect_to;
use leadwire_tests::mapping::{Mapping, MappingOptions};
use leadwire_tests::rig::{ENRICHED, QUEUE, RAW, Rig};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// How long a received message is hidden: longer than an invocation takes on a busy machine.
const VISIBILITY: Duration = Duration::from_secs(8);
/// Receives before a message becomes a dead letter. Many: a process that is killed costs its whole batch one.
const RECEIVES_MAX: u32 = 30;
/// Longest that a kill waits for a process that is at work,
const BUSY_WAIT: Duration = Duration::from_secs(2);
/// and how often it looks.
const BUSY_LOOK: Duration = Duration::from_millis(1);
/// Messages in one batch.
const BATCH: usize = 10;
/// Who is told of each event.
const RECEIVERS: [&str; 2] = ["team@example.com", "desk@example.com"];
/// What a subject begins with.
const SUBJECT: &str = "New lead: Lead ";

/// The functions at work.
#[derive(Debug)]
pub struct Functions {
    rig: Rc<Rig>,
    environments: usize,
    /// Polls the queue, where the functions are killed; a flood hands the messages on by itself.
    mapping: Option<Mapping>,
    failed: Arc<AtomicUsize>,
    /// Mails that were out and not settled when a process was killed.
    doubts: RefCell<BTreeMap<(String, String), usize>>,
}

/// Posts through a REST API.
#[derive(Debug)]
pub struct Caller(Rc<Rig>);

impl Sender for Caller {
    async fn post(&mut self, event: &Event) -> Option<Answer> {
        let headers = [("Idempotency-Key", event.event_id.as_str())];
        let response = self.0.post("/ingest", &headers, &event.body).await.ok()?;
        Some(Answer {
            status: response.status().as_u16(),
            body: response.body().to_vec(),
        })
    }

    async fn abandon(&mut self, event: &Event) -> bool {
        self.post(event).await.is_some()
    }
}

impl Functions {
    /// Functions of so many environments at once, each of them up: a flood is not about cold starts.
    pub async fn warm(environments: usize) -> Result<Self> {
        let rig = Rig::start_with(&[receivers()], environments).await?;
        let functions = Self::over(rig, environments);
        let warming = (0..environments).map(async |number| {
            let name = format!("warm-{number}");
            functions.sender().post(&Event::flat(&name, &name)).await
        });
        join_all(warming).await;
        functions.deliver(1).await?;
        functions.rig.cloud.clear();
        Ok(functions)
    }

    /// Functions that receive from a queue, so many of a hundred of whose calls fail.
    pub async fn failing(environments: usize, percent: u32, seed: u64) -> Result<Self> {
        let short = [
            ("LEASE_SECONDS", "2"),
            ("RETRY_SECONDS", "1"),
            ("MAX_RECEIVE_COUNT", "30"),
        ];
        let short = short.map(|(name, value)| (name, value.to_owned()));
        let variables: Vec<_> = short.into_iter().chain([receivers()]).collect();
        let rig = Rig::start_with(&variables, environments).await?;
        rig.cloud.serve_queue(VISIBILITY, RECEIVES_MAX);
        let url = rig.cloud.url();
        let queue = format!("{url}/{ACCOUNT}/{QUEUE}");
        let options = MappingOptions {
            concurrency: environments,
            ..MappingOptions::default()
        };
        let clients = Clients::new(&url, &url);
        let mapping = Mapping::start(&clients, &queue, &rig.enrich, options).await?;
        let mut functions = Self::over(rig, environments);
        functions.mapping = Some(mapping);
        functions.fail_by_chance(percent, seed);
        Ok(functions)
    }

    fn over(rig: Rig, environments: usize) -> Self {
        Self {
            rig: Rc::new(rig),
            environments,
            mapping: None,
            failed: Arc::default(),
            doubts: RefCell::default(),
        }
    }

    /// Refuses calls to S3, and loses replies of everything, SES too.
    fn fail_by_chance(&self, percent: u32, seed: u64) {
        for (salt, fault) in [(1, Fault::s3(503, "SlowDown")), (2, Fault::CutAfter)] {
            let chance = Mutex::new(Chance::new(seed.wrapping_add(salt)));
            let failed = Arc::clone(&self.failed);
            self.rig.front.inject(usize::MAX, fault, move |request| {
                let is_s3 = request.headers().get("x-amz-target").is_none()
                    && request.uri().path() != SEND_EMAIL;
                let mut chance = chance.lock().unwrap_or_else(PoisonError::into_inner);
                let fails = chance.below(200) < u64::from(percent) && (is_s3 || salt == 2);
                failed.fetch_add(usize::from(fails), Ordering::SeqCst);
                fails
            });
        }
    }

    /// Gives `enrich` what was sent, in batches, as many at once as it has environments.
    async fn deliver(&self, batch: usize) -> Result<()> {
        let sent = self.rig.cloud.take_sent();
        let left = RefCell::new(sent.chunks(batch));
        let work = async || {
            loop {
                let Some(batch) = left.borrow_mut().next() else {
                    return anyhow::Ok(());
                };
                let failed = self.rig.deliver_all(batch, 1).await?;
                let log = || self.rig.enrich.log().lines();
                ensure!(failed.is_empty(), "{failed:?}: {:?}", log());
            }
        };
        try_join_all((0..self.environments).map(|_| work())).await?;
        Ok(())
    }

    /// The mails by the ids of their events.
    fn by_event(&self) -> Vec<(String, Value)> {
        let mails = self.rig.cloud.mails().into_iter();
        mails
            .map(|mail| (event_of(&mail.request), mail.request))
            .collect()
    }

    /// Whether it is stored that a receiver was told.
    fn is_told(&self, key: &str, to: &str) -> bool {
        let Some(claim) = self.claim(key) else {
            return false;
        };
        let state = states(&claim).remove(&effect_to(to));
        claim.is_empty() || state.as_deref() == Some("sent")
    }

    /// What lies at the event's claim.
    fn claim(&self, key: &str) -> Option<Vec<u8>> {
        self.object(ENRICHED, &key.replacen("raw/", "mail/", 1))
    }

    /// Where an event stands: `mailed`, `parked` with its reason, or on its way.
    fn state(&self, key: &str) -> &'static str {
        let Some(claim) = self.claim(key) else {
            return "waits";
        };
        if claim.is_empty() {
            return "mailed";
        }
        let states = states(&claim);
        let is_over = |state: &String| matches!(state.as_str(), "sent" | "parked");
        let are_over = !states.is_empty() && states.values().all(is_over);
        let failed = self.object(ENRICHED, &key.replacen("raw/", "failed/", 1));
        if are_over && failed.is_some() {
            "parked"
        } else {
            "waits"
        }
    }

    fn object(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        let bytes = self.rig.cloud.bytes(bucket, key)?;
        Some(bytes.to_vec())
    }
}

/// What a claim says of each effect that it names.
fn states(claim: &[u8]) -> BTreeMap<String, String> {
    let claim: Value = serde_json::from_slice(claim).unwrap_or_default();
    let effects = claim.get("effects").and_then(Value::as_object);
    let states = effects.into_iter().flatten().map(|(name, effect)| {
        let state = effect.get("state").and_then(Value::as_str);
        (name.clone(), state.unwrap_or_default().to_owned())
    });
    states.collect()
}

fn receivers() -> (&'static str, String) {
    ("SES_TO_ADDRESS", RECEIVERS.join(","))
}

fn receiver(request: &Value) -> &str {
    let to = request.pointer("/Destination/ToAddresses/0");
    to.and_then(Value::as_str).unwrap_or_default()
}

fn subject(request: &Value) -> &str {
    let subject = request.pointer("/Content/Simple/Subject/Data");
    subject.and_then(Value::as_str).unwrap_or_default()
}

/// The id of the event that a mail is about.
fn event_of(request: &Value) -> String {
    let subject = subject(request);
    let event = subject.strip_prefix(SUBJECT).unwrap_or(subject);
    event.split(' ').next().unwrap_or_default().to_owned()
}

impl Target for Functions {
    type Sender = Caller;

    fn sender(&self) -> Caller {
        Caller(Rc::clone(&self.rig))
    }

    fn receivers(&self) -> usize {
        RECEIVERS.len()
    }

    fn put_owner(&self, lead_id: &str, owner: &str) -> Result<()> {
        let file = json!({"lead_id": lead_id, "lead_owner": owner});
        self.rig.put_owner(lead_id, &file);
        Ok(())
    }

    fn processes(&self) -> Vec<u32> {
        let functions = [&self.rig.ingest, &self.rig.enrich];
        let processes = functions.map(|function| [function.idle(), function.busy()].concat());
        processes.concat()
    }

    fn stored(&self, room: &str, name: &str) -> Result<Option<Vec<u8>>> {
        let bucket = if room == "raw" { RAW } else { ENRICHED };
        Ok(self.object(bucket, &format!("{room}/{name}.json")))
    }

    fn names(&self, room: &str) -> Result<BTreeSet<String>> {
        let calls = self.rig.cloud.calls().into_iter();
        let puts = calls.filter(|call| call.what == "S3.PutObject");
        let names = puts.filter_map(|call| {
            let (_, rest) = call.path.split_once(&format!("/{room}/"))?;
            Some(name_of(rest).to_owned())
        });
        Ok(names.collect())
    }

    fn mails(&self, accepted: &Keys) -> Result<Mails> {
        let name = |event: &str| {
            let key = accepted.get(event).and_then(BTreeSet::first);
            key.map_or(event, |key| name_of(key)).to_owned()
        };
        let mut mails = Mails::default();
        for (event, request) in self.by_event() {
            mails.taken.push(Mail {
                event: name(&event),
                to: receiver(&request).to_owned(),
                subject: subject(&request).to_owned(),
                text: format!("{SUBJECT}{event}"),
            });
        }
        let effect = |event: &str, to: &str| (name(event), to.to_owned());
        for ((event, to), doubts) in &*self.doubts.borrow() {
            *mails.doubts.entry(effect(event, to)).or_default() += doubts;
        }
        // Mails that were taken without the function learning of it.
        let calls = self.rig.front.calls();
        let lost = calls
            .iter()
            .filter(|call| call.path == SEND_EMAIL && call.broken);
        for call in lost {
            let request = serde_json::from_slice(&call.body).unwrap_or_default();
            let lost = effect(&event_of(&request), receiver(&request));
            *mails.doubts.entry(lost).or_default() += 1;
        }
        Ok(mails)
    }

    fn says(&self, mail: &Mail, owner: &str) -> bool {
        mail.subject == format!("{} → {owner}", mail.text)
    }

    async fn stop(&self) -> Result<()> {
        Ok(())
    }
}

impl Flooded for Functions {
    async fn work(&self, count: usize, report: &mut Report) -> Result<()> {
        let began = Instant::now();
        self.deliver(BATCH).await?;
        let rate = f64::from(u32::try_from(count)?) / began.elapsed().as_secs_f64();
        report.figure("mailed_a_second", rate, "/s");
        Ok(())
    }
}

impl Killed for Functions {
    async fn kill(&self, accepted: impl Fn() -> Keys) -> Result<usize> {
        // A kill between two leads shows nothing.
        let began = Instant::now();
        let is_idle = || self.rig.ingest.busy().is_empty() && self.rig.enrich.busy().is_empty();
        while is_idle() && began.elapsed() < BUSY_WAIT {
            sleep(BUSY_LOOK).await;
        }
        let kills = self.rig.ingest.kill_busy().await? + self.rig.enrich.kill_busy().await?;
        // A call that was sent before its process died still arrives; no claim is taken over before that, since a lease is longer.
        self.rig.front.settled().await?;
        self.rig.cloud.settled().await?;
        let accepted = accepted();
        let mails = self.by_event().into_iter();
        let effects: BTreeSet<(String, String)> = mails
            .map(|(event, request)| (event, receiver(&request).to_owned()))
            .collect();
        for (event, to) in effects {
            let key = accepted.get(&event).and_then(BTreeSet::first);
            if !key.is_some_and(|key| self.is_told(key, &to)) {
                *self.doubts.borrow_mut().entry((event, to)).or_default() += 1;
            }
        }
        Ok(kills)
    }

    fn heal(&self) {
        self.rig.front.heal();
    }

    fn states(&self, accepted: &Keys) -> Result<BTreeMap<String, String>> {
        let state = |(event, keys): (&String, &BTreeSet<String>)| {
            let states: BTreeSet<_> = keys.iter().map(|key| self.state(key)).collect();
            // Of several, what waits comes last.
            let state = states.last().copied().unwrap_or("waits");
            (event.clone(), state.to_owned())
        };
        Ok(accepted.iter().map(state).collect())
    }

    fn faults(&self, report: &mut Report) {
        report.count("calls_failed", self.failed.load(Ordering::SeqCst));
    }
}
