//! A trace's context as it travels, to and from OpenTelemetry: W3C first, X-Ray's header as the fallback.

use crate::sampler::Undecided;
use leadwire_pipeline::trace::TraceContext;
use opentelemetry::Context;
use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState,
};
use std::str::FromStr as _;

/// What came with a message: the parent of what is done about it, and what else it points to.
#[derive(Debug, Default)]
pub(crate) struct Came {
    /// The context to be the parent; none where nothing valid came.
    pub(crate) parent: Option<Context>,
    /// The parent, and X-Ray's context where it is of another trace.
    pub(crate) links: Vec<SpanContext>,
}

/// Reads what came. What is malformed counts as missing: a trace is never worth a message.
pub(crate) fn extract(came: &TraceContext) -> Came {
    let w3c = w3c(came);
    let xray = came.xray.as_deref().and_then(Xray::parse);
    let mut links: Vec<SpanContext> = w3c.iter().cloned().collect();
    if let Some(xray) = &xray
        && links.iter().all(|link| link.trace_id() != xray.trace_id)
    {
        links.push(xray.span_context());
    }
    let parent = match (w3c, xray) {
        (Some(parent), _) => Some(Context::new().with_remote_span_context(parent)),
        (None, Some(xray)) => Some(xray.context()),
        (None, None) => None,
    };
    Came { parent, links }
}

/// The context that a `traceparent` or an X-Ray header names, for a link.
pub(crate) fn outside(came: &TraceContext) -> Option<SpanContext> {
    let Some(context) = w3c(came) else {
        return Some(Xray::parse(came.xray.as_deref()?)?.span_context());
    };
    let (trace, span) = (context.trace_id(), context.span_id());
    // Its sender decides nothing here, and its state is not ours to carry.
    let flags = TraceFlags::default();
    Some(SpanContext::new(trace, span, flags, true, TraceState::NONE))
}

/// A span's context as it travels.
pub(crate) fn inject(span: &SpanContext) -> TraceContext {
    if !span.is_valid() {
        return TraceContext::default();
    }
    let flags = span.trace_flags() & TraceFlags::SAMPLED;
    let traceparent = format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id());
    TraceContext {
        // SQS refuses an empty attribute.
        tracestate: Some(span.trace_state().header()).filter(|state| !state.is_empty()),
        ..TraceContext::of_traceparent(traceparent)
    }
}

/// Version 00, and any later one that begins alike, as W3C asks.
fn w3c(came: &TraceContext) -> Option<SpanContext> {
    let text = came.traceparent.as_deref()?.trim();
    let mut parts = text.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_known = version == "00" && parts.next().is_none();
    let is_later = version != "00" && version != "ff" && hex(version, 2);
    if !(is_known || is_later) || !hex(flags, 2) {
        return None;
    }
    if !hex(trace, 32) || !hex(span, 16) {
        return None;
    }
    let state = came.tracestate.as_deref().map(TraceState::from_str);
    let context = SpanContext::new(
        TraceId::from_hex(trace).ok()?,
        SpanId::from_hex(span).ok()?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED,
        true,
        state.and_then(Result::ok).unwrap_or_default(),
    );
    context.is_valid().then_some(context)
}

