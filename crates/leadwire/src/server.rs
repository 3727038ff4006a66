//! HTTP in: carries requests to the stage `ingest` and its answers back. Bounded in connections, bytes and time.

mod seat;

use crate::page::{HEADERS, Page, Pages};
use crate::refused::RefusedFiles;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER};
use hyper::http::response::Builder;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request as HttpRequest, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use leadwire_domain::limits::BODY_BYTES_MAX;
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Headers, header_value};
use leadwire_local::{FileSecrets, LocalPorts, OsEntropy, SqliteQueue, SqliteStore, SystemClock};
use leadwire_pipeline::observe::{AcceptFailed, ConnectionEnded, DrainTimedOut, RequestRejected};
use leadwire_pipeline::port::{Bucket, Clock as _, Home as _, NoMailer, ObjectStore as _, Ports};
use leadwire_pipeline::stage::ingest::{Answer, Ingest, Request};
use leadwire_pipeline::trace::{TRACEPARENT, TraceContext};
use leadwire_telemetry::{
    Invocation, QuietSpan, TraceBudget, Traced, answered, context_of, link_outside, server_span,
};
use seat::{Seat, Seats};
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tracing::Instrument as _;

/// How long a request's headers may take, and how long a connection may be idle.
const HEADER_DEADLINE: Duration = Duration::from_secs(15);
/// How long a body may take. It covers 1 MiB over a line of half a megabit.
const BODY_DEADLINE: Duration = Duration::from_secs(20);
/// Announced bodies up to this size are read to their end and thrown away beyond the limit: a sender that still writes when the connection
/// closes sees a reset, and not its 413. Larger ones are answered at once.
const DISCARD_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// How long that may take. A sender that is slower than this may miss its answer.
const DISCARD_DEADLINE: Duration = Duration::from_secs(5);
/// How long requests that are under way may take when the server stops.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);
/// How long to wait after a failed accept: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Where a monitor asks whether the server can store.
const HEALTH_PATH: &str = "/healthz";

/// The ports behind the stage.
type TracedPorts =
    Ports<Traced<SqliteStore>, Traced<SqliteQueue>, Traced<NoMailer>, SystemClock, OsEntropy>;

/// The stage behind the server, and its home.
pub(crate) struct App {
    /// Not traced: a monitor that asks for the health every second is no lead.
    pub(crate) ports: LocalPorts<NoMailer>,
    pub(crate) ingest: Ingest<TracedPorts, FileSecrets>,
    /// The same without spans, and how many traces a second are recorded in full, where spans go to the data folder alone.
    pub(crate) flooded: Option<(TraceBudget, Ingest<LocalPorts<NoMailer>, FileSecrets>)>,
    /// Where refused requests are saved, where they are.
    pub(crate) refused: Option<RefusedFiles>,
    /// What a person at this machine may look at.
    pub(crate) pages: Pages,
}

/// hyper's headers as the domain reads them.
struct HeaderView<'a>(&'a HeaderMap);

impl Headers for HeaderView<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        header_value(self.0.get_all(name).iter().map(HeaderValue::as_bytes))
    }

    fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// Why a connection ends without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the body could not be read")]
struct Broken(#[source] hyper::Error);

/// Serves until `stop` ends, then lets requests that are under way finish.
pub(crate) async fn serve(listener: TcpListener, app: Arc<App>, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let seats = Seats::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = accept(&listener, &seats) => {
                if let Some((connection, seat)) = accepted {
                    spawn_connection(connection, seat, Arc::clone(&app), &graceful);
                }
            }
        }
    }
    drop(listener);
    let drained = tokio::time::timeout(DRAIN_DEADLINE, graceful.shutdown()).await;
    if drained.is_err() {
        DrainTimedOut {}.emit();
    }
}

