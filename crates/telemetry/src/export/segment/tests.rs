use super::*;
use opentelemetry::InstrumentationScope;
use opentelemetry::trace::{SpanContext, TraceFlags, TraceState};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};
use std::time::Duration;

const TRACE: u128 = 0x6ac2_9d00_abab_abab_abab_abab_abab_abab;

fn context(trace: u128, span: u64) -> SpanContext {
    let (trace, span) = (
        TraceId::from_bytes(trace.to_be_bytes()),
        SpanId::from_bytes(span.to_be_bytes()),
    );
    SpanContext::new(trace, span, TraceFlags::SAMPLED, false, TraceState::NONE)
}

fn span(kind: SpanKind, id: u64, parent: u64, attributes: Vec<KeyValue>) -> SpanData {
    let start_time = UNIX_EPOCH + Duration::from_nanos(1_795_418_928_960_123_456);
    SpanData {
        span_context: context(TRACE, id),
        parent_span_id: SpanId::from_bytes(parent.to_be_bytes()),
        parent_span_is_remote: false,
        span_kind: kind,
        name: "POST /ingest/{source}".into(),
        start_time,
        end_time: start_time + Duration::from_millis(40),
        attributes,
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::default(),
    }
}

fn service() -> Service {
    Service {
        name: "leadwire-ingest".to_owned(),
        version: "0.1.0".to_owned(),
    }
}

fn documents(spans: &[SpanData]) -> Vec<Json> {
    let service = service();
    let forest = Forest::of(&service, spans);
    let documents = forest.documents().map(serde_json::to_value);
    documents.collect::<Result<_, _>>().unwrap()
}

fn document(span: SpanData) -> Json {
    documents(&[span]).pop().unwrap()
}

#[test]
fn a_request_is_a_segment_with_its_answer() {
    let attributes = vec![
        KeyValue::new("http.request.method", "POST"),
        KeyValue::new("url.path", "/ingest/close"),
        KeyValue::new("http.response.status_code", 202),
        KeyValue::new("leadwire.lead_id", "test-1"),
        KeyValue::new("leadwire.outcome", "accepted"),
    ];
    let mut server = span(SpanKind::Server, 1, 2, attributes);
    server.links.links = vec![Link::with_context(context(7, 3))];
    let link = json!({"trace_id": format!("{:032x}", 7), "span_id": "0000000000000003"});
    let expected = json!({
        "name": "leadwire-ingest",
        "service": {"version": "0.1.0"},
        "trace_id": "1-6ac29d00-abababababababababababab",
        "id": "0000000000000001",
        "parent_id": "0000000000000002",
        "start_time": 1_795_418_928.960_123,
        "end_time": 1_795_418_929.000_123,
        "http": {
            "request": {"method": "POST", "url": "/ingest/close"},
            "response": {"status": 202},
        },
        "annotations": {"leadwire_lead_id": "test-1", "leadwire_outcome": "accepted"},
        "metadata": {"leadwire": {
            "span_name": "POST /ingest/{source}",
            "http.request.method": "POST",
            "url.path": "/ingest/close",
            "http.response.status_code": 202,
            "links": [link],
        }},
    });
    assert_eq!(document(server), expected);
}

#[test]
fn a_request_for_what_is_not_ours_has_no_address() {
    let attributes = vec![
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("http.response.status_code", 404),
    ];
    let document = document(span(SpanKind::Server, 1, 0, attributes));
    assert_eq!(document["http"]["request"], json!({"method": "GET"}));
    assert!(document.get("parent_id").is_none());
}

#[test]
fn a_call_of_aws_is_a_subsegment_of_that_service() {
    let attributes = vec![
        KeyValue::new("rpc.service", "S3"),
        KeyValue::new("rpc.method", "PutObject"),
    ];
    let document = document(span(SpanKind::Client, 1, 2, attributes));
    assert_eq!(document["type"], "subsegment");
    assert_eq!(document["name"], "S3");
    assert_eq!(document["namespace"], "aws");
    assert_eq!(document["aws"], json!({"operation": "PutObject"}));
    assert_eq!(document["metadata"]["leadwire"]["rpc.method"], "PutObject");
}

