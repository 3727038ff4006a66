//! What the stages need from the world. Two homes implement it: AWS and one machine; the fakes are a third.

use crate::trace::TraceContext;
use jiff::Timestamp;
use leadwire_domain::notice::{EmailAddress, EmailText};
use std::collections::BTreeMap;
use std::error::Error;
use std::future::Future;

/// What the caller does about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortErrorKind {
    /// The same call may succeed later. It may also have taken effect, with its reply lost.
    Transient,
    /// The same call fails until someone changes something.
    Permanent,
}

/// A call on a port that failed. Code branches on `kind`, people read the chain.
#[derive(Debug, thiserror::Error)]
#[error("could not {action}")]
pub struct PortError {
    /// What was attempted: `put object`, `send message`, ….
    pub action: &'static str,
    /// What to do about it.
    pub kind: PortErrorKind,
    /// Why.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

impl PortError {
    /// A failure that may pass.
    pub fn transient(
        action: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            action,
            kind: PortErrorKind::Transient,
            source: source.into(),
        }
    }

    /// A failure that stays.
    pub fn permanent(
        action: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            action,
            kind: PortErrorKind::Permanent,
            source: source.into(),
        }
    }
}

/// The three buckets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bucket {
    /// What came in, verbatim.
    Raw,
    /// The owner files, written by others.
    Lookup,
    /// Everything that is ours: documents, claims, failures, counts.
    Enriched,
}

/// A version of an object, as the store names it, without quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ETag(pub String);

/// User metadata of an object: lower-case names without `x-amz-meta-`, values of visible ASCII.
pub type Metadata = BTreeMap<String, String>;

/// An object that was read.
#[derive(Clone, Debug)]
pub struct StoredObject {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its version.
    pub etag: ETag,
    /// Its metadata.
    pub metadata: Metadata,
    /// When it was written, by the store's clock.
    pub last_modified: Timestamp,
}

/// An object to be written.
#[derive(Clone, Debug, Default)]
pub struct NewObject {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its metadata.
    pub metadata: Metadata,
}

impl NewObject {
    /// An object without metadata.
    pub fn of(bytes: Vec<u8>) -> Self {
        Self {
            bytes,
            metadata: Metadata::new(),
        }
    }
}

/// What reading an object gave.
#[derive(Clone, Debug)]
pub enum Fetched {
    /// It is there.
    Found(StoredObject),
    /// It is not there.
    Missing,
    /// The store does not say whether it is there (S3 answers 403 for a missing key where listing is not allowed).
    Denied,
    /// It is larger than the limit given, and was not read.
    TooLarge,
}

/// What a conditional create (`If-None-Match: *`) gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// It was created by this call.
    New(ETag),
    /// Something is there, or was being written (412, 409). It may be this caller's own, after a lost reply: read it back.
    Exists,
}

/// What a conditional replace (`If-Match`) gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It was replaced by this call.
    New(ETag),
    /// Another version is there (412, 409, 404). It may be this caller's own, after a lost reply: read it back.
    Changed,
}

/// An entry of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The whole key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub last_modified: Timestamp,
}

/// One page of a listing, sorted by key in byte order.
#[derive(Clone, Debug, Default)]
pub struct ListPage {
    /// The entries.
    pub entries: Vec<Listed>,
    /// Whether there are more after the last one.
    pub more: bool,
}

