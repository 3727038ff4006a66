//! Where mail is sent to: strict and simple, since it comes from configuration and owner files.

use std::fmt;

/// An e-mail address. Its `Debug` and `Display` are masked; `expose` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

/// A text that is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an e-mail address of the form name@example.com (visible ASCII, at most 254 characters)"
)]
pub struct EmailAddressError;

/// Longest address, in characters (RFC 5321 as corrected by erratum 1690).
const ADDRESS_CHARS_MAX: usize = 254;
/// Longest part before the at sign, in characters (RFC 5321).
const LOCAL_CHARS_MAX: usize = 64;
/// Longest label of a domain, in characters (RFC 1035).
const LABEL_CHARS_MAX: usize = 63;

impl EmailAddress {
    /// Takes one plain address: no display name, no comment, no quotes, no control character, a domain of at least two labels.
    pub fn parse(text: &str) -> Result<Self, EmailAddressError> {
        let (local, domain) = text.split_once('@').ok_or(EmailAddressError)?;
        let valid = text.len() <= ADDRESS_CHARS_MAX && is_local(local) && is_domain(domain);
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(EmailAddressError)
        }
    }

    /// Whether it is the same receiver: addresses are equal without regard to case (docs/PROTOCOL.md, Effects).
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }

    /// The address itself, for the one who sends.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Atoms joined by single full stops (RFC 5322, `dot-atom`).
fn is_local(local: &str) -> bool {
    let is_atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
    local.len() <= LOCAL_CHARS_MAX
        && local
            .split('.')
            .all(|atom| !atom.is_empty() && atom.chars().all(is_atom))
}

/// Labels joined by full stops, the last of which is no number.
fn is_domain(domain: &str) -> bool {
    let Some((_, top)) = domain.rsplit_once('.') else {
        return false;
    };
    top.bytes().any(|byte| byte.is_ascii_alphabetic()) && domain.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_CHARS_MAX).contains(&label.len())
        && label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({self})")
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = self.0.rsplit_once('@').map_or("", |(_, domain)| domain);
        write!(f, "***@{domain}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_address_is_taken_as_it_is() {
        for good in [
            "alice@example.com",
            "a.b+c@sub.example.co",
            "o'neil@example.com",
            "x@xn--bcher-kva.example",
            "1@1.de",
        ] {
            assert_eq!(EmailAddress::parse(good).unwrap().expose(), good);
        }
        let longest = format!(
            "{}@{}.com",
            "l".repeat(64),
            ["d".repeat(63), "d".repeat(63), "d".repeat(57)].join(".")
        );
        assert_eq!(longest.len(), 254);
        assert!(EmailAddress::parse(&longest).is_ok());
    }

    #[test]
    fn whatever_could_carry_a_second_recipient_or_a_header_is_refused() {
        let short = [
            "", "@", "a@", "@b.com", "a", "a@b", "a@b.", "a@.b.com", "a@b..com", "a@-b.com",
            "a@b-.com", " a@b.com", "a@b.com ", ".a@b.com", "a.@b.com", "é@b.com", "a@é.com",
        ];
        let long = [
            "a@1.2.3.4",
            "a@[1.2.3.4]",
            "a@b.com,c@d.com",
            "a@b.com;c@d.com",
            "a@b.com c@d.com",
            "a@b.com\r\nBcc: c@d.com",
            "a@b.com\0",
            "Alice <a@b.com>",
            "<a@b.com>",
            "\"a b\"@c.com",
            "a(b)@c.com",
            "a@b@c.com",
            "a..b@c.com",
            "a@b.com\u{202e}",
            "a%0d%0a@b.com\n",
            "a@b_c.com",
        ];
        for bad in short.into_iter().chain(long) {
            assert_eq!(EmailAddress::parse(bad), Err(EmailAddressError), "{bad:?}");
        }
        assert!(EmailAddress::parse(&format!("{}@example.com", "l".repeat(65))).is_err());
        assert!(EmailAddress::parse(&format!("a@{}com", "d.".repeat(126))).is_err());
    }

    #[test]
    fn an_address_is_printed_masked() {
        let address = EmailAddress::parse("alice@example.com").unwrap();
        assert_eq!(
            format!("{address} {address:?}"),
            "***@example.com EmailAddress(***@example.com)"
        );
    }
}
