//! What a mail is called on this machine.

use leadwire_domain::effect::EffectId;
use leadwire_domain::lead::id::Sha256Hex;
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::port::Mail;
use std::borrow::Cow;

/// Longest tag of an event in a name: a file's name may have 255 characters, and an effect's name, an ending and a dot are part of it.
const TAG_CHARS_MAX: usize = 190;
/// What is kept of a longer one, whose rest is `~` and its SHA-256: no tag has a `~` in it, so that it is never another's.
const TAG_CHARS_KEPT: usize = TAG_CHARS_MAX - 1 - 64;

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
        if tag.is_empty() || !tag.bytes().all(is_plain) {
            return Err(MailNameError);
        }
        Ok(Self(format!(
            "{}.{}",
            short(tag),
            without_colon(&mail.effect)
        )))
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

/// A tag that fits into a name.
fn short(tag: &str) -> Cow<'_, str> {
    let kept = tag.get(..TAG_CHARS_KEPT).unwrap_or(tag);
    if tag.len() <= TAG_CHARS_MAX {
        return Cow::Borrowed(tag);
    }
    Cow::Owned(format!("{kept}~{}", Sha256Hex::of(tag.as_bytes())))
}

/// Neither a file's name on every system nor the left side of a Message-ID may have a colon.
fn without_colon(effect: &EffectId) -> String {
    effect.as_str().replace(':', ".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::tests::mail;
    use std::collections::BTreeSet;

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
        let effect = format!("{}:0de61b1110462435", "c".repeat(32));
        let mut files = BTreeSet::new();
        // The longest name that an object may be put under by hand, and a replay of it.
        for chars in (185..=200).chain([212]) {
            let longest = name(&"x".repeat(chars), &effect).unwrap();
            for file in [longest.file(), longest.canary_file()] {
                assert!(file.len() <= 255, "{file}");
                assert!(
                    files.insert(file),
                    "{chars} characters have the file of others"
                );
            }
        }
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