/// Whether a text is lower-case hexadecimal digits of this length.
fn hex(text: &str, length: usize) -> bool {
    let mut bytes = text.bytes();
    bytes.len() == length && bytes.all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// X-Ray's header: `Root=1-<8 digits>-<24 digits>;Parent=<16 digits>;Sampled=<0|1|?>`, in any order, with further members.
struct Xray {
    trace_id: TraceId,
    span_id: SpanId,
    is_sampled: bool,
}

impl Xray {
    fn parse(header: &str) -> Option<Self> {
        let member = |name: &str| {
            let mut members = header
                .split(';')
                .filter_map(|member| member.split_once('='));
            let (_, value) = members.find(|(key, _)| key.trim() == name)?;
            Some(value.trim())
        };
        let (epoch, unique) = member("Root")?.strip_prefix("1-")?.split_once('-')?;
        let parent = member("Parent")?;
        if !hex(epoch, 8) || !hex(unique, 24) || !hex(parent, 16) {
            return None;
        }
        let xray = Self {
            trace_id: TraceId::from_hex(&format!("{epoch}{unique}")).ok()?,
            span_id: SpanId::from_hex(parent).ok()?,
            is_sampled: member("Sampled") == Some("1"),
        };
        xray.span_context().is_valid().then_some(xray)
    }

    fn span_context(&self) -> SpanContext {
        let flags = if self.is_sampled {
            TraceFlags::SAMPLED
        } else {
            TraceFlags::default()
        };
        SpanContext::new(self.trace_id, self.span_id, flags, true, TraceState::NONE)
    }

    /// `Sampled=0` comes from Lambda wherever it only passes a header on; taken for a decision it would silence every trace.
    fn context(&self) -> Context {
        let context = Context::new().with_remote_span_context(self.span_context());
        if self.is_sampled {
            context
        } else {
            context.with_value(Undecided)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "6ac29d00abababababababababababab";
    const SPAN: &str = "0101010101010101";
    const W3C: &str = "00-6ac29d00abababababababababababab-0101010101010101-01";
    const XRAY: &str = "Root=1-6ac29d00-abababababababababababab;Parent=0101010101010101;Sampled=1";
    /// Of another trace.
    const OTHER: &str =
        "Root=1-6ac29d00-cccccccccccccccccccccccc;Parent=0202020202020202;Sampled=1";

    fn context(traceparent: Option<&str>, xray: Option<&str>) -> TraceContext {
        TraceContext {
            traceparent: traceparent.map(str::to_owned),
            tracestate: None,
            xray: xray.map(str::to_owned),
        }
    }

    /// Whether [`SPAN`] is the parent, sampled or not, and whether that is decided here.
    #[track_caller]
    fn check(traceparent: Option<&str>, xray: Option<&str>, expected: Option<(bool, bool)>) {
        let came = context(traceparent, xray);
        let found = extract(&came).parent.map(|parent| {
            let span = parent.span().span_context().clone();
            let ids = (span.trace_id().to_string(), span.span_id().to_string());
            assert_eq!(ids, (TRACE.to_owned(), SPAN.to_owned()), "{came:?}");
            (span.is_sampled(), parent.get::<Undecided>().is_some())
        });
        assert_eq!(found, expected, "{came:?}");
    }

    #[test]
    fn w3c_comes_first_and_its_decision_is_kept() {
        let no = format!("00-{TRACE}-{SPAN}-00");
        check(Some(W3C), Some(OTHER), Some((true, false)));
        check(Some(&no), Some(OTHER), Some((false, false)));
    }

    #[test]
    fn x_ray_is_the_fallback_and_only_its_yes_is_a_decision() {
        for (sampled, is_sampled, here) in [
            (";Sampled=1", true, false),
            (";Sampled=0", false, true),
            (";Sampled=?", false, true),
            ("", false, true),
        ] {
            let header = XRAY.replace(";Sampled=1", sampled);
            for traceparent in [None, Some("garbage")] {
                check(traceparent, Some(&header), Some((is_sampled, here)));
            }
        }
        let shuffled = "Sampled=1;Self=x;Parent=0101010101010101;Root=1-6ac29d00-abababababababababababab;Lineage=a:1";
        check(None, Some(shuffled), Some((true, false)));
    }

    #[test]
    fn what_is_malformed_counts_as_missing() {
        let zeros = W3C.replace(TRACE, &"0".repeat(32));
        let upper = W3C.replace(TRACE, &TRACE.to_uppercase());
        let long = format!("{W3C}-more");
        let forbidden = W3C.replacen("00", "ff", 1);
        for text in ["", "00", "garbage", &zeros, &upper, &long, &forbidden] {
            check(Some(text), None, None);
        }
        for header in [
            "",
            "Root=",
            "Root=1-6ac29d00-abababababababababababab",
            "Root=2-6ac29d00-abababababababababababab;Parent=0101010101010101",
            "Root=1-6ac29d00-abababababababababababab-0;Parent=0101010101010101",
            "Root=1-00000000-000000000000000000000000;Parent=0101010101010101",
        ] {
            check(None, Some(header), None);
        }
    }

    #[test]
    fn a_later_version_is_read_by_what_is_known_of_it() {
        let later = format!("01-{TRACE}-{SPAN}-03-more");
        check(Some(&later), None, Some((true, false)));
    }

    #[test]
    fn the_parent_is_linked_and_x_ray_too_where_it_is_of_another_trace() {
        for (traceparent, xray, expected) in [
            (Some(W3C), Some(XRAY), 1),
            (Some(W3C), Some(OTHER), 2),
            (None, Some(OTHER), 1),
            (None, None, 0),
        ] {
            let links = extract(&context(traceparent, xray)).links;
            assert_eq!(links.len(), expected, "{links:?}");
        }
    }

    #[test]
    fn what_is_sent_reads_the_same_again_and_holds_no_empty_state() {
        let mut came = context(Some(W3C), Some(XRAY));
        for state in [None, Some("vendor=1,other=2")] {
            came.tracestate = state.map(str::to_owned);
            let parent = extract(&came).parent.unwrap();
            assert_eq!(inject(parent.span().span_context()), came);
        }
        assert_eq!(inject(&SpanContext::NONE), TraceContext::default());
    }

    #[test]
    fn a_context_from_outside_decides_nothing_and_brings_no_state() {
        let mut came = context(Some(W3C), None);
        came.tracestate = Some("vendor=1".to_owned());
        let link = outside(&came).unwrap();
        assert!(!link.is_sampled() && link.trace_state().header().is_empty());
        assert!(outside(&context(Some("no"), None)).is_none());
    }
}
