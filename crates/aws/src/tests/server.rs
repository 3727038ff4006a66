//! A service that answers by script and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What the service does with one request. The script's last step is repeated.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Answers with this status, these header lines and this body.
    Answer(u16, Vec<String>, String),
    /// Reads the request, then closes the connection.
    Reset,
    /// Reads the request and never answers.
    Silence,
    /// Answers with these header lines, which announce more than this beginning of a body, then closes the connection.
    Broken(Vec<String>, String),
    /// The same, and goes on for ever instead.
    Stalled(Vec<String>, String),
    /// Writes these bytes, which are no whole answer, then closes the connection.
    Half(&'static str),
    /// Answers so after this time.
    Late(Duration, Box<Step>),
}

impl Step {
    /// An error as S3 tells it.
    pub(super) fn xml(status: u16, code: &str) -> Self {
        Self::Answer(
            status,
            vec![],
            format!("<Error><Code>{code}</Code><Message>words</Message></Error>"),
        )
    }

    /// An error as the JSON services tell it.
    pub(super) fn json(status: u16, code: &str) -> Self {
        let header = format!("x-amzn-errortype: {code}");
        Self::Answer(
            status,
            vec![header],
            format!(r#"{{"__type":"{code}","message":"alice@example.org is not verified"}}"#),
        )
    }

    /// Success with these header lines and this body.
    pub(super) fn ok(headers: &[&str], body: &str) -> Self {
        Self::Answer(
            200,
            headers.iter().map(ToString::to_string).collect(),
            body.to_owned(),
        )
    }
}

#[derive(Debug, Default)]
struct State {
    script: VecDeque<Step>,
    requests: Vec<String>,
}

/// It lives as long as its test.
pub(super) struct Server {
    address: std::net::SocketAddr,
    state: Arc<Mutex<State>>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) async fn start(script: impl IntoIterator<Item = Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State {
            script: script.into_iter().collect(),
            requests: Vec::new(),
        }));
        let shared = Arc::clone(&state);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self {
            address,
            state,
            task,
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far: its head in lower case, and its body.
    pub(super) fn requests(&self) -> Vec<String> {
        self.state.lock().unwrap().requests.clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>) {
    while let Some(request) = read_request(&mut stream).await {
        let step = {
            let mut state = state.lock().unwrap();
            state.requests.push(request);
            if state.script.len() > 1 {
                state.script.pop_front()
            } else {
                state.script.front().cloned()
            }
        };
        let step = match step {
            Some(Step::Late(after, step)) => {
                tokio::time::sleep(after).await;
                Some(*step)
            }
            step => step,
        };
        match step {
            Some(Step::Answer(status, headers, body)) => {
                let headers = headers.join("\r\n") + if headers.is_empty() { "" } else { "\r\n" };
                let length = if headers.contains("content-length") {
                    String::new()
                } else {
                    format!("content-length: {}\r\n", body.len())
                };
                let answer = format!("HTTP/1.1 {status} Scripted\r\n{length}{headers}\r\n{body}");
                if stream.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            Some(Step::Silence) => std::future::pending().await,
            Some(Step::Broken(headers, body)) => {
                let begun = format!(
                    "HTTP/1.1 200 Scripted\r\n{}\r\n\r\n{body}",
                    headers.join("\r\n")
                );
                // Whether it is read is the client's business.
                drop(stream.write_all(begun.as_bytes()).await);
                return;
            }
            Some(Step::Stalled(headers, body)) => {
                let begun = format!(
                    "HTTP/1.1 200 Scripted\r\n{}\r\n\r\n{body}",
                    headers.join("\r\n")
                );
                drop(stream.write_all(begun.as_bytes()).await);
                std::future::pending::<()>().await;
            }
            Some(Step::Half(begun)) => {
                drop(stream.write_all(begun.as_bytes()).await);
                return;
            }
            Some(Step::Reset | Step::Late(..)) | None => return,
        }
    }
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
