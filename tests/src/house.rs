//! The whole system of one test: its own stack, the three real binaries, an API, a queue mapping, a mailbox, and
//! fronts that can break S3 and SES.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use aws_sdk_sqs::types::{Message as SqsMessage, MessageSystemAttributeName};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::accepted::Accepted;
use crate::clients::Clients;
use crate::emulator::Emulators;
use crate::event::Shape;
use crate::fault::Front;
use crate::function::{Function, FunctionConfig, environment};
use crate::gateway::Gateway;
use crate::http::{self, Client, Response};
use crate::mailbox::{Mail, Mailbox};
use crate::mapping::{Mapping, MappingOptions};
use crate::prune::Alarms;
use crate::stack::{Override, Stack, StackOptions, unique_name};
use crate::{clock, program, rig};

/// The verified sender of every test.
pub const FROM: &str = "leads@example.com";

/// What a test wants of its house.
#[derive(Clone, Debug, Default)]
pub struct HouseOptions {
    /// Parameters of the template; addresses are set by the house.
    pub parameters: Vec<(&'static str, &'static str)>,
    /// Properties that differ from the template's, so that time passes faster.
    pub overrides: Vec<Override>,
    /// Which of the template's alarms are deployed.
    pub alarms: Alarms,
    /// Variables of all functions that differ from the template's.
    pub environment: Vec<(&'static str, String)>,
    /// How the queue is polled.
    pub mapping: MappingOptions,
    /// Whether a second receiver, the desk, is told of each lead.
    pub has_desk: bool,
    /// Whether S3's notifications of owner files come to the enrichment, by `OwnerQueue`.
    pub has_notifications: bool,
}

impl HouseOptions {
    /// A house in which nothing waits for a delay.
    pub fn prompt() -> Self {
        Self {
            parameters: vec![("DelaySeconds", "0")],
            ..Self::default()
        }
    }
}

/// A deployed system.
#[derive(Debug)]
pub struct House {
    /// Clients that go past the fronts.
    pub clients: Clients,
    /// The stack.
    pub stack: Stack,
    /// Between the binaries and S3.
    pub s3: Front,
    /// Between the binaries and SES.
    pub ses: Front,
    /// `IngestionFunction`.
    pub ingest: Function,
    /// `EnrichmentFunction`.
    pub enrich: Function,
    /// `SweepFunction`.
    pub sweep: Function,
    /// The API.
    pub gateway: Gateway,
    /// The queue's event source mapping.
    pub mapping: Mapping,
    /// That of `OwnerQueue`, where the options want it.
    pub notifications: Option<Mapping>,
    /// Whom the leads are mailed to.
    pub mailbox: Mailbox,
    /// Whom they are mailed to as well, where the options want it.
    pub desk: Mailbox,
    http: Client,
}

impl House {
    /// [Builds](Self::build) a house in which nothing waits for a delay.
    pub async fn prompt() -> Result<Self> {
        Self::build(HouseOptions::prompt()).await
    }

    /// Deploys everything and starts to poll.
    ///
    /// # Errors
    /// The emulators, the deployment or a binary fail; nothing is skipped.
    pub async fn build(options: HouseOptions) -> Result<Self> {
        let emulators = Emulators::shared().await?;
        let clients = emulators.clients();
        verify(&clients, FROM).await?;
        let name = unique_name();
        let [team, desk] = ["team", "desk"].map(|who| {
            let address = format!("{who}-{name}@example.com");
            Mailbox::new(&emulators.mail, &address)
        });
        let mut receivers = vec![team.recipient()];
        receivers.extend(options.has_desk.then(|| desk.recipient()));
        let stack = deploy(&clients, &options, &receivers.join(",")).await?;
        let s3 = Front::start(&emulators.aws).await?;
        let ses = Front::start(&emulators.mail).await?;
        let endpoints = [
            ("AWS_ENDPOINT_URL", emulators.aws.clone()),
            ("AWS_ENDPOINT_URL_S3", s3.url()),
            ("AWS_ENDPOINT_URL_SESV2", ses.url()),
        ];
        let variables: Vec<_> = endpoints.into_iter().chain(options.environment).collect();
        let ingest = function(&stack, "IngestionFunction", &variables).await?;
        let enrich = function(&stack, "EnrichmentFunction", &variables).await?;
        let gateway = Gateway::start(&ingest, Shape::Rest).await?;
        let variables = [variables, own_address(&stack, &gateway)?].concat();
        let sweep = function(&stack, "SweepFunction", &variables).await?;
        let queue = stack.output("DelayQueueUrl")?;
        let mapping = Mapping::start(&clients, queue, &enrich, options.mapping).await?;
        let notifications = if options.has_notifications {
            Some(owner_mapping(&clients, &stack, &enrich).await?)
        } else {
            None
        };
        let http = Client::default();
        Ok(Self {
            clients,
            stack,
            s3,
            ses,
            ingest,
            enrich,
            sweep,
            gateway,
            mapping,
            notifications,
            mailbox: team,
            desk,
            http,
        })
    }

