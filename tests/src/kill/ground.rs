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
use crate::stack::unique_name;

/// How long a received message is hidden.
const VISIBILITY: Duration = Duration::from_secs(4);
/// Receives before a message becomes a dead letter.
const RECEIVES_MAX: u32 = 3;

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
        let all = [
            ("AWS_ENDPOINT_URL", aws.to_owned()),
            ("AWS_ENDPOINT_URL_SESV2", mail.to_owned()),
            ("RAW_BUCKET", self.bucket("raw")),
            ("LOOKUP_BUCKET", self.bucket("lookup")),
            ("ENRICHED_BUCKET", self.bucket("enriched")),
            ("DELAY_QUEUE_URL", self.queue_url.clone()),
            ("DELAY_SECONDS", "0".to_owned()),
            ("LEASE_SECONDS", "2".to_owned()),
            ("RETRY_SECONDS", "1".to_owned()),
            ("SES_FROM_ADDRESS", "leads@example.com".to_owned()),
            ("SES_TO_ADDRESS", "team@example.com".to_owned()),
            ("ENVIRONMENT", "dev".to_owned()),
        ];
        let pairs = all.into_iter();
        pairs
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    pub(crate) async fn put_owner(&self, lead_id: &str, file: &Value) -> Result<()> {
        let put = self.clients.s3.put_object().bucket(self.bucket("lookup"));
        let body = Bytes::from(file.to_string()).into();
        let put = put.key(format!("{lead_id}.json")).body(body);
        put.send().await.context("the owner file")?;
        Ok(())
    }

    /// The bytes of an object; none where it is not there.
    pub(crate) async fn bytes(&self, room: &str, key: &str) -> Result<Option<Bytes>> {
        let get = self.clients.s3.get_object().bucket(self.bucket(room));
        match get.key(key).send().await {
            Ok(object) => Ok(Some(object.body.collect().await?.into_bytes())),
            Err(error)
                if error.as_service_error().is_some_and(
                    aws_sdk_s3::operation::get_object::GetObjectError::is_no_such_key,
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// How many messages the queue holds, in whatever state.
    pub(crate) async fn depth(&self) -> Result<u64> {
        let names = [
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
            QueueAttributeName::ApproximateNumberOfMessagesDelayed,
        ];
        let get = self.clients.sqs.get_queue_attributes();
        let get = get
            .queue_url(&self.queue_url)
            .set_attribute_names(Some(names.to_vec()));
        let reply = get.send().await?;
        let counts = names
            .iter()
            .filter_map(|name| reply.attributes()?.get(name));
        Ok(counts.filter_map(|count| count.parse::<u64>().ok()).sum())
    }

    /// Sends a message again, to be received at once.
    pub(crate) async fn send(&self, body: &str) -> Result<()> {
        let send = self.clients.sqs.send_message().queue_url(&self.queue_url);
        send.message_body(body).send().await?;
        Ok(())
    }
}

async fn make_queue(clients: &Clients, name: &str) -> Result<String> {
    let dead = clients
        .sqs
        .create_queue()
        .queue_name(format!("{name}-dead"));
    let dead = dead.send().await?.queue_url.context("a queue has a URL")?;
    let get = clients.sqs.get_queue_attributes().queue_url(dead);
    let get = get
        .attribute_names(QueueAttributeName::QueueArn)
        .send()
        .await?;
    let arn = get
        .attributes()
        .and_then(|all| all.get(&QueueAttributeName::QueueArn));
    let redrive =
        json!({"deadLetterTargetArn": arn.context("an ARN")?, "maxReceiveCount": RECEIVES_MAX});
    let create = clients
        .sqs
        .create_queue()
        .queue_name(format!("{name}-delay"));
    let create = create
        .attributes(
            QueueAttributeName::VisibilityTimeout,
            VISIBILITY.as_secs().to_string(),
        )
        .attributes(QueueAttributeName::RedrivePolicy, redrive.to_string());
    create.send().await?.queue_url.context("a queue has a URL")
}