/// Objects by bucket and key: Amazon S3's semantics, strongly consistent, conditional writes atomic per key.
pub trait ObjectStore: Send + Sync {
    /// Reads an object of at most `bytes_max` bytes.
    fn get(
        &self,
        bucket: Bucket,
        key: &str,
        bytes_max: usize,
    ) -> impl Future<Output = Result<Fetched, PortError>> + Send;
    /// Writes an object only where there is none (`If-None-Match: *`).
    fn create(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> impl Future<Output = Result<Created, PortError>> + Send;
    /// Writes an object only over the version `etag` (`If-Match`).
    fn replace(
        &self,
        bucket: Bucket,
        key: &str,
        etag: &ETag,
        object: NewObject,
    ) -> impl Future<Output = Result<Replaced, PortError>> + Send;
    /// Writes an object whatever is there.
    fn put(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Lists keys that begin with `prefix` and come after `after`, sorted in byte order: one page, as large as the store likes.
    fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
    ) -> impl Future<Output = Result<ListPage, PortError>> + Send;
}

/// Deletes objects for good, with all that is left of them. Only a person who forgets a lead does so: no stage has this port, and no
/// function the right.
pub trait Eraser: Send + Sync {
    /// The keys that begin with `prefix` of which anything is left, sorted: an object, an older version of it, the mark of a deletion.
    fn remains(
        &self,
        bucket: Bucket,
        prefix: &str,
    ) -> impl Future<Output = Result<Vec<String>, PortError>> + Send;
    /// Reads the newest version that has bytes, also one that a deletion hides.
    fn get_remains(
        &self,
        bucket: Bucket,
        key: &str,
        bytes_max: usize,
    ) -> impl Future<Output = Result<Fetched, PortError>> + Send;
    /// Deletes every version of an object and every mark of a deletion. Returns how many there were; none is no error.
    fn erase(
        &self,
        bucket: Bucket,
        key: &str,
    ) -> impl Future<Output = Result<u64, PortError>> + Send;
}

/// A message to be sent.
#[derive(Clone, Debug)]
pub struct OutgoingMessage {
    /// Its body.
    pub body: String,
    /// Seconds until it can be received, at most 900.
    pub delay_seconds: u32,
    /// The trace it belongs to; it travels in message attributes.
    pub trace: TraceContext,
}

/// The delay queue: Amazon SQS's semantics, at least once, in no order.
pub trait DelayQueue: Send + Sync {
    /// Sends a message.
    fn send(&self, message: OutgoingMessage) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Lets a received message be received again after `seconds`. Spacing only: no promise rests on it.
    fn set_visibility(
        &self,
        receipt_handle: &str,
        seconds: u32,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// A message in the queue, or in the dead-letter queue.
#[derive(Clone, Debug)]
pub struct QueuedMessage {
    /// The queue's id of it.
    pub message_id: String,
    /// By what the queue deletes it.
    pub handle: String,
    /// Its body.
    pub body: String,
    /// When it can be received.
    pub visible_at: Timestamp,
    /// How often it was received.
    pub receives: u32,
    /// The trace it belongs to, where that is known.
    pub trace: TraceContext,
    /// What else it carries. Only a dead letter that was taken says it.
    pub others: Vec<Attribute>,
}

/// An attribute of a message that is none of ours. A copy carries it along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// The queue's word for its type.
    pub kind: String,
    /// Its text, where it is one.
    pub text: Option<String>,
    /// Its bytes, where it is none.
    pub bytes: Option<Vec<u8>>,
}

/// The dead-letter queue. Only a person's redrive has this port: no stage does.
pub trait DeadLetterQueue: Send + Sync {
    /// Takes the dead letters, to send them again. Others may not see them until they are deleted or given back.
    fn take_dead(&self) -> impl Future<Output = Result<Vec<QueuedMessage>, PortError>> + Send;
    /// Sends a copy of a dead letter to the queue, with whatever attributes it has besides its trace.
    fn send_copy(
        &self,
        message: OutgoingMessage,
        letter: &QueuedMessage,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Deletes a dead letter, after a copy was sent.
    fn delete_dead(
        &self,
        letter: &QueuedMessage,
    ) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Gives dead letters back that were taken and not deleted.
    fn return_dead(
        &self,
        letters: &[QueuedMessage],
    ) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// A mail to be sent.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The event's tag, within A-Z, a-z, 0-9, '_' and '-'. One machine derives the Message-ID and the outbox file's name from it.
    pub event: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The environment's name.
    pub environment: String,
    /// The sender.
    pub from: EmailAddress,
    /// The recipients.
    pub to: Vec<EmailAddress>,
    /// Subject and parts.
    pub text: EmailText,
    /// Whether it is the canary's. Where there is no simulator to take it, the home checks the way out and sends no mail.
    pub is_canary: bool,
}

/// What became of a mail. The adapter never retries by itself: a retry could mail twice.
#[derive(Debug)]
pub enum MailOutcome {
    /// The service took it, under this id.
    Accepted(String),
    /// The service definitely did not take it, and may later: throttled, over its quota, paused.
    Busy(PortError),
    /// The service definitely did not take it and never will.
    Refused(PortError),
    /// It is not known whether the service took it: a server error, a timeout, a reset.
    Ambiguous(PortError),
}

/// Sends mails.
pub trait Mailer: Send + Sync {
    /// Sends one mail, once.
    fn send(&self, mail: &Mail) -> impl Future<Output = MailOutcome> + Send;
}

/// The time.
pub trait Clock: Send + Sync {
    /// Now, in UTC.
    fn now(&self) -> Timestamp;
}

/// Randomness, for tokens, ids and jitter.
pub trait Entropy: Send + Sync {
    /// 128 random bits.
    fn bits(&self) -> [u8; 16];
}

/// Fetches the sources document (Secrets Manager, or a file).
pub trait SecretStore: Send + Sync {
    /// The document's text, or `None` where none is configured.
    fn fetch(&self) -> impl Future<Output = Result<Option<String>, PortError>> + Send;
}

/// What the other side answered to a webhook.
#[derive(Clone, Debug)]
pub struct WebhookReply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// Posts webhooks to the pipeline's own address, from outside, as a CRM does.
pub trait WebhookSender: Send + Sync {
    /// Posts a body with these headers, once. A status is an answer, whatever it says.
    fn post(
        &self,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> impl Future<Output = Result<WebhookReply, PortError>> + Send;
}

/// The ports of a home, together.
#[derive(Clone, Debug)]
pub struct Ports<S, Q, M, C, E> {
    /// Objects.
    pub store: S,
    /// The delay queue.
    pub queue: Q,
    /// Mail.
    pub mailer: M,
    /// Time.
    pub clock: C,
    /// Randomness.
    pub entropy: E,
}

/// A home: the ports under one name, so that a stage has one type parameter.
pub trait Home: Send + Sync {
    /// Its objects.
    type Store: ObjectStore;
    /// Its delay queue.
    type Queue: DelayQueue;
    /// Its mail.
    type Mailer: Mailer;
    /// Its time.
    type Clock: Clock;
    /// Its randomness.
    type Entropy: Entropy;
    /// Objects.
    fn store(&self) -> &Self::Store;
    /// The delay queue.
    fn queue(&self) -> &Self::Queue;
    /// Mail.
    fn mailer(&self) -> &Self::Mailer;
    /// Time.
    fn clock(&self) -> &Self::Clock;
    /// Randomness.
    fn entropy(&self) -> &Self::Entropy;
}

impl<S: ObjectStore, Q: DelayQueue, M: Mailer, C: Clock, E: Entropy> Home for Ports<S, Q, M, C, E> {
    type Store = S;
    type Queue = Q;
    type Mailer = M;
    type Clock = C;
    type Entropy = E;
    fn store(&self) -> &S {
        &self.store
    }
    fn queue(&self) -> &Q {
        &self.queue
    }
    fn mailer(&self) -> &M {
        &self.mailer
    }
    fn clock(&self) -> &C {
        &self.clock
    }
    fn entropy(&self) -> &E {
        &self.entropy
    }
}

/// What is every port by itself is a home.
impl<H: ObjectStore + DelayQueue + Mailer + Clock + Entropy> Home for H {
    type Store = Self;
    type Queue = Self;
    type Mailer = Self;
    type Clock = Self;
    type Entropy = Self;
    fn store(&self) -> &Self {
        self
    }
    fn queue(&self) -> &Self {
        self
    }
    fn mailer(&self) -> &Self {
        self
    }
    fn clock(&self) -> &Self {
        self
    }
    fn entropy(&self) -> &Self {
        self
    }
}

/// No mail can be sent: for the homes of stages that send none. Sending is refused, in words.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMailer;

impl Mailer for NoMailer {
    async fn send(&self, _mail: &Mail) -> MailOutcome {
        MailOutcome::Refused(PortError::permanent(
            "send mail",
            "this stage sends no mail",
        ))
    }
}
