//! A request as a file has it: request line, headers, a blank line, the body's bytes. `leadwire up --save-refused` writes such files, and a
//! person pastes them out of a log.

use crate::limits::BODY_BYTES_MAX;
use crate::source::{Delivery, Headers, header_value};
use jiff::Timestamp;
use std::fmt;

/// The largest head of a request, in bytes: as `up` takes it, and what a file of ours adds.
const HEAD_BYTES_MAX: usize = 65 * 1024;
/// The most headers of a request. Servers take about a hundred.
const HEADERS_MAX: usize = 256;
/// The largest file: chunks need a few bytes beside the body.
pub const SAVED_BYTES_MAX: usize = HEAD_BYTES_MAX + 2 * BODY_BYTES_MAX;
/// When the request came, in a file of ours.
const RECEIVED_AT: &str = "leadwire-received-at";
const LENGTH: &str = "content-length";
const CODING: &str = "transfer-encoding";

/// A whole request, with its time. Its `Debug` shows nothing of it: it holds secrets and a lead.
#[derive(Clone, PartialEq, Eq)]
pub struct SavedRequest {
    /// The HTTP method.
    pub method: String,
    /// The path of its URL.
    pub path: String,
    /// The raw query of its URL, without the question mark; empty where there is none.
    pub query: String,
    /// The headers, by lower-case name, as often as each stands there.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// When it came, where the file says so.
    pub received_at: Option<Timestamp>,
    /// What stands in the file behind the announced end of the body.
    pub(in crate::source) rest: Vec<u8>,
    /// How many bytes the body lacks of what was announced.
    pub(in crate::source) lacks: usize,
}

/// A file that is no saved request. It never shows what stands there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SavedRequestError {
    /// Larger than any request that is taken.
    #[error("the request is larger than 1 MiB of body and 64 KiB of headers")]
    TooLarge,
    /// The first line is not of the form `POST /path HTTP/1.1`.
    #[error("the first line is not of the form \"POST /ingest/name HTTP/1.1\"")]
    RequestLine,
    /// A line before the blank one is no header.
    #[error(
        "line {0} is not of the form \"name: value\", and no blank line ends the headers before it"
    )]
    Header(usize),
    /// The time of receipt cannot be read.
    #[error("the header leadwire-received-at is no time such as 2026-11-23T06:50:00Z")]
    ReceivedAt,
}

impl fmt::Debug for SavedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (headers, body) = (self.headers.len(), self.body.len());
        write!(f, "SavedRequest({headers} headers, {body} bytes)")
    }
}

impl Headers for SavedRequest {
    fn get(&self, name: &str) -> Option<&str> {
        header_value(self.values(name))
    }

    fn contains(&self, name: &str) -> bool {
        self.values(name).next().is_some()
    }
}

