use super::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// How a collector of these tests ends an answer.
#[derive(Clone, Copy)]
enum Ending {
    /// It keeps the connection.
    Open,
    /// It says that it closes the connection, and does.
    Told,
    /// It says nothing and closes the connection.
    Untold,
}

/// A collector that counts its connections and keeps the heads of its requests.
struct Collector {
    address: String,
    connections: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Collector {
    async fn start(ending: Ending) -> Self {
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
                serve(stream, ending, &heads).await;
            }
        });
        collector
    }

    async fn ask(&self, client: &Client, path: &str) -> Bytes {
        let request = Request::post(format!("http://{}{path}", self.address));
        let request = request.body(Bytes::from_static(b"spans")).unwrap();
        client.send(request).await.unwrap().into_body()
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

/// Answers what comes over a connection until one of both closes it.
async fn serve(mut stream: TcpStream, ending: Ending, heads: &Mutex<Vec<String>>) {
    let mut seen = Vec::new();
    while stream.read_buf(&mut seen).await.is_ok_and(|read| read > 0) {
        let text = String::from_utf8_lossy(&seen).into_owned();
        let Some(head) = text.strip_suffix("\r\n\r\nspans") else {
            continue;
        };
        heads.lock().await.push(head.to_owned());
        seen.clear();
        let answer: &[u8] = match ending {
            Ending::Open | Ending::Untold => b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\ntaken",
            Ending::Told => b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ntaken",
        };
        stream.write_all(answer).await.unwrap();
        match ending {
            Ending::Open => {}
            Ending::Told | Ending::Untold => return,
        }
    }
}

#[tokio::test]
async fn requests_go_over_one_connection_each_with_its_path_and_its_host() {
    let collector = Collector::start(Ending::Open).await;
    let client = Client::new(None);
    for path in ["/v1/traces", "/v1/traces?token=1"] {
        assert_eq!(collector.ask(&client, path).await, "taken");
    }
    assert_eq!(collector.connections(), 1);
    let heads = collector.heads.lock().await;
    let host = format!("host: {}", collector.address);
    assert!(heads.iter().all(|head| head.contains(&host)), "{heads:?}");
    let second = heads.last().unwrap();
    assert!(second.starts_with("POST /v1/traces?token=1 HTTP/1.1\r\n"));
}

#[tokio::test]
async fn an_answer_that_ends_with_its_connection_is_read_and_the_next_request_has_a_new_one() {
    let collector = Collector::start(Ending::Told).await;
    let client = Client::new(None);
    for _ in 0..2 {
        assert_eq!(collector.ask(&client, "/v1/traces").await, "taken");
    }
    assert_eq!(collector.connections(), 2);
}

#[tokio::test]
async fn a_request_over_a_connection_that_died_meanwhile_is_sent_once_more() {
    let collector = Collector::start(Ending::Untold).await;
    let client = Client::new(None);
    for _ in 0..3 {
        assert_eq!(collector.ask(&client, "/v1/traces").await, "taken");
    }
    assert_eq!(collector.connections(), 3);
    assert_eq!(collector.heads.lock().await.len(), 3);
}

#[tokio::test]
async fn a_connection_that_was_idle_for_long_is_not_used_again() {
    let collector = Collector::start(Ending::Open).await;
    let client = Client::new(None);
    collector.ask(&client, "/v1/traces").await;
    let long_ago = Instant::now().checked_sub(IDLE_MAX).unwrap();
    client.kept.lock().await.as_mut().unwrap().used = long_ago;
    collector.ask(&client, "/v1/traces").await;
    assert_eq!(collector.connections(), 2);
}

#[tokio::test]
async fn nobody_there_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let request = Request::post(format!("http://{address}/v1/traces"));
    let request = request.body(Bytes::new()).unwrap();
    let sent = Client::new(None).send(request).await;
    assert!(matches!(sent, Err(ExportError::Send(_))), "{sent:?}");
}
