//! What the stages need from the world. Two homes implement it, AWS and one machine; the testkit's is a third.

mod error;
mod home;
mod mail;
mod object;
mod queue;
mod store;
mod system;

pub use error::{PortError, PortErrorKind};
pub use home::{Home, Ports};
pub use mail::{
    BegunMail, EVENT_HEADER, MAIL_HEADERS, Mail, MailOutcome, Mailer, NoMailer, Unsent,
};
pub use object::{
    Bucket, Created, ETag, Fetched, ListPage, Listed, Metadata, NewObject, Replaced, StoredObject,
};
pub use queue::{Attribute, DeadLetterQueue, DelayQueue, OutgoingMessage, QueuedMessage};
pub use store::{Acceptance, Accepted, Eraser, ObjectStore, ObjectVersions};
pub use system::{Clock, Entropy, NoSecrets, SecretStore, WebhookReply, WebhookSender};
