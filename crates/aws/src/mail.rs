//! Mail through SES v2.

use crate::classify::mail_outcome;
use aws_sdk_sesv2::Client;
use aws_sdk_sesv2::error::BuildError;
use aws_sdk_sesv2::operation::send_email::builders::SendEmailFluentBuilder;
use aws_sdk_sesv2::types::{
    Body, Content, Destination, EmailContent, Message, MessageHeader, MessageTag,
};
use leadwire_domain::notice::encode_header;
use leadwire_pipeline::port::{EVENT_HEADER, MAIL_HEADERS, Mail, MailOutcome, Mailer, PortError};
use std::borrow::Cow;

/// The mailer over SES: simple content, one request per mail whatever happens.
#[derive(Clone, Debug)]
pub struct SesMailer {
    client: Client,
    configuration_set: Option<String>,
}

impl SesMailer {
    /// A mailer over [`Clients::ses`](crate::Clients::ses), which never retries. Without a configuration set, tags show nowhere.
    pub fn new(client: Client, configuration_set: Option<String>) -> Self {
        Self {
            client,
            configuration_set,
        }
    }

    fn request(&self, mail: &Mail) -> Result<SendEmailFluentBuilder, BuildError> {
        let to = Destination::builder().to_addresses(mail.to.expose());
        let body = Body::builder()
            .text(utf8(&mail.text.text)?)
            .html(utf8(&mail.text.html)?)
            .build();
        let message = Message::builder()
            .subject(utf8(&subject(&mail.text.subject))?)
            .body(body)
            .set_headers(Some(headers(mail)?))
            .build();
        let reply_to = mail.reply_to.as_ref();
        let reply_to = reply_to.map(|address| address.expose().to_owned());
        Ok(self
            .client
            .send_email()
            .from_email_address(mail.from.header())
            .set_reply_to_addresses(reply_to.map(|address| vec![address]))
            .destination(to.build())
            .content(EmailContent::builder().simple(message).build())
            .email_tags(tag("event", &mail.event)?)
            .email_tags(tag("attempt", &mail.attempt.to_string())?)
            .email_tags(tag("environment", &mail.environment)?)
            .set_configuration_set_name(self.configuration_set.clone()))
    }
}

impl Mailer for SesMailer {
    async fn send(&self, mail: &Mail) -> MailOutcome {
        let request = match self.request(mail) {
            Ok(request) => request,
            Err(error) => return MailOutcome::Refused(PortError::permanent("send mail", error)),
        };
        match request.send().await {
            Ok(output) => {
                MailOutcome::Accepted(output.message_id.unwrap_or_else(|| "unknown".to_owned()))
            }
            Err(error) => mail_outcome(&error),
        }
    }
}

/// The subject. SES encodes what is not ASCII; what looks like an encoded word by itself must come to it encoded, or readers decode it.
fn subject(text: &str) -> Cow<'_, str> {
    let encoded = text.contains("=?").then(|| encode_header(text, " "));
    encoded.flatten().map_or(Cow::Borrowed(text), Cow::Owned)
}

fn headers(mail: &Mail) -> Result<Vec<MessageHeader>, BuildError> {
    let event = (EVENT_HEADER, mail.event.as_str());
    let headers = MAIL_HEADERS.into_iter().chain([event]);
    headers
        .map(|(name, value)| MessageHeader::builder().name(name).value(value).build())
        .collect()
}

fn utf8(text: &str) -> Result<Content, BuildError> {
    Content::builder().charset("UTF-8").data(text).build()
}

fn tag(name: &str, value: &str) -> Result<MessageTag, BuildError> {
    MessageTag::builder().name(name).value(value).build()
}
