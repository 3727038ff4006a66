//! How the one machine is traced: the same spans as in AWS, with the names of its own parts.

use leadwire_local::Spans;
use leadwire_pipeline::stage::enrich::Record;
use leadwire_telemetry::{Invocation, Names, begin_record, sweep_span};
use std::sync::Arc;
use tracing::Span;

/// The spans of messages and sweeps.
pub(crate) struct MachineSpans(pub(crate) Arc<Names>);

impl Spans for MachineSpans {
    fn begin(&self, record: &mut Record) {
        begin_record(record, &self.0, &Invocation::default());
    }

    fn sweep(&self) -> Span {
        sweep_span(&Invocation::default())
    }
}
