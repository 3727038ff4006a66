//! A deployed stack: its buckets and queues, found by its outputs.

use super::{Desk, Operated, OwnerFile, SourcesDocuments, Traces};
use crate::canary;
use crate::settings;
use anyhow::Context as _;
use aws_sdk_cloudformation::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use aws_sdk_cloudformation::types::Stack;
use aws_sdk_sqs::error::BuildError;
use aws_sdk_sqs::primitives::Blob;
use aws_sdk_sqs::types::{Message, MessageAttributeValue, MessageSystemAttributeName};
use jiff::Timestamp;
use leadwire_aws::classify::port_error;
use leadwire_aws::{
    Buckets, Clients, OsEntropy, S3Store, SecretsManagerStore, SqsDelayQueue, SystemClock,
};
use leadwire_domain::key::{EventName, lookup_key};
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::ledger::queue::{MessagesOf, QueueSnapshot};
use leadwire_pipeline::port::{
    Attribute, Bucket, DeadLetterQueue, NewObject, NoMailer, ObjectStore as _, OutgoingMessage,
    PortError, Ports, QueuedMessage, SecretStore,
};
use leadwire_pipeline::settings::{AnySetting as _, LEASE_SECONDS, TO, Template};
use leadwire_pipeline::trace::{TRACEPARENT, TRACESTATE, TraceContext};
use std::borrow::Cow;
use std::io;

/// Messages of one receive: the most that SQS gives.
const RECEIVE_MAX: i32 = 10;
/// Dead letters that are taken at most. More wait for the next redrive.
const TAKE_MAX: usize = 10_000;
/// Empty receives in a row that mean that there are no more: SQS asks only some of its servers each time.
const EMPTY_MAX: u32 = 3;
/// How long a receive waits for a message, in seconds: a long poll asks all servers.
const POLL_SECONDS: i32 = 1;
/// How long a dead letter that was taken is hidden, in seconds. It covers the redrive of as many as are taken.
const HIDDEN_SECONDS: i32 = 600;

/// A stack's ports, without a mailer: commands send none.
type StackPorts = Ports<S3Store, SqsDelayQueue, NoMailer, SystemClock, OsEntropy>;
/// A deployed stack.
pub(crate) type StackOperated = Desk<StackPorts, DeadLetters>;

/// The dead-letter queue, where owner files go, and the canary's secret and address.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    client: aws_sdk_sqs::Client,
    url: String,
    lookup_bucket: String,
    /// Whether the bucket is another's, which is only a parameter of the stack.
    is_lookup_foreign: bool,
    region: String,
    sources: SecretsManagerStore,
    canary: SecretsManagerStore,
    canary_url: String,
    receivers: Vec<EmailAddress>,
    name: String,
}

/// Works on the stack of this name.
pub(super) async fn operate(name: &str) -> anyhow::Result<StackOperated> {
    let (clients, stack) = find(name).await?;
    let output = |key: &str| {
        let why = || format!("the stack {name} has no output {key}; is it one of leadwire's?");
        output_of(&stack, key).with_context(why)
    };
    let lookup_bucket = output("LookupBucketName")?;
    let buckets = Buckets {
        raw: Some(output("RawBucketName")?),
        lookup: Some(lookup_bucket.clone()),
        enriched: Some(output("EnrichedBucketName")?),
        owner: account_of(&stack),
    };
    let ports = Ports {
        store: S3Store::new(clients.s3(), buckets),
        queue: SqsDelayQueue::new(clients.sqs(), output("DelayQueueUrl")?),
        mailer: NoMailer,
        clock: SystemClock,
        entropy: OsEntropy,
    };
    let foreign = parameter_of(&stack, "ExistingLookupBucket");
    let region = clients.sdk().region().map(ToString::to_string);
    let back = DeadLetters {
        client: clients.sqs(),
        url: output("DeadLetterQueueUrl")?,
        lookup_bucket,
        is_lookup_foreign: foreign.is_some_and(|bucket| !bucket.is_empty()),
        region: region.unwrap_or_default(),
        sources: match parameter_of(&stack, "SourcesSecretArn").filter(|arn| !arn.is_empty()) {
            Some(arn) => SecretsManagerStore::new(clients.secrets(), arn),
            None => SecretsManagerStore::none(),
        },
        canary: match output_of(&stack, "CanarySecretArn") {
            Some(arn) => SecretsManagerStore::new(clients.secrets(), arn),
            None => SecretsManagerStore::none(),
        },
        canary_url: format!("{}{}", output("ApiUrl")?, canary::PATH),
        receivers: receivers_of(&stack),
        name: name.to_owned(),
    };
    Ok(Desk { ports, back })
}

