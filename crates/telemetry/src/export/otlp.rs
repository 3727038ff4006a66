//! OTLP over HTTP, protobuf: one request a flush.

mod message;

use super::ExportError;
use super::http::Client;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{Request, Uri};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use prost::Message as _;

/// A collector.
#[derive(Debug)]
pub(crate) struct Otlp {
    client: Client,
    endpoint: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    /// As it stands in every request.
    resource: Vec<u8>,
    /// The region, where requests are signed for X-Ray.
    signing: Option<String>,
}

impl Otlp {
    pub(crate) fn new(
        client: Client,
        endpoint: Uri,
        headers: Vec<(HeaderName, HeaderValue)>,
        resource: &Resource,
        signing: Option<String>,
    ) -> Self {
        Self {
            client,
            endpoint,
            headers,
            resource: message::resource(resource),
            signing,
        }
    }

    /// Sends spans. Gives back how many of them the collector refused.
    pub(crate) async fn send(&self, spans: &[SpanData]) -> Result<u64, ExportError> {
        let body = message::request(&self.resource, spans);
        let request = self.request(body.into()).await?;
        let response = self.client.send(request).await?;
        if !response.status().is_success() {
            return Err(ExportError::Status(response.status().as_u16()));
        }
        // An answer that is not OTLP is a collector's matter; it took the spans.
        let answer = ExportTraceServiceResponse::decode(response.body().as_ref());
        let partial = answer.ok().and_then(|answer| answer.partial_success);
        let rejected = partial.map_or(0, |partial| partial.rejected_spans);
        Ok(u64::try_from(rejected).unwrap_or_default())
    }

    async fn request(&self, body: Bytes) -> Result<Request<Bytes>, ExportError> {
        let mut request = Request::post(self.endpoint.clone())
            .header(CONTENT_TYPE, "application/x-protobuf")
            .header(USER_AGENT, concat!("leadwire/", env!("CARGO_PKG_VERSION")))
            .body(body)?;
        for (name, value) in &self.headers {
            request.headers_mut().insert(name, value.clone());
        }
        match &self.signing {
            None => Ok(request),
            Some(region) => Box::pin(sign(request, region)).await,
        }
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
