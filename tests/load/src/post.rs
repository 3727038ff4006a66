//! A client that costs little: HTTP/1.1 over a connection that is kept, written by hand, since the generator has only one core.

use crate::lead::Event;
use crate::target::{Answer, Sender};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Longest that an answer may take: `ingest` answers within four seconds, a busy machine a little later.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
const HEAD_END: &[u8] = b"\r\n\r\n";

/// A connection that is made when it is needed and kept as long as it works.
#[derive(Debug)]
pub struct Connection {
    address: SocketAddr,
    stream: Option<TcpStream>,
    read: Vec<u8>,
}

impl Connection {
    /// A connection to come.
    pub fn to(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            read: Vec::with_capacity(4096),
        }
    }

    async fn stream(&mut self) -> io::Result<&mut TcpStream> {
        if self.stream.is_none() {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            self.stream = Some(stream);
        }
        Ok(self.stream.as_mut().expect("it is connected"))
    }

    async fn exchange(&mut self, request: &[u8]) -> io::Result<Answer> {
        let mut read = std::mem::take(&mut self.read);
        read.clear();
        let stream = self.stream().await?;
        stream.write_all(request).await?;
        let answer = loop {
            if let Some(answer) = parse(&read)? {
                break answer;
            }
            if stream.read_buf(&mut read).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        };
        self.read = read;
        Ok(answer)
    }

    /// Asks for a page, which only somebody at this machine is shown.
    ///
    /// # Errors
    /// There was no whole answer in time.
    pub async fn get(&mut self, path: &str) -> io::Result<Answer> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        timeout(ANSWER_DEADLINE, self.exchange(request.as_bytes())).await?
    }
}

impl Sender for Connection {
    async fn post(&mut self, event: &Event) -> Option<Answer> {
        let request = event.request();
        let answer = timeout(ANSWER_DEADLINE, self.exchange(&request)).await;
        let answer = answer.ok().and_then(Result::ok);
        if answer.is_none() {
            self.stream = None;
        }
        answer
    }

    async fn abandon(&mut self, event: &Event) -> bool {
        let sent = match self.stream().await {
            Ok(stream) => stream.write_all(&event.request()).await,
            Err(error) => Err(error),
        };
        self.stream = None;
        sent.is_ok()
    }
}

/// The answer, where all of it is there.
fn parse(read: &[u8]) -> io::Result<Option<Answer>> {
    let Some(end) = read.windows(HEAD_END.len()).position(|at| at == HEAD_END) else {
        return Ok(None);
    };
    let (head, rest) = read.split_at(end);
    let body = rest.get(HEAD_END.len()..).unwrap_or_default();
    let odd = || io::Error::new(ErrorKind::InvalidData, "no answer of HTTP/1.1");
    let head = std::str::from_utf8(head).map_err(|_not_text| odd())?;
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok());
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_it = name.eq_ignore_ascii_case("content-length");
        is_it.then(|| value.trim().parse::<usize>().ok())?
    });
    let (Some(status), Some(length)) = (status, length) else {
        return Err(odd());
    };
    Ok(body.get(..length).map(|body| Answer {
        status,
        body: body.to_vec(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_read_when_all_of_it_is_there() {
        let whole = b"HTTP/1.1 202 Accepted\r\ncontent-type: a\r\ncontent-length: 5\r\n\r\nhello";
        for end in 0..whole.len() {
            assert!(parse(&whole[..end]).unwrap().is_none(), "{end}");
        }
        let answer = parse(whole).unwrap().unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (202, &b"hello"[..])
        );
        assert!(
            parse(b"HTTP/1.1 202 Accepted\r\n\r\n").is_err(),
            "no length"
        );
    }
}
