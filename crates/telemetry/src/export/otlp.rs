//! OTLP over HTTP, protobuf: one request a flush.

mod message;

use super::ExportError;
use super::http::Client;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use prost::Message as _;

/// A collector.
#[derive(Debug)]
pub(crate) struct Otlp {
    client: Client,
    /// What every request says of itself.
    headers: HeaderMap,
    /// As it stands in every request.
    resource: Vec<u8>,
    /// The region, where requests are signed for X-Ray.
    signing: Option<String>,
}

impl Otlp {
    pub(crate) fn new(
        client: Client,
        more: &[(HeaderName, HeaderValue)],
        resource: &Resource,
        signing: Option<String>,
    ) -> Self {
        let own = [
            (CONTENT_TYPE, "application/x-protobuf"),
            (USER_AGENT, concat!("leadwire/", env!("CARGO_PKG_VERSION"))),
        ];
        let own = own.map(|(name, value)| (name, HeaderValue::from_static(value)));
        let host = client.host().map(|host| (HOST, host));
        let headers = own.into_iter().chain(host).chain(more.iter().cloned());
        Self {
            headers: headers.collect(),
            client,
            resource: message::resource(resource),
            signing,
        }
    }

    /// Sends spans. Gives back how many of them the collector refused.
    pub(crate) async fn send(&self, spans: &[SpanData]) -> Result<u64, ExportError> {
        let body = message::request(&self.resource, spans);
        let body = Bytes::from(body);
        let response = match &self.signing {
            None => self.client.post(&self.headers, body).await?,
            Some(region) => {
                let signed = Box::pin(self.signed(body.clone(), region)).await?;
                self.client.post(&signed, body).await?
            }
        };
        if !response.status().is_success() {
            return Err(ExportError::Status(response.status().as_u16()));
        }
        // An answer that is not OTLP is a collector's matter; it took the spans.
        let answer = ExportTraceServiceResponse::decode(response.body().as_ref());
        let partial = answer.ok().and_then(|answer| answer.partial_success);
        let rejected = partial.map_or(0, |partial| partial.rejected_spans);
        Ok(u64::try_from(rejected).unwrap_or_default())
    }

    /// The headers of a request with this body, with its signature.
    async fn signed(&self, body: Bytes, region: &str) -> Result<HeaderMap, ExportError> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.client.endpoint().clone();
        *request.headers_mut() = self.headers.clone();
        let signed = sign(request, region).await?;
        Ok(signed.into_parts().0.headers)
    }
}

#[cfg(feature = "aws")]
async fn sign(request: Request<Bytes>, region: &str) -> Result<Request<Bytes>, ExportError> {
    super::sign::sign(request, region).await
}

#[cfg(not(feature = "aws"))]
#[expect(
    clippy::unused_async,
    reason = "the other build of it waits for credentials"
)]
async fn sign(_request: Request<Bytes>, _region: &str) -> Result<Request<Bytes>, ExportError> {
    Err(ExportError::NoSigner)
}
