//! A request, whatever carried it.

use crate::trace::TraceContext;
use jiff::Timestamp;
use leadwire_domain::limits::BODY_BYTES_MAX;
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Delivery, Headers};

/// A webhook as it came.
#[derive(Clone)]
pub struct Request<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path without a stage's prefix: `/ingest` or `/ingest/{source}`.
    pub path: &'a str,
    /// The same as it was called: with API Gateway's stage, or the base path of a domain.
    pub called: &'a str,
    /// The raw query of its URL, without the question mark; empty where there is none.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a (dyn Headers + Sync),
    /// The body's bytes as they were sent; a carrier may stop reading one byte past the limit.
    pub body: &'a [u8],
    /// When it came.
    pub received_at: Timestamp,
    /// The trace it starts; it is stored with the event and travels with the message. An empty one is started here.
    pub trace: TraceContext,
}

/// What senders say of a body that is not compressed: some take the header for the charset.
const PLAIN: [&str; 5] = ["", "identity", "none", "utf-8", "utf8"];

/// Whether a body with this `Content-Encoding` is as it is to be read.
fn is_plain(encoding: &str) -> bool {
    let mut codings = encoding.split(',').map(str::trim);
    codings.all(|coding| PLAIN.iter().any(|plain| coding.eq_ignore_ascii_case(plain)))
}

impl<'a> Request<'a> {
    /// Refuses what its method, encoding or size rules out, before anything is read.
    pub(super) fn check_shape(&self) -> Result<(), Problem> {
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

    /// What a signature may cover.
    pub(super) fn delivery(&self) -> Delivery<'a> {
        Delivery {
            method: self.method,
            path: self.called,
            query: self.query,
            headers: self.headers,
            body: self.body,
            received_at: self.received_at,
        }
    }
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