/// Finds a stack by its name.
pub(crate) async fn find(name: &str) -> anyhow::Result<(Clients, Stack)> {
    let variable = |variable: &str| std::env::var_os(variable)?.into_string().ok();
    let clients = Clients::load(variable).await?;
    let client = aws_sdk_cloudformation::Client::new(clients.sdk());
    let described = client.describe_stacks().stack_name(name).send().await;
    let described = described.map_err(|error| {
        let why = error.message().map(str::to_owned);
        let why = why.unwrap_or_else(|| DisplayErrorContext(&error).to_string());
        anyhow::anyhow!("could not describe the stack {name}: {why}")
    })?;
    let stack = described.stacks().first().cloned();
    let why = || format!("there is no stack {name} in this account and region");
    Ok((clients, stack.with_context(why)?))
}

/// The account that a stack is in, by its ARN, which is its id.
fn account_of(stack: &Stack) -> Option<String> {
    let account = stack.stack_id()?.split(':').nth(4)?;
    Some(account.to_owned())
}

/// Who gets the mails of a stack.
pub(crate) fn receivers_of(stack: &Stack) -> Vec<EmailAddress> {
    let list = match TO.facts().template {
        Template::Parameter(name) => parameter_of(stack, name),
        Template::Literal | Template::Stack | Template::Absent => None,
    };
    list.map(|list| settings::parse_receivers(&list))
        .unwrap_or_default()
}

/// The value of a parameter.
pub(crate) fn parameter_of(stack: &Stack, key: &str) -> Option<String> {
    let mut parameters = stack.parameters().iter();
    let found = parameters.find(|parameter| parameter.parameter_key() == Some(key));
    found?.parameter_value().map(str::to_owned)
}

/// The value of an output.
pub(crate) fn output_of(stack: &Stack, key: &str) -> Option<String> {
    let mut outputs = stack.outputs().iter();
    let found = outputs.find(|output| output.output_key() == Some(key));
    found?.output_value().map(str::to_owned)
}

impl DeadLetterQueue for StackOperated {
    async fn take_dead(&self) -> Result<Vec<QueuedMessage>, PortError> {
        let mut letters = Vec::new();
        let mut empty = 0;
        while empty < EMPTY_MAX && letters.len() < TAKE_MAX {
            let received = self.back.receive().await?;
            empty = if received.is_empty() { empty + 1 } else { 0 };
            letters.extend(received.into_iter().filter_map(queued));
        }
        Ok(letters)
    }

    async fn send_copy(
        &self,
        message: OutgoingMessage,
        letter: &QueuedMessage,
    ) -> Result<(), PortError> {
        let value = |other: &Attribute| {
            let value = MessageAttributeValue::builder()
                .data_type(&other.kind)
                .set_string_value(other.text.clone())
                .set_binary_value(other.bytes.clone().map(Blob::new));
            Ok((other.name.clone(), value.build()?))
        };
        let others: Result<Vec<_>, BuildError> = letter.others.iter().map(value).collect();
        let others = others.map_err(|error| PortError::permanent("send message", error))?;
        self.ports.queue.send_with(message, others).await
    }

    async fn delete_dead(&self, letter: &QueuedMessage) -> Result<(), PortError> {
        let request = self.back.client.delete_message().queue_url(&self.back.url);
        let deleted = request.receipt_handle(&letter.handle).send().await;
        let deleted = deleted.map_err(|error| port_error("delete dead letter", &error));
        deleted.map(drop)
    }

    async fn return_dead(&self, letters: &[QueuedMessage]) -> Result<(), PortError> {
        for letter in letters {
            let request = self.back.client.change_message_visibility();
            let request = request.queue_url(&self.back.url).visibility_timeout(0);
            let returned = request.receipt_handle(&letter.handle).send().await;
            returned.map_err(|error| port_error("give dead letter back", &error))?;
        }
        Ok(())
    }
}

impl StackOperated {
    /// The sources document, and the secret's version from before.
    pub(super) async fn sources_documents(&self) -> anyhow::Result<SourcesDocuments> {
        Ok(SourcesDocuments {
            current: self.back.sources.fetch().await?,
            previous: self.back.sources.fetch_previous().await,
        })
    }
}

impl MessagesOf for StackOperated {
    async fn messages_of(&self, _names: &[EventName]) -> Result<Cow<'_, QueueSnapshot>, PortError> {
        self.look().await.map(Cow::Owned)
    }
}

