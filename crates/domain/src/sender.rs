//! Who sends the mails: an address, and the name that people see.

use crate::address::EmailAddress;
use crate::notice::encode_header;
use std::fmt;

/// Longest name of a sender, in characters: what a list of mails has room for, and more.
const NAME_CHARS_MAX: usize = 100;

/// A sender, `name@example.com` or `Name <name@example.com>`. Its `Debug` masks the address.
#[derive(Clone, PartialEq, Eq)]
pub struct Sender {
    name: Option<String>,
    address: EmailAddress,
}

/// A text that is no sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SenderError {
    /// The address is none.
    #[error("has an address that is none")]
    Address,
    /// The name is too long, or has characters that no name has.
    #[error("has a name over 100 characters, or with controls, quotes or < and > in it")]
    Name,
    /// The name is written as headers have it.
    #[error("has a name that is encoded already: write it as people read it")]
    Encoded,
}

impl Sender {
    /// One without a name.
    pub fn of(address: EmailAddress) -> Self {
        let name = None;
        Self { name, address }
    }

    /// Takes a bare address, or a name with an address between `<` and `>`. The name may stand in quotes.
    pub fn parse(text: &str) -> Result<Self, SenderError> {
        let text = text.trim();
        let address = |text: &str| EmailAddress::parse(text).or(Err(SenderError::Address));
        let Some((name, rest)) = text.rsplit_once('<') else {
            return address(text).map(Self::of);
        };
        let bare = rest.strip_suffix('>').ok_or(SenderError::Address)?;
        let (name, address) = (name.trim(), address(bare)?);
        let unquoted = name
            .strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'));
        let name = unquoted.unwrap_or(name).trim();
        if name.contains("=?") {
            return Err(SenderError::Encoded);
        }
        let forbidden = |c: char| {
            c.is_control() || matches!(c, '"' | '\\' | '<' | '>' | '\u{2028}' | '\u{2029}')
        };
        if name.contains(forbidden) || name.chars().count() > NAME_CHARS_MAX {
            return Err(SenderError::Name);
        }
        let name = (!name.is_empty()).then(|| name.to_owned());
        Ok(Self { name, address })
    }

    /// The name that people see, where there is one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address.
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }

    /// As it stands in a header (RFC 5322): ASCII, the name quoted or encoded where it must be.
    pub fn header(&self) -> String {
        let address = self.address.expose();
        let Some(name) = &self.name else {
            return address.to_owned();
        };
        let is_atom = |c: char| c.is_ascii_alphanumeric() || " !#$%&'*+-/=?^_`{|}~".contains(c);
        match encode_header(name, " ") {
            Some(encoded) => format!("{encoded} <{address}>"),
            None if name.chars().all(is_atom) => format!("{name} <{address}>"),
            // It has neither a quote nor a backslash.
            None => format!("\"{name}\" <{address}>"),
        }
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, address } = self;
        write!(f, "Sender({name:?}, {address})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let sender = Sender::parse(text).unwrap();
        assert_eq!(sender.header(), expected);
        assert_eq!(sender.address().expose(), "leads@example.com");
    }

    #[test]
    fn a_sender_may_have_a_name() {
        check("leads@example.com", "leads@example.com");
        check(" <leads@example.com> ", "leads@example.com");
        check("Leads <leads@example.com>", "Leads <leads@example.com>");
        check("\"Leads\" <leads@example.com>", "Leads <leads@example.com>");
        check(
            "Leads, Inc. <leads@example.com>",
            "\"Leads, Inc.\" <leads@example.com>",
        );
        check(
            "Zoë <leads@example.com>",
            "=?utf-8?B?Wm/Dqw==?= <leads@example.com>",
        );
    }

    #[test]
    fn what_could_carry_a_second_sender_or_a_header_is_refused() {
        for (text, expected) in [
            ("", SenderError::Address),
            ("Leads", SenderError::Address),
            ("Leads <>", SenderError::Address),
            ("Leads <leads@example.com", SenderError::Address),
            ("Leads leads@example.com>", SenderError::Address),
            (
                "Leads <leads@example.com>, Eve <eve@example.org>",
                SenderError::Name,
            ),
            (
                "Leads <a@example.com> <leads@example.com>",
                SenderError::Name,
            ),
            (
                "Leads\r\nBcc: eve@example.org <leads@example.com>",
                SenderError::Name,
            ),
            ("L\"eads <leads@example.com>", SenderError::Name),
            (
                "=?utf-8?Q?Zo=C3=AB?= <leads@example.com>",
                SenderError::Encoded,
            ),
        ] {
            assert_eq!(Sender::parse(text), Err(expected), "{text:?}");
        }
        let long = format!("{} <leads@example.com>", "n".repeat(101));
        assert_eq!(Sender::parse(&long), Err(SenderError::Name));
    }

    #[test]
    fn a_sender_is_printed_with_its_address_masked() {
        let sender = Sender::parse("Leads <leads@example.com>").unwrap();
        let shown = format!("{sender:?}");
        assert!(!shown.contains("leads@"), "{shown}");
    }
}
