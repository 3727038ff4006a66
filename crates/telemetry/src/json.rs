//! One JSON object a line: the event's fields at the top, between what every line has.

use serde::ser::{SerializeMap, Serializer as _};
use std::error::Error;
use std::fmt::Debug;
use std::io::Write as _;
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::Context;

/// Writes each event as a line, in one write, so that lines never mix.
pub(crate) struct JsonLayer<W> {
    service: &'static str,
    environment: String,
    writer: W,
}

impl<W> JsonLayer<W> {
    pub(crate) fn new(service: &'static str, environment: String, writer: W) -> Self {
        Self {
            service,
            environment,
            writer,
        }
    }

    fn line(&self, event: &Event<'_>) -> Result<Vec<u8>, serde_json::Error> {
        let metadata: &Metadata<'_> = event.metadata();
        let mut line = Vec::with_capacity(512);
        let mut serializer = serde_json::Serializer::new(&mut line);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("timestamp", &now())?;
        map.serialize_entry("level", metadata.level().as_str())?;
        map.serialize_entry("service", self.service)?;
        map.serialize_entry("environment", &self.environment)?;
        map.serialize_entry("target", metadata.target())?;
        let mut fields = Fields { map, failed: None };
        event.record(&mut fields);
        if let Some(error) = fields.failed {
            return Err(error);
        }
        fields.map.end()?;
        line.push(b'\n');
        Ok(line)
    }
}

impl<S: Subscriber, W: for<'a> MakeWriter<'a> + 'static> Layer<S> for JsonLayer<W> {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        if let Ok(line) = self.line(event) {
            // Where stdout is gone there is nobody left to tell.
            drop(self.writer.make_writer().write_all(&line));
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a log line's own time decides nothing, and no port reaches here"
)]
fn now() -> String {
    format!("{:.6}", jiff::Timestamp::now())
}

struct Fields<M: SerializeMap> {
    map: M,
    failed: Option<M::Error>,
}

impl<M: SerializeMap> Fields<M> {
    fn put(&mut self, field: &Field, value: &(impl serde::Serialize + ?Sized)) {
        if self.failed.is_none() {
            self.failed = self.map.serialize_entry(field.name(), value).err();
        }
    }
}

impl<M: SerializeMap> Visit for Fields<M> {
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
        self.put(field, value);
    }
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let chain: Vec<String> = std::iter::successors(Some(value), |&error| error.source())
            .map(ToString::to_string)
            .collect();
        self.put(field, &chain.join(": "));
    }
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, &format!("{value:?}"));
    }
}
