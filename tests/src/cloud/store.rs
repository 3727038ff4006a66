//! S3 as far as the functions ask: objects that are got, put on a condition, and listed.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use hyper::header::{ETAG, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, LAST_MODIFIED};
use hyper::{Method, StatusCode};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use crate::http::{self, Request, Response};

const METADATA: &str = "x-amz-meta-";

#[derive(Clone, Debug)]
struct Object {
    bytes: Bytes,
    metadata: Vec<(HeaderName, HeaderValue)>,
    tag: u64,
    modified: Timestamp,
}

/// Objects by their paths, `/<bucket>/<key>`.
#[derive(Debug, Default)]
pub(super) struct Store {
    objects: BTreeMap<String, Object>,
    tags: u64,
}

impl Store {
    pub(super) fn put(
        &mut self,
        path: String,
        bytes: Bytes,
        metadata: Vec<(HeaderName, HeaderValue)>,
    ) -> u64 {
        self.tags += 1;
        let object = Object {
            bytes,
            metadata,
            tag: self.tags,
            modified: crate::clock::now(),
        };
        self.objects.insert(path, object);
        self.tags
    }

    pub(super) fn bytes(&self, path: &str) -> Option<Bytes> {
        Some(self.objects.get(path)?.bytes.clone())
    }

    pub(super) fn answer(&mut self, request: &Request) -> (&'static str, Response) {
        let path = decoded(request.uri().path());
        let query = request.uri().query().unwrap_or_default();
        match *request.method() {
            Method::GET if query.contains("list-type=2") => {
                ("S3.ListObjectsV2", self.list(&path, query))
            }
            Method::GET => ("S3.GetObject", self.get(&path)),
            Method::PUT => ("S3.PutObject", self.write(path, request)),
            _ => (
                "unknown",
                error(StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed"),
            ),
        }
    }

    fn get(&self, path: &str) -> Response {
        let Some(object) = self.objects.get(path) else {
            return error(StatusCode::NOT_FOUND, "NoSuchKey");
        };
        let mut response = http::text(StatusCode::OK, "application/json", object.bytes.clone());
        let headers = response.headers_mut();
        headers.extend(object.metadata.iter().cloned());
        let time = object.modified.strftime("%a, %d %b %Y %H:%M:%S GMT");
        headers.insert(LAST_MODIFIED, text(&time.to_string()));
        headers.insert(ETAG, text(&quoted(object.tag)));
        response
    }

    fn write(&mut self, path: String, request: &Request) -> Response {
        let header =
            |name: HeaderName| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
        let there = self.objects.get(&path).map(|object| quoted(object.tag));
        let is_met = match (header(IF_NONE_MATCH), header(IF_MATCH)) {
            (Some(_any), _) => there.is_none(),
            (None, Some(tag)) => there == Some(tag),
            (None, None) => true,
        };
        if !is_met {
            return error(StatusCode::PRECONDITION_FAILED, "PreconditionFailed");
        }
        let headers = request.headers().iter();
        let metadata = headers
            .filter(|(name, _)| name.as_str().starts_with(METADATA))
            .map(|(name, value)| (name.clone(), value.clone()));
        let tag = self.put(path, request.body().clone(), metadata.collect());
        let mut response = http::text(StatusCode::OK, "application/xml", Bytes::new());
        response.headers_mut().insert(ETAG, text(&quoted(tag)));
        response
    }

    fn list(&self, path: &str, query: &str) -> Response {
        let parameter = |name: &str| {
            let mut pairs = query.split('&');
            let value = pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            decoded(value.unwrap_or_default())
        };
        let (prefix, after) = (parameter("prefix"), parameter("start-after"));
        let bucket = format!("{}/", path.trim_end_matches('/'));
        let mut body = "<ListBucketResult><IsTruncated>false</IsTruncated>".to_owned();
        for (path, object) in &self.objects {
            let Some(key) = path.strip_prefix(&bucket) else {
                continue;
            };
            if key.starts_with(&prefix) && *key > *after {
                write!(
                    body,
                    "<Contents><Key>{key}</Key><Size>{}</Size><LastModified>{}</LastModified></Contents>",
                    object.bytes.len(),
                    object.modified,
                )
                .expect("a String takes every write");
            }
        }
        body.push_str("</ListBucketResult>");
        http::text(StatusCode::OK, "application/xml", body)
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn error(status: StatusCode, code: &str) -> Response {
    let body = format!("<Error><Code>{code}</Code><Message>as asked</Message></Error>");
    http::text(status, "application/xml", body)
}

fn quoted(tag: u64) -> String {
    format!("\"{tag:032x}\"")
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or_else(|_odd| HeaderValue::from_static(""))
}