async fn accept(
    listener: &TcpListener,
    seats: &Arc<Seats>,
) -> Option<((TcpStream, SocketAddr), Seat)> {
    match listener.accept().await {
        Ok(connection) => Some((connection, seats.take().await?)),
        Err(error) => {
            AcceptFailed { error: &error }.emit();
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

fn spawn_connection(
    (stream, peer): (TcpStream, SocketAddr),
    seat: Seat,
    app: Arc<App>,
    graceful: &GracefulShutdown,
) {
    let seat = Arc::new(seat);
    let service = service_fn({
        let seat = Arc::clone(&seat);
        move |request| {
            let (app, seat) = (Arc::clone(&app), Arc::clone(&seat));
            async move {
                seat.begin();
                let answer = app.answer(peer, request).await;
                seat.end();
                answer
            }
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let watched = graceful.watch(connection);
    tokio::spawn(async move {
        let ended = tokio::select! {
            biased;
            ended = watched => ended,
            () = seat.given_up() => Ok(()),
        };
        if let Err(error) = ended {
            if error.is_parse_too_large() {
                // hyper has answered it.
                rejected(Problem::HeadersTooLarge, &error.to_string());
            }
            ConnectionEnded { error: &error }.emit();
        }
    });
}

/// Reports a request that never comes to the stage.
fn rejected(problem: Problem, cause: &str) {
    RequestRejected {
        source: None,
        reason: problem.into(),
        unverified: None,
        cause: Some(cause),
        quarantined: None,
    }
    .emit();
}

impl App {
    async fn answer(
        &self,
        peer: SocketAddr,
        request: HttpRequest<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Broken> {
        let received_at = self.ports.clock().now();
        let (head, body) = request.into_parts();
        if head.uri.path() == HEALTH_PATH {
            return Ok(self.health().await);
        }
        if let Some(page) = self.pages.answer(peer.ip(), &head).await {
            return Ok(render_page(page));
        }
        let Ok(body) = tokio::time::timeout(BODY_DEADLINE, read_body(body)).await else {
            return Ok(too_slow());
        };
        let body = body.map_err(Broken)?;
        let headers = HeaderView(&head.headers);
        let (method, path) = (head.method.as_str(), head.uri.path());
        let request = Request {
            method,
            path,
            called: path,
            query: head.uri.query().unwrap_or_default(),
            headers: &headers,
            body: &body,
            received_at,
            trace: TraceContext::default(),
        };
        let flooded = self.flooded.as_ref();
        let flooded = flooded.filter(|(budget, _)| !budget.takes(received_at));
        let answer = match flooded {
            Some((_, ingest)) => quietly(ingest, request).await,
            None => self.traced(request).await,
        };
        if let Some(refused) = &self.refused {
            refused.save(&answer, &head, &body, received_at);
        }
        Ok(render(answer))
    }

    /// The answer, with the spans of everything that is done for it.
    async fn traced(&self, mut request: Request<'_>) -> Answer {
        let invocation = Invocation::default();
        let span = server_span(request.method, request.path, "http", &invocation);
        request.trace = context_of(&span);
        let path = request.path;
        let outside = request.headers.get(TRACEPARENT).map(ToOwned::to_owned);
        let answer = self.ingest.handle(request).instrument(span.clone()).await;
        answered(&span, path, &answer);
        if answer.is_verified {
            let outside = TraceContext {
                traceparent: outside,
                ..TraceContext::default()
            };
            link_outside(&span, &outside, &invocation);
        }
        answer
    }

    /// Whether the store can be read; its writer is the same.
    async fn health(&self) -> Response<Full<Bytes>> {
        let read = self.ports.store().get(Bucket::Enriched, "healthz", 0).await;
        let (status, word) = match read {
            Ok(_) => (200, "ok"),
            Err(_) => (503, "store unavailable"),
        };
        let body = serde_json::json!({ "status": word }).to_string();
        respond(begin(status, "application/json"), body)
    }
}

/// The answer, with one span where there is something to tell.
async fn quietly(
    ingest: &Ingest<LocalPorts<NoMailer>, FileSecrets>,
    mut request: Request<'_>,
) -> Answer {
    let span = QuietSpan::begin();
    request.trace = span.trace();
    let (method, path) = (request.method, request.path);
    let answer = ingest.handle(request).await;
    span.end(method, path, &answer);
    answer
}

/// Reads a body, and keeps at most one byte more than a body may have.
async fn read_body<B: Body<Data = Bytes>>(body: B) -> Result<Vec<u8>, B::Error> {
    let mut body = pin!(body);
    let bytes = read_at_most(body.as_mut(), BODY_BYTES_MAX + 1).await?;
    if bytes.len() > BODY_BYTES_MAX && body.size_hint().lower() <= DISCARD_BYTES_MAX {
        // Whatever comes of it, the answer is the same: too large.
        drop(tokio::time::timeout(DISCARD_DEADLINE, discard(body)).await);
    }
    Ok(bytes)
}

/// Reads a body until its end or `most` bytes, whichever comes first.
async fn read_at_most<B: Body<Data = Bytes>>(
    mut body: Pin<&mut B>,
    most: usize,
) -> Result<Vec<u8>, B::Error> {
    let mut bytes = Vec::new();
    while bytes.len() < most {
        let Some(frame) = body.as_mut().frame().await else {
            break;
        };
        if let Ok(data) = frame?.into_data() {
            let room = most - bytes.len();
            bytes.extend_from_slice(data.get(..room).unwrap_or(&data));
        }
    }
    Ok(bytes)
}

/// Reads what is left of a body, up to a limit, and keeps nothing.
async fn discard<B: Body<Data = Bytes>>(mut body: Pin<&mut B>) -> Result<(), B::Error> {
    let mut read = 0;
    while read < DISCARD_BYTES_MAX {
        let Some(frame) = body.as_mut().frame().await else {
            break;
        };
        let data = frame?.into_data().unwrap_or_default();
        read += u64::try_from(data.len()).unwrap_or(u64::MAX);
    }
    Ok(())
}

/// The answer to a body that does not come to its end. What may still come of it would be taken for another request.
fn too_slow() -> Response<Full<Bytes>> {
    let seconds = BODY_DEADLINE.as_secs();
    rejected(
        Problem::TooSlow,
        &format!("the body took longer than {seconds} s"),
    );
    let answer = Answer::problem(Problem::TooSlow);
    let response = begin(answer.status, answer.content_type).header(CONNECTION, "close");
    respond(response, answer.body)
}

fn render(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = begin(answer.status, answer.content_type);
    if let Some(seconds) = answer.retry_after_seconds {
        response = response.header(RETRY_AFTER, seconds);
    }
    if let Some(allow) = answer.allow {
        response = response.header(ALLOW, allow);
    }
    respond(response, answer.body)
}

fn render_page(page: Page) -> Response<Full<Bytes>> {
    let mut response = begin(page.status, page.content_type);
    for (name, value) in HEADERS {
        response = response.header(name, value);
    }
    respond(response, page.body)
}

fn begin(status: u16, content_type: &str) -> Builder {
    let response = Response::builder().status(status);
    response.header(CONTENT_TYPE, content_type)
}

fn respond(response: Builder, body: String) -> Response<Full<Bytes>> {
    let response = response.body(Full::new(Bytes::from(body)));
    response.expect("our own statuses and headers are valid")
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use http_body_util::StreamBody;
    use hyper::body::Frame;
    use std::convert::Infallible;

    fn body(chunks: usize) -> impl Body<Data = Bytes, Error = Infallible> {
        let frames = (0..chunks).map(|_| Ok(Frame::data(Bytes::from_static(&[b'x'; 1000]))));
        StreamBody::new(stream::iter(frames))
    }

    #[tokio::test]
    async fn a_body_is_cut_at_the_limit_and_not_buffered_beyond_it() {
        let whole = read_at_most(pin!(body(3)), 5000).await.unwrap();
        assert_eq!(whole.len(), 3000);
        let cut = read_at_most(pin!(body(1_000_000_000)), 2500).await.unwrap();
        assert_eq!(cut.len(), 2500);
    }

    #[tokio::test]
    async fn what_is_beyond_the_limit_is_thrown_away_up_to_a_limit() {
        for chunks in [2_000, 1_000_000_000] {
            let kept = read_body(body(chunks)).await.unwrap();
            assert_eq!(kept.len(), BODY_BYTES_MAX + 1);
        }
    }

    #[test]
    fn a_header_that_stands_twice_counts_once_and_of_two_values_as_absent() {
        let mut headers = HeaderMap::new();
        headers.append("webhook-id", "a".parse().unwrap());
        assert_eq!(HeaderView(&headers).get("webhook-id"), Some("a"));
        headers.append("webhook-id", "a".parse().unwrap());
        assert_eq!(HeaderView(&headers).get("webhook-id"), Some("a"));
        headers.append("webhook-id", "b".parse().unwrap());
        assert_eq!(HeaderView(&headers).get("webhook-id"), None);
        assert!(HeaderView(&headers).contains("webhook-id"));
        assert!(!HeaderView(&headers).contains("webhook-timestamp"));
    }
}
