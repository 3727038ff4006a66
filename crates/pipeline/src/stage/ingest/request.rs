//! A request, whatever carried it.

use crate::trace::TraceContext;
use jiff::Timestamp;
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

impl<'a> Request<'a> {
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
