//! A small HTTP server and client: every server of the harness is one closure over a request.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// A request whose body was read in full.
pub type Request = hyper::Request<Bytes>;
/// A response whose body is known in full.
pub type Response = hyper::Response<Bytes>;

/// Longest that requests may take to be served.
const SETTLE_TIMEOUT: Duration = Duration::from_mins(1);

/// What a handler does with a request.
#[derive(Debug)]
pub enum Answer {
    /// It replies.
    Reply(Response),
    /// It closes the connection without a word.
    Cut,
}

/// A connection that is closed on purpose.
#[derive(Debug)]
struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("connection cut on purpose")
    }
}

impl std::error::Error for Cut {}

/// A server on a free port of 127.0.0.1, until it is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
    /// The requests that are being served.
    serving: Arc<watch::Sender<InService>>,
}

impl Server {
    /// Serves every request with `handler`.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start<H, F>(handler: H) -> Result<Self>
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let serving = Arc::new(watch::Sender::new(InService::default()));
        let task = tokio::spawn(accept(listener, Arc::new(handler), Arc::clone(&serving)));
        Ok(Self {
            address,
            task,
            serving,
        })
    }

    /// Waits until every request that had been sent by now has been served. One whose sender is dead is given up where it waits.
    ///
    /// # Errors
    /// One of them is not served.
    pub async fn settled(&self) -> Result<()> {
        // A connection behind all that there are: when it is over, the requests that came before it are being served.
        let mut last = TcpStream::connect(self.address).await?;
        last.shutdown().await?;
        last.read_to_end(&mut Vec::new()).await?;
        let mut serving = self.serving.subscribe();
        let begun = serving.borrow().begun;
        let settled = serving.wait_for(|serving| serving.oldest() >= begun);
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

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept<H, F>(
    listener: TcpListener,
    handler: Arc<H>,
    serving: Arc<watch::Sender<InService>>,
) where
    H: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _peer)) = listener.accept().await {
        connections.spawn(converse(stream, Arc::clone(&handler), Arc::clone(&serving)));
        while connections.try_join_next().is_some() {}
    }
}

/// The requests that are being served, by their number.
#[derive(Debug, Default)]
struct InService {
    begun: u64,
    now: BTreeSet<u64>,
}

impl InService {
    /// The oldest request that is being served, else the next one.
    fn oldest(&self) -> u64 {
        self.now.first().copied().unwrap_or(self.begun)
    }
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

async fn converse<H, F>(stream: TcpStream, handler: Arc<H>, serving: Arc<watch::Sender<InService>>)
where
    H: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Answer> + Send + 'static,
{
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (handler, serving) = (Arc::clone(&handler), Serving::begin(&serving));
        async move {
            let _serving = serving;
            let (head, body) = request.into_parts();
            let body = body.collect().await.map_err(|_lost| Cut)?.to_bytes();
            match handler(Request::from_parts(head, body)).await {
                Answer::Reply(response) => Ok(response.map(Full::new)),
                Answer::Cut => Err(Cut),
            }
        }
    });
    let served = hyper::server::conn::http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
    drop(served); // A peer that went away, or a cut: both are wanted.
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
    ///
    /// # Errors
    /// The peer cannot be reached or goes away.
    pub async fn send(&self, request: Request) -> Result<Response> {
        let url = request.uri().to_string();
        let response = self
            .0
            .request(request.map(Full::new))
            .await
            .with_context(|| format!("no reply from {url}"))?;
        let (head, body) = response.into_parts();
        let body = body.collect().await.context("the reply broke off")?;
        Ok(Response::from_parts(head, body.to_bytes()))
    }

    /// `GET`s a URL.
    ///
    /// # Errors
    /// The peer cannot be reached or goes away.
    pub async fn get(&self, url: &str) -> Result<Response> {
        self.send(hyper::Request::get(url).body(Bytes::new())?)
            .await
    }
}

/// A response with a JSON body.
pub fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    text(status, "application/json", body.to_string())
}

/// A response with a body of a type.
pub fn text(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(
        hyper::header::CONTENT_TYPE,
        hyper::header::HeaderValue::from_static(content_type),
    );
    response
}