impl Operated for StackOperated {
    const EXPIRES: bool = true;
    const WITHOUT_CANARY: &'static str =
        "the stack's parameter CanaryMinutes is 0, or it was deployed before there was one";
    const OWNER_FILE_DENIED: &'static str =
        "the lookup bucket answered 403: it is not there, or your role may not read it";
    const ELSEWHERE: &'static [&'static str] = &[
        "mails: in the mailboxes of their recipients",
        "copies of the buckets: replication, AWS Backup, exports",
        "CloudWatch Logs and X-Ray: ids and times, no personal data",
    ];

    /// SQS shows no message without hiding it, and hiding a dead letter resolves the alarm on them: documents alone are looked at.
    async fn look(&self) -> Result<QueueSnapshot, PortError> {
        Ok(QueueSnapshot::new(None, Vec::new()))
    }

    async fn put_owner(&self, lead_id: &LeadId, json: Vec<u8>) -> Result<String, PortError> {
        let key = lookup_key(lead_id);
        let object = NewObject::of(json);
        self.ports.store.put(Bucket::Lookup, &key, object).await?;
        Ok(format!("s3://{}/{key}", self.back.lookup_bucket))
    }

    fn sources(&self) -> impl SecretStore + 'static {
        self.back.sources.clone()
    }

    async fn canary_secret(&self) -> Result<Option<String>, PortError> {
        self.back.canary.fetch().await
    }

    fn canary_url(&self) -> Option<String> {
        Some(self.back.canary_url.clone())
    }

    fn receivers(&self) -> Vec<EmailAddress> {
        self.back.receivers.clone()
    }

    fn traces(&self) -> Traces {
        Traces::XRay {
            region: self.back.region.clone(),
            stack: self.back.name.clone(),
        }
    }

    fn is_idle(&self) -> bool {
        false
    }

    async fn workers_gone(&self) {
        std::future::pending::<()>().await;
    }

    fn lease_seconds(&self) -> u32 {
        LEASE_SECONDS
    }

    fn owner_file(&self, lead_id: &LeadId) -> OwnerFile {
        OwnerFile {
            place: format!("s3://{}/{}", self.back.lookup_bucket, lookup_key(lead_id)),
            is_ours: !self.back.is_lookup_foreign,
        }
    }

    fn mails(&self, _lead_id: &LeadId) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    /// A stack has nowhere to note it: `audit` finds what lacks one.
    async fn note_tombstones(&self) -> Result<(), PortError> {
        Ok(())
    }

    async fn scrub(&self, _lead_id: &LeadId) -> Result<bool, PortError> {
        Ok(true)
    }
}

impl DeadLetters {
    async fn receive(&self) -> Result<Vec<Message>, PortError> {
        let request = self
            .client
            .receive_message()
            .queue_url(&self.url)
            .max_number_of_messages(RECEIVE_MAX)
            .visibility_timeout(HIDDEN_SECONDS)
            .wait_time_seconds(POLL_SECONDS)
            .message_attribute_names("All")
            .message_system_attribute_names(MessageSystemAttributeName::All);
        let received = request.send().await;
        let received = received.map_err(|error| port_error("receive dead letters", &error))?;
        Ok(received.messages.unwrap_or_default())
    }
}

fn queued(message: Message) -> Option<QueuedMessage> {
    let attribute = |name: &str| {
        let attribute = message.message_attributes.as_ref()?.get(name)?;
        attribute.string_value.clone()
    };
    let system = |name: &MessageSystemAttributeName| message.attributes.as_ref()?.get(name);
    let xray = system(&MessageSystemAttributeName::AwsTraceHeader).cloned();
    let receives = system(&MessageSystemAttributeName::ApproximateReceiveCount);
    Some(QueuedMessage {
        trace: TraceContext {
            traceparent: attribute(TRACEPARENT),
            tracestate: attribute(TRACESTATE),
            xray,
        },
        others: others(&message),
        receives: receives.and_then(|count| count.parse().ok()).unwrap_or(0),
        visible_at: Timestamp::UNIX_EPOCH,
        message_id: message.message_id?,
        handle: message.receipt_handle?,
        body: message.body?,
    })
}

/// The attributes that are not the trace's.
fn others(message: &Message) -> Vec<Attribute> {
    let attributes = message.message_attributes.iter().flatten();
    let others = attributes.filter(|(name, _)| *name != TRACEPARENT && *name != TRACESTATE);
    others
        .map(|(name, value)| Attribute {
            name: name.clone(),
            kind: value.data_type.clone(),
            text: value.string_value.clone(),
            bytes: value.binary_value.clone().map(Blob::into_inner),
        })
        .collect()
}
