//! The trace that an event belongs to, as opaque text: the `telemetry` room makes and reads it, the stages only carry it.

/// The attribute that carries W3C's `traceparent`.
pub const TRACEPARENT: &str = "traceparent";
/// The attribute that carries W3C's `tracestate`.
pub const TRACESTATE: &str = "tracestate";
/// The queue's system attribute that carries X-Ray's header.
pub const AWS_TRACE_HEADER: &str = "AWSTraceHeader";

/// The attribute of a span that names the lead.
pub(crate) const LEAD_ID: &str = "leadwire.lead_id";
/// The attribute of a span that names the event.
pub(crate) const EVENT_ID: &str = "leadwire.event_id";
/// The attribute of a span that says where an event came from.
pub(crate) const SOURCE: &str = "leadwire.source";
/// The attribute of a span that says what came of it.
pub(crate) const OUTCOME: &str = "leadwire.outcome";
/// The attribute of a span that says why it failed.
pub(crate) const ERROR_TYPE: &str = "error.type";
/// The field that makes a span a failed one.
pub(crate) const STATUS: &str = "otel.status_code";
/// Its value.
pub(crate) const FAILED: &str = "ERROR";

/// A trace's context as it travels: in message attributes and in a raw object's metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceContext {
    /// W3C `traceparent`.
    pub traceparent: Option<String>,
    /// W3C `tracestate`; never sent when empty, since SQS refuses an empty attribute.
    pub tracestate: Option<String>,
    /// X-Ray's header.
    pub xray: Option<String>,
}

impl TraceContext {
    /// A new sampled trace, for a home without a tracer: ingest knows its own write by it. The first 32 bits are the time in seconds.
    pub(crate) fn start(unix_seconds: u32, bits: [u8; 16], span: [u8; 16]) -> Self {
        let trace = (u128::from(unix_seconds) << 96) | (u128::from_be_bytes(bits) >> 32);
        // The lowest bit is set, since an id of zeros is none.
        let span = (u128::from_be_bytes(span) >> 64) | 1;
        Self::of_traceparent(format!("00-{trace:032x}-{span:016x}-01"))
    }

    /// The context that a `traceparent` names, with X-Ray's header beside it where its ids fit.
    pub fn of_traceparent(traceparent: String) -> Self {
        let mut context = Self {
            traceparent: Some(traceparent),
            ..Self::default()
        };
        context.xray = context
            .trace_id()
            .zip(context.span_id())
            .and_then(|(trace, parent)| {
                let (epoch, unique) = trace.split_at_checked(8)?;
                let sampled = u8::from(context.is_sampled());
                Some(format!(
                    "Root=1-{epoch}-{unique};Parent={parent};Sampled={sampled}"
                ))
            });
        context
    }

    fn is_sampled(&self) -> bool {
        let flags = self
            .traceparent
            .as_deref()
            .and_then(|text| text.split('-').nth(3));
        flags
            .and_then(|flags| u8::from_str_radix(flags, 16).ok())
            .is_some_and(|flags| flags & 1 == 1)
    }

    /// The trace id of a well-formed `traceparent`, 32 hexadecimal digits.
    pub fn trace_id(&self) -> Option<&str> {
        let mut parts = self.traceparent.as_deref()?.split('-');
        let id = parts.nth(1)?;
        (id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit())).then_some(id)
    }

    /// The id of the span that sent it, 16 hexadecimal digits.
    pub fn span_id(&self) -> Option<&str> {
        let id = self.traceparent.as_deref()?.split('-').nth(2)?;
        (id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit())).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_trace_reads_the_same_in_w3c_and_x_ray() {
        let trace = TraceContext::start(0x6ac2_9d00, [0xab; 16], [1; 16]);
        let w3c = "00-6ac29d00abababababababababababab-0101010101010101-01";
        let xray = "Root=1-6ac29d00-abababababababababababab;Parent=0101010101010101;Sampled=1";
        assert_eq!(trace.traceparent.as_deref(), Some(w3c));
        assert_eq!(trace.xray.as_deref(), Some(xray));
        assert_eq!(trace.trace_id(), Some("6ac29d00abababababababababababab"));
        assert_eq!(trace.span_id(), Some("0101010101010101"));
    }

    #[test]
    fn a_malformed_traceparent_has_no_ids() {
        for text in [
            "",
            "00",
            "00-xyz-1-01",
            "00-zzc29d00abababababababababababab-zz01010101010101-01",
        ] {
            let trace = TraceContext {
                traceparent: Some(text.to_owned()),
                ..TraceContext::default()
            };
            assert_eq!((trace.trace_id(), trace.span_id()), (None, None), "{text}");
        }
    }
}
