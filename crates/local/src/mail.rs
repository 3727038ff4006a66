//! Mail of one machine.

use jiff::Timestamp;
use leadwire_pipeline::port::{Mail, MailOutcome, Mailer, PortError};

/// Where mail is sent by SMTP: `smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`.
#[derive(Clone)]
pub struct SmtpUrl {}

/// A text that is not the URL of a mail server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the URL of a mail server: {0}")]
pub struct SmtpUrlError(pub &'static str);

impl SmtpUrl {
    /// Takes a URL.
    pub fn parse(url: &str) -> Result<Self, SmtpUrlError> {
        todo!()
    }
}

/// Puts each mail into a file of `outbox/`.
#[derive(Clone, Debug)]
pub struct OutboxMailer {}

/// Sends each mail by SMTP.
#[derive(Clone, Debug)]
pub struct SmtpMailer {}

/// Mail of one machine: into the outbox, or by SMTP. Each mail is logged, and one that the log says was accepted is not sent again.
#[derive(Clone, Debug)]
pub enum LocalMailer {
    /// Into the outbox folder.
    Outbox(OutboxMailer),
    /// By SMTP.
    Smtp(SmtpMailer),
}

impl Mailer for LocalMailer {
    async fn send(&self, mail: &Mail) -> MailOutcome {
        todo!()
    }
}

/// Which mails went out, or did not.
#[derive(Clone, Debug)]
pub struct MailLog {}

/// One attempt to send a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailLogEntry {
    /// The event's tag: `Mail::event`.
    pub event: String,
    /// Which attempt it was, from 1.
    pub attempt: u32,
    /// `accepted`, `busy`, `refused` or `ambiguous`.
    pub outcome: String,
    /// The mail's id, where it was accepted.
    pub message_id: Option<String>,
    /// When.
    pub at: Timestamp,
}

impl MailLog {
    /// What happened to the mails of an event, oldest first.
    pub async fn of_event(&self, event: &str) -> Result<Vec<MailLogEntry>, PortError> {
        todo!()
    }

    /// The latest entries, newest first, at most `limit`.
    pub async fn latest(&self, limit: u32) -> Result<Vec<MailLogEntry>, PortError> {
        todo!()
    }
}
