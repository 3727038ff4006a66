//! Minutes of trouble for the real functions: calls that fail by chance, processes that are killed, senders that send twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::clients::Clients;
use crate::clock::eventually;
use crate::cloud::Mailed;
use crate::fault::Fault;
use crate::json::At;
use crate::mapping::{Mapping, MappingOptions};
use crate::rig::{ENRICHED, QUEUE, RAW, Rig};

/// How long a received message is hidden: longer than an invocation takes on a busy machine.
const VISIBILITY: Duration = Duration::from_secs(8);
/// Receives before a message becomes a dead letter. Many: a process that is killed costs its whole batch one.
const RECEIVES_MAX: u32 = 30;
/// Environments of each function.
const ENVIRONMENTS: usize = 3;
/// Longest that what was accepted may take once nothing fails any more.
const DEADLINE: Duration = Duration::from_mins(5);
/// A call that was sent before its process died still arrives; nobody takes a claim over before that, since a lease is longer.
const ON_THE_WAY: Duration = Duration::from_millis(300);
/// Longest that a kill waits for a process that is at work,
const BUSY_WAIT: Duration = Duration::from_secs(2);
/// and how often it looks.
const BUSY_LOOK: Duration = Duration::from_millis(1);
/// How often a sender sends what is not accepted.
const SENDS_MAX: usize = 100;
/// How often the processes are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// What is done.
#[derive(Clone, Copy, Debug)]
pub struct Soak {
    /// How long leads come.
    pub lasts: Duration,
    /// The time between two kills.
    pub kill_every: Duration,
    /// Leads a second.
    pub rate: u32,
    /// So many of a hundred calls fail, and so many leads are sent twice.
    pub percent: u32,
    /// What chance begins with.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Soaked {
    /// Leads that were accepted.
    pub accepted: usize,
    /// Processes that were killed at work.
    pub kills: usize,
    /// Calls that were refused, or whose reply was lost.
    pub faults: usize,
    /// Mails that went out.
    pub mails: usize,
    /// Mails whose reply was lost, or that were out and not settled when their process was killed.
    pub in_doubt: usize,
    /// Leads without an end.
    pub lost: Vec<String>,
    /// Leads with several keys, or mails that differ from the document.
    pub mixed: Vec<String>,
    /// Leads with more mails than their doubts allow.
    pub twice: Vec<String>,
}

/// The keys that each lead was answered with.
type Answered = BTreeMap<usize, BTreeSet<String>>;

/// Runs it over the cloud in memory. `look` is told now and then which processes there are.
///
/// # Errors
/// The harness failed, or a lead is never accepted.
pub async fn run(soak: Soak, mut look: impl FnMut(u32)) -> Result<Soaked> {
    let short = [
        ("LEASE_SECONDS", "2"),
        ("RETRY_SECONDS", "1"),
        ("MAX_RECEIVE_COUNT", "30"),
    ];
    let environment = short.map(|(name, value)| (name, value.to_owned()));
    let rig = Arc::new(Rig::start_with(&environment, ENVIRONMENTS).await?);
    rig.cloud.serve_queue(VISIBILITY, RECEIVES_MAX);
    let clients = Clients::new(&rig.cloud.url(), &rig.cloud.url());
    let queue_url = format!("{}/{}/{QUEUE}", rig.cloud.url(), crate::clients::ACCOUNT);
    let options = MappingOptions {
        concurrency: ENVIRONMENTS,
        ..MappingOptions::default()
    };
    let _mapping = Mapping::start(&clients.sqs, &queue_url, &rig.enrich, options).await?;
    let faults = fail_by_chance(&rig, soak);
    let answered = Arc::<Mutex<Answered>>::default();
    let sending = tokio::spawn(send_all(Arc::clone(&rig), soak, Arc::clone(&answered)));
    let mut soaked = Soaked::default();
    let mut doubts = BTreeMap::new();
    let began = Instant::now();
    while began.elapsed() < soak.lasts {
        let kill_at = Instant::now() + soak.kill_every;
        while Instant::now() < kill_at {
            sleep_until(kill_at.min(Instant::now() + LOOK_EVERY)).await;
            let functions = [&rig.ingest, &rig.enrich];
            let processes = functions.map(|function| [function.idle(), function.busy()].concat());
            processes.into_iter().flatten().for_each(&mut look);
        }
        await_busy(&rig).await;
        soaked.kills += rig.ingest.kill_busy().await? + rig.enrich.kill_busy().await?;
        sleep(ON_THE_WAY).await;
        note_doubts(&rig, &*answered.lock().await, &mut doubts);
    }
    rig.front.heal();
    sending.await??;
    let answered = answered.lock().await.clone();
    soaked.lost = await_ends(&rig, &answered).await;
    soaked.faults = faults.load(Ordering::SeqCst);
    soaked.accepted = answered.len();
    judge(&rig, &answered, &doubts, &mut soaked);
    Ok(soaked)
}

