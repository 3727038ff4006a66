//! A small HTTP client, for sample leads.

use anyhow::Context as _;
use jiff::Timestamp;
use leadwire_domain::event::{Parsed, Take, parse_event};
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::limits::BODY_BYTES_MAX;
use leadwire_domain::signature::sign;
use leadwire_domain::source::{Secret, Source};
use serde_json::json;
use std::time::Duration;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;

/// Longest that a request may take: API Gateway itself gives up after 29 s.
const REQUEST_DEADLINE: Duration = Duration::from_secs(30);
/// Longest that connecting may take.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// A sample lead.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    /// Its id.
    pub(crate) lead_id: LeadId,
    /// Its name.
    pub(crate) name: String,
    /// Its own address.
    pub(crate) email: String,
    /// The event's id.
    pub(crate) event_id: EventId,
    /// When it is said to be made; a sample that is sent again under its event id has none, so that its bytes are the same.
    pub(crate) made_at: Option<Timestamp>,
}

/// A request that is ready to be posted.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    /// The headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// What the other side answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: String,
}

impl Reply {
    /// Whether the lead was taken.
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl Sample {
    /// The request that `source` would send for this lead, signed where there is a secret.
    pub(crate) fn request(
        &self,
        source: Source,
        secret: Option<&Secret>,
        now: Timestamp,
    ) -> anyhow::Result<Post> {
        let body = serde_json::to_vec(&self.document(source))?;
        let parsed = parse_event(source, &body, Take::All);
        anyhow::ensure!(
            matches!(parsed, Ok(Parsed::Event(_))),
            "the sample is no valid event of {source}"
        );
        let mut headers = vec![("content-type", "application/json".to_owned())];
        match secret {
            Some(secret) => {
                let signature = sign(source, secret, &self.event_id, &body, now);
                anyhow::ensure!(
                    !signature.is_empty(),
                    "the secret has not the form of {source} (close: 64 hexadecimal digits; standard and generic: whsec_ and base64 of 24 to 64 bytes), or the event id contains a full stop"
                );
                headers.extend(signature);
            }
            None => headers.push(("idempotency-key", self.event_id.to_string())),
        }
        Ok(Post { headers, body })
    }

    fn document(&self, source: Source) -> serde_json::Value {
        let flat = json!({
            "lead_id": self.lead_id,
            "display_name": self.name,
            "lead_email": self.email,
            "status_label": "Potential",
            "date_created": self.made_at,
        });
        match source {
            Source::Generic => flat,
            Source::Standard | Source::Canary => {
                json!({ "type": "lead.created", "timestamp": self.made_at, "data": flat })
            }
            Source::Close => json!({
                "subscription_id": "whsub_sample",
                "event": {
                    "id": self.event_id,
                    "date_created": self.made_at,
                    "object_type": "lead",
                    "action": "created",
                    "object_id": self.lead_id,
                    "lead_id": self.lead_id,
                    "data": {
                        "id": self.lead_id,
                        "display_name": self.name,
                        "lead_email": self.email,
                        "status_label": "Potential",
                        "date_created": self.made_at,
                    },
                },
            }),
        }
    }
}

/// Posts requests over connections that are kept.
#[derive(Debug)]
pub(crate) struct Client {
    agent: ureq::Agent,
}

impl Client {
    /// A client.
    pub(crate) fn new() -> Self {
        Self::of(Self::config())
    }

    /// A client that goes through no proxy, for this machine itself.
    pub(crate) fn direct() -> Self {
        Self::of(Self::config().proxy(None))
    }

    fn config() -> ConfigBuilder<AgentScope> {
        ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(REQUEST_DEADLINE))
            .timeout_connect(Some(CONNECT_DEADLINE))
            .user_agent(concat!("leadwire/", env!("CARGO_PKG_VERSION")))
    }

    fn of(config: ConfigBuilder<AgentScope>) -> Self {
        Self {
            agent: config.build().into(),
        }
    }

    /// Posts a request and reads its answer.
    pub(crate) fn post(&self, url: &str, post: &Post) -> anyhow::Result<Reply> {
        let mut request = self.agent.post(url);
        for (name, value) in &post.headers {
            request = request.header(*name, value);
        }
        let mut response = request
            .send(&post.body)
            .with_context(|| format!("could not post to {url}"))?;
        let limit = u64::try_from(BODY_BYTES_MAX).unwrap_or(u64::MAX);
        let body = response
            .body_mut()
            .with_config()
            .limit(limit)
            .lossy_utf8(true)
            .read_to_string()
            .context("could not read the answer")?;
        Ok(Reply {
            status: response.status().as_u16(),
            body,
        })
    }
}

/// The address to post to, and as which source: `https://host` becomes `https://host/ingest`, and `/ingest` the source's own address.
pub(crate) fn target(url: &str, source: Option<Source>) -> (String, Source) {
    let url = url.trim_end_matches('/');
    let host = url.find("://").map_or(0, |at| at + 3);
    let path = url
        .get(host..)
        .and_then(|rest| rest.split_once('/'))
        .map(|(_, path)| path);
    let last = path
        .and_then(|path| path.rsplit('/').next())
        .unwrap_or_default();
    let named = Source::from_name(last).filter(|source| *source != Source::Generic);
    let source = source.or(named).unwrap_or(Source::Generic);
    let url = match path {
        None => format!("{url}/ingest"),
        Some(_) => url.to_owned(),
    };
    if source == Source::Generic || named.is_some() || !(url.ends_with("/ingest")) {
        return (url, source);
    }
    (format!("{url}/{source}"), source)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_and_the_source_complete_each_other() {
        let ask = |url, source| {
            let (url, source) = target(url, source);
            format!("{source} {url}")
        };
        assert_eq!(ask("http://h:1", None), "generic http://h:1/ingest");
        assert_eq!(
            ask("http://h:1/", Some(Source::Close)),
            "close http://h:1/ingest/close"
        );
        assert_eq!(
            ask("https://h/Prod/ingest", None),
            "generic https://h/Prod/ingest"
        );
        assert_eq!(
            ask("https://h/Prod/ingest", Some(Source::Standard)),
            "standard https://h/Prod/ingest/standard"
        );
        assert_eq!(
            ask("https://h/ingest/close", None),
            "close https://h/ingest/close"
        );
        assert_eq!(
            ask("https://h/hook", Some(Source::Close)),
            "close https://h/hook"
        );
    }

    #[test]
    fn a_sample_is_a_valid_event_of_every_source() {
        let now = "2026-11-23T06:50:00Z".parse().unwrap();
        let sample = Sample {
            lead_id: LeadId::parse("test-1").unwrap(),
            name: "Alice \"A\"".to_owned(),
            email: "alice@example.com".to_owned(),
            event_id: EventId::parse("ev_1").unwrap(),
            made_at: Some(now),
        };
        for source in Source::CONFIGURED {
            assert!(sample.request(source, None, now).is_ok(), "{source}");
        }
    }
}
