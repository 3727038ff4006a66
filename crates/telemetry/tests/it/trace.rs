//! One trace from the webhook to the mail.

use crate::world::{World, spans_of, spans_where};
use leadwire_domain::wait::DeferReason;
use leadwire_pipeline::stage::enrich::{Done, Outcome};
use leadwire_telemetry::{ATTRIBUTES, Kind, SPANS, SpanRecord};
use std::collections::BTreeSet;
use std::time::Duration;

#[track_caller]
fn one<'a>(spans: &'a [SpanRecord], name: &str) -> &'a SpanRecord {
    let found: Vec<_> = spans.iter().filter(|span| span.name == name).collect();
    let [span] = found.as_slice() else {
        panic!("{name} in {}", tree(spans))
    };
    span
}

#[track_caller]
fn parent<'a>(spans: &'a [SpanRecord], of: &SpanRecord) -> &'a SpanRecord {
    let mut spans = spans.iter();
    let parent = spans.find(|span| Some(&span.span_id) == of.parent_id.as_ref());
    parent.unwrap()
}

fn tree(spans: &[SpanRecord]) -> String {
    let lines = spans
        .iter()
        .map(|s| format!("{} {} ← {:?}\n", s.span_id, s.name, s.parent_id));
    lines.collect()
}

#[tokio::test(start_paused = true)]
async fn a_lead_is_one_trace_from_the_webhook_to_the_mail() {
    let world = World::new();
    world.put_owner("trace-1");
    let trace = world.post("trace-1").await;
    tokio::time::advance(Duration::from_mins(10)).await;
    assert_eq!(world.work().await, [Outcome::Done(Done::Mailed)]);

    let spans = spans_of(&trace).await;
    let server = one(&spans, "POST /ingest");
    assert_eq!((server.kind, &server.parent_id), (Kind::Server, &None));
    assert_eq!(server.attributes["leadwire.lead_id"], "trace-1");
    assert_eq!(server.attributes["http.response.status_code"], "202");
    let send = one(&spans, "send stack-delay");
    assert_eq!(send.kind, Kind::Producer);
    assert_eq!(send.parent_id.as_ref(), Some(&server.span_id));
    let wait = one(&spans, "wait stack-delay");
    assert_eq!(wait.parent_id.as_ref(), Some(&send.span_id));
    let waited = wait.end_unix_nanos - wait.start_unix_nanos;
    assert_eq!(waited, 600_000_000_000);
    let process = one(&spans, "process stack-delay");
    assert_eq!(process.kind, Kind::Consumer);
    assert_eq!(process.parent_id.as_ref(), Some(&send.span_id));
    let links: Vec<_> = process.links.iter().map(|link| &link.span_id).collect();
    assert_eq!(links, [&send.span_id]);
    assert_eq!(process.attributes["leadwire.outcome"], "mailed");
    for name in ["merge", "SES.SendEmail"] {
        let parent_id = one(&spans, name).parent_id.as_ref();
        assert_eq!(parent_id, Some(&process.span_id), "{name}");
    }
    let children = |parent: &SpanRecord, name: &str| {
        let of = |s: &&SpanRecord| s.name == name && s.parent_id.as_ref() == Some(&parent.span_id);
        spans.iter().filter(of).count()
    };
    assert!(children(server, "S3.PutObject") >= 1, "{}", tree(&spans));
    assert!(children(process, "S3.GetObject") >= 2, "{}", tree(&spans));
    assert!(children(process, "S3.PutObject") >= 2, "{}", tree(&spans));
}

#[tokio::test(start_paused = true)]
async fn each_attempt_is_seen_in_the_trace_of_a_lead_whose_owner_comes_late() {
    let world = World::new();
    let trace = world.post("trace-2").await;
    tokio::time::advance(Duration::from_mins(10)).await;
    let deferred = |seconds| Outcome::Deferred {
        reason: DeferReason::OwnerAbsent,
        seconds,
    };
    assert_eq!(world.work().await, [deferred(30)]);
    world.put_owner("trace-2");
    tokio::time::advance(Duration::from_secs(31)).await;
    assert_eq!(world.work().await, [Outcome::Done(Done::Mailed)]);

    let spans = spans_of(&trace).await;
    let attempt = |outcome: &str| {
        let is_it = |span: &&SpanRecord| {
            let found = span.attributes.get("leadwire.outcome");
            span.name == "process stack-delay" && found.is_some_and(|found| found == outcome)
        };
        let found: Vec<_> = spans.iter().filter(is_it).collect();
        assert_eq!(found.len(), 1, "{outcome} in {}", tree(&spans));
        found[0]
    };
    let (early, late) = (attempt("owner_absent"), attempt("mailed"));
    let copy = parent(&spans, late);
    assert_eq!(copy.name, "send stack-delay");
    assert_eq!(copy.parent_id.as_ref(), Some(&early.span_id));
}

#[tokio::test(start_paused = true)]
async fn a_swept_event_goes_on_in_its_own_trace_and_is_linked_to_the_sweep() {
    let world = World::new();
    world.put_owner("trace-3");
    let trace = world.post("trace-3").await;
    world.memory.purge();
    tokio::time::advance(Duration::from_hours(4)).await;
    world.sweep().await;
    assert_eq!(world.work().await, [Outcome::Done(Done::Mailed)]);

    let spans = spans_of(&trace).await;
    let process = one(&spans, "process stack-delay");
    let sent = parent(&spans, process);
    let [link] = sent.links.as_slice() else {
        panic!("{sent:?}")
    };
    let sweeps = spans_where(|span| span.name == "sweep").await;
    assert!(sweeps.iter().any(|sweep| sweep.span_id == link.span_id));
    assert_ne!(link.trace_id, trace);
}

#[tokio::test(start_paused = true)]
async fn a_failure_marks_its_span_and_says_why() {
    let world = World::new();
    let trace = world.post("trace-4").await;
    world.put_file("trace-4", r#"{"lead_id":"somebody-else"}"#.to_owned());
    tokio::time::advance(Duration::from_mins(10)).await;
    assert!(world.work().await[0].is_failed());
    let spans = spans_of(&trace).await;
    let process = one(&spans, "process stack-delay");
    assert!(process.error.is_some());
    assert_eq!(process.attributes["error.type"], "lookup_mismatch");
}

#[tokio::test(start_paused = true)]
async fn every_span_and_attribute_is_in_the_catalogue() {
    let world = World::new();
    world.put_owner("trace-5");
    let trace = world.post("trace-5").await;
    tokio::time::advance(Duration::from_mins(10)).await;
    world.work().await;
    let known: BTreeSet<&str> = ATTRIBUTES.iter().map(|(name, _)| *name).collect();
    for facts in SPANS {
        for name in facts.attributes.split_whitespace() {
            assert!(known.contains(name), "{name} of {}", facts.name);
        }
    }
    for span in spans_of(&trace).await {
        let name = span.name.replace("stack-delay", "<queue>");
        let name = name.replace("POST /ingest", "POST /ingest/{source}");
        let facts = SPANS
            .iter()
            .find(|facts| facts.name.split(", ").any(|known| known == name));
        let facts = facts.unwrap_or_else(|| panic!("{name} is not in the catalogue"));
        let known = facts.attributes.split_whitespace();
        for attribute in span.attributes.keys() {
            let is_known = known.clone().any(|name| name == attribute);
            assert!(is_known, "{attribute} of {name}");
        }
    }
}
