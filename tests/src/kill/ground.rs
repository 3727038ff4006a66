//! What the functions stand on while they are killed: a cloud in memory, or `LocalStack`; SES is always the harness's.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_sqs::types::QueueAttributeName;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::clients::{ACCOUNT, Clients};
use crate::cloud::Cloud;
use crate::emulator::Emulators;
use crate::function::environment;
use crate::rig;
use crate::stack::unique_name;

/// How long a received message is hidden.
const VISIBILITY: Duration = Duration::from_secs(4);
/// Receives before a message becomes a dead letter.
const RECEIVES_MAX: u32 = 3;

/// Who is told of each lead.
pub(crate) const RECEIVERS: [&str; 2] = ["team@example.com", "desk@example.com"];

/// Where S3 and SQS are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// In memory: at once.
    Memory,
    /// `LocalStack`: their real semantics.
    LocalStack,
}

/// Buckets and a queue of one run.
#[derive(Debug)]
pub(crate) struct Ground {
    pub(crate) clients: Clients,
    /// SES, and S3 and SQS too where they are in memory.
    pub(crate) cloud: Cloud,
    /// `AWS_ENDPOINT_URL`.
    pub(crate) aws: String,
    pub(crate) queue_url: String,
    name: String,
}

impl Ground {
    pub(crate) async fn make(kind: Kind) -> Result<Self> {
        let cloud = Cloud::start().await?;
        let (name, aws) = match kind {
            Kind::Memory => ("kill".to_owned(), cloud.url()),
            Kind::LocalStack => (unique_name(), Emulators::shared().await?.aws.clone()),
        };
        let clients = Clients::new(&aws, &cloud.url());
        let queue_url = match kind {
            Kind::Memory => {
                cloud.serve_queue(VISIBILITY, RECEIVES_MAX);
                format!("{aws}/{ACCOUNT}/{name}-delay")
            }
            Kind::LocalStack => make_queue(&clients, &name).await?,
        };
        let ground = Self {
            clients,
            cloud,
            aws,
            queue_url,
            name,
        };
        if kind == Kind::LocalStack {
            for room in ["raw", "lookup", "enriched"] {
                let create = ground.clients.s3.create_bucket();
                create.bucket(ground.bucket(room)).send().await?;
            }
        }
        Ok(ground)
    }

    fn bucket(&self, room: &str) -> String {
        format!("{}-{room}", self.name)
    }

    /// What the template would give the functions, over these endpoints.
    pub(crate) fn variables(&self, aws: &str, mail: &str) -> BTreeMap<String, String> {
        let mut all = rig::variables(aws);
        all.extend(environment([
            ("AWS_ENDPOINT_URL_SESV2", mail),
            ("RAW_BUCKET", &self.bucket("raw")),
            ("LOOKUP_BUCKET", &self.bucket("lookup")),
            ("ENRICHED_BUCKET", &self.bucket("enriched")),
            ("DELAY_QUEUE_URL", &self.queue_url),
            ("LEASE_SECONDS", "2"),
            ("RETRY_SECONDS", "1"),
            ("SES_TO_ADDRESS", &RECEIVERS.join(",")),
        ]));
        all
    }

    pub(crate) async fn put_owner(&self, lead_id: &str, file: &Value) -> Result<()> {
        let (bucket, key) = (self.bucket("lookup"), format!("{lead_id}.json"));
        self.clients.put(&bucket, &key, &file.to_string()).await
    }

    /// The bytes of an object; none where it is not there.
    pub(crate) async fn bytes(&self, room: &str, key: &str) -> Result<Option<Bytes>> {
        self.clients.bytes(&self.bucket(room), key).await
    }
}

async fn make_queue(clients: &Clients, name: &str) -> Result<String> {
    let dead = clients.create_queue(&format!("{name}-dead")).await?;
    let arn = clients.queue_arn(&dead).await?;
    let redrive = json!({"deadLetterTargetArn": arn, "maxReceiveCount": RECEIVES_MAX});
    let visibility = VISIBILITY.as_secs().to_string();
    let create = clients.sqs.create_queue();
    let create = create
        .queue_name(format!("{name}-delay"))
        .attributes(QueueAttributeName::VisibilityTimeout, visibility)
        .attributes(QueueAttributeName::RedrivePolicy, redrive.to_string());
    create.send().await?.queue_url.context("a queue has a URL")
}
