//! Where finished spans go.

pub(crate) mod daemon;
pub(crate) mod http;
pub(crate) mod otlp;
pub(crate) mod segment;
#[cfg(feature = "aws")]
pub(crate) mod sign;
pub(crate) mod sink;

use crate::config::{Exporter, SpanConfig};
use crate::record::SpanSink;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use std::error::Error;
use std::sync::Arc;

/// Why spans were not taken. No value of a span stands in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExportError {
    /// The request or the datagram could not be sent.
    #[error("could not send spans")]
    Send(#[source] Box<dyn Error + Send + Sync>),
    /// The collector refused them.
    #[error("the collector answered {0}")]
    Status(u16),
    /// It took too long.
    #[error("the collector did not answer in time")]
    Slow,
    /// Nothing signs what goes to X-Ray.
    #[error("there are no credentials to sign with")]
    NoSigner,
    /// An earlier failure is not long ago.
    #[error("the collector failed a moment ago")]
    Resting,
}

impl ExportError {
    fn send(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Send(error.into())
    }
}

/// One place where spans go.
#[derive(Debug)]
pub(crate) enum Route {
    Otlp(Box<otlp::Otlp>),
    Daemon(daemon::Daemon),
    Sink(sink::Sink),
}

impl Route {
    /// The route that is configured, if any.
    pub(crate) fn of(config: &SpanConfig, resource: &Resource) -> Option<Self> {
        let (endpoint, headers, region) = match &config.exporter {
            Exporter::None => return None,
            Exporter::XrayDaemon { address } => {
                let daemon = daemon::Daemon::new(address.clone(), resource);
                return Some(Self::Daemon(daemon));
            }
            Exporter::Otlp { endpoint, headers } => (endpoint, headers.as_slice(), None),
            Exporter::XrayOtlp { endpoint, region } => (endpoint, &[][..], Some(region)),
        };
        let client = http::Client::new(endpoint.clone(), config.ca_bundle.clone());
        let otlp = otlp::Otlp::new(client, headers, resource, region.cloned());
        Some(Self::Otlp(Box::new(otlp)))
    }

    /// The route to a home that keeps its traces itself.
    pub(crate) fn to(sink: Arc<dyn SpanSink>) -> Self {
        Self::Sink(sink::Sink(sink))
    }

    /// Sends spans. Gives back how many of them were refused.
    pub(crate) async fn send(&self, spans: &[SpanData]) -> Result<u64, ExportError> {
        match self {
            Self::Otlp(otlp) => otlp.send(spans).await,
            Self::Daemon(daemon) => daemon.send(spans).await,
            Self::Sink(sink) => Ok(sink.send(spans)),
        }
    }
}