    /// Posts a JSON body to a path below the API's address, such as `/ingest`.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: &str) -> Result<Response> {
        let url = format!("{}{path}", self.gateway.url());
        self.http.send(http::post(&url, headers, body)?).await
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
        self.accepted("/ingest", &[], &rig::flat(lead_id)).await
    }

    /// Assigns a lead to an owner.
    pub async fn assign(&self, lead_id: &str, owner: &str) -> Result<()> {
        let file = json!({"lead_id": lead_id, "lead_owner": owner});
        self.put_owner(lead_id, &file).await
    }

    /// Writes the owner file of a lead.
    pub async fn put_owner(&self, lead_id: &str, file: &Value) -> Result<()> {
        let bucket = self.stack.output("LookupBucketName")?;
        let key = format!("{lead_id}.json");
        self.clients.put(bucket, &key, &file.to_string()).await
    }

    /// Every key below a prefix of the bucket in an output, with the object's size.
    pub async fn list(&self, output: &str, prefix: &str) -> Result<BTreeMap<String, i64>> {
        let bucket = self.stack.output(output)?;
        let list = self.clients.s3.list_objects_v2();
        let list = list.bucket(bucket).prefix(prefix);
        let mut pages = list.into_paginator().send();
        let mut found = BTreeMap::new();
        while let Some(page) = pages.next().await {
            for object in page?.contents() {
                let key = object.key().unwrap_or_default().to_owned();
                found.insert(key, object.size().unwrap_or_default());
            }
        }
        Ok(found)
    }

    /// The bytes of an object.
    pub async fn bytes(&self, output: &str, key: &str) -> Result<Bytes> {
        let bucket = self.stack.output(output)?;
        let bytes = self.clients.bytes(bucket, key).await?;
        bytes.with_context(|| format!("no object {key}"))
    }