/// Waits until a process is at work, for a while: a kill between two leads shows nothing.
async fn await_busy(rig: &Rig) {
    let began = Instant::now();
    let is_idle = || rig.ingest.busy().is_empty() && rig.enrich.busy().is_empty();
    while is_idle() && began.elapsed() < BUSY_WAIT {
        sleep(BUSY_LOOK).await;
    }
}

/// Numbers from a seed that look like chance, each asked for once.
fn below(seed: u64, number: u64, bound: u64) -> u64 {
    let digest = Sha256::digest(format!("{seed}/{number}"));
    let word = digest
        .iter()
        .take(7)
        .fold(0, |word, byte| word << 8 | u64::from(*byte));
    word.checked_rem(bound).unwrap_or(0)
}

/// Refuses calls to S3 and SQS, and loses replies of everything, SES too.
fn fail_by_chance(rig: &Rig, soak: Soak) -> Arc<AtomicUsize> {
    let count = Arc::<AtomicUsize>::default();
    for (salt, fault) in [(1, Fault::s3(503, "SlowDown")), (2, Fault::CutAfter)] {
        let (number, count) = (AtomicU64::new(0), Arc::clone(&count));
        rig.front.inject(usize::MAX, fault, move |request| {
            let number = number.fetch_add(1, Ordering::SeqCst);
            let is_s3 = request.headers().get("x-amz-target").is_none()
                && request.uri().path() != crate::cloud::SEND_EMAIL;
            let fails = below(soak.seed + salt, number, 200) < u64::from(soak.percent);
            let fails = fails && (is_s3 || salt == 2);
            count.fetch_add(usize::from(fails), Ordering::SeqCst);
            fails
        });
    }
    count
}

fn lead(number: usize) -> String {
    format!("soak-{number}")
}

fn body(number: usize) -> String {
    json!({"lead_id": lead(number), "display_name": format!("Lead {number}")}).to_string()
}

async fn send_all(rig: Arc<Rig>, soak: Soak, answered: Arc<Mutex<Answered>>) -> Result<()> {
    let began = Instant::now();
    let mut sending = JoinSet::new();
    for number in 0.. {
        let at = f64::from(u32::try_from(number)?) / f64::from(soak.rate);
        let at = Duration::from_secs_f64(at);
        if at >= soak.lasts {
            break;
        }
        sleep_until(began + at).await;
        let (rig, answered) = (Arc::clone(&rig), Arc::clone(&answered));
        sending.spawn(async move {
            rig.put_owner(
                &lead(number),
                &json!({"lead_id": lead(number), "lead_owner": "First"}),
            );
            let chance = below(soak.seed, u64::try_from(number)?, 100);
            let times = 1 + usize::from(chance < u64::from(soak.percent));
            for _ in 0..times {
                let key = deliver(&rig, number).await?;
                answered.lock().await.entry(number).or_default().insert(key);
            }
            // Whoever assigns owners changes their mind, whatever has become of the lead by then.
            if chance.is_multiple_of(10) {
                rig.put_owner(
                    &lead(number),
                    &json!({"lead_id": lead(number), "lead_owner": "Second"}),
                );
            }
            anyhow::Ok(())
        });
    }
    while let Some(sent) = sending.join_next().await {
        sent??;
    }
    Ok(())
}

