//! A small HTTP server and client: every server of the harness is one function over a request.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A request whose body was read in full.
pub type Request = hyper::Request<Bytes>;
/// A response whose body is known in full.
pub type Response = hyper::Response<Bytes>;
/// What a server makes of a request: its reply; without one it closes the connection without a word.
pub type Answer = Option<Response>;

/// Longest that requests may take to be served.
const SETTLE_TIMEOUT: Duration = Duration::from_mins(1);

/// A server on a free port of 127.0.0.1, until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    serving: Arc<watch::Sender<InService>>,
    _task: JoinSet<()>,
}

impl Server {
    /// Serves every request with `handler`, which is given `state` too.
    pub async fn start<S, H, F>(state: S, handler: H) -> Result<Self>
    where
        S: Clone + Send + Sync + 'static,
        H: Fn(S, Request) -> F + Copy + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let serving = Arc::<watch::Sender<InService>>::default();
        let all = Arc::clone(&serving);
        let mut task = JoinSet::new();
        task.spawn(accept(listener, move |stream| {
            let (state, all) = (state.clone(), Arc::clone(&all));
            let service = service_fn(move |request: hyper::Request<Incoming>| {
                let (state, serving) = (state.clone(), Serving::begin(&all));
                async move {
                    let _serving = serving;
                    let (head, body) = request.into_parts();
                    let body = body.collect().await?.to_bytes();
                    let answer = handler(state, Request::from_parts(head, body)).await;
                    let reply = answer.context("the connection is cut on purpose")?;
                    anyhow::Ok(reply.map(Full::new))
                }
            });
            // It ends with an error where the peer goes away, or by a cut: both are wanted.
            http1::Builder::new().serve_connection(TokioIo::new(stream), service)
        }));
        Ok(Self {
            address,
            serving,
            _task: task,
        })
    }

    /// Waits until every request that had been sent by now has been served. One whose sender is dead is given up where it waits.
    pub async fn settled(&self) -> Result<()> {
        // A connection behind all that there are: when it is over, the requests that came before it are being served.
        let mut last = TcpStream::connect(self.address).await?;
        last.shutdown().await?;
        last.read_to_end(&mut Vec::new()).await?;
        let mut serving = self.serving.subscribe();
        let begun = serving.borrow().begun;
        let settled = serving.wait_for(|all| all.now.first().is_none_or(|oldest| *oldest >= begun));
        let settled = tokio::time::timeout(SETTLE_TIMEOUT, settled).await;
        settled.context("a request is not served")??;
        Ok(())
    }

    /// `127.0.0.1:port`.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Serves each connection of a listener beside the others; all end with this one.
pub(crate) async fn accept<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F)
where
    F: Future<Output: Send> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _peer)) = listener.accept().await {
        connections.spawn(serve(stream));
        while connections.try_join_next().is_some() {}
    }
}

/// The requests that are being served, by their number.
#[derive(Debug, Default)]
struct InService {
    begun: u64,
    now: BTreeSet<u64>,
}

/// A request that is being served, until it is dropped.
struct Serving {
    number: u64,
    all: Arc<watch::Sender<InService>>,
}

impl Serving {
    fn begin(all: &Arc<watch::Sender<InService>>) -> Self {
        let mut number = 0;
        all.send_modify(|serving| {
            number = serving.begun;
            serving.begun += 1;
            serving.now.insert(number);
        });
        let all = Arc::clone(all);
        Self { number, all }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.all.send_modify(|serving| {
            serving.now.remove(&self.number);
        });
    }
}

/// A client for plain HTTP.
#[derive(Clone, Debug)]
pub struct Client(HyperClient<HttpConnector, Full<Bytes>>);

impl Default for Client {
    fn default() -> Self {
        Self(HyperClient::builder(TokioExecutor::new()).build_http())
    }
}

impl Client {
    /// Sends one request and reads the whole reply.
    pub async fn send(&self, request: Request) -> Result<Response> {
        let url = request.uri().to_string();
        let sent = self.0.request(request.map(Full::new));
        let reply = sent.await.with_context(|| format!("no reply from {url}"))?;
        let (head, body) = reply.into_parts();
        let body = body.collect().await.context("the reply broke off")?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// `GET`s a URL.
    pub async fn get(&self, url: &str) -> Result<Response> {
        let request = hyper::Request::get(url).body(Bytes::new())?;
        self.send(request).await
    }
}

/// A `POST` of JSON.
pub fn post(url: &str, headers: &[(&str, &str)], body: &str) -> Result<Request> {
    let mut request = hyper::Request::post(url).header(CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(request.body(Bytes::copy_from_slice(body.as_bytes()))?)
}

/// A response with a JSON body.
pub fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    text(status, "application/json", body.to_string())
}

/// A response with a body of a type.
pub fn text(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}
