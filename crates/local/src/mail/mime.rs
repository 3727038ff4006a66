//! A mail as a MIME message.

use jiff::Timestamp;
use leadwire_domain::email::EmailAddress;
use leadwire_pipeline::port::Mail;
use lettre::address::AddressError;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use std::error::Error;
use std::time::SystemTime;

/// A mail that cannot be composed. It shows no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum ComposeError {
    #[error("the event's tag is no file name of A-Z, a-z, 0-9, '_' and '-'")]
    Event,
    #[error("an address is none that SMTP takes")]
    Address(#[source] AddressError),
    #[error("the message could not be put together")]
    Message(#[source] lettre::error::Error),
}

/// The mail's id: the same for every attempt, so that a mail program shows a repeated one once.
pub(super) fn message_id(mail: &Mail) -> String {
    let domain = mail
        .from
        .expose()
        .rsplit_once('@')
        .map_or("localhost", |(_, domain)| domain);
    format!("<{}@{domain}>", mail.event)
}

/// The message: plain text and HTML, as alternatives.
pub(super) fn compose(mail: &Mail, now: Timestamp) -> Result<Message, ComposeError> {
    if !is_file_name(&mail.event) {
        return Err(ComposeError::Event);
    }
    let mut builder = Message::builder()
        .message_id(Some(message_id(mail)))
        .date(SystemTime::try_from(now).unwrap_or(SystemTime::UNIX_EPOCH))
        .from(mailbox(&mail.from)?)
        .subject(&mail.text.subject)
        .header(Event(mail.event.clone()))
        .header(AutoSubmitted);
    for to in &mail.to {
        builder = builder.to(mailbox(to)?);
    }
    let parts = MultiPart::alternative_plain_html(mail.text.text.clone(), mail.text.html.clone());
    builder.multipart(parts).map_err(ComposeError::Message)
}

/// Safe as a file's name and in a header.
fn is_file_name(event: &str) -> bool {
    (1..=240).contains(&event.len())
        && event
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
}

fn mailbox(address: &EmailAddress) -> Result<Mailbox, ComposeError> {
    let address: Address = address.expose().parse().map_err(ComposeError::Address)?;
    Ok(Mailbox::new(None, address))
}

/// Which event the mail is about, as the tag is on AWS.
#[derive(Clone)]
struct Event(String);

impl Header for Event {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("X-Leadwire-Event")
    }
    fn parse(text: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }
    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

/// Keeps holiday notices from being answered to the sender (RFC 3834).
#[derive(Clone)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }
    fn parse(_text: &str) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self)
    }
    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}
