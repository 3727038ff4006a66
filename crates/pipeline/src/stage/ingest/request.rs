//! A request, and where it goes.

use crate::trace::TraceContext;
use jiff::Timestamp;
use leadwire_domain::limits::BODY_BYTES_MAX;
use leadwire_domain::problem::Problem;
use leadwire_domain::signature::Headers;
use leadwire_domain::source::Source;

/// A webhook as it came, whatever carried it.
#[derive(Clone)]
pub struct Request<'a> {
    /// The HTTP method.
    pub method: &'a str,
    /// The path without a stage's prefix: `/ingest` or `/ingest/{source}`.
    pub path: &'a str,
    /// The headers.
    pub headers: &'a (dyn Headers + Sync),
    /// The body's bytes as they were sent; a carrier may stop reading one byte past the limit.
    pub body: &'a [u8],
    /// When it came.
    pub received_at: Timestamp,
    /// The trace it starts; it is stored with the event and travels with the message. An empty one is started here.
    pub trace: TraceContext,
}

impl Request<'_> {
    /// Which source it is for, by path, method and size alone: nothing is read yet.
    pub(super) fn route(&self) -> Result<Source, (Option<Source>, Problem)> {
        let source = source_of(self.path).ok_or((None, Problem::NotFound))?;
        let refuse = |problem| Err((Some(source), problem));
        if self.method != "POST" {
            return refuse(Problem::MethodNotAllowed);
        }
        if self
            .headers
            .get("content-encoding")
            .is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity"))
        {
            return refuse(Problem::UnsupportedEncoding);
        }
        if self.body.len() > BODY_BYTES_MAX {
            return refuse(Problem::TooLarge);
        }
        Ok(source)
    }
}

/// `/ingest` is the generic source; `/ingest/{source}` is the one named, and the generic one has no second address.
fn source_of(path: &str) -> Option<Source> {
    let rest = path.strip_prefix("/ingest")?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    if rest.is_empty() {
        return Some(Source::Generic);
    }
    Source::from_name(rest.strip_prefix('/')?).filter(|source| *source != Source::Generic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_addresses_of_the_contract_lead_anywhere() {
        assert_eq!(source_of("/ingest"), Some(Source::Generic));
        assert_eq!(source_of("/ingest/"), Some(Source::Generic));
        assert_eq!(source_of("/ingest/close"), Some(Source::Close));
        assert_eq!(source_of("/ingest/standard/"), Some(Source::Standard));
        assert_eq!(source_of("/ingest/canary"), Some(Source::Canary));
        for nowhere in [
            "",
            "/",
            "/ingestx",
            "/ingest/generic",
            "/ingest/hubspot",
            "/ingest/close/x",
            "/Ingest",
            "/x/ingest",
        ] {
            assert_eq!(source_of(nowhere), None, "{nowhere}");
        }
    }
}
