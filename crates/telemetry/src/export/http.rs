//! The one HTTP client of this room: small, pooled, over the runtime that flushes.

use super::ExportError;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::error::Error;
use std::sync::OnceLock;
use std::time::Duration;

/// The most of an answer that is read: it says how many spans were refused.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// A collector is near.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
/// A connection that was idle for longer is not trusted: Lambda freezes the process between two invocations.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(15);

type Pool = hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// A client, made at its first request: until then it costs nothing, and reading the system's roots is dear.
#[derive(Debug)]
pub(crate) struct Client {
    ca_bundle: Option<String>,
    pool: OnceLock<Pool>,
}

impl Client {
    pub(crate) fn new(ca_bundle: Option<String>) -> Self {
        Self {
            ca_bundle,
            pool: OnceLock::new(),
        }
    }

    /// Sends a request and reads its whole answer.
    pub(crate) async fn send(
        &self,
        request: Request<Bytes>,
    ) -> Result<Response<Bytes>, ExportError> {
        let secure = request.uri().scheme_str() == Some("https");
        let pool = match self.pool.get() {
            Some(pool) => pool,
            None => self.pool.get_or_init(|| pool(self.roots(secure))),
        };
        let response = pool
            .request(request.map(Full::new))
            .await
            .map_err(|error| ExportError::Send(error.into()))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX)
            .collect()
            .await
            .map_err(ExportError::Send)?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// None at all where nothing is encrypted.
    fn roots(&self, secure: bool) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        if !secure {
            return roots;
        }
        match &self.ca_bundle {
            Some(path) => {
                let certificates = CertificateDer::pem_file_iter(path)
                    .map(|all| all.filter_map(Result::ok).collect::<Vec<_>>());
                roots.add_parsable_certificates(certificates.unwrap_or_default());
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        roots
    }
}

fn pool(roots: RootCertStore) -> Pool {
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
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .build(connector)
}

impl From<http::Error> for ExportError {
    fn from(error: http::Error) -> Self {
        let error: Box<dyn Error + Send + Sync> = error.into();
        Self::Send(error)
    }
}
