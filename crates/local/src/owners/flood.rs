//! A hundred thousand owner files of others, written at once: no lead is mailed later for them. Time passes in steps of a second, the one between
//! two looks.

use super::{EVERY, Watch};
use crate::queue::HELD;
use crate::sample::{Sample, StoppedClock, sample};
use jiff::Timestamp;
use leadwire_pipeline::os::OsEntropy;
use leadwire_pipeline::port::{Clock, Mail, MailOutcome, Mailer, Ports};
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::settings::{EnrichConfig, IngestConfig};
use leadwire_pipeline::stage::enrich::Enrich;
use leadwire_pipeline::stage::ingest::{Ingest, Request};
use leadwire_pipeline::testkit::{self, Chance, FakeSecrets, NoHeaders};
use leadwire_pipeline::trace::TraceContext;
use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Of each kind: those whose owners are known before they come, and those that wait for them.
const LEADS: usize = 50;
const FOREIGN: usize = 100_000;
/// The seconds in which leads come, and those that each may wait for its owner.
const COME: u64 = 300;
const WAIT: u32 = 300;
/// The flood comes while leads come, and others wait.
const FLOOD_AT: u64 = 200;

/// The time of a run, also for its stages.
struct Time(Arc<StoppedClock>);

impl Clock for Time {
    fn now(&self) -> Timestamp {
        self.0.now()
    }
}

/// The leads that were mailed since they were last asked for.
#[derive(Clone, Default)]
struct Mailed(Arc<Mutex<Vec<String>>>);

impl Mailer for Mailed {
    async fn send(&self, mail: &Mail) -> MailOutcome {
        let lead = mail.event.split('_').nth(2).unwrap().to_owned();
        self.0.lock().unwrap().push(lead);
        MailOutcome::Accepted("id".to_owned())
    }
}

/// What happens in a second.
#[derive(Debug, Default)]
struct Second {
    posted: Vec<String>,
    owned: Vec<String>,
}

/// Each lead of a seed comes in a second of its own. The owner of a prompt one is there by then, that of a late one comes in any second of the
/// wait.
fn course(seed: u64) -> BTreeMap<u64, Second> {
    let mut chance = Chance::new(seed);
    let mut course: BTreeMap<u64, Second> = BTreeMap::new();
    for number in 0..LEADS {
        for kind in ["prompt", "late"] {
            let (lead, at) = (format!("{kind}{number}"), chance.below(COME));
            let wait = 1 + chance.below(u64::from(WAIT) - 1);
            let owned_at = if kind == "late" { at + wait } else { at };
            course.entry(at).or_default().posted.push(lead.clone());
            course.entry(owned_at).or_default().owned.push(lead);
        }
    }
    course
}

fn put_owner(sample: &Sample, lead: &str) {
    let path = sample.home.folder().lookup().join(format!("{lead}.json"));
    let json = format!(r#"{{"lead_id":"{lead}","lead_owner":"Omar"}}"#);
    fs::write(path, json).unwrap();
}

/// In which second each lead was mailed.
async fn run(seed: u64, foreign: usize) -> BTreeMap<String, u64> {
    let sample = sample();
    let mailed = Mailed::default();
    let home = Arc::new(Ports {
        store: sample.home.store(),
        queue: sample.home.queue(),
        mailer: mailed.clone(),
        clock: Time(Arc::clone(&sample.clock)),
        entropy: OsEntropy,
    });
    let secrets = SecretCache::new(FakeSecrets::default(), "dev");
    let ingest = Ingest::new(
        Arc::clone(&home),
        secrets,
        IngestConfig { delay_seconds: 0 },
    );
    let config = EnrichConfig {
        delay_seconds: 0,
        owner_wait_seconds: WAIT,
        boot: sample.home.boot().map(str::to_owned),
        ..testkit::enrich_config()
    };
    let enrich = Arc::new(Enrich::new(Arc::clone(&home), config));
    let (queue, lookup) = (sample.home.queue(), sample.home.lookup());
    let mut watch = Watch::new(queue.clone(), lookup, Arc::clone(&enrich));
    let mut course = course(seed);
    let mut moments = BTreeMap::new();
    for second in 0..COME + u64::from(WAIT) + 5 {
        let now = course.remove(&second).unwrap_or_default();
        now.owned.iter().for_each(|lead| put_owner(&sample, lead));
        for lead in now.posted {
            let body = format!(r#"{{"lead_id":"{lead}"}}"#);
            let answer = ingest.handle(post(&sample, body.as_bytes())).await;
            assert_eq!(answer.status, 202, "{}", answer.body);
        }
        if second == FLOOD_AT {
            (0..foreign).for_each(|number| put_owner(&sample, &format!("foreign{number}")));
        }
        watch.look().await;
        loop {
            let records = queue.receive(10, HELD, 3).await.unwrap();
            if records.is_empty() {
                break;
            }
            let handles = records.iter().map(|record| record.receipt_handle.clone());
            let handles: Vec<String> = handles.collect();
            let outcomes = enrich.handle_batch(records, Duration::MAX).await;
            assert!(outcomes.iter().all(|(_, outcome)| !outcome.is_failed()));
            queue.delete(handles).await.unwrap();
        }
        let leads = std::mem::take(&mut *mailed.0.lock().unwrap());
        moments.extend(leads.into_iter().map(|lead| (lead, second)));
        sample.clock.advance(EVERY.as_secs().try_into().unwrap());
    }
    moments
}

fn post<'a>(sample: &Sample, body: &'a [u8]) -> Request<'a> {
    Request {
        method: "POST",
        path: "/ingest",
        called: "/ingest",
        query: "",
        headers: &NoHeaders,
        body,
        received_at: sample.clock.now(),
        trace: TraceContext::default(),
    }
}

#[tokio::test]
async fn a_hundred_thousand_owner_files_of_others_make_no_lead_a_second_later() {
    let (calm, flooded) = (run(13, 0).await, run(13, FOREIGN).await);
    assert_eq!(calm.len(), 2 * LEADS, "each is mailed");
    assert_eq!(flooded, calm);
    for (at, Second { owned, .. }) in course(13) {
        for lead in owned {
            assert!((at..=at + 1).contains(&calm[&lead]), "{lead} at {at}");
        }
    }
}
