//! What a test needs that collects log lines while others run beside it.

use std::sync::OnceLock;
use tracing::{Dispatch, Event, Metadata, Subscriber, span};

/// Registers two subscribers that are interested in everything, for the rest of the process. To be called before a thread gets a subscriber
/// of its own.
///
/// `tracing` caches whether a callsite interests anyone. While only one subscriber is registered, it asks the default of the thread that
/// reaches the callsite first: a test without a subscriber then silences the callsite for the test that listens. With two, all are asked.
pub fn keep_callsites_enabled() {
    static INTERESTED: OnceLock<[Dispatch; 2]> = OnceLock::new();
    INTERESTED.get_or_init(|| [Dispatch::new(Interested), Dispatch::new(Interested)]);
}

/// It is never the default of any thread.
struct Interested;

impl Subscriber for Interested {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _span: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _span: &span::Id, _values: &span::Record<'_>) {}
    fn record_follows_from(&self, _span: &span::Id, _follows: &span::Id) {}
    fn event(&self, _event: &Event<'_>) {}
    fn enter(&self, _span: &span::Id) {}
    fn exit(&self, _span: &span::Id) {}
}