/// Posts as a CRM does: until it is accepted. Gives the key.
async fn deliver(rig: &Rig, number: usize) -> Result<String> {
    let key = format!("key-{number}");
    for _ in 0..SENDS_MAX {
        // A process that was killed, or 503: both are sent again.
        let Ok(event) = rig
            .accepted("/ingest", &[("Idempotency-Key", &key)], &body(number))
            .await
        else {
            continue;
        };
        let key = event.at("s3_key").as_str().context("s3_key")?;
        return Ok(key.to_owned());
    }
    bail!("{key} is never accepted")
}

fn is_settled(rig: &Rig, key: &str) -> bool {
    let marker = rig.cloud.bytes(ENRICHED, &key.replacen("raw/", "mail/", 1));
    marker.is_some_and(|marker| marker.is_empty())
}

/// The number of the lead of a mail, and its subject.
fn subject(mail: &Mailed) -> Option<(usize, String)> {
    let subject = mail
        .request
        .pointer("/Content/Simple/Subject/Data")?
        .as_str()?;
    let number = subject.strip_prefix("New lead: Lead ")?.split(' ').next()?;
    Some((number.parse().ok()?, subject.to_owned()))
}

fn mails(rig: &Rig) -> BTreeMap<usize, Vec<String>> {
    let mut mails: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (number, subject) in rig.cloud.mails().iter().filter_map(subject) {
        mails.entry(number).or_default().push(subject);
    }
    mails
}

/// After a kill: mails that are out and not settled may go out once more.
fn note_doubts(rig: &Rig, answered: &Answered, doubts: &mut BTreeMap<usize, usize>) {
    for number in mails(rig).keys() {
        let key = answered.get(number).and_then(|keys| keys.first());
        if !key.is_some_and(|key| is_settled(rig, key)) {
            *doubts.entry(*number).or_default() += 1;
        }
    }
}

/// Waits until every lead is settled, and gives those that are not.
async fn await_ends(rig: &Rig, answered: &Answered) -> Vec<String> {
    let left = || {
        let keys = answered.values().flatten();
        let left = keys.filter(|key| !is_settled(rig, key));
        left.cloned().collect::<Vec<String>>()
    };
    let over = eventually("every lead is settled", DEADLINE, || {
        std::future::ready(Ok(left().is_empty().then_some(())))
    });
    // In vain: what is left is lost.
    let _in_vain = over.await;
    left()
}

fn judge(rig: &Rig, answered: &Answered, killed: &BTreeMap<usize, usize>, soaked: &mut Soaked) {
    let mails = mails(rig);
    soaked.mails = mails.values().map(Vec::len).sum();
    let lost = lost_replies(rig);
    for (number, keys) in answered {
        let own = mails.get(number).map_or(&[][..], Vec::as_slice);
        let key = keys.first().map_or("", String::as_str);
        let document = rig
            .cloud
            .bytes(ENRICHED, &key.replacen("raw/", "enriched/", 1));
        let document = document.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let owner = document
            .as_ref()
            .and_then(|document| document.at("lead_owner").as_str());
        let expected = format!(
            "New lead: Lead {number} → {}",
            owner.unwrap_or("unassigned")
        );
        let same = own.iter().all(|subject| *subject == expected);
        let raw = rig.cloud.bytes(RAW, key);
        if keys.len() != 1 || !same || raw.as_deref() != Some(body(*number).as_bytes()) {
            soaked
                .mixed
                .push(format!("{number}: {keys:?}, {own:?}, {document:?}"));
        }
        let doubts = [killed.get(number), lost.get(number)];
        let doubts: usize = doubts.into_iter().flatten().sum();
        soaked.in_doubt += doubts;
        if own.len() > 1 + doubts {
            soaked
                .twice
                .push(format!("{number}: {} mails, {doubts} in doubt", own.len()));
        }
    }
}

/// For each lead: how many of its mails were taken without the function learning of it.
fn lost_replies(rig: &Rig) -> BTreeMap<usize, usize> {
    let mut lost = BTreeMap::new();
    for call in rig.front.calls() {
        if call.path == crate::cloud::SEND_EMAIL && call.broken {
            let request = serde_json::from_slice(&call.body).unwrap_or_default();
            let mail = Mailed {
                at: crate::clock::now(),
                request,
            };
            if let Some((number, _)) = subject(&mail) {
                *lost.entry(number).or_default() += 1;
            }
        }
    }
    lost
}
