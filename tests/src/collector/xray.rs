//! The API of X-Ray that takes segments from an exporter: what comes is checked, and kept.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use hyper::StatusCode;
use serde_json::{Value, json};

use super::segment;
use crate::clock;
use crate::http::{self, Answer, Request, Server};
use crate::json::At;

#[derive(Debug, Default)]
struct Kept {
    segments: Vec<Value>,
    faults: Vec<String>,
}

/// `PutTraceSegments`, until it is dropped.
#[derive(Debug)]
pub struct XrayApi {
    server: Server,
    kept: Arc<Mutex<Kept>>,
}

impl XrayApi {
    /// Starts to serve.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> Result<Self> {
        let kept = Arc::new(Mutex::new(Kept::default()));
        let server = {
            let kept = Arc::clone(&kept);
            Server::start(move |request| {
                let answer = serve(&mut guard(&kept), &request);
                std::future::ready(answer)
            })
            .await?
        };
        Ok(Self { server, kept })
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Every segment so far.
    pub fn segments(&self) -> Vec<Value> {
        guard(&self.kept).segments.clone()
    }

    /// What is wrong with what came so far.
    pub fn faults(&self) -> Vec<String> {
        guard(&self.kept).faults.clone()
    }
}

fn serve(kept: &mut Kept, request: &Request) -> Answer {
    let body: Value = match serde_json::from_slice(request.body()) {
        Ok(body) if request.uri().path() == "/TraceSegments" => body,
        other => {
            kept.faults.push(format!("{}: {other:?}", request.uri()));
            return Answer::Reply(http::json(StatusCode::BAD_REQUEST, &json!({})));
        }
    };
    let documents = body.at("TraceSegmentDocuments").as_array();
    let now = clock::now().as_second();
    for document in documents.into_iter().flatten() {
        let text = document.as_str().unwrap_or_default();
        kept.faults.extend(segment::faults(text, now));
        kept.segments
            .push(serde_json::from_str(text).unwrap_or_default());
    }
    Answer::Reply(http::json(
        StatusCode::OK,
        &json!({"UnprocessedTraceSegments": []}),
    ))
}

fn guard<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
