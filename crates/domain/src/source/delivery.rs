//! A request as its source sees it, and what is known of it once it is verified.

use crate::lead::id::EventId;
use crate::limits::BODY_BYTES_MAX;
use crate::problem::Problem;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use std::borrow::Cow;

/// A request's headers, by lower-case name.
pub trait Headers {
    /// The value of a header that stands there once and is visible ASCII, spaces included.
    fn get(&self, name: &str) -> Option<&str>;

    /// Whether the header stands there at all, also where it has no value that counts.
    fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }
}

/// What counts of a header that stands there with these values, in every home: it is visible ASCII, spaces included, and the same however often
/// it stands there.
pub fn header_value<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Option<&'a str> {
    let first = values.next()?;
    let is_visible = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let counts = first.iter().all(is_visible) && values.all(|value| value == first);
    std::str::from_utf8(first).ok().filter(|_| counts)
}

/// What senders say of a body that is not compressed: some take the header for the charset.
const PLAIN: [&str; 5] = ["", "identity", "none", "utf-8", "utf8"];

/// Whether a body with this `Content-Encoding` is as it is to be read.
fn is_plain(encoding: &str) -> bool {
    let mut codings = encoding.split(',').map(str::trim);
    codings.all(|coding| PLAIN.iter().any(|plain| coding.eq_ignore_ascii_case(plain)))
}

/// Headers as [`super::SignedRequest`] has them.
impl Headers for Vec<(&'static str, String)> {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.iter().find(|(header, _)| *header == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// A request as a source's signature sees it.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path of its URL as it was called: with API Gateway's stage, or the base path of a domain.
    pub path: &'a str,
    /// The raw query of its URL, without the question mark; empty where there is none.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a (dyn Headers + Sync),
    /// The body's bytes as they were sent.
    pub body: &'a [u8],
    /// When it came.
    pub received_at: Timestamp,
}

impl Delivery<'_> {
    /// Refuses what its method, encoding or size rules out, before anything is read.
    pub fn check_shape(&self) -> Result<(), Problem> {
        if self.method != "POST" {
            return Err(Problem::MethodNotAllowed);
        }
        if !is_plain(self.headers.get("content-encoding").unwrap_or_default()) {
            return Err(Problem::UnsupportedEncoding);
        }
        if self.body.len() > BODY_BYTES_MAX {
            return Err(Problem::TooLarge);
        }
        Ok(())
    }

    /// The value of a parameter that stands in the query once, or several times with the same value, decoded.
    pub(super) fn parameter(&self, name: &str) -> Option<Vec<u8>> {
        let pairs = self.query.split('&');
        let mut values = pairs.filter_map(|pair| {
            let (key, value) = pair.split_once('=')?;
            let is_it = percent_decode_str(key).eq(name.bytes());
            is_it.then(|| percent_decode_str(value).collect::<Vec<u8>>())
        });
        let first = values.next()?;
        values.all(|other| other == first).then_some(first)
    }
}

/// Why a request is not verified. For the log; the sender only learns 401.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// This source has no secrets here.
    #[error("the source is not configured")]
    NotConfigured,
    /// It is signed as another source signs, which has an address of its own.
    #[error("it is signed as a source signs that has an address of its own")]
    Misdirected,
    /// A header is missing, stands there twice, or is not visible ASCII.
    #[error("the header {0} is missing, or not one line of visible ASCII")]
    HeaderMissing(&'static str),
    /// A header has not its form.
    #[error("the header {0} is malformed")]
    HeaderMalformed(&'static str),
    /// The query or the body lacks the member that holds the secret.
    #[error("the member {0} is missing, or not one text")]
    MemberMissing(&'static str),
    /// The body, in which the secret or a part of it stands, cannot be read.
    #[error("the body cannot be read, in which the secret stands")]
    Unreadable,
    /// The signature's time is too far from now: so many seconds before it, or after where that is below zero.
    #[error("the signature's time is {} {}, which is outside the tolerance", render_seconds(*.0), if *.0 < 0 { "ahead" } else { "ago" })]
    Stale(i64),
    /// No active key made this signature.
    #[error("no active secret matches the signature")]
    Mismatch,
}

impl Unverified {
    /// What it is called in lines.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotConfigured => "not_configured",
            Self::Misdirected => "misdirected",
            Self::HeaderMissing(_) => "header_missing",
            Self::HeaderMalformed(_) => "header_malformed",
            Self::MemberMissing(_) => "member_missing",
            Self::Unreadable => "unreadable",
            Self::Stale(_) => "stale",
            Self::Mismatch => "mismatch",
        }
    }

    /// The header, or the member of query or body, that it is about.
    pub fn place(self) -> Option<&'static str> {
        match self {
            Self::HeaderMissing(name) | Self::HeaderMalformed(name) | Self::MemberMissing(name) => {
                Some(name)
            }
            Self::NotConfigured
            | Self::Misdirected
            | Self::Unreadable
            | Self::Stale(_)
            | Self::Mismatch => None,
        }
    }

    /// How far its time is from now, either way.
    pub fn stale_seconds(self) -> Option<u64> {
        if let Self::Stale(seconds) = self {
            Some(seconds.unsigned_abs())
        } else {
            None
        }
    }
}

fn render_seconds(seconds: i64) -> String {
    format!("{} s", seconds.unsigned_abs())
}

/// What is known of a request that may be read.
#[derive(Clone, PartialEq, Eq)]
pub struct Verified<'a> {
    /// Whether a signature was checked: an open source has none.
    pub is_signed: bool,
    /// The id that the signature covers, where it covers one.
    pub event_id: Option<EventId>,
    /// The body, without the secrets that stood in it.
    pub body: Cow<'a, [u8]>,
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn only_what_a_body_must_be_unpacked_from_is_an_encoding() {
        for plain in [
            "",
            " ",
            "identity",
            "Identity",
            "none",
            "UTF-8",
            "utf8",
            "identity, utf-8",
        ] {
            assert!(is_plain(plain), "{plain:?}");
        }
        for packed in [
            "gzip",
            "GZIP",
            "br",
            "deflate",
            "zstd",
            "x-gzip",
            "identity, gzip",
            "base64",
        ] {
            assert!(!is_plain(packed), "{packed:?}");
        }
    }
}