/// X-Ray indexes 50 annotations of a whole trace; which ones of more is chance.
#[test]
fn of_a_lead_of_twelve_attempts_every_annotation_can_be_searched_by() {
    let attributes = || {
        let ids = ANNOTATED.map(|key| KeyValue::new(key, "x"));
        let rest = (0..20).map(|number| KeyValue::new(format!("rest.{number}"), number));
        ids.into_iter().chain(rest).collect::<Vec<_>>()
    };
    let mut spans = Vec::new();
    for attempt in 0..12 {
        spans.push(span(SpanKind::Consumer, 100 + attempt, 1, attributes()));
        let calls = (0..8).map(|call| {
            let id = 1000 + 10 * attempt + call;
            span(SpanKind::Client, id, 100 + attempt, attributes())
        });
        spans.extend(calls);
    }
    let text = serde_json::to_string(&documents(&spans)).unwrap();
    assert_eq!(text.matches("\"annotations\"").count(), 12);
    assert_eq!(text.matches("\"leadwire_").count(), 48);
    assert!(text.contains("\"rest.19\":19"), "metadata have the rest");
}

#[test]
fn a_name_keeps_only_what_x_ray_takes() {
    let document = document(span(SpanKind::Internal, 1, 2, Vec::new()));
    assert_eq!(document["name"], "POST /ingest/source");
    assert_eq!(name(&"ä".repeat(300)), "");
    assert_eq!(name(&"a".repeat(300)).len(), NAME_CHARS_MAX);
}

#[test]
fn a_failure_is_a_fault_with_its_message() {
    for (description, message) in [("could not put", "could not put"), ("", "failed")] {
        let mut failed = span(SpanKind::Client, 1, 2, Vec::new());
        failed.status = Status::error(description);
        let document = document(failed);
        assert_eq!(document["fault"], true);
        let exception = &document["cause"]["exceptions"][0];
        assert_eq!(exception["message"], message);
        assert_eq!(exception["id"], "0000000000000001");
    }
}

#[test]
fn what_is_flushed_with_its_parent_is_inside_it() {
    let spans = [
        span(SpanKind::Client, 3, 2, Vec::new()),
        span(SpanKind::Internal, 2, 1, Vec::new()),
        span(SpanKind::Server, 1, 0, Vec::new()),
        span(SpanKind::Internal, 5, 9, Vec::new()),
    ];
    let [whole, apart] = &*documents(&spans) else {
        panic!("a document of the server's, and one whose parent is elsewhere");
    };
    assert_eq!(whole["id"], "0000000000000001");
    let inner = &whole["subsegments"][0];
    assert_eq!(inner["id"], "0000000000000002");
    assert_eq!(inner["subsegments"][0]["id"], "0000000000000003");
    for told_outside in ["trace_id", "parent_id", "type"] {
        assert!(inner.get(told_outside).is_none(), "{inner}");
    }
    assert_eq!(apart["parent_id"], "0000000000000009");
    assert_eq!(apart["type"], "subsegment");
}

#[test]
fn a_segment_is_never_inside_another_nor_a_span_inside_one_of_another_trace() {
    let mut stranger = span(SpanKind::Producer, 3, 1, Vec::new());
    stranger.span_context = context(8, 3);
    let spans = [
        span(SpanKind::Server, 1, 0, Vec::new()),
        span(SpanKind::Consumer, 2, 1, Vec::new()),
        stranger,
    ];
    assert_eq!(documents(&spans).len(), 3);
}

#[test]
fn a_document_can_be_told_in_parts_and_none_is_told_twice() {
    let spans = [
        span(SpanKind::Server, 1, 0, Vec::new()),
        span(SpanKind::Internal, 2, 1, Vec::new()),
        span(SpanKind::Client, 3, 2, Vec::new()),
        span(SpanKind::Client, 4, 1, Vec::new()),
    ];
    let service = service();
    let forest = Forest::of(&service, &spans);
    let whole = forest.documents().next().unwrap();
    let parts: Vec<Document<'_>> = whole.parts().unwrap().collect();
    let told = parts.iter().map(serde_json::to_value);
    let told: Vec<Json> = told.collect::<Result<_, _>>().unwrap();
    let ids = ["1", "2", "4"].map(|id| format!("{id:0>16}"));
    assert!(told.iter().map(|part| &part["id"]).eq(&ids));
    assert!(told[0].get("subsegments").is_none());
    assert_eq!(told[1]["subsegments"][0]["id"], "0000000000000003");
    assert_eq!(told[1]["parent_id"], "0000000000000001");
    assert!(parts[0].parts().is_none());
}
