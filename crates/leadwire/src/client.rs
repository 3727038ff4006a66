//! A small HTTP client, for sample leads.

use anyhow::Context as _;
use jiff::Timestamp;
use leadwire_domain::limits::BODY_BYTES_MAX;
use leadwire_domain::source::{Sample, Source, SourceConfig, SourceKind, SourceName};
use leadwire_pipeline::port::WebhookReply;
use std::time::Duration;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;

/// Longest that a request may take: API Gateway itself gives up after 29 s.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);
/// Longest that connecting may take.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// A request that is ready to be posted.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    /// The headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The raw query; empty where there is none.
    pub(crate) query: String,
    /// The body.
    pub(crate) body: Vec<u8>,
}

impl Post {
    /// The request that this source's CRM would send for this lead.
    pub(crate) fn signed(
        source: &SourceConfig,
        lead: &Sample,
        now: Timestamp,
    ) -> anyhow::Result<Self> {
        let signed = source.sample(lead, now);
        let name = source.source();
        let why = || format!("{name} cannot sign this event id: give one without a full stop");
        let signed = signed.with_context(why)?;
        Ok(Self::of(
            source.kind(),
            signed.headers,
            signed.query,
            signed.body,
        ))
    }

    /// The request of a sender who signs nothing.
    pub(crate) fn unsigned(kind: SourceKind, lead: &Sample) -> Self {
        let id = ("idempotency-key", lead.event_id.to_string());
        Self::of(kind, vec![id], String::new(), kind.sample(lead))
    }

    fn of(
        kind: SourceKind,
        mut headers: Vec<(&'static str, String)>,
        query: String,
        body: Vec<u8>,
    ) -> Self {
        headers.push(("content-type", kind.content_type().to_owned()));
        Self {
            headers,
            query,
            body,
        }
    }
}

/// Posts requests over connections that are kept.
#[derive(Clone, Debug)]
pub(crate) struct Client(ureq::Agent);

impl Client {
    /// A client.
    pub(crate) fn new() -> Self {
        Self::of(ureq::Agent::config_builder())
    }

    /// A client that goes through no proxy, for this machine itself.
    pub(crate) fn direct() -> Self {
        Self::of(ureq::Agent::config_builder().proxy(None))
    }

    fn of(config: ConfigBuilder<AgentScope>) -> Self {
        let config = config
            .http_status_as_error(false)
            .timeout_global(Some(REQUEST_DEADLINE))
            .timeout_connect(Some(CONNECT_DEADLINE))
            .user_agent(concat!("leadwire/", env!("CARGO_PKG_VERSION")));
        Self(config.build().into())
    }

    /// Posts a request and reads its answer.
    pub(crate) fn post(&self, url: &str, post: &Post) -> anyhow::Result<WebhookReply> {
        let address = match &*post.query {
            "" => url.to_owned(),
            query => format!("{url}?{query}"),
        };
        let mut request = self.0.post(address);
        for (name, value) in &post.headers {
            request = request.header(*name, value);
        }
        let response = request.send(&post.body);
        let mut response = response.with_context(|| format!("could not post to {url}"))?;
        let limit = u64::try_from(BODY_BYTES_MAX).unwrap_or(u64::MAX);
        let body = response.body_mut().with_config().limit(limit).read_to_vec();
        Ok(WebhookReply {
            status: response.status().as_u16(),
            body: body.context("could not read the answer")?,
        })
    }
}

/// Whether the lead was taken.
pub(crate) fn is_taken(reply: &WebhookReply) -> bool {
    (200..300).contains(&reply.status)
}

/// The source that an address names.
pub(crate) fn named(url: &str) -> Option<SourceName> {
    let (_, name) = url.trim_end_matches('/').rsplit_once("/ingest/")?;
    SourceName::parse(name).ok()
}

/// The address to post to: `https://host` becomes `https://host/ingest`, and `/ingest` the source's own address.
pub(crate) fn target(url: &str, source: SourceName) -> String {
    let url = url.trim_end_matches('/');
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url.get(host..).and_then(|rest| rest.split_once('/'));
    let url = match path {
        None => format!("{url}/ingest"),
        Some(_) => url.to_owned(),
    };
    if source == Source::default().name() || !url.ends_with("/ingest") {
        return url;
    }
    format!("{url}/{source}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use leadwire_domain::lead::id::{EventId, LeadId};
    use leadwire_domain::source::Delivery;

    type Map = Vec<(&'static str, String)>;

    #[test]
    fn the_address_and_the_source_complete_each_other() {
        let cases = "\
http://h:1 | generic http://h:1/ingest
http://h:1/ close | close http://h:1/ingest/close
https://h/Prod/ingest | generic https://h/Prod/ingest
https://h/Prod/ingest standard | standard https://h/Prod/ingest/standard
https://h/ingest/close | close https://h/ingest/close
https://h/ingest/close-eu/ | close-eu https://h/ingest/close-eu
https://h/hook close | close https://h/hook";
        for (asked, expected) in cases.lines().filter_map(|case| case.split_once(" | ")) {
            let (url, source) = asked.split_once(' ').unwrap_or((asked, ""));
            let asked = SourceName::parse(source).ok();
            let source = asked.or_else(|| named(url));
            let source = source.unwrap_or(Source::default().name());
            let url = target(url, source);
            assert_eq!(format!("{source} {url}"), expected);
        }
    }

    #[test]
    fn a_sample_is_signed_as_every_kind_of_source_signs() {
        let now = "2026-11-23T06:50:00Z".parse().unwrap();
        let sample = Sample {
            lead_id: LeadId::parse("test-1").unwrap(),
            name: "Alice \"A\"".to_owned(),
            email: "alice@example.com".to_owned(),
            event_id: EventId::parse("ev_1").unwrap(),
            made_at: Some(now),
        };
        for kind in SourceKind::configurable() {
            let source = kind.example(&kind.make_secret([1; 32])).unwrap();
            let post = Post::signed(&source, &sample, now).unwrap();
            let headers: Map = post.headers;
            let delivery = Delivery {
                method: "POST",
                path: "",
                query: &post.query,
                headers: &headers,
                body: &post.body,
                received_at: now,
            };
            assert!(source.verify(&delivery).is_ok(), "{kind}");
        }
    }
}
