mod call;
mod check;
mod custom;
mod document;
mod event;
mod hubspot;
mod pipedrive;
mod registry;
mod salesforce;
mod signature;
mod zoho;

use super::{Delivery, Headers, SignedRequest};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The headers of a request.
#[derive(Default)]
struct Request(BTreeMap<String, String>);

impl Headers for Request {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

impl Request {
    fn of(headers: &[(&str, &str)]) -> Self {
        let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
        Self(headers.iter().map(own).collect())
    }

    fn signed(request: &SignedRequest) -> Self {
        let own = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
        Self(request.headers.iter().map(own).collect())
    }
}

/// A request without a query.
fn delivery<'a>(headers: &'a Request, body: &'a [u8], received_at: Timestamp) -> Delivery<'a> {
    Delivery {
        method: "POST",
        path: "/ingest",
        query: "",
        headers,
        body,
        received_at,
    }
}
