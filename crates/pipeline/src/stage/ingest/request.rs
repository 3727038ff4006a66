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
    /// The headers.
    pub headers: &'a (dyn Headers + Sync),
    /// The body's bytes as they were sent; a carrier may stop reading one byte past the limit.
    pub body: &'a [u8],
    /// When it came.
    pub received_at: Timestamp,
    /// The trace it starts; it is stored with the event and travels with the message. An empty one is started here.
    pub trace: TraceContext,
}

impl<'a> Request<'a> {
    /// Refuses what its method, encoding or size rules out, before anything is read.
    pub(super) fn check_shape(&self) -> Result<(), Problem> {
        let encoding = self.headers.get("content-encoding");
        if self.method != "POST" {
            return Err(Problem::MethodNotAllowed);
        }
        if encoding.is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity")) {
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
            headers: self.headers,
            body: self.body,
            received_at: self.received_at,
        }
    }
}
