//! X-Ray's daemon: a datagram a span. In Lambda it is there already, so nothing has to be deployed for a trace.
//!
//! A request that was answered and a message that was worked on are segments, nodes of X-Ray's map; everything else is a subsegment that is
//! sent by itself. X-Ray has no links of one's own, so they stand in the metadata.

use super::ExportError;
use super::sink::record;
use crate::record::{Kind, SpanRecord};
use opentelemetry::{Key, Value as OtelValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use serde_json::{Map, Value, json};
use tokio::net::UdpSocket;
use tokio::sync::OnceCell;

/// What the daemon wants before each document.
const HEADER: &str = "{\"format\": \"json\", \"version\": 1}\n";
/// The largest document that the daemon takes.
const DOCUMENT_BYTES_MAX: usize = 64 * 1024;
/// The most annotations of a segment.
const ANNOTATIONS_MAX: usize = 50;
/// The longest name of a segment.
const NAME_CHARS_MAX: usize = 200;

/// The daemon.
#[derive(Debug)]
pub(crate) struct Daemon {
    address: String,
    service: String,
    version: String,
    socket: OnceCell<UdpSocket>,
}

impl Daemon {
    pub(crate) fn new(address: String, resource: &Resource) -> Self {
        let text = |key: &'static str| {
            let value = resource.get(&Key::from_static_str(key));
            value.as_ref().map(OtelValue::to_string).unwrap_or_default()
        };
        Self {
            address,
            service: text("service.name"),
            version: text("service.version"),
            socket: OnceCell::new(),
        }
    }

    /// Sends spans. Gives back how many of them are too large for the daemon.
    pub(crate) async fn send(&self, spans: &[SpanData]) -> Result<u64, ExportError> {
        let socket = self
            .socket
            .get_or_try_init(|| connect(&self.address))
            .await
            .map_err(|error| ExportError::Send(error.into()))?;
        let mut refused = 0;
        for span in spans {
            let document = self.document(&record(span)).to_string();
            if document.len() > DOCUMENT_BYTES_MAX {
                refused += 1;
                continue;
            }
            let datagram = format!("{HEADER}{document}");
            socket
                .send(datagram.as_bytes())
                .await
                .map_err(|error| ExportError::Send(error.into()))?;
        }
        Ok(refused)
    }

    /// The segment or subsegment of a span.
    fn document(&self, span: &SpanRecord) -> Value {
        let mut document = json!({
            "id": span.span_id,
            "trace_id": xray_id(&span.trace_id),
            "start_time": seconds(span.start_unix_nanos),
            "end_time": seconds(span.end_unix_nanos),
            "annotations": annotations(span),
            "metadata": {"leadwire": {"links": span.links}},
        });
        let is_segment = matches!(span.kind, Kind::Server | Kind::Consumer);
        let members = if is_segment {
            self.segment(span)
        } else {
            subsegment(span)
        };
        let document_members = document.as_object_mut().expect("it was made as an object");
        document_members.extend(members);
        if let Some(parent) = &span.parent_id {
            document_members.insert("parent_id".to_owned(), parent.clone().into());
        }
        if let Some(error) = &span.error {
            document_members.insert("fault".to_owned(), true.into());
            let cause = json!({"exceptions": [{"id": span.span_id, "message": error}]});
            document_members.insert("cause".to_owned(), cause);
        }
        document
    }

    fn segment(&self, span: &SpanRecord) -> Map<String, Value> {
        let mut members = Map::new();
        members.insert("name".to_owned(), name(&self.service).into());
        members.insert("service".to_owned(), json!({"version": self.version}));
        let status = span.attributes.get("http.response.status_code");
        if let Some(status) = status.and_then(|text| text.parse::<u16>().ok()) {
            // The path is told only where it is one of ours; X-Ray takes no null.
            let request: Map<String, Value> =
                [("method", "http.request.method"), ("url", "url.path")]
                    .into_iter()
                    .filter_map(|(member, attribute)| {
                        let value = span.attributes.get(attribute)?.clone();
                        Some((member.to_owned(), value.into()))
                    })
                    .collect();
            let http = json!({"request": request, "response": {"status": status}});
            members.insert("http".to_owned(), http);
        }
        members
    }
}

/// A call of an AWS service is drawn as that service; anything else by its own name.
fn subsegment(span: &SpanRecord) -> Map<String, Value> {
    let mut members = Map::new();
    members.insert("type".to_owned(), "subsegment".into());
    match (
        span.attributes.get("rpc.service"),
        span.attributes.get("rpc.method"),
    ) {
        (Some(service), Some(operation)) => {
            members.insert("name".to_owned(), name(service).into());
            members.insert("namespace".to_owned(), "aws".into());
            members.insert("aws".to_owned(), json!({"operation": operation}));
        }
        _ => {
            members.insert("name".to_owned(), name(&span.name).into());
        }
    }
    members
}

