//! A mail as a MIME message.

use jiff::Timestamp;
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::port::Mail;
use lettre::address::AddressError;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::{Address, Message};
use std::time::SystemTime;

/// A mail that cannot be composed. It shows no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum ComposeError {
    #[error("an address is none that SMTP takes")]
    Address(#[source] AddressError),
    #[error("the message could not be put together")]
    Message(#[source] lettre::error::Error),
}

/// The message: plain text and HTML, as alternatives.
pub(super) fn compose(
    mail: &Mail,
    message_id: &str,
    now: Timestamp,
) -> Result<Message, ComposeError> {
    let builder = Message::builder()
        .message_id(Some(message_id.to_owned()))
        .date(SystemTime::try_from(now).unwrap_or(SystemTime::UNIX_EPOCH))
        .from(mailbox(&mail.from)?)
        .to(mailbox(&mail.to)?)
        .subject(&mail.text.subject)
        // Which event the mail is about, as the tag is on AWS.
        .raw_header(header("X-Leadwire-Event", mail.event.clone()))
        // Keeps holiday notices from being answered to the sender (RFC 3834).
        .raw_header(header("Auto-Submitted", "auto-generated".to_owned()));
    let parts = MultiPart::alternative_plain_html(mail.text.text.clone(), mail.text.html.clone());
    builder.multipart(parts).map_err(ComposeError::Message)
}

fn mailbox(address: &EmailAddress) -> Result<Mailbox, ComposeError> {
    let address: Address = address.expose().parse().map_err(ComposeError::Address)?;
    Ok(Mailbox::new(None, address))
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::tests::mail;
    use leadwire_domain::notice::EmailText;

    /// What would be a header of its own, if it began a line.
    const HOSTILE: [&str; 9] = [
        "Alice\r\nBcc: eve@example.org",
        "Alice\nBcc: eve@example.org",
        "Alice\rBcc: eve@example.org",
        "\r\n\r\n<html>",
        "Alice\u{2028}Bcc: eve@example.org\u{85}X: y",
        "=?utf-8?B?DQpCY2M6IGV2ZUBleGFtcGxlLm9yZw==?=",
        "é\r\nBcc: eve@example.org",
        "%0d%0aBcc:%20eve@example.org",
        "a\0b\u{1b}[31m",
    ];

    fn composed(subject: &str, body: &str) -> String {
        let text = EmailText {
            subject: subject.to_owned(),
            text: body.to_owned(),
            html: body.to_owned(),
        };
        let mail = Mail { text, ..mail() };
        let now = Timestamp::from_second(1_795_416_600).unwrap();
        String::from_utf8(compose(&mail, "<id@example.com>", now).unwrap().formatted()).unwrap()
    }

    /// The names of the headers of a message and of its parts, in order.
    fn headers(message: &str) -> Vec<String> {
        let lines = message.split("\r\n");
        let begins = lines.filter(|line| !line.starts_with([' ', '\t']));
        begins
            .filter_map(|line| Some(line.split_once(": ")?.0.to_owned()))
            .collect()
    }

    #[test]
    fn no_text_of_a_lead_makes_a_header_or_a_recipient() {
        let plain = headers(&composed("Zoë", "Zoë"));
        assert!(plain.contains(&"Subject".to_owned()), "{plain:?}");
        for text in HOSTILE {
            for subject in [text.to_owned(), format!("{}{text}", "x".repeat(70))] {
                let message = composed(&subject, "Zoë");
                assert_eq!(headers(&message), plain, "{message}");
                let (head, _) = message.split_once("\r\n\r\n").unwrap();
                let is_line = |line: &str| {
                    line.bytes()
                        .all(|b| b == b'\t' || (b' '..=b'~').contains(&b))
                };
                assert!(head.split("\r\n").all(is_line), "{head:?}");
            }
        }
    }

    #[test]
    fn no_text_of_a_lead_ends_its_part() {
        let plain = composed("Zoë", "Zoë");
        let parts = |message: &str| message.matches("\r\nContent-Transfer-Encoding: ").count();
        for text in HOSTILE {
            assert_eq!(parts(&composed("Zoë", text)), parts(&plain));
        }
    }
}
