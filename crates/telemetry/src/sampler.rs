//! Which traces are recorded, and the ids of new ones.

use jiff::Timestamp;
use opentelemetry::trace::{Link, SpanId, SpanKind, TraceContextExt as _, TraceId, TraceState};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    IdGenerator, RandomIdGenerator, SamplingDecision, SamplingResult, ShouldSample,
};

/// How a trace without a decision is decided.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Root {
    /// Every one is recorded.
    On,
    /// None is recorded.
    Off,
    /// This share of them, 0 to 1, by the trace's id: every process decides alike.
    Ratio(f64),
}

/// Which traces are recorded (`OTEL_TRACES_SAMPLER`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampler {
    /// How a new trace is decided.
    pub root: Root,
    /// Whether a decision that came with the context is followed.
    pub follows_parent: bool,
}

impl Default for Sampler {
    /// OpenTelemetry's own: everything, unless the trace's origin said no.
    fn default() -> Self {
        Self {
            root: Root::On,
            follows_parent: true,
        }
    }
}

/// Marks a context whose trace is known and whose decision is not: X-Ray's `Sampled=0`, which Lambda sends where it only passes a header
/// on, `Sampled=?`, or none.
#[derive(Debug)]
pub(crate) struct Undecided;

impl Sampler {
    fn decides(self, parent: Option<&Context>, trace_id: TraceId) -> bool {
        let decided = parent.filter(|context| {
            self.follows_parent
                && context.span().span_context().is_valid()
                && context.get::<Undecided>().is_none()
        });
        match decided {
            Some(context) => context.span().span_context().is_sampled(),
            None => self.root.decides(trace_id),
        }
    }
}

impl Root {
    /// The share is of the id's last 56 bits, as W3C asks: X-Ray's ids begin with the time.
    fn decides(self, trace_id: TraceId) -> bool {
        match self {
            Self::On => true,
            Self::Off => false,
            Self::Ratio(share) => {
                let [.., a, b, c, d] = trace_id.to_bytes();
                f64::from(u32::from_be_bytes([a, b, c, d])) < share * 4_294_967_296.0
            }
        }
    }
}

impl ShouldSample for Sampler {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        _name: &str,
        _kind: &SpanKind,
        _attributes: &[KeyValue],
        _links: &[Link],
    ) -> SamplingResult {
        let decision = if self.decides(parent_context, trace_id) {
            SamplingDecision::RecordAndSample
        } else {
            SamplingDecision::Drop
        };
        let state =
            parent_context.map(|context| context.span().span_context().trace_state().clone());
        SamplingResult {
            decision,
            attributes: Vec::new(),
            trace_state: state.unwrap_or(TraceState::NONE),
        }
    }
}

/// Random ids, of which a trace's begins with the time in seconds: X-Ray refuses others.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct XrayIds;

impl IdGenerator for XrayIds {
    #[expect(
        clippy::disallowed_methods,
        reason = "the time in an id decides nothing, and no port reaches here"
    )]
    fn new_trace_id(&self) -> TraceId {
        let seconds = u32::try_from(Timestamp::now().as_second()).unwrap_or_default();
        let random = u128::from_be_bytes(RandomIdGenerator::default().new_trace_id().to_bytes());
        let bits = (u128::from(seconds) << 96) | (random & (u128::MAX >> 32));
        TraceId::from_bytes(bits.to_be_bytes())
    }

    fn new_span_id(&self) -> SpanId {
        RandomIdGenerator::default().new_span_id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opentelemetry::trace::{SpanContext, TraceFlags};

    fn context(flags: TraceFlags) -> Context {
        let ids = (TraceId::from(1_u128 << 100), SpanId::from(7));
        let parent = SpanContext::new(ids.0, ids.1, flags, true, TraceState::NONE);
        Context::new().with_remote_span_context(parent)
    }

    #[track_caller]
    fn check(root: Root, follows_parent: bool, parent: Option<&Context>, expected: bool) {
        let sampler = Sampler {
            root,
            follows_parent,
        };
        let decides = sampler.decides(parent, TraceId::from(u128::MAX / 3));
        assert_eq!(decides, expected, "{sampler:?}");
    }

    #[test]
    fn a_decision_that_came_is_followed_where_the_sampler_follows() {
        let (yes, no) = (context(TraceFlags::SAMPLED), context(TraceFlags::default()));
        check(Root::On, true, Some(&no), false);
        check(Root::Off, true, Some(&yes), true);
        check(Root::On, false, Some(&no), true);
        check(Root::Off, false, Some(&yes), false);
    }

    #[test]
    fn no_parent_and_an_undecided_one_are_decided_here() {
        let undecided = context(TraceFlags::default()).with_value(Undecided);
        for (root, expected) in [
            (Root::On, true),
            (Root::Off, false),
            (Root::Ratio(0.5), true),
            (Root::Ratio(0.3), false),
        ] {
            check(root, true, None, expected);
            check(root, true, Some(&undecided), expected);
        }
    }

    #[test]
    fn a_share_of_one_takes_every_trace_and_of_zero_none() {
        for bits in [0, 1, u128::from(u32::MAX), u128::MAX] {
            assert!(Root::Ratio(1.0).decides(TraceId::from(bits)));
            assert!(!Root::Ratio(0.0).decides(TraceId::from(bits)));
        }
    }

    #[test]
    fn a_new_trace_id_begins_with_the_time() {
        let id = XrayIds.new_trace_id().to_bytes();
        let seconds = i64::from(u32::from_be_bytes([id[0], id[1], id[2], id[3]]));
        // 2026-01-01 to 2100: a time, and no random number.
        let times = 1_767_225_600..4_102_444_800;
        assert!(times.contains(&seconds), "{seconds}");
        assert_ne!(XrayIds.new_trace_id(), XrayIds.new_trace_id());
    }
}
