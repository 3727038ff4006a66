//! A service that answers by script and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What the service does with one request. The script's last step is repeated.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Answers with this status, these header lines and this body.
    Answer(u16, Vec<String>, String),
    /// Writes these bytes, which are no whole answer, then closes the connection.
    Half(&'static str),
    /// The same, and then nothing more ever comes.
    Stall(&'static str),
    /// Answers so after this time.
    Late(Duration, Box<Step>),
}

impl Step {
    /// Reads the request, then closes the connection.
    pub(super) const RESET: Self = Self::Half("");
    /// Reads the request and never answers.
    pub(super) const SILENCE: Self = Self::Stall("");

    /// An error as S3 reports it.
    pub(super) fn xml(status: u16, code: &str) -> Self {
        let body = format!("<Error><Code>{code}</Code><Message>words</Message></Error>");
        Self::Answer(status, vec![], body)
    }

    /// An error as the JSON services report it.
    pub(super) fn json(status: u16, code: &str) -> Self {
        let header = format!("x-amzn-errortype: {code}");
        let body =
            format!(r#"{{"__type":"{code}","message":"alice@example.org is not verified"}}"#);
        Self::Answer(status, vec![header], body)
    }

    /// Success with these header lines and this body.
    pub(super) fn ok(headers: &[&str], body: &str) -> Self {
        let headers = headers.iter().map(ToString::to_string);
        Self::Answer(200, headers.collect(), body.to_owned())
    }
}

#[derive(Debug, Default)]
struct State {
    script: VecDeque<Step>,
    requests: Vec<String>,
    connections: usize,
}

impl State {
    fn next(&mut self, request: String) -> Option<Step> {
        self.requests.push(request);
        if self.script.len() > 1 {
            self.script.pop_front()
        } else {
            self.script.front().cloned()
        }
    }
}

/// It lives as long as its test.
pub(super) struct Server {
    address: std::net::SocketAddr,
    state: Arc<Mutex<State>>,
    _accepting: JoinSet<()>,
}

impl Server {
    pub(super) async fn start(script: impl IntoIterator<Item = Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            script: script.into_iter().collect(),
            requests: Vec::new(),
            connections: 0,
        }));
        let shared = Arc::clone(&state);
        let mut accepting = JoinSet::new();
        accepting.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self {
            address,
            state,
            _accepting: accepting,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far: its head in lower case, and its body.
    pub(super) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }

    /// How many connections were made to it so far.
    pub(super) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// The one request that came, which has these parts.
    #[track_caller]
    pub(super) fn check_request(&self, parts: &[&str]) -> String {
        let [request] = self.requests().try_into().unwrap();
        for part in parts {
            assert!(request.contains(part), "{part} is not in {request}");
        }
        request
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    while let Some(request) = read_request(&mut stream).await {
        let mut step = state.lock().unwrap().next(request).expect("a script");
        if let Step::Late(after, then) = step {
            tokio::time::sleep(after).await;
            step = *then;
        }
        let text = match &step {
            Step::Answer(status, headers, body) => answer(*status, headers, body),
            Step::Half(begun) | Step::Stall(begun) => (*begun).to_owned(),
            Step::Late(..) => panic!("late once"),
        };
        // Whether it is read is the client's business.
        let written = stream.write_all(text.as_bytes()).await;
        if matches!(step, Step::Stall(_)) {
            std::future::pending::<()>().await;
        }
        if written.is_err() || matches!(step, Step::Half(_)) {
            return;
        }
    }
}

fn answer(status: u16, headers: &[String], body: &str) -> String {
    let mut lines = vec![format!("HTTP/1.1 {status} Scripted")];
    if !headers.iter().any(|line| line.contains("content-length")) {
        lines.push(format!("content-length: {}", body.len()));
    }
    lines.extend_from_slice(headers);
    format!("{}\r\n\r\n{body}", lines.join("\r\n"))
}

async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        if let Some(position) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break position + 4;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).to_lowercase();
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok())
        .unwrap_or(0);
    while bytes.len() < head_end + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(head + &String::from_utf8_lossy(&bytes[head_end..]))
}
