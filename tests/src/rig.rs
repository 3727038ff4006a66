//! The real functions over a cloud in memory, each invoked by hand: no stack, no emulator, no poller.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use aws_sdk_sqs::types::Message;
use bytes::Bytes;
use serde_json::Value;

use crate::clients::{ACCOUNT, REGION};
use crate::cloud::Cloud;
use crate::event::{self, Shape};
use crate::fault::Front;
use crate::function::{Function, FunctionConfig};
use crate::http::{Request, Response};
use crate::instance::Outcome;
use crate::{gateway, program};

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
    ///
    /// # Errors
    /// The binaries do not build.
    pub async fn start(environment: &[(&str, String)]) -> Result<Self> {
        Self::start_with(environment, 1).await
    }

    /// The same with functions of so many environments at once.
    ///
    /// # Errors
    /// The binaries do not build.
    pub async fn start_with(environment: &[(&str, String)], concurrency: usize) -> Result<Self> {
        let cloud = Cloud::start().await?;
        let front = Front::start(&cloud.url()).await?;
        let mut all = variables(&front.url());
        let own = environment.iter();
        all.extend(own.map(|(name, value)| ((*name).to_owned(), value.clone())));
        let function = async |name: &str| {
            anyhow::Ok(Function::new(FunctionConfig {
                name: format!("rig-{name}"),
                binary: program::built(name).await?,
                environment: all.clone(),
                timeout: Duration::from_mins(1),
                concurrency,
            }))
        };
        Ok(Self {
            ingest: function("ingest").await?,
            enrich: function("enrich").await?,
            sweep: function("sweep").await?,
            cloud,
            front,
        })
    }

    /// Posts a JSON body to a path such as `/ingest`, through a REST API.
    ///
    /// # Errors
    /// `ingest` does not answer.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Response> {
        let event = event::web(Shape::Rest, path, &request(path, headers, body)?);
        gateway::response(&answer(&self.ingest, &event).await?)
    }

    /// Posts an event that must be accepted, and gives back its entry of the answer.
    ///
    /// # Errors
    /// It is not accepted.
    pub async fn accepted(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Value> {
        let response = self.post(path, headers, body).await?;
        let text = String::from_utf8_lossy(response.body());
        ensure!(response.status() == 202, "{}: {text}", response.status());
        let answer: Value = serde_json::from_slice(response.body())?;
        let event = answer.pointer("/events/0").cloned();
        event.context("an accepted event")
    }

    /// Writes the owner file of a lead.
    pub fn put_owner(&self, lead_id: &str, file: &Value) {
        self.cloud
            .put(LOOKUP, &format!("{lead_id}.json"), file.to_string());
    }

    /// Gives `enrich` a batch, and gives back the ids of the messages that it reports as failed.
    ///
    /// # Errors
    /// It does not answer.
    pub async fn deliver(&self, batch: &[Message]) -> Result<Vec<String>> {
        let payload = answer(&self.enrich, &batch_of(batch)).await?;
        let answer: Value = serde_json::from_slice(&payload)?;
        let failed = answer
            .pointer("/batchItemFailures")
            .and_then(Value::as_array);
        let ids = failed.into_iter().flatten().filter_map(|item| {
            let id = item.get("itemIdentifier")?;
            id.as_str().map(str::to_owned)
        });
        Ok(ids.collect())
    }

    /// Takes the messages that were sent since the last taking, and gives them to `enrich` as one batch.
    ///
    /// # Errors
    /// It does not answer, or fails one of them.
    pub async fn deliver_sent(&self) -> Result<()> {
        let sent = self.cloud.take_sent();
        let batch: Vec<Message> = sent
            .iter()
            .map(|message| message.received(1))
            .collect::<Result<_>>()?;
        let failed = self.deliver(&batch).await?;
        ensure!(
            failed.is_empty(),
            "{failed:?}: {:?}",
            self.enrich.log().lines()
        );
        Ok(())
    }

    /// Every line that the functions wrote so far.
    pub fn lines(&self) -> Vec<String> {
        let functions = [&self.ingest, &self.enrich, &self.sweep];
        let lines = functions.map(|function| function.log().lines());
        lines.into_iter().flatten().collect()
    }
}

async fn answer(function: &Function, event: &Value) -> Result<Bytes> {
    let outcome = function.invoke(event).await?;
    let Outcome::Response(payload) = outcome else {
        bail!("{outcome:?}: {:?}", function.log().lines());
    };
    Ok(payload)
}

/// The event of a batch from the rig's queue.
pub fn batch_of(messages: &[Message]) -> Value {
    event::queue(&format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{QUEUE}"), messages)
}

/// A request with a JSON body.
///
/// # Errors
/// A header is none.
pub fn request(path: &str, headers: &[(&str, &str)], body: &str) -> Result<Request> {
    let mut request = hyper::Request::post(path).header("Content-Type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(request.body(Bytes::copy_from_slice(body.as_bytes()))?)
}

/// What the template would give the functions, over an endpoint, without any delay.
pub fn variables(endpoint: &str) -> BTreeMap<String, String> {
    [
        ("AWS_ENDPOINT_URL", endpoint),
        ("RAW_BUCKET", RAW),
        ("LOOKUP_BUCKET", LOOKUP),
        ("ENRICHED_BUCKET", ENRICHED),
        ("DELAY_QUEUE_URL", &format!("{endpoint}/{ACCOUNT}/{QUEUE}")),
        ("DELAY_SECONDS", "0"),
        ("SES_FROM_ADDRESS", "leads@example.com"),
        ("SES_TO_ADDRESS", TEAM),
        ("ENVIRONMENT", "dev"),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect()
}
