//! X-Ray's daemon: a datagram a document. In Lambda it is there already, so nothing has to be deployed for a trace.

use super::ExportError;
use super::segment::{Document, Forest, Service};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use tokio::net::UdpSocket;
use tokio::sync::OnceCell;

/// What the daemon wants before each document.
const HEADER: &[u8] = b"{\"format\": \"json\", \"version\": 1}\n";
/// The largest datagram that there is over IPv4. The daemon takes documents of 64 KiB.
const DATAGRAM_BYTES_MAX: usize = 65_507;

/// The daemon.
#[derive(Debug)]
pub(crate) struct Daemon {
    address: String,
    service: Service,
    socket: OnceCell<UdpSocket>,
}

impl Daemon {
    pub(crate) fn new(address: String, resource: &Resource) -> Self {
        Self {
            address,
            service: Service::of(resource),
            socket: OnceCell::new(),
        }
    }

    /// Sends spans. Gives back how many of them are too large for the daemon.
    pub(crate) async fn send(&self, spans: &[SpanData]) -> Result<u64, ExportError> {
        let socket = self
            .socket
            .get_or_try_init(|| connect(&self.address))
            .await
            .map_err(ExportError::send)?;
        let (datagrams, refused) = datagrams(&Forest::of(&self.service, spans))?;
        for datagram in datagrams {
            socket.send(&datagram).await.map_err(ExportError::send)?;
        }
        Ok(refused)
    }
}

/// What is sent, and how many spans are too large for it. A document that is too large goes in parts.
fn datagrams(forest: &Forest<'_>) -> Result<(Vec<Vec<u8>>, u64), ExportError> {
    let (mut datagrams, mut refused) = (Vec::new(), 0);
    let mut left: Vec<Document<'_>> = forest.documents().collect();
    left.reverse();
    while let Some(document) = left.pop() {
        let mut datagram = Vec::with_capacity(4096);
        datagram.extend_from_slice(HEADER);
        serde_json::to_writer(&mut datagram, &document).map_err(ExportError::send)?;
        if datagram.len() <= DATAGRAM_BYTES_MAX {
            datagrams.push(datagram);
        } else if let Some(parts) = document.parts() {
            left.extend(parts);
        } else {
            refused += 1;
        }
    }
    Ok((datagrams, refused))
}

async fn connect(address: &str) -> std::io::Result<UdpSocket> {
    let socket = UdpSocket::bind("0.0.0.0:0").await?;
    socket.connect(address).await?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::spans_of;
    use opentelemetry::trace::{SpanKind, TraceContextExt as _, Tracer as _, TracerProvider as _};
    use opentelemetry::{Context, KeyValue};

    /// A request with calls inside it, each with an attribute of so many bytes.
    fn spans(calls: &[usize]) -> Vec<SpanData> {
        spans_of(|provider| {
            let tracer = provider.tracer("test");
            let server = tracer.span_builder("request").with_kind(SpanKind::Server);
            let request = Context::new().with_span(tracer.build(server));
            for &bytes in calls {
                let key = KeyValue::new("aws.s3.key", "k".repeat(bytes));
                let call = tracer.span_builder("call").with_attributes([key]);
                drop(tracer.build_with_context(call, &request));
            }
        })
    }

    fn sent(calls: &[usize]) -> (Vec<Vec<u8>>, u64) {
        let resource = Resource::builder_empty().build();
        let spans = spans(calls);
        datagrams(&Forest::of(&Service::of(&resource), &spans)).unwrap()
    }

    #[test]
    fn a_request_with_its_calls_is_one_datagram() {
        let (datagrams, refused) = sent(&[10, 20, 30]);
        assert_eq!((datagrams.len(), refused), (1, 0));
        let datagram = datagrams.first().unwrap();
        let (header, document) = datagram.split_at(HEADER.len());
        assert_eq!(header, HEADER);
        let document: serde_json::Value = serde_json::from_slice(document).unwrap();
        assert_eq!(document["subsegments"].as_array().unwrap().len(), 3);
    }

    #[test]
    fn what_does_not_fit_into_a_datagram_goes_in_parts() {
        let (datagrams, refused) = sent(&[40_000, 40_000]);
        assert_eq!((datagrams.len(), refused), (3, 0));
        assert!(datagrams.iter().all(|one| one.len() <= DATAGRAM_BYTES_MAX));
    }

    #[test]
    fn a_span_that_is_too_large_by_itself_is_counted_and_the_others_are_sent() {
        let (datagrams, refused) = sent(&[70_000, 10]);
        assert_eq!((datagrams.len(), refused), (2, 1));
    }
}