    /// A JSON object of the enriched bucket.
    pub async fn document(&self, key: &str) -> Result<Value> {
        let bytes = self.bytes("EnrichedBucketName", key).await?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Waits until this many mails have arrived, and gives back all that are there then.
    ///
    /// # Errors
    /// They do not arrive in time; the message shows what the enrichment said.
    pub async fn mails(&self, count: usize) -> Result<Vec<Mail>> {
        self.mails_in(&self.mailbox, count).await
    }

    /// The same for one of the mailboxes.
    pub async fn mails_in(&self, mailbox: &Mailbox, count: usize) -> Result<Vec<Mail>> {
        let arrived = clock::eventually("the mails arrive", || async {
            let mails = mailbox.mails().await?;
            Ok((mails.len() >= count).then_some(mails))
        });
        arrived.await.with_context(|| self.account())
    }

    /// Waits until nothing waits in the delay queue, delayed, visible or in flight.
    pub async fn quiet(&self) -> Result<()> {
        let emptied = clock::eventually("the delay queue is empty", || async {
            Ok((self.depth("DelayQueueUrl").await? == 0).then_some(()))
        });
        emptied.await.with_context(|| self.account())
    }

    /// How many messages the queue of an output holds, in whatever state.
    pub async fn depth(&self, output: &str) -> Result<u64> {
        self.clients.depth(self.stack.output(output)?).await
    }

    /// Sends a message to the delay queue, to be received at once, and gives back its id.
    pub async fn send(&self, body: &str) -> Result<String> {
        let queue = self.stack.output("DelayQueueUrl")?;
        self.clients.send(queue, body).await
    }

    /// Takes every message out of a queue.
    pub async fn purge(&self, queue_url: &str) -> Result<()> {
        let purge = self.clients.sqs.purge_queue().queue_url(queue_url);
        purge.send().await?;
        Ok(())
    }

    /// Every message in the dead-letter queue, with its attributes. Reading hides them for a while.
    pub async fn dead_letters(&self) -> Result<Vec<SqsMessage>> {
        let queue = self.stack.output("DeadLetterQueueUrl")?;
        let mut found = Vec::new();
        loop {
            let receive = self.clients.sqs.receive_message().queue_url(queue);
            let reply = receive.max_number_of_messages(10).visibility_timeout(300);
            let all = MessageSystemAttributeName::All;
            let reply = reply.message_system_attribute_names(all).send().await?;
            if reply.messages().is_empty() {
                return Ok(found);
            }
            found.extend(reply.messages.unwrap_or_default());
        }
    }

    /// Waits until this many messages lie in the dead-letter queue.
    pub async fn dead_letter_depth(&self, count: u64) -> Result<()> {
        let came = clock::eventually("the dead letters come", || async {
            let depth = self.depth("DeadLetterQueueUrl").await?;
            Ok((depth >= count).then_some(()))
        });
        came.await.with_context(|| self.account())
    }

    /// Checks that no message failed or was received twice: waiting costs no receive.
    pub fn check_single_receives(&self) -> Result<()> {
        let deliveries = self.mapping.deliveries();
        let mut all = deliveries.iter();
        let single = all.all(|one| one.receive_count == 1 && !one.failed);
        ensure!(single, "waiting cost a receive: {deliveries:?}");
        Ok(())
    }

    /// How many mails SES took from the binaries.
    pub fn mails_taken(&self) -> usize {
        let calls = self.ses.calls().into_iter();
        let status = calls.filter_map(|call| call.status);
        status.filter(|status| *status == 200).count()
    }

    /// Every line that the functions wrote so far.
    pub fn lines(&self) -> Vec<String> {
        let functions = [&self.ingest, &self.enrich, &self.sweep];
        let lines = functions.map(|function| function.log().lines());
        lines.into_iter().flatten().collect()
    }

    /// What the functions wrote last and what the mapping saw, for the message of a failing test.
    pub fn account(&self) -> String {
        format!(
            "ingest said\n  {}\nenrich said\n  {}\nthe mapping saw {:?}",
            self.ingest.log().tail(12),
            self.enrich.log().tail(12),
            self.mapping.faults()
        )
    }
}

async fn deploy(clients: &Clients, options: &HouseOptions, receivers: &str) -> Result<Stack> {
    let addresses = [("SesFromAddress", FROM), ("SesToAddress", receivers)];
    let parameters = addresses.iter().chain(&options.parameters);
    let stack = StackOptions {
        parameters: environment(parameters.copied()),
        overrides: options.overrides.clone(),
        alarms: options.alarms.clone(),
    };
    Stack::deploy(clients, &stack).await
}

/// Two batches at once, beside the delay queue's.
async fn owner_mapping(clients: &Clients, stack: &Stack, enrich: &Function) -> Result<Mapping> {
    let queue = stack.physical_id(clients, "OwnerQueue").await?;
    let options = MappingOptions {
        concurrency: 2,
        ..MappingOptions::default()
    };
    Mapping::start(clients, &queue, enrich, options).await
}

/// The address that the template makes of an API which is not deployed: where the canary is posted to, if there is one.
fn own_address(stack: &Stack, gateway: &Gateway) -> Result<Vec<(&'static str, String)>> {
    let environment = stack.environment("SweepFunction")?;
    let has_canary = environment.contains_key("CANARY_SECRET_ARN");
    let own = has_canary.then(|| ("CANARY_URL", format!("{}/ingest/canary", gateway.url())));
    Ok(own.into_iter().collect())
}

/// Moto takes mail from known identities only. Creating one twice is an error that means it is there.
async fn verify(clients: &Clients, address: &str) -> Result<()> {
    let create = clients.ses.create_email_identity();
    if create.email_identity(address).send().await.is_err() {
        let get = clients.ses.get_email_identity();
        get.email_identity(address).send().await?;
    }
    Ok(())
}

async fn function(
    stack: &Stack,
    id: &str,
    variables: &[(&'static str, String)],
) -> Result<Function> {
    let properties = stack.function(id)?;
    let mut all = stack.environment(id)?;
    all.extend(environment(variables.iter().cloned()));
    Ok(Function::new(FunctionConfig {
        name: format!("{}-{id}", stack.name),
        binary: program::built(&properties.binary).await?,
        environment: all,
        timeout: Duration::from_secs(properties.timeout_seconds),
        concurrency: 4,
    }))
}
