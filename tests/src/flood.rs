//! Many leads through the real functions over the cloud in memory, in some environments at once: how many a second, and whether each is mailed
//! once with its own owner.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::Message;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::json;

use crate::cloud::Sent;
use crate::rig::{ENRICHED, RAW, Rig};

/// What is sent.
#[derive(Clone, Copy, Debug)]
pub struct Flood {
    /// Leads with one event each.
    pub leads: usize,
    /// Environments of each function at once.
    pub environments: usize,
    /// Messages in one batch, at most 10.
    pub batch: usize,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Flown {
    /// From the first request to the last answer.
    pub ingest: Duration,
    /// From the first batch to the last answer.
    pub enrich: Duration,
    /// How long each request took, in the order of their ends.
    pub answers: Vec<Duration>,
    /// Leads that are not as they must be, in words.
    pub broken: Vec<String>,
}

/// Posts every lead, then delivers every message.
///
/// # Errors
/// The harness failed, or a function does not answer.
pub async fn run(flood: Flood) -> Result<Flown> {
    let rig = Rig::start_with(&[], flood.environments).await?;
    for number in 0..flood.leads {
        rig.put_owner(
            &lead(number),
            &json!({"lead_id": lead(number), "lead_owner": owner(number)}),
        );
    }
    // Every environment is up before time is taken: this is not about cold starts.
    post_all(
        &rig,
        flood.leads..flood.leads + flood.environments,
        flood.environments,
    )
    .await?;
    deliver_all(&rig, 1, flood.environments).await?;
    let warm = rig.cloud.mails().len();
    let began = Instant::now();
    let posted = post_all(&rig, 0..flood.leads, flood.environments).await?;
    let ingest = began.elapsed();
    let began = Instant::now();
    deliver_all(&rig, flood.batch, flood.environments).await?;
    let enrich = began.elapsed();
    let broken = judge(&rig, &posted, warm);
    Ok(Flown {
        ingest,
        enrich,
        answers: posted.into_values().map(|(_, took)| took).collect(),
        broken,
    })
}

fn lead(number: usize) -> String {
    format!("flood-{number}")
}

fn owner(number: usize) -> String {
    format!("Owner {number}")
}

fn body(number: usize) -> String {
    json!({"lead_id": lead(number), "display_name": format!("Lead {number}")}).to_string()
}

/// The key of each lead, and how long its answer took.
type Posted = BTreeMap<usize, (String, Duration)>;

async fn post_all(rig: &Rig, numbers: std::ops::Range<usize>, at_once: usize) -> Result<Posted> {
    let posts = stream::iter(numbers).map(|number| async move {
        let began = Instant::now();
        let key = format!("key-{number}");
        let event = rig
            .accepted("/ingest", &[("Idempotency-Key", &key)], &body(number))
            .await?;
        let key = event
            .get("s3_key")
            .and_then(serde_json::Value::as_str)
            .context("s3_key")?;
        anyhow::Ok((number, (key.to_owned(), began.elapsed())))
    });
    posts.buffer_unordered(at_once).try_collect().await
}

async fn deliver_all(rig: &Rig, batch: usize, at_once: usize) -> Result<()> {
    let sent = rig.cloud.take_sent();
    let batches = stream::iter(sent.chunks(batch)).map(|batch| async move {
        let messages: Vec<Message> = batch.iter().map(received).collect::<Result<_>>()?;
        let failed = rig.deliver(&messages).await?;
        ensure!(failed.is_empty(), "{failed:?}");
        Ok(())
    });
    batches
        .buffer_unordered(at_once)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(())
}

fn received(sent: &Sent) -> Result<Message> {
    sent.received(1)
}

/// Distinct keys, the bytes that were sent, the lead's own owner, one mail each and no other.
fn judge(rig: &Rig, posted: &Posted, warm: usize) -> Vec<String> {
    let keys: BTreeSet<&String> = posted.values().map(|(key, _)| key).collect();
    let mut broken = Vec::new();
    if keys.len() != posted.len() {
        broken.push(format!("{} leads have {} keys", posted.len(), keys.len()));
    }
    let mut subjects: BTreeMap<String, usize> = BTreeMap::new();
    let mails = rig.cloud.mails();
    for mail in &mails {
        let subject = mail.request.pointer("/Content/Simple/Subject/Data");
        let subject = subject
            .and_then(serde_json::Value::as_str)
            .unwrap_or_default();
        *subjects.entry(subject.to_owned()).or_default() += 1;
    }
    for (number, (key, _)) in posted {
        if rig.cloud.bytes(RAW, key).as_deref() != Some(body(*number).as_bytes()) {
            broken.push(format!("{key} holds other bytes"));
        }
        if rig
            .cloud
            .bytes(ENRICHED, &key.replacen("raw/", "enriched/", 1))
            .is_none()
        {
            broken.push(format!("{key} has no document"));
        }
        let subject = format!("New lead: Lead {number} → {}", owner(*number));
        if subjects.get(&subject) != Some(&1) {
            broken.push(format!("{subject}: {:?} mails", subjects.get(&subject)));
        }
    }
    if mails.len() != posted.len() + warm {
        broken.push(format!(
            "{} mails of {} leads",
            mails.len() - warm,
            posted.len()
        ));
    }
    broken
}
