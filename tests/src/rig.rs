//! The real functions over a cloud in memory, each invoked by hand: no stack, no emulator, no poller.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use aws_sdk_sqs::types::Message;
use serde_json::{Value, json};

use crate::accepted::Accepted;
use crate::clients::{ACCOUNT, REGION};
use crate::cloud::{Cloud, Sent};
use crate::event::{self, Shape};
use crate::fault::Front;
use crate::function::{Function, environment};
use crate::gateway;
use crate::http::{self, Response};
use crate::json::At;

/// The buckets and the queue, by their names.
pub const RAW: &str = "rig-raw";
/// The bucket of the owner files.
pub const LOOKUP: &str = "rig-lookup";
/// The bucket of everything that is ours.
pub const ENRICHED: &str = "rig-enriched";
/// The delay queue.
pub const QUEUE: &str = "rig-delay";
/// Whom the leads are mailed to.
pub const TEAM: &str = "team@example.com";
/// The secret of the sources document.
pub const SOURCES: &str = "arn:aws:secretsmanager:us-east-1:000000000000:secret:sources";

/// The three functions and what they stand on.
#[derive(Debug)]
pub struct Rig {
    /// What they call.
    pub cloud: Cloud,
    /// Between the functions and the cloud.
    pub front: Front,
    /// `ingest`.
    pub ingest: Function,
    /// `enrich`.
    pub enrich: Function,
    /// `sweep`.
    pub sweep: Function,
}

impl Rig {
    /// Puts the functions over a cloud of their own. No process starts before it is invoked.
    pub async fn start(variables: &[(&str, String)]) -> Result<Self> {
        Self::start_with(variables, 1).await
    }

    /// The same with functions of so many environments at once.
    pub async fn start_with(variables: &[(&str, String)], concurrency: usize) -> Result<Self> {
        let cloud = Cloud::start().await?;
        let front = Front::start(&cloud.url()).await?;
        let mut all = self::variables(&front.url());
        all.extend(environment(variables.iter().cloned()));
        Ok(Self {
            ingest: Function::deploy("rig", "ingest", &all, concurrency).await?,
            enrich: Function::deploy("rig", "enrich", &all, concurrency).await?,
            sweep: Function::deploy("rig", "sweep", &all, concurrency).await?,
            cloud,
            front,
        })
    }

    /// Posts a JSON body to a path such as `/ingest`, through a REST API.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Response> {
        post(&self.ingest, path, headers, body).await
    }

    /// Posts an event that must be accepted, and gives back its entry of the answer.
    pub async fn accepted(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Accepted> {
        Accepted::read(&self.post(path, headers, body).await?)
    }

    /// Posts a lead with a name of its own.
    pub async fn lead(&self, lead_id: &str) -> Result<Accepted> {
        self.accepted("/ingest", &[], &flat(lead_id)).await
    }

    /// Assigns a lead to an owner.
    pub fn assign(&self, lead_id: &str, owner: &str) {
        self.put_owner(lead_id, &json!({"lead_id": lead_id, "lead_owner": owner}));
    }

    /// Writes the owner file of a lead.
    pub fn put_owner(&self, lead_id: &str, file: &Value) {
        self.cloud
            .put(LOOKUP, &format!("{lead_id}.json"), file.to_string());
    }

    /// Gives `enrich` a batch, and gives back the ids of the messages that it reports as failed.
    pub async fn deliver(&self, batch: &[Message]) -> Result<Vec<String>> {
        let answer = self.enrich.answer(&batch_of(batch)).await?;
        let failed = answer.at("batchItemFailures").items().iter();
        let ids = failed.map(|item| item.at("itemIdentifier").text().to_owned());
        Ok(ids.collect())
    }

    /// Gives `enrich` what was sent, received for the `count`th time, as one batch; gives back the ids of what failed.
    pub async fn deliver_all(&self, sent: &[Sent], count: u32) -> Result<Vec<String>> {
        let batch = sent.iter().map(|message| message.received(count));
        let batch: Vec<Message> = batch.collect::<Result<_>>()?;
        self.deliver(&batch).await
    }

    /// Takes the messages that were sent since the last taking, and gives them to `enrich` as one batch.
    pub async fn deliver_sent(&self) -> Result<()> {
        let failed = self.deliver_all(&self.cloud.take_sent(), 1).await?;
        let lines = || self.enrich.log().lines();
        ensure!(failed.is_empty(), "{failed:?}: {:?}", lines());
        Ok(())
    }

    /// Every line that the functions wrote so far.
    pub fn lines(&self) -> Vec<String> {
        let functions = [&self.ingest, &self.enrich, &self.sweep];
        let lines = functions.map(|function| function.log().lines());
        lines.into_iter().flatten().collect()
    }
}

/// Posts a JSON body to `ingest` through a REST API.
pub async fn post(
    ingest: &Function,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<Response> {
    let event = event::web(Shape::Rest, path, &http::post(path, headers, body)?);
    gateway::response(&ingest.answer(&event).await?)
}

/// The smallest lead, with a name of its own.
pub fn flat(lead_id: &str) -> String {
    json!({"lead_id": lead_id, "display_name": format!("Zoë {lead_id}")}).to_string()
}

/// The event of a batch from the rig's queue.
pub fn batch_of(messages: &[Message]) -> Value {
    event::queue(&format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{QUEUE}"), messages)
}

/// What the template would give the functions, over an endpoint, without any delay.
pub fn variables(endpoint: &str) -> BTreeMap<String, String> {
    environment([
        ("AWS_ENDPOINT_URL", endpoint),
        ("RAW_BUCKET", RAW),
        ("LOOKUP_BUCKET", LOOKUP),
        ("ENRICHED_BUCKET", ENRICHED),
        ("DELAY_QUEUE_URL", &format!("{endpoint}/{ACCOUNT}/{QUEUE}")),
        ("DELAY_SECONDS", "0"),
        ("SES_FROM_ADDRESS", "leads@example.com"),
        ("SES_TO_ADDRESS", TEAM),
        ("ENVIRONMENT", "dev"),
    ])
}
