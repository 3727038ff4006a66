use super::*;
use http::header::HOST;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// An answer that leaves the connection open, for all that it says.
const OPEN: &str = "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\ntaken";
/// One that ends with the connection, and says so.
const LAST: &str = "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ntaken";

/// A collector that counts its connections and keeps the heads of its requests.
struct Collector {
    address: String,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    /// One that answers so, and closes the connection after it or not.
    async fn start(answer: &'static str, closes: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let collector = Self {
            address,
            connections: Arc::default(),
            heads: Arc::default(),
        };
        let (connections, heads) = (collector.connections.clone(), collector.heads.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _peer) = listener.accept().await.unwrap();
                connections.fetch_add(1, Ordering::Relaxed);
                serve(stream, &heads, answer, closes).await;
            }
        });
        collector
    }

    fn client(&self, path: &str) -> Client {
        let endpoint = format!("http://{}{path}", self.address);
        Client::new(endpoint.parse().unwrap(), None)
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

async fn ask(client: &Client) -> Bytes {
    let headers = HeaderMap::from_iter([(HOST, client.host().unwrap())]);
    let answer = client.post(&headers, Bytes::from_static(b"spans")).await;
    answer.unwrap().into_body()
}

/// Answers what comes over a connection until one of both closes it.
async fn serve(mut stream: TcpStream, heads: &Mutex<Vec<String>>, answer: &str, closes: bool) {
    let mut seen = Vec::new();
    while stream.read_buf(&mut seen).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&seen).into_owned();
        let Some(head) = text.strip_suffix("\r\n\r\nspans") else {
            continue;
        };
        heads.lock().await.push(head.to_owned());
        seen.clear();
        stream.write_all(answer.as_bytes()).await.unwrap();
        if closes {
            return;
        }
    }
}

/// Asks so often, each time with an answer, over so many connections in all.
async fn check(
    (answer, closes): (&'static str, bool),
    requests: usize,
    connections: usize,
) -> Vec<String> {
    let collector = Collector::start(answer, closes).await;
    let client = collector.client("/v1/traces?token=1");
    for _ in 0..requests {
        assert_eq!(ask(&client).await, "taken");
    }
    assert_eq!(collector.connections(), connections);
    let heads = collector.heads.lock().await.clone();
    assert_eq!(heads.len(), requests);
    let host = format!("host: {}", collector.address);
    assert!(heads.iter().all(|head| head.contains(&host)), "{heads:?}");
    heads
}

#[tokio::test]
async fn requests_go_over_one_connection_each_with_its_path_and_its_host() {
    let line = "POST /v1/traces?token=1 HTTP/1.1\r\n";
    let heads = check((OPEN, false), 2, 1).await;
    assert!(heads.iter().all(|head| head.starts_with(line)), "{heads:?}");
}

#[tokio::test]
async fn an_answer_that_ends_with_its_connection_is_read_and_the_next_request_has_a_new_one() {
    check((LAST, true), 2, 2).await;
}

#[tokio::test]
async fn a_request_over_a_connection_that_died_meanwhile_is_sent_once_more() {
    check((OPEN, true), 3, 3).await;
}

#[test]
fn a_port_stands_in_the_host_unless_it_is_the_schemes_own() {
    let host = |endpoint: &str| Client::new(endpoint.parse().unwrap(), None).host();
    for (endpoint, expected) in [
        ("http://collector:4318/v1/traces", "collector:4318"),
        ("http://collector:80", "collector"),
        (
            "https://xray.us-east-1.amazonaws.com/v1/traces",
            "xray.us-east-1.amazonaws.com",
        ),
        ("https://user:secret@collector:443/", "collector"),
        ("https://[::1]:80/", "[::1]:80"),
    ] {
        assert_eq!(host(endpoint).unwrap(), expected, "{endpoint}");
    }
}

#[tokio::test]
async fn a_connection_that_was_idle_for_long_is_not_used_again() {
    let collector = Collector::start(OPEN, false).await;
    let client = collector.client("/v1/traces");
    ask(&client).await;
    let long_ago = Instant::now().checked_sub(IDLE_MAX).unwrap();
    client.kept.lock().await.as_mut().unwrap().used = long_ago;
    ask(&client).await;
    assert_eq!(collector.connections(), 2);
}

#[tokio::test]
async fn nobody_there_is_an_error() {
    let bound = tokio::net::TcpSocket::new_v4().unwrap();
    bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let endpoint = format!("http://{}/v1/traces", bound.local_addr().unwrap());
    let client = Client::new(endpoint.parse().unwrap(), None);
    let sent = client.post(&HeaderMap::new(), Bytes::new()).await;
    assert!(matches!(sent, Err(ExportError::Send(_))), "{sent:?}");
}
