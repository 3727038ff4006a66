//! The request of a lead whose spans were not kept, because it came in a flood and there was nothing to tell: drawn from what is stored.

use leadwire_domain::source::Source;
use leadwire_pipeline::ledger::history::EventHistory;
use leadwire_telemetry::{Kind, SpanRecord};

/// The spans of an event's trace with its request's, which is drawn where it was not kept.
pub(crate) fn with_request(event: &EventHistory, mut spans: Vec<SpanRecord>) -> Vec<SpanRecord> {
    let has_request = spans
        .iter()
        .any(|span| span.kind == Kind::Server && span.parent_id.is_none());
    if !has_request && let Some(request) = request(event) {
        spans.insert(0, request);
    }
    spans
}

fn request(event: &EventHistory) -> Option<SpanRecord> {
    let received = event.received.as_ref()?;
    let nanos = |time: jiff::Timestamp| i64::try_from(time.as_nanosecond()).unwrap_or(i64::MAX);
    let route = match &*received.source {
        name if name == Source::default().as_str() => "/ingest",
        _ => "/ingest/{source}",
    };
    let attributes = [
        ("leadwire.source", &*received.source),
        ("leadwire.lead_id", &received.lead_id),
        ("leadwire.event_id", &received.event_id),
        ("leadwire.outcome", "accepted"),
    ];
    Some(SpanRecord {
        trace_id: received.trace_id.clone()?,
        span_id: received.span_id.clone()?,
        parent_id: None,
        name: format!("POST {route}"),
        kind: Kind::Server,
        start_unix_nanos: nanos(received.accepted_at),
        end_unix_nanos: nanos(received.stored_at.max(received.accepted_at)),
        error: None,
        attributes: attributes
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        links: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::sample::{GOOD, spans};
    use leadwire_domain::key::EventName;
    use leadwire_pipeline::ledger::ClaimState;
    use leadwire_pipeline::ledger::history::Received;

    fn event(source: &str) -> EventHistory {
        let received = Received {
            lead_id: "a".to_owned(),
            event_id: "e".to_owned(),
            source: source.to_owned(),
            accepted_at: "2026-11-23T06:50:00Z".parse().unwrap(),
            stored_at: "2026-11-23T06:50:00.004Z".parse().unwrap(),
            trace_id: Some("6ac29d00abababababababababababab".to_owned()),
            span_id: Some("0101010101010101".to_owned()),
            bytes: 2,
        };
        EventHistory {
            name: EventName::parse_raw_key("raw/crm_event_a_20261123T065000000000Z.json").unwrap(),
            received: Some(received),
            forgotten_at: None,
            document: None,
            owner: None,
            claim: ClaimState::Absent,
            failure: None,
            live: None,
            dead: Vec::new(),
        }
    }

    #[test]
    fn a_request_that_was_not_kept_is_drawn_from_what_is_stored() {
        for (source, name) in [
            ("generic", "POST /ingest"),
            ("close", "POST /ingest/{source}"),
        ] {
            let [request] = with_request(&event(source), Vec::new()).try_into().unwrap();
            assert_eq!((&*request.name, request.kind), (name, Kind::Server));
            assert_eq!(request.span_id, "0101010101010101");
            let took = request.end_unix_nanos - request.start_unix_nanos;
            assert_eq!(took, 4_000_000);
            assert_eq!(request.attributes["leadwire.lead_id"], "a");
        }
    }

    #[test]
    fn a_request_that_was_kept_is_left_as_it_is() {
        let kept = spans(GOOD);
        assert_eq!(with_request(&event("generic"), kept.clone()), kept);
    }
}
