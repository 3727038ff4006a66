//! What a mail is called on this machine.

use leadwire_domain::effect::EffectId;
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::port::Mail;

/// Longest tag of an event: a file's name may have 255 characters, and an effect's name, an ending and a dot are part of it.
const TAG_CHARS_MAX: usize = 190;

/// The name of a mail, the same in every attempt: the tag of its event or revision, a dot, its effect. No tag has a dot in it: the file of
/// one mail is never another's, nor the first edition's one for all receivers, `<tag>.eml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MailName(String);

/// A mail that has no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event's tag is no file name of A-Z, a-z, 0-9, '_' and '-'")]
pub(super) struct MailNameError;

impl MailName {
    pub(super) fn of(mail: &Mail) -> Result<Self, MailNameError> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let tag = &mail.event;
        if (1..=TAG_CHARS_MAX).contains(&tag.len()) && tag.bytes().all(is_plain) {
            Ok(Self(format!("{tag}.{}", without_colon(&mail.effect))))
        } else {
            Err(MailNameError)
        }
    }

    /// The mail's id: a mail program shows a repeated one once.
    pub(super) fn message_id(&self, from: &EmailAddress) -> String {
        let domain = from.expose().rsplit_once('@');
        let domain = domain.map_or("localhost", |(_, domain)| domain);
        format!("<{}@{domain}>", self.0)
    }

    /// Its file in the outbox.
    pub(super) fn file(&self) -> String {
        format!("{}.eml", self.0)
    }

    /// The file of a canary's.
    pub(super) fn canary_file(&self) -> String {
        format!(".{}.canary", self.0)
    }
}

/// Neither a file's name on every system nor the left side of a Message-ID may have a colon.
fn without_colon(effect: &EffectId) -> String {
    effect.as_str().replace(':', ".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::tests::mail;

    fn name(event: &str, effect: &str) -> Result<MailName, MailNameError> {
        let (event, effect) = (event.to_owned(), EffectId::parse(effect).unwrap());
        MailName::of(&Mail {
            event,
            effect,
            ..mail()
        })
    }

    #[test]
    fn a_mail_is_named_by_its_event_and_its_effect_without_a_colon() {
        let from = EmailAddress::parse("crm@example.com").unwrap();
        let mail = name("crm_event_a_1-r2", "team:0de61b1110462435").unwrap();
        assert_eq!(mail.file(), "crm_event_a_1-r2.team.0de61b1110462435.eml");
        let id = "<crm_event_a_1-r2.team.0de61b1110462435@example.com>";
        assert_eq!(mail.message_id(&from), id);
        let post = name("crm_event_a_1", "sales-desk").unwrap();
        assert_eq!(post.file(), "crm_event_a_1.sales-desk.eml");
    }

    #[test]
    fn the_longest_name_is_one_that_a_file_may_have() {
        let (tag, channel) = ("x".repeat(TAG_CHARS_MAX), "c".repeat(32));
        let effect = format!("{channel}:0de61b1110462435");
        let longest = name(&tag, &effect).unwrap();
        for file in [longest.file(), longest.canary_file()] {
            assert!(file.len() <= 255, "{file}");
        }
        assert_eq!(name(&format!("{tag}x"), &effect), Err(MailNameError));
    }

    #[test]
    fn a_tag_that_is_no_file_name_makes_no_mails_name() {
        for tag in [
            "",
            "../x",
            "a/b",
            "a.b",
            "a:b",
            "a\r\nBcc: x",
            ".hidden",
            "ä",
        ] {
            assert_eq!(name(tag, "team"), Err(MailNameError), "{tag:?}");
        }
    }
}
