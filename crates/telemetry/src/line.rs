//! A log line: one JSON object, built member by member, and what every line has.

use jiff::Timestamp;
use leadwire_pipeline::observe::metric::Service;
use opentelemetry::trace::{SpanContext, TraceContextExt as _};
use opentelemetry::{Context as OtelContext, SpanId, TraceId};
use serde::Serialize;
use std::borrow::Cow;
use std::error::Error;
use std::ops::Range;
use tracing::Level;

/// Longest text of one field: Lambda cuts a line at 256 KB, and what is cut is no JSON any more.
const TEXT_BYTES_MAX: usize = 8 * 1024;

/// What every line begins with.
pub(crate) struct Head<'a> {
    pub(crate) now: Timestamp,
    pub(crate) level: Level,
    pub(crate) service: Service,
    pub(crate) environment: &'a str,
    pub(crate) trace: Option<TraceId>,
    pub(crate) span: Option<SpanId>,
}

impl<'a> Head<'a> {
    /// Of a line that is written now, within the span that is open.
    pub(crate) fn now(
        now: Timestamp,
        level: Level,
        service: Service,
        environment: &'a str,
    ) -> Self {
        let span = open_span();
        Self {
            now,
            level,
            service,
            environment,
            trace: span.is_valid().then(|| span.trace_id()),
            span: span.is_valid().then(|| span.span_id()),
        }
    }
}

/// A JSON object under construction. No member can stand in it twice, and one that cannot be written leaves no trace.
pub(crate) struct Line {
    bytes: Vec<u8>,
    members: Vec<(Cow<'static, str>, Range<usize>)>,
}

impl Line {
    /// An object without members.
    pub(crate) fn open() -> Self {
        let mut bytes = Vec::with_capacity(1024);
        bytes.push(b'{');
        Self {
            bytes,
            members: Vec::with_capacity(16),
        }
    }

    /// A line with its head.
    pub(crate) fn begin(head: &Head<'_>) -> Self {
        let mut line = Self::open();
        line.put("timestamp", &format_timestamp(head.now));
        line.put("level", head.level.as_str());
        line.put("service", head.service.name());
        line.put("environment", head.environment);
        if let Some(trace) = head.trace {
            line.put("trace_id", &trace.to_string());
        }
        if let Some(span) = head.span {
            line.put("span_id", &span.to_string());
        }
        line
    }

    /// Adds a member, unless there is one of that name or the value cannot be written. Says whether it was added.
    pub(crate) fn put(
        &mut self,
        name: impl Into<Cow<'static, str>>,
        value: &(impl Serialize + ?Sized),
    ) -> bool {
        let name = name.into();
        if self.get(&name).is_some() {
            return false;
        }
        let before = self.bytes.len();
        if let Ok(written) = self.write(&name, value) {
            self.members.push((name, written));
            return true;
        }
        self.bytes.truncate(before);
        false
    }

    fn write(
        &mut self,
        name: &str,
        value: &(impl Serialize + ?Sized),
    ) -> serde_json::Result<Range<usize>> {
        if !self.members.is_empty() {
            self.bytes.push(b',');
        }
        serde_json::to_writer(&mut self.bytes, name)?;
        self.bytes.push(b':');
        let start = self.bytes.len();
        serde_json::to_writer(&mut self.bytes, value)?;
        Ok(start..self.bytes.len())
    }

    /// A member's JSON.
    pub(crate) fn get(&self, name: &str) -> Option<&[u8]> {
        let (_, written) = self.members.iter().find(|(known, _)| known == name)?;
        self.bytes.get(written.clone())
    }

    /// Whether a member is, or could become, this text.
    pub(crate) fn agrees(&self, name: &str, text: &str) -> bool {
        self.get(name)
            .is_none_or(|json| serde_json::to_vec(text).is_ok_and(|wanted| json == wanted))
    }

    /// How long it is so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The finished line.
    pub(crate) fn close(mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(b"}\n");
        self.bytes
    }
}

/// The span that is open on this thread: a span's context is activated as it is entered, whatever the filter of lines says of it.
pub(crate) fn open_span() -> SpanContext {
    OtelContext::map_current(|context| context.span().span_context().clone())
}

#[expect(
    clippy::disallowed_methods,
    reason = "a log line's own time decides nothing, and no port reaches here"
)]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

/// A time as it stands on a line.
fn format_timestamp(time: Timestamp) -> String {
    format!("{time:.6}")
}

/// A text within the limit; what is cut off is marked.
pub(crate) fn bounded(text: &str) -> Cow<'_, str> {
    if text.len() <= TEXT_BYTES_MAX {
        return Cow::Borrowed(text);
    }
    let kept = text.get(..text.floor_char_boundary(TEXT_BYTES_MAX));
    Cow::Owned(format!("{}…", kept.unwrap_or_default()))
}

/// An error with everything that led to it.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    let chain: Vec<String> = causes.map(ToString::to_string).collect();
    chain.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::ser::{Error as _, Serializer};

    struct Broken;

    impl Serialize for Broken {
        fn serialize<S: Serializer>(&self, _serializer: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("broken"))
        }
    }

    #[test]
    fn a_member_stands_once_and_one_that_cannot_be_written_not_at_all() {
        let mut line = Line::open();
        assert!(!line.put("first", &Broken));
        assert!(line.put("a\"b", &1));
        assert!(!line.put("a\"b", &2));
        assert!(!line.put("broken", &("half", Broken)));
        assert!(line.put("c", "é\n"));
        assert_eq!(line.get("a\"b"), Some(b"1".as_slice()));
        assert!(line.agrees("c", "é\n") && line.agrees("missing", "x") && !line.agrees("c", "e"));
        let line = String::from_utf8(line.close()).unwrap();
        assert_eq!(line, "{\"a\\\"b\":1,\"c\":\"é\\n\"}\n");
    }

    #[test]
    fn an_object_without_members_is_one_too() {
        assert_eq!(Line::open().close(), b"{}\n");
    }
}