impl SavedRequest {
    /// A request that came at this time, to this method, path and query.
    pub fn new(
        (method, path, query): (&str, &str, &str),
        headers: Vec<(String, Vec<u8>)>,
        body: &[u8],
        received_at: Timestamp,
    ) -> Self {
        Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: body.to_vec(),
            received_at: Some(received_at),
            rest: Vec::new(),
            lacks: 0,
        }
    }

    /// It, as its source sees it, at a time.
    pub fn delivery(&self, received_at: Timestamp) -> Delivery<'_> {
        Delivery {
            method: &self.method,
            path: &self.path,
            query: &self.query,
            headers: self,
            body: &self.body,
            received_at,
        }
    }

    /// Reads a file. Lines may end as those of HTTP do or as an editor leaves them; the body is taken as it stands, up to the announced
    /// length, and chunks are joined.
    pub fn parse(file: &[u8]) -> Result<Self, SavedRequestError> {
        if file.len() > SAVED_BYTES_MAX {
            return Err(SavedRequestError::TooLarge);
        }
        let (line, mut left) = next_line(skip_blank(file));
        let (method, path, query) =
            parse_request_line(line).ok_or(SavedRequestError::RequestLine)?;
        let mut request = Self {
            method,
            path,
            query,
            headers: Vec::new(),
            body: Vec::new(),
            received_at: None,
            rest: Vec::new(),
            lacks: 0,
        };
        for number in 2.. {
            let (line, after) = next_line(left);
            left = after;
            if line.is_empty() {
                break;
            }
            if number > HEADERS_MAX || file.len() - left.len() > HEAD_BYTES_MAX {
                return Err(SavedRequestError::TooLarge);
            }
            request
                .take_header(line)
                .ok_or(SavedRequestError::Header(number))?;
        }
        request.take_time()?;
        request.take_body(left);
        if request.body.len() > BODY_BYTES_MAX {
            return Err(SavedRequestError::TooLarge);
        }
        Ok(request)
    }

    /// The file of it.
    pub fn render(&self) -> Vec<u8> {
        let query = if self.query.is_empty() { "" } else { "?" };
        let mut file = format!(
            "{} {}{query}{} HTTP/1.1\r\n",
            self.method, self.path, self.query
        )
        .into_bytes();
        let mut add = |name: &str, value: &[u8]| {
            file.extend_from_slice(name.as_bytes());
            file.extend_from_slice(b": ");
            file.extend_from_slice(value);
            file.extend_from_slice(b"\r\n");
        };
        // The body is written as a whole, however it came.
        let own = [RECEIVED_AT, LENGTH, CODING];
        for (name, value) in &self.headers {
            if !own.contains(&name.as_str()) {
                add(name, value);
            }
        }
        add(LENGTH, self.body.len().to_string().as_bytes());
        if let Some(time) = self.received_at {
            add(RECEIVED_AT, time.to_string().as_bytes());
        }
        file.extend_from_slice(b"\r\n");
        file.extend_from_slice(&self.body);
        file
    }

    /// The same with another body.
    pub(super) fn with_body(&self, body: Vec<u8>) -> Self {
        Self {
            method: self.method.clone(),
            path: self.path.clone(),
            query: self.query.clone(),
            headers: self.headers.clone(),
            body,
            rest: Vec::new(),
            ..*self
        }
    }

    /// The values of a header.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named = self.headers.iter().filter(move |(own, _)| own == name);
        named.map(|(_, value)| value.as_slice())
    }

    /// A header, or the line that goes on with the one before.
    fn take_header(&mut self, line: &[u8]) -> Option<()> {
        if line.starts_with(b" ") || line.starts_with(b"\t") {
            let (_, value) = self.headers.last_mut()?;
            let more = line.trim_ascii();
            if !value.is_empty() && !more.is_empty() {
                value.push(b' ');
            }
            value.extend_from_slice(more);
            return Some(());
        }
        let at = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = line.split_at_checked(at)?;
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
        if name.is_empty() || !name.iter().all(is_name) {
            return None;
        }
        let name = String::from_utf8(name.to_ascii_lowercase()).ok()?;
        let value = value.strip_prefix(b":")?.trim_ascii();
        self.headers.push((name, value.to_vec()));
        Some(())
    }

    fn take_time(&mut self) -> Result<(), SavedRequestError> {
        let Some(value) = self.values(RECEIVED_AT).last() else {
            return Ok(());
        };
        let time = std::str::from_utf8(value)
            .ok()
            .and_then(|text| text.parse().ok());
        self.received_at = Some(time.ok_or(SavedRequestError::ReceivedAt)?);
        Ok(())
    }

    fn take_body(&mut self, body: &[u8]) {
        let coding = self.get(CODING).unwrap_or_default();
        let joined = coding
            .eq_ignore_ascii_case("chunked")
            .then(|| join_chunks(body));
        if let Some(joined) = joined.flatten() {
            self.body = joined;
            return;
        }
        let announced = self.get(LENGTH).and_then(|length| length.parse().ok());
        let announced = announced.unwrap_or(body.len());
        let (own, rest) = body.split_at_checked(announced).unwrap_or((body, &[]));
        self.lacks = announced.saturating_sub(body.len());
        (self.body, self.rest) = (own.to_vec(), rest.to_vec());
    }
}

/// What an editor may have put before the first line.
fn skip_blank(file: &[u8]) -> &[u8] {
    crate::json::without_byte_order_mark(file).trim_ascii_start()
}

/// A line without its end, and what follows it.
fn next_line(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| *byte == b'\n');
    let (line, after) = match end {
        Some(end) => text.split_at_checked(end).unwrap_or((text, &[])),
        None => (text, &[][..]),
    };
    let after = after.strip_prefix(b"\n").unwrap_or(after);
    (line.strip_suffix(b"\r").unwrap_or(line), after)
}

/// Method, path and query. The target may be a whole URL, as proxies log it.
fn parse_request_line(line: &[u8]) -> Option<(String, String, String)> {
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_ascii_whitespace();
    let (method, target) = (words.next()?, words.next()?);
    let is_method = method.len() <= 16 && method.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_end = words
        .next()
        .is_none_or(|version| version.starts_with("HTTP/"));
    let (before, query) = target.split_once('?').unwrap_or((target, ""));
    let path = match before.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => {
            rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/")
        }
        _ => before,
    };
    let is_request = is_method && is_end && words.next().is_none() && path.starts_with('/');
    is_request.then(|| (method.to_owned(), path.to_owned(), query.to_owned()))
}

/// The body of chunks that were saved as they came. `None` where it is not made of chunks: most tools join them.
fn join_chunks(mut left: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let (line, after) = next_line(left);
        let size = std::str::from_utf8(line).ok()?.split(';').next()?.trim();
        let size = usize::from_str_radix(size, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        let (chunk, after) = after.split_at_checked(size)?;
        body.extend_from_slice(chunk);
        let (end, after) = next_line(after);
        if !end.is_empty() {
            return None;
        }
        left = after;
    }
}
