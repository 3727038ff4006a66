//! Collectors of traces: one in this process that misbehaves on demand, a real one, and what stands for X-Ray.

pub mod rotel;
mod segment;
pub mod signature;
mod span;
pub mod xray;

pub use span::{Attributes, Kind, Link, Span, Spans};

use std::io::Read;
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use flate2::read::GzDecoder;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use hyper::{Method, StatusCode};
use jiff::Timestamp;

use crate::clock;
use crate::http::{self, Answer, Request, Server};
use crate::shared::Shared;

/// What OTLP over HTTP is sent as.
pub const PROTOBUF: &str = "application/x-protobuf";

/// How a collector meets a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// It takes the spans.
    #[default]
    Takes,
    /// It refuses them with this status.
    Refuses(StatusCode),
    /// It takes the request and never answers.
    Hangs,
    /// It takes the request and answers after this time.
    Dawdles(Duration),
    /// It takes the request and closes the connection.
    Cuts,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Post {
    /// When it was there in full.
    pub at: Timestamp,
    /// Its path.
    pub path: String,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
    /// What is wrong with it.
    pub fault: Option<String>,
}

#[derive(Debug, Default)]
struct Kept {
    mood: Mood,
    takes_gzip: bool,
    posts: Vec<Post>,
    spans: Spans,
}

/// A collector that speaks OTLP over HTTP with protobuf, until it is dropped.
#[derive(Debug)]
pub struct Collector {
    server: Server,
    kept: Shared<Kept>,
}

impl Collector {
    /// Starts one.
    pub async fn start() -> Result<Self> {
        let kept = Shared::<Kept>::default();
        let server = Server::start(kept.clone(), serve).await?;
        Ok(Self { server, kept })
    }

    /// The value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// How it meets requests from now on.
    pub fn behave(&self, mood: Mood) {
        self.kept.lock().mood = mood;
    }

    /// Takes compressed requests too from now on, which the functions never send.
    pub fn take_gzip(&self) {
        self.kept.lock().takes_gzip = true;
    }

    /// Every span that it took so far.
    pub fn spans(&self) -> Spans {
        self.kept.lock().spans.clone()
    }

    /// Every request so far, whatever became of it.
    pub fn posts(&self) -> Vec<Post> {
        self.kept.lock().posts.clone()
    }

    /// What is wrong with the requests so far.
    pub fn faults(&self) -> Vec<String> {
        let posts = self.posts().into_iter();
        posts.filter_map(|post| post.fault).collect()
    }

    /// Waits until the spans so far are as `look` wants them.
    ///
    /// # Errors
    /// They never are; the message shows them.
    pub async fn eventually<T>(&self, what: &str, look: impl Fn(&Spans) -> Option<T>) -> Result<T> {
        let waited = clock::eventually(what, || async { Ok(look(&self.spans())) }).await;
        waited.map_err(|error| {
            error
                .context(format!("{:?}", self.faults()))
                .context(self.spans().tree())
        })
    }
}

async fn serve(kept: Shared<Kept>, mut request: Request) -> Answer {
    let at = clock::now();
    if kept.lock().takes_gzip {
        decompress(&mut request);
    }
    let read = read(&request);
    let (head, body) = request.into_parts();
    let (mood, fault) = {
        let mut kept = kept.lock();
        let fault = read.as_ref().err().cloned();
        kept.posts.push(Post {
            at,
            path: head.uri.path().to_owned(),
            headers: head.headers,
            body,
            fault: fault.clone(),
        });
        if matches!(kept.mood, Mood::Takes | Mood::Dawdles(_)) {
            kept.spans.0.extend(read.unwrap_or_default().0);
        }
        (kept.mood, fault)
    };
    let status = match mood {
        Mood::Takes if fault.is_some() => StatusCode::BAD_REQUEST,
        Mood::Takes => StatusCode::OK,
        Mood::Refuses(status) => status,
        Mood::Hangs => std::future::pending().await,
        Mood::Dawdles(time) => {
            tokio::time::sleep(time).await;
            StatusCode::OK
        }
        Mood::Cuts => return None,
    };
    // An empty `ExportTraceServiceResponse` is no bytes at all.
    Some(http::text(status, PROTOBUF, Bytes::new()))
}

fn read(request: &Request) -> Result<Spans, String> {
    if (request.method(), request.uri().path()) != (&Method::POST, "/v1/traces") {
        return Err(format!("{} {}", request.method(), request.uri()));
    }
    let [kind, encoding] = [CONTENT_TYPE, CONTENT_ENCODING].map(|name| request.headers().get(name));
    if kind.is_none_or(|kind| kind != PROTOBUF) || encoding.is_some() {
        return Err(format!("content type {kind:?}, encoding {encoding:?}"));
    }
    Spans::decode(request.body()).map_err(|error| format!("{error:#}"))
}

/// Undoes the compression of a request. A broken one stays as it is, and is refused.
fn decompress(request: &mut Request) {
    let mut body = Vec::new();
    let is_read = GzDecoder::new(&**request.body()).read_to_end(&mut body);
    if is_read.is_ok() {
        *request.body_mut() = body.into();
        request.headers_mut().remove(CONTENT_ENCODING);
    }
}

/// An endpoint at which nobody listens.
pub fn dead_endpoint() -> Result<String> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    // Bound until the process ends, so that nothing else comes to listen there.
    let socket = Box::leak(Box::new(socket));
    Ok(format!("http://{}", socket.local_addr()?))
}