/// What X-Ray can search by: names of letters, digits and `_`.
fn annotations(span: &SpanRecord) -> Map<String, Value> {
    let pairs = span.attributes.iter().map(|(key, value)| {
        let key = key
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
        (key.collect(), Value::from(value.clone()))
    });
    std::iter::once(("span_name".to_owned(), Value::from(span.name.clone())))
        .chain(pairs)
        .take(ANNOTATIONS_MAX)
        .collect()
}

/// X-Ray takes letters, digits, spaces and a few marks.
fn name(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || " _.:/%&#=+\\-@".contains(*c))
        .take(NAME_CHARS_MAX)
        .collect()
}

fn xray_id(trace_id: &str) -> String {
    let (epoch, unique) = trace_id.split_at_checked(8).unwrap_or_default();
    format!("1-{epoch}-{unique}")
}

/// X-Ray's times are seconds with a fraction; microseconds survive in a double.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a time in microseconds since 1970 fits into a double's 53 bits"
)]
fn seconds(unix_nanos: i64) -> f64 {
    (unix_nanos / 1000) as f64 / 1_000_000.0
}

async fn connect(address: &str) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    socket.connect(address).await?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::SpanLink;

    fn span(kind: Kind, attributes: &[(&str, &str)]) -> SpanRecord {
        SpanRecord {
            trace_id: "6ac29d00abababababababababababab".to_owned(),
            span_id: "0101010101010101".to_owned(),
            parent_id: Some("0202020202020202".to_owned()),
            name: "POST /ingest/{source}".to_owned(),
            kind,
            start_unix_nanos: 1_795_418_928_960_123_456,
            end_unix_nanos: 1_795_418_929_000_000_000,
            error: None,
            attributes: attributes
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            links: vec![SpanLink {
                trace_id: "6ac29d00cccccccccccccccccccccccc".to_owned(),
                span_id: "0303030303030303".to_owned(),
            }],
        }
    }

    fn daemon() -> Daemon {
        let service = opentelemetry::KeyValue::new("service.name", "leadwire-ingest");
        let resource = Resource::builder_empty().with_attribute(service).build();
        Daemon::new("127.0.0.1:2000".to_owned(), &resource)
    }

    #[test]
    fn a_request_is_a_segment_with_its_answer() {
        let attributes = [
            ("http.request.method", "POST"),
            ("url.path", "/ingest/close"),
            ("http.response.status_code", "202"),
        ];
        let document = daemon().document(&span(Kind::Server, &attributes));
        assert_eq!(document["name"], "leadwire-ingest");
        assert_eq!(document["trace_id"], "1-6ac29d00-abababababababababababab");
        assert_eq!(document["parent_id"], "0202020202020202");
        assert_eq!(document["start_time"], 1_795_418_928.960_123);
        assert_eq!(document["http"]["response"]["status"], 202);
        assert_eq!(
            document["annotations"]["span_name"],
            "POST /ingest/{source}"
        );
        assert_eq!(document["annotations"]["url_path"], "/ingest/close");
        let link = &document["metadata"]["leadwire"]["links"][0];
        assert_eq!(link["span_id"], "0303030303030303");
        assert!(document.get("type").is_none());
    }

    #[test]
    fn a_request_for_what_is_not_ours_has_no_address() {
        let attributes = [
            ("http.request.method", "GET"),
            ("http.response.status_code", "404"),
        ];
        let document = daemon().document(&span(Kind::Server, &attributes));
        let request = json!({"method": "GET"});
        assert_eq!(document["http"]["request"], request);
    }

    #[test]
    fn a_call_of_aws_is_a_subsegment_of_that_service() {
        let attributes = [("rpc.service", "S3"), ("rpc.method", "PutObject")];
        let document = daemon().document(&span(Kind::Client, &attributes));
        assert_eq!(document["type"], "subsegment");
        assert_eq!(
            (&document["name"], &document["namespace"]),
            (&json!("S3"), &json!("aws"))
        );
        assert_eq!(document["aws"]["operation"], "PutObject");
    }

    #[test]
    fn a_name_keeps_only_what_x_ray_takes() {
        let document = daemon().document(&span(Kind::Internal, &[]));
        assert_eq!(document["name"], "POST /ingest/source");
    }

    #[test]
    fn a_failure_is_a_fault_with_its_message() {
        let mut failed = span(Kind::Client, &[]);
        failed.error = Some("could not put object".to_owned());
        let document = daemon().document(&failed);
        assert_eq!(document["fault"], true);
        assert_eq!(
            document["cause"]["exceptions"][0]["message"],
            "could not put object"
        );
    }
}
