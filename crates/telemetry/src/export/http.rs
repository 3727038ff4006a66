//! The one HTTP client of this room: one kept connection, driven by the flush.
//!
//! A pool would cost two tasks and their messages for every request, and there is never a second request beside the first.

use super::ExportError;
use bytes::Bytes;
use http::header::HeaderValue;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, Connection, SendRequest};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::error::Error;
use std::pin::pin;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tower::ServiceExt as _;

/// The most of an answer that is read: it says how many spans were refused.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// A collector is near.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
/// A connection that was idle for longer is not trusted: Lambda freezes the process between two invocations.
const IDLE_MAX: Duration = Duration::from_secs(15);

type Connector = HttpsConnector<HttpConnector>;
type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;
type Failure = Box<dyn Error + Send + Sync>;

/// A client of one collector. It costs nothing until its first request: reading the system's roots is dear.
#[derive(Debug)]
pub(crate) struct Client {
    endpoint: Uri,
    /// The endpoint as it stands in a request that goes to it.
    path: Uri,
    ca_bundle: Option<String>,
    connector: OnceLock<Connector>,
    /// Boxed, as is whatever happens seldom below: what waits for this is moved, with room for everything in it.
    kept: Mutex<Option<Box<Kept>>>,
}

/// A connection and when it was last of use.
#[derive(Debug)]
struct Kept {
    sender: SendRequest<Full<Bytes>>,
    connection: Connection<Stream, Full<Bytes>>,
    used: Instant,
}

impl Client {
    pub(crate) fn new(endpoint: Uri, ca_bundle: Option<String>) -> Self {
        let path = endpoint.path_and_query().cloned();
        Self {
            endpoint,
            path: Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/"))),
            ca_bundle,
            connector: OnceLock::new(),
            kept: Mutex::new(None),
        }
    }

    pub(crate) fn endpoint(&self) -> &Uri {
        &self.endpoint
    }

    /// The endpoint's host as a signature has it too: with its port, where that is not the scheme's own.
    pub(crate) fn host(&self) -> Option<HeaderValue> {
        let host = self.endpoint.host()?;
        let own = match self.endpoint.scheme_str() {
            Some("https") => 443,
            _ => 80,
        };
        let host = match self.endpoint.port_u16().filter(|&port| port != own) {
            Some(port) => HeaderValue::from_str(&format!("{host}:{port}")),
            None => HeaderValue::from_str(host),
        };
        host.ok()
    }

    /// Posts a body and reads the whole answer. Where a kept connection turns out to be dead, it is posted once more over a new one: a
    /// collector knows a span by its id.
    pub(crate) async fn post(
        &self,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response<Bytes>, ExportError> {
        let request = |body| {
            let mut request = Request::new(Full::new(body));
            *request.method_mut() = Method::POST;
            *request.uri_mut() = self.path.clone();
            *request.headers_mut() = headers.clone();
            request
        };
        let mut kept = self.kept.lock().await;
        // Taken, so that a request that is given up takes its connection along.
        if let Some(mut connection) = kept.take().filter(|kept| kept.is_fresh())
            && let Ok(answer) = connection.send(request(body.clone())).await
        {
            *kept = connection.if_ready();
            return Ok(answer);
        }
        let anew = async {
            let mut connection = self.connect().await?;
            let answer = connection.send(request(body)).await?;
            Ok((answer, connection))
        };
        let (answer, connection) = Box::pin(anew).await.map_err(ExportError::Send)?;
        *kept = connection.if_ready();
        Ok(answer)
    }

    async fn connect(&self) -> Result<Box<Kept>, Failure> {
        let secure = self.endpoint.scheme_str() == Some("https");
        let connector = self
            .connector
            .get_or_init(|| connector(self.roots(secure)))
            .clone();
        let stream = connector.oneshot(self.endpoint.clone()).await?;
        let (sender, connection) = http1::handshake(stream).await?;
        Ok(Box::new(Kept {
            sender,
            connection,
            used: Instant::now(),
        }))
    }

    /// None at all where nothing is encrypted.
    fn roots(&self, secure: bool) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        if !secure {
            return roots;
        }
        let certificates = match &self.ca_bundle {
            Some(path) => CertificateDer::pem_file_iter(path)
                .map(|all| all.filter_map(Result::ok).collect())
                .unwrap_or_default(),
            None => rustls_native_certs::load_native_certs().certs,
        };
        roots.add_parsable_certificates(certificates);
        roots
    }
}

impl Kept {
    fn is_fresh(&self) -> bool {
        self.used.elapsed() < IDLE_MAX
    }

    /// Sends a request and reads its answer. The connection is driven meanwhile.
    async fn send(&mut self, request: Request<Full<Bytes>>) -> Result<Response<Bytes>, Failure> {
        let (sender, connection) = (&mut self.sender, &mut self.connection);
        let mut answer = pin!(async {
            let (head, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await?;
            Ok::<_, Failure>(Response::from_parts(head, body.to_bytes()))
        });
        let answer = tokio::select! {
            biased;
            answer = &mut answer => answer?,
            // A collector may close the connection with its answer.
            ended = connection => {
                ended?;
                answer.await?
            }
        };
        self.used = Instant::now();
        Ok(answer)
    }

    /// The connection, where it can carry another request.
    fn if_ready(self: Box<Self>) -> Option<Box<Self>> {
        self.sender.is_ready().then_some(self)
    }
}

fn connector(roots: RootCertStore) -> Connector {
    let provider = rustls::crypto::ring::default_provider();
    let tls = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .expect("the provider is made for the default versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_nodelay(true);
    HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector)
}

#[cfg(test)]
mod tests;
