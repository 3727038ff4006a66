//! Lines of code that emits no event of the catalogue, libraries above all: the fields at the top, between what every line has.

use crate::line::{Head, Line, bounded, chain, now};
use crate::log::Write;
use leadwire_pipeline::observe::metric::{Metric, Service};
use std::error::Error;
use std::fmt::Debug;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Writes each of `tracing`'s events as a line, in one write, so that lines never mix.
pub(crate) struct JsonLayer {
    service: Service,
    environment: String,
    write: Write,
}

impl JsonLayer {
    pub(crate) fn new(service: Service, environment: &str, write: Write) -> Self {
        Self {
            service,
            environment: environment.to_owned(),
            write,
        }
    }
}

impl<S: Subscriber> Layer<S> for JsonLayer {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let metadata = event.metadata();
        let (level, environment) = (*metadata.level(), &self.environment);
        let mut line = Line::begin(&Head::now(now(), level, self.service, environment));
        line.put("target", metadata.target());
        event.record(&mut Fields(&mut line));
        // Where stdout is gone there is nowhere left to report it.
        drop((self.write)(&line.close()));
    }
}

struct Fields<'a>(&'a mut Line);

impl Fields<'_> {
    /// A field whose name is taken, as a library's `target` is, gets one of its own.
    fn put(&mut self, field: &Field, value: &(impl serde::Serialize + ?Sized)) {
        if is_reserved(field.name()) || !self.0.put(field.name(), value) {
            self.0.put(format!("field_{}", field.name()), value);
        }
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, &value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, &value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, &value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, &value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, &bounded(value));
    }
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.put(field, &bounded(&chain(value)));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, &bounded(&format!("{value:?}")));
    }
}

/// Whether a member of that name means something to `CloudWatch`.
fn is_reserved(name: &str) -> bool {
    name == "_aws" || Metric::from_name(name).is_some()
}
