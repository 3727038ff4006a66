//! A mail as a MIME message.

use jiff::Timestamp;
use leadwire_domain::notice::{EmailAddress, encode_header};
use leadwire_pipeline::port::{EVENT_HEADER, MAIL_HEADERS, Mail};
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
    let mut builder = Message::builder()
        .message_id(Some(message_id.to_owned()))
        .date(SystemTime::try_from(now).unwrap_or(SystemTime::UNIX_EPOCH))
        .from(mailbox(mail.from.address(), mail.from.name())?)
        .to(mailbox(&mail.to, None)?)
        .raw_header(subject(&mail.text.subject))
        // Which event the mail is about, as the tag is on AWS.
        .raw_header(header(EVENT_HEADER, mail.event.clone()));
    for (name, value) in MAIL_HEADERS {
        builder = builder.raw_header(header(name, value.to_owned()));
    }
    if let Some(address) = &mail.reply_to {
        builder = builder.reply_to(mailbox(address, None)?);
    }
    let parts = MultiPart::alternative_plain_html(mail.text.text.clone(), mail.text.html.clone());
    builder.multipart(parts).map_err(ComposeError::Message)
}

fn mailbox(address: &EmailAddress, name: Option<&str>) -> Result<Mailbox, ComposeError> {
    let address: Address = address.expose().parse().map_err(ComposeError::Address)?;
    Ok(Mailbox::new(name.map(str::to_owned), address))
}

/// The library would leave an ASCII word that looks like an encoded one as it is, and every reader would decode it.
fn subject(text: &str) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str("Subject");
    match encode_header(text, "\r\n ") {
        Some(encoded) => HeaderValue::dangerous_new_pre_encoded(name, text.to_owned(), encoded),
        None => HeaderValue::new(name, text.to_owned()),
    }
}

fn header(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::tests::mail;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use leadwire_domain::notice::EmailText;
    use leadwire_domain::sender::Sender;

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

    /// What a reader makes of the subject: folds undone, encoded words decoded.
    fn decoded(message: &str) -> String {
        let (_, rest) = message.split_once("\r\nSubject: ").unwrap();
        let lines = rest.split("\r\n").enumerate();
        let folded = lines.take_while(|(number, line)| *number == 0 || line.starts_with(' '));
        let words = folded.map(|(_, line)| {
            assert!(line.len() <= 76, "{line}");
            let word = line.trim_start().strip_prefix("=?utf-8?B?");
            let Some(word) = word.and_then(|word| word.strip_suffix("?=")) else {
                return line.to_owned();
            };
            String::from_utf8(STANDARD.decode(word).unwrap()).unwrap()
        });
        words.collect()
    }

    #[test]
    fn the_subject_decodes_to_what_it_says() {
        let name = "=?utf-8?Q?a=1B[31mb=00?=";
        for subject in [
            format!("New lead: {name} → Omar"),
            format!("New lead: {name}"),
            "New lead: Alice".to_owned(),
            format!("New lead: {} → שלום", "🦀é".repeat(60)),
        ] {
            let message = composed(&subject, "Zoë");
            assert_eq!(decoded(&message), subject);
            assert!(!message.contains("=1B"), "{message}");
        }
    }

    #[test]
    fn a_mail_names_its_sender_says_where_a_reply_goes_and_wants_no_automatic_answer() {
        let named = Mail {
            from: Sender::parse("Leads, Zoë <crm@example.com>").unwrap(),
            reply_to: EmailAddress::parse("alice@example.com").ok(),
            ..mail()
        };
        let message = |mail: &Mail| {
            let now = Timestamp::from_second(1_795_416_600).unwrap();
            let message = compose(mail, "<id@example.com>", now).unwrap();
            String::from_utf8(message.formatted()).unwrap()
        };
        let text = message(&named);
        for line in [
            "Reply-To: alice@example.com",
            "Auto-Submitted: auto-generated",
            "X-Auto-Response-Suppress: OOF, AutoReply",
            "Message-ID: <id@example.com>",
        ] {
            assert!(
                text.split("\r\n").any(|found| found == line),
                "{line} is not in {text}"
            );
        }
        let from = text
            .split("\r\n")
            .find(|line| line.starts_with("From: "))
            .unwrap();
        assert!(
            from.ends_with(" <crm@example.com>") && from.is_ascii(),
            "{from}"
        );
        assert!(!message(&mail()).contains("Reply-To"));
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
