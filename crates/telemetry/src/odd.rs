//! An event that no catalogue has.

use leadwire_pipeline::observe::metric::Metrics;
use leadwire_pipeline::observe::{Event, EventFacts, FieldValue};
use std::borrow::Cow;
use tracing::Level;

/// An event of a test, on a level of its choice.
pub(crate) struct Odd {
    pub(crate) level: Level,
    pub(crate) metrics: Metrics,
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl Odd {
    /// One with a line.
    pub(crate) fn line(measure: impl FnOnce(&mut Metrics)) -> Self {
        let mut metrics = Metrics::default();
        measure(&mut metrics);
        Self {
            level: Level::INFO,
            metrics,
            fields: Vec::new(),
        }
    }

    /// One whose line the usual filter leaves out.
    pub(crate) fn silent(measure: impl FnOnce(&mut Metrics)) -> Self {
        Self {
            level: Level::DEBUG,
            ..Self::line(measure)
        }
    }
}

impl Event for Odd {
    fn facts(&self) -> &'static EventFacts {
        &EventFacts {
            name: "odd",
            target: "test",
            levels: &[],
            fields: &[],
            about: "It happens in tests.",
        }
    }

    fn line(&self) -> (Level, Cow<'_, str>) {
        (self.level, "something odd".into())
    }

    fn fields(&self, put: &mut dyn FnMut(&'static str, FieldValue<'_>)) {
        for (name, value) in &self.fields {
            put(name, value.as_str().into());
        }
    }

    fn measure(&self, metrics: &mut Metrics) {
        *metrics = self.metrics;
    }
}
