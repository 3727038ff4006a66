//! Webhooks to our own address, over the connections that the services share.

use crate::clients::Clients;
use aws_smithy_runtime_api::client::http::{HttpConnector as _, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use leadwire_pipeline::port::{PortError, WebhookReply, WebhookSender};
use std::time::Duration;

const ACTION: &str = "post to our own address";
/// How long an answer may take: a cold start and 4 s of storing and queueing, and some to spare.
const REPLY_TIMEOUT: Duration = Duration::from_secs(10);
/// An answer of ours is a few hundred bytes; of a longer one the beginning is enough.
const REPLY_BYTES_MAX: usize = 64 * 1024;

/// Posts webhooks to one address, each once: the next one is the retry.
#[derive(Clone, Debug)]
pub struct HttpWebhookSender {
    connector: SharedHttpConnector,
    url: String,
}

impl Clients {
    /// A sender of webhooks to `url`.
    pub fn webhooks(&self, url: impl Into<String>) -> HttpWebhookSender {
        HttpWebhookSender {
            connector: self.connector().clone(),
            url: url.into(),
        }
    }
}

impl WebhookSender for HttpWebhookSender {
    async fn post(
        &self,
        headers: Vec<(&'static str, String)>,
        body: Vec<u8>,
    ) -> Result<WebhookReply, PortError> {
        let request = request(&self.url, headers, body)?;
        let work = async {
            let mut response = self
                .connector
                .call(request)
                .await
                .map_err(|error| PortError::transient(ACTION, error))?;
            let body = read(response.take_body()).await?;
            Ok(WebhookReply {
                status: response.status().as_u16(),
                body,
            })
        };
        tokio::time::timeout(REPLY_TIMEOUT, work)
            .await
            .map_err(|elapsed| PortError::transient(ACTION, elapsed))?
    }
}

fn request(
    url: &str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
) -> Result<HttpRequest, PortError> {
    let mut request = http::Request::post(url);
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let request = request
        .body(SdkBody::from(body))
        .map_err(|error| PortError::permanent(ACTION, error))?;
    HttpRequest::try_from(request).map_err(|error| PortError::permanent(ACTION, error))
}

async fn read(body: SdkBody) -> Result<Vec<u8>, PortError> {
    let mut stream = ByteStream::new(body);
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend(chunk.map_err(|error| PortError::transient(ACTION, error))?);
        if bytes.len() > REPLY_BYTES_MAX {
            break;
        }
    }
    Ok(bytes)
}
