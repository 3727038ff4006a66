//! What stands for X-Ray: the daemon of a Lambda environment, which takes segments by UDP, and the API that takes them from an exporter.
//! What comes to either is checked, and kept.

use std::net::SocketAddr;

use anyhow::Result;
use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;

use super::segment;
use crate::clock;
use crate::http::{self, Answer, Request, Server};
use crate::json::At;
use crate::shared::Shared;

/// What every datagram begins with, as JSON.
const HEADER: &str = r#"{"format":"json","version":1}"#;
/// The daemon reads no more of one.
const DATAGRAM_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug, Default)]
struct Kept {
    documents: Vec<String>,
    faults: Vec<String>,
}

impl Kept {
    /// The text of a segment document.
    fn take(&mut self, document: &str) {
        let now = clock::now().as_second();
        self.faults.extend(segment::faults(document, now));
        self.documents.push(document.to_owned());
    }

    fn take_datagram(&mut self, datagram: &[u8]) {
        let text = String::from_utf8_lossy(datagram);
        let (header, document) = text.split_once('\n').unwrap_or((&text, ""));
        if header.replace(' ', "") != HEADER || datagram.len() > DATAGRAM_BYTES_MAX {
            let length = datagram.len();
            self.faults
                .push(format!("header {header:?}, {length} bytes"));
        }
        self.take(document);
    }
}

/// A daemon on a free port, until it is dropped.
#[derive(Debug)]
pub struct XrayDaemon {
    address: SocketAddr,
    kept: Shared<Kept>,
    _task: JoinSet<()>,
}

impl XrayDaemon {
    /// Starts to listen.
    pub async fn start() -> Result<Self> {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await?;
        let address = socket.local_addr()?;
        let kept = Shared::<Kept>::default();
        let mut task = JoinSet::new();
        task.spawn(listen(socket, kept.clone()));
        Ok(Self {
            address,
            kept,
            _task: task,
        })
    }

    /// The value of `AWS_XRAY_DAEMON_ADDRESS`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The text of every document so far.
    pub fn documents(&self) -> Vec<String> {
        self.kept.lock().documents.clone()
    }

    /// What is wrong with what came so far.
    pub fn faults(&self) -> Vec<String> {
        self.kept.lock().faults.clone()
    }

    /// Waits until the segments and subsegments so far, each by itself, are as `look` wants them.
    ///
    /// # Errors
    /// They never are; the message shows them.
    pub async fn eventually<T>(
        &self,
        what: &str,
        look: impl Fn(Vec<Value>) -> Option<T>,
    ) -> Result<T> {
        let segments = || {
            let documents = parsed(&self.documents());
            documents.iter().flat_map(segment::each).collect()
        };
        let waited = clock::eventually(what, || async { Ok(look(segments())) }).await;
        waited.map_err(|error| {
            error.context(format!("{:?} of {:#?}", self.faults(), self.documents()))
        })
    }
}

fn parsed(documents: &[String]) -> Vec<Value> {
    let read = |text: &String| serde_json::from_str(text).ok();
    documents.iter().filter_map(read).collect()
}

async fn listen(socket: UdpSocket, kept: Shared<Kept>) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX + 1];
    while let Ok(length) = socket.recv(&mut buffer).await {
        let datagram = buffer.get(..length).unwrap_or_default();
        kept.lock().take_datagram(datagram);
    }
}

/// `PutTraceSegments`, until it is dropped.
#[derive(Debug)]
pub struct XrayApi {
    server: Server,
    kept: Shared<Kept>,
}

impl XrayApi {
    /// Starts to serve.
    pub async fn start() -> Result<Self> {
        let kept = Shared::<Kept>::default();
        let server = Server::start(kept.clone(), serve).await?;
        Ok(Self { server, kept })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Every segment so far.
    pub fn segments(&self) -> Vec<Value> {
        parsed(&self.kept.lock().documents)
    }

    /// What is wrong with what came so far.
    pub fn faults(&self) -> Vec<String> {
        self.kept.lock().faults.clone()
    }
}

async fn serve(kept: Shared<Kept>, request: Request) -> Answer {
    let mut kept = kept.lock();
    let body = serde_json::from_slice::<Value>(request.body());
    let body = match body {
        Ok(body) if request.uri().path() == "/TraceSegments" => body,
        other => {
            kept.faults.push(format!("{}: {other:?}", request.uri()));
            return Some(http::json(StatusCode::BAD_REQUEST, &json!({})));
        }
    };
    for document in body.at("TraceSegmentDocuments").items() {
        kept.take(document.text());
    }
    let taken = json!({"UnprocessedTraceSegments": []});
    Some(http::json(StatusCode::OK, &taken))
}
