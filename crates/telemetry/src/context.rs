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
    w3c(came)
        .map(|context| {
            // Its sender decides nothing here, and its state is not ours to carry.
            SpanContext::new(
                context.trace_id(),
                context.span_id(),
                TraceFlags::default(),
                true,
                TraceState::NONE,
            )
        })
        .or_else(|| Some(Xray::parse(came.xray.as_deref()?)?.span_context()))
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
    let state = came.tracestate.as_deref().map(TraceState::from_str);
    let context = SpanContext::new(
        ids(trace, 32).and_then(|id| TraceId::from_hex(id).ok())?,
        ids(span, 16).and_then(|id| SpanId::from_hex(id).ok())?,
        TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED,
        true,
        state.and_then(Result::ok).unwrap_or_default(),
    );
    context.is_valid().then_some(context)
}

/// Lower-case hexadecimal digits of this length.
fn ids(text: &str, length: usize) -> Option<&str> {
    hex(text, length).then_some(text)
}

fn hex(text: &str, length: usize) -> bool {
    text.len() == length
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
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
            header
                .split(';')
                .filter_map(|member| member.split_once('='))
                .find(|(key, _)| key.trim() == name)
                .map(|(_, value)| value.trim())
        };
        let mut root = member("Root")?.split('-');
        let (version, epoch, unique) = (root.next()?, root.next()?, root.next()?);
        if version != "1" || root.next().is_some() || !hex(epoch, 8) || !hex(unique, 24) {
            return None;
        }
        let trace_id = TraceId::from_hex(&format!("{epoch}{unique}")).ok()?;
        let span_id = SpanId::from_hex(ids(member("Parent")?, 16)?).ok()?;
        let is_valid = trace_id != TraceId::INVALID && span_id != SpanId::INVALID;
        is_valid.then_some(Self {
            trace_id,
            span_id,
            is_sampled: member("Sampled") == Some("1"),
        })
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
    const XRAY: &str = "Root=1-6ac29d00-abababababababababababab;Parent=0101010101010101;Sampled=1";

    fn context(traceparent: Option<&str>, xray: Option<&str>) -> TraceContext {
        TraceContext {
            traceparent: traceparent.map(str::to_owned),
            tracestate: None,
            xray: xray.map(str::to_owned),
        }
    }

    /// The parent's trace, span, whether it is sampled, and whether that is decided here.
    #[track_caller]
    fn check(came: &TraceContext, expected: Option<(&str, &str, bool, bool)>) {
        let parent = extract(came).parent;
        let found = parent.as_ref().map(|parent| {
            let span = parent.span().span_context().clone();
            let (trace, id) = (span.trace_id().to_string(), span.span_id().to_string());
            (
                trace,
                id,
                span.is_sampled(),
                parent.get::<Undecided>().is_some(),
            )
        });
        let expected =
            expected.map(|(trace, span, yes, here)| (trace.to_owned(), span.to_owned(), yes, here));
        assert_eq!(found, expected, "{came:?}");
    }

    #[test]
    fn w3c_comes_first_and_its_decision_is_kept() {
        let yes = format!("00-{TRACE}-{SPAN}-01");
        let no = format!("00-{TRACE}-{SPAN}-00");
        let other = "Root=1-6ac29d00-cccccccccccccccccccccccc;Parent=0202020202020202;Sampled=1";
        check(
            &context(Some(&yes), Some(other)),
            Some((TRACE, SPAN, true, false)),
        );
        check(
            &context(Some(&no), Some(other)),
            Some((TRACE, SPAN, false, false)),
        );
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
            check(
                &context(None, Some(&header)),
                Some((TRACE, SPAN, is_sampled, here)),
            );
            check(
                &context(Some("garbage"), Some(&header)),
                Some((TRACE, SPAN, is_sampled, here)),
            );
        }
        let shuffled = format!(
            "Sampled=1;Self=x;Parent={SPAN};Root=1-6ac29d00-abababababababababababab;Lineage=a:1"
        );
        check(
            &context(None, Some(&shuffled)),
            Some((TRACE, SPAN, true, false)),
        );
    }

    #[test]
    fn what_is_malformed_counts_as_missing() {
        let zeros = format!("00-{}-{SPAN}-01", "0".repeat(32));
        let upper = format!("00-{}-{SPAN}-01", TRACE.to_uppercase());
        let long = format!("00-{TRACE}-{SPAN}-01-more");
        let forbidden = format!("ff-{TRACE}-{SPAN}-01");
        for text in [
            "",
            "00",
            "garbage",
            zeros.as_str(),
            &upper,
            &long,
            &forbidden,
        ] {
            check(&context(Some(text), None), None);
        }
        for header in [
            "",
            "Root=",
            "Root=1-6ac29d00-abababababababababababab",
            "Root=2-6ac29d00-abababababababababababab;Parent=0101010101010101",
            "Root=1-00000000-000000000000000000000000;Parent=0101010101010101",
        ] {
            check(&context(None, Some(header)), None);
        }
    }

    #[test]
    fn a_later_version_is_read_by_what_is_known_of_it() {
        let later = format!("01-{TRACE}-{SPAN}-03-more");
        check(
            &context(Some(&later), None),
            Some((TRACE, SPAN, true, false)),
        );
    }

    #[test]
    fn the_parent_is_linked_and_x_ray_too_where_it_is_of_another_trace() {
        let w3c = format!("00-{TRACE}-{SPAN}-01");
        let other = "Root=1-6ac29d00-cccccccccccccccccccccccc;Parent=0202020202020202;Sampled=0";
        assert_eq!(extract(&context(Some(&w3c), Some(XRAY))).links.len(), 1);
        assert_eq!(extract(&context(Some(&w3c), Some(other))).links.len(), 2);
        assert_eq!(extract(&context(None, Some(other))).links.len(), 1);
        assert_eq!(extract(&TraceContext::default()).links.len(), 0);
    }

    #[test]
    fn what_is_sent_reads_the_same_again_and_holds_no_empty_state() {
        let w3c = format!("00-{TRACE}-{SPAN}-01");
        let mut came = context(Some(&w3c), Some(XRAY));
        for state in [None, Some("vendor=1,other=2")] {
            came.tracestate = state.map(str::to_owned);
            let parent = extract(&came).parent.unwrap();
            assert_eq!(inject(parent.span().span_context()), came);
        }
        assert_eq!(inject(&SpanContext::NONE), TraceContext::default());
    }

    #[test]
    fn a_context_from_outside_decides_nothing_and_brings_no_state() {
        let mut came = context(Some(&format!("00-{TRACE}-{SPAN}-01")), None);
        came.tracestate = Some("vendor=1".to_owned());
        let link = outside(&came).unwrap();
        assert!(!link.is_sampled() && link.trace_state().header().is_empty());
        assert!(outside(&context(Some("no"), None)).is_none());
    }
}
