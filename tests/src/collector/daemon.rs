//! The X-Ray daemon of a Lambda environment: a UDP port that takes segments, one a datagram.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

use super::segment;
use crate::clock;

/// What every datagram begins with, as JSON.
const HEADER: &str = r#"{"format":"json","version":1}"#;
/// The daemon reads no more of one.
const DATAGRAM_BYTES_MAX: usize = 64 * 1024;

#[derive(Debug, Default)]
struct Kept {
    documents: Vec<String>,
    faults: Vec<String>,
}

/// A daemon on a free port, until it is dropped.
#[derive(Debug)]
pub struct XrayDaemon {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    task: JoinHandle<()>,
}

impl XrayDaemon {
    /// Starts to listen.
    ///
    /// # Errors
    /// No port is free.
    pub async fn start() -> Result<Self> {
        let socket = UdpSocket::bind(("127.0.0.1", 0)).await?;
        let address = socket.local_addr()?;
        let kept = Arc::new(Mutex::new(Kept::default()));
        let task = tokio::spawn(listen(socket, Arc::clone(&kept)));
        Ok(Self {
            address,
            kept,
            task,
        })
    }

    /// The value of `AWS_XRAY_DAEMON_ADDRESS`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// The text of every document so far.
    pub fn documents(&self) -> Vec<String> {
        guard(&self.kept).documents.clone()
    }

    /// Every segment and subsegment so far, each by itself.
    pub fn segments(&self) -> Vec<Value> {
        let documents = self.documents();
        let read = |text: &String| serde_json::from_str(text).ok();
        let documents = documents.iter().filter_map(read);
        documents.flat_map(|one| segment::each(&one)).collect()
    }

    /// What is wrong with what came so far.
    pub fn faults(&self) -> Vec<String> {
        guard(&self.kept).faults.clone()
    }

    /// Waits until the segments so far are as `look` wants them.
    ///
    /// # Errors
    /// They never are; the message shows them.
    pub async fn eventually<T>(
        &self,
        what: &str,
        deadline: Duration,
        look: impl Fn(&[Value]) -> Option<T>,
    ) -> Result<T> {
        let waited = clock::eventually(what, deadline, || async { Ok(look(&self.segments())) });
        waited.await.map_err(|error| {
            error.context(format!("{:?} of {:#?}", self.faults(), self.documents()))
        })
    }
}

impl Drop for XrayDaemon {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(socket: UdpSocket, kept: Arc<Mutex<Kept>>) {
    let mut buffer = vec![0; DATAGRAM_BYTES_MAX + 1];
    while let Ok(length) = socket.recv(&mut buffer).await {
        let datagram = buffer.get(..length).unwrap_or_default();
        guard(&kept).take(datagram);
    }
}

impl Kept {
    fn take(&mut self, datagram: &[u8]) {
        let text = String::from_utf8_lossy(datagram);
        let Some((header, document)) = text.split_once('\n') else {
            self.faults.push(format!("no header line in {text:?}"));
            return;
        };
        if header.replace(' ', "") != HEADER || datagram.len() > DATAGRAM_BYTES_MAX {
            let length = datagram.len();
            self.faults
                .push(format!("header {header:?}, {length} bytes"));
        }
        let now = clock::now().as_second();
        self.faults.extend(segment::faults(document, now));
        self.documents.push(document.to_owned());
    }
}

fn guard<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
