//! Collectors of traces: one in this process that misbehaves on demand, a real one, and what stands for X-Ray.

pub mod daemon;
mod otlp;
pub mod rotel;
pub mod segment;
pub mod signature;
mod span;
pub mod xray;

pub use span::{Attribute, Kind, Link, Span, Spans, Status};

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use bytes::Bytes;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use hyper::{Method, StatusCode};
use jiff::Timestamp;

use crate::clock;
use crate::http::{self, Answer, Request, Server};

/// What OTLP over HTTP is sent as.
pub const PROTOBUF: &str = "application/x-protobuf";

/// How a collector meets a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// It takes the spans.
    #[default]
    Takes,
    /// It refuses them with this status.
    Refuses(u16),
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
    /// How many spans it brought, or what is wrong with it.
    pub spans: Result<usize, String>,
}

#[derive(Debug, Default)]
struct Kept {
    mood: Mutex<Mood>,
    posts: Mutex<Vec<Post>>,
    spans: Mutex<Vec<Span>>,
}

/// A collector that speaks OTLP over HTTP with protobuf, until it is dropped.
#[derive(Debug)]
pub struct Collector {
    server: Server,
    kept: Arc<Kept>,
}

impl Collector {
    /// Starts one.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> Result<Self> {
        let kept = Arc::new(Kept::default());
        let server = {
            let kept = Arc::clone(&kept);
            Server::start(move |request| {
                let kept = Arc::clone(&kept);
                async move { kept.serve(request).await }
            })
            .await?
        };
        Ok(Self { server, kept })
    }

    /// The value of `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// How it meets requests from now on.
    pub fn behave(&self, mood: Mood) {
        *guard(&self.kept.mood) = mood;
    }

    /// Every span that it took so far.
    pub fn spans(&self) -> Spans {
        Spans(guard(&self.kept.spans).clone())
    }

    /// Every request so far, whatever became of it.
    pub fn posts(&self) -> Vec<Post> {
        guard(&self.kept.posts).clone()
    }

    /// What is wrong with the requests so far.
    pub fn faults(&self) -> Vec<String> {
        let posts = self.posts();
        posts
            .into_iter()
            .filter_map(|post| post.spans.err())
            .collect()
    }

    /// Waits until the spans so far are as `look` wants them.
    ///
    /// # Errors
    /// They never are; the message shows them.
    pub async fn eventually<T>(
        &self,
        what: &str,
        deadline: Duration,
        look: impl Fn(&Spans) -> Option<T>,
    ) -> Result<T> {
        let waited = clock::eventually(what, deadline, || async { Ok(look(&self.spans())) });
        waited
            .await
            .map_err(|error| error.context(self.spans().tree()))
    }
}

impl Kept {
    async fn serve(&self, request: Request) -> Answer {
        let at = clock::now();
        let read = read(&request);
        let mood = *guard(&self.mood);
        let takes = matches!(mood, Mood::Takes | Mood::Dawdles(_));
        let (head, body) = request.into_parts();
        let count = read.as_ref().map(Vec::len).map_err(Clone::clone);
        if let (true, Ok(spans)) = (takes, &read) {
            guard(&self.spans).extend(spans.iter().cloned());
        }
        guard(&self.posts).push(Post {
            at,
            path: head.uri.path().to_owned(),
            headers: head.headers,
            body,
            spans: count,
        });
        match mood {
            Mood::Takes if read.is_err() => Answer::Reply(answer(StatusCode::BAD_REQUEST)),
            Mood::Takes => Answer::Reply(answer(StatusCode::OK)),
            Mood::Refuses(status) => Answer::Reply(answer(
                StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE),
            )),
            Mood::Hangs => std::future::pending().await,
            Mood::Dawdles(time) => {
                tokio::time::sleep(time).await;
                Answer::Reply(answer(StatusCode::OK))
            }
            Mood::Cuts => Answer::Cut,
        }
    }
}

fn read(request: &Request) -> Result<Vec<Span>, String> {
    let header = |name| {
        let value = request.headers().get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or("")
    };
    if (request.method(), request.uri().path()) != (&Method::POST, "/v1/traces") {
        return Err(format!("{} {}", request.method(), request.uri()));
    }
    // No compression is offered, so none may come.
    let (kind, encoding) = (header(CONTENT_TYPE), header(CONTENT_ENCODING));
    if kind != PROTOBUF || !encoding.is_empty() {
        return Err(format!("content type {kind:?}, encoding {encoding:?}"));
    }
    otlp::decode(request.body()).map_err(|error| format!("{error:#}"))
}

/// An empty `ExportTraceServiceResponse` is no bytes at all.
fn answer(status: StatusCode) -> http::Response {
    http::text(status, PROTOBUF, Bytes::new())
}

/// An endpoint at which nobody listens.
///
/// # Errors
/// No port is free.
pub fn dead_endpoint() -> Result<String> {
    let socket = tokio::net::TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    // Bound until the process ends, so that nothing else comes to listen there.
    let socket = Box::leak(Box::new(socket));
    Ok(format!("http://{}", socket.local_addr()?))
}

fn guard<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
