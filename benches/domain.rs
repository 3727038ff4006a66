//! What one event costs in the domain: parse, verify, merge, document, mail.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use leadwire_benches::{flow::elements, sample};
use leadwire_domain::effect::EffectId;
use leadwire_domain::json::Object;
use leadwire_domain::lead::document::{Enriched, Provenance, parse_enriched, render_enriched};
use leadwire_domain::lead::id::{EventId, Sha256Hex};
use leadwire_domain::lead::merge::{Merged, merge};
use leadwire_domain::notice::{Content, MailTemplate};
use leadwire_domain::source::{
    Delivery, Event, EventFilter, Extracted, Source, SourceKind, Sources,
};
use std::hint::black_box;

/// Custom fields: none, as many as a busy CRM has, and close to the longest body that is taken.
const CUSTOM_FIELDS: [usize; 3] = [0, 40, 12_000];

fn bytes(body: &[u8]) -> Throughput {
    Throughput::Bytes(u64::try_from(body.len()).expect("a short body"))
}

fn event(source: SourceKind, body: &str) -> Event {
    match source.parse(body.as_bytes(), EventFilter::All) {
        Ok(Extracted::Event(event)) => *event,
        Ok(Extracted::Ignored(_)) | Err(_) => {
            unreachable!("the samples are events of their source")
        }
    }
}

fn parse(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("parse");
    let flat = sample::flat("lead_1");
    group.throughput(bytes(flat.as_bytes()));
    group.bench_function("flat", |bencher| {
        bencher.iter(|| event(SourceKind::Generic, black_box(&flat)));
    });
    for custom in CUSTOM_FIELDS {
        let close = sample::close("lead_1", "ev_1", custom);
        group.throughput(bytes(close.as_bytes()));
        group.bench_function(BenchmarkId::new("close", close.len()), |bencher| {
            bencher.iter(|| event(SourceKind::Close, black_box(&close)));
        });
    }
    group.finish();
}

fn signature(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("verify");
    let body = sample::close("lead_1", "ev_1", 40);
    group.throughput(bytes(body.as_bytes()));
    for source in [SourceKind::Close, SourceKind::Standard] {
        for active in [1, 2] {
            // The one that matches is the last: the others are tried all the same.
            let secrets = (0..active).map(|index| sample::secret(source, index));
            let secrets: Vec<_> = secrets.collect();
            let signing = secrets.last().expect("there is one");
            let headers = sample::signed_headers(source, signing, body.as_bytes());
            let document = serde_json::json!({ source.name(): { "secrets": secrets } });
            let sources = Sources::parse(&document.to_string()).expect("a good document");
            let id = BenchmarkId::new(source.name(), format!("{active}_secrets"));
            group.bench_function(id, |bencher| {
                bencher.iter(|| {
                    let delivery = Delivery {
                        method: "POST",
                        path: "/ingest",
                        query: "",
                        headers: &headers,
                        body: black_box(body.as_bytes()),
                        received_at: sample::now(),
                    };
                    let verified = sources.verify(Source::from(source).name(), &delivery);
                    verified.expect("the signature is right").1
                });
            });
        }
    }
    group.finish();
}

/// The two sides of a merge.
fn sides(custom: usize) -> (Event, Object) {
    let event = event(SourceKind::Close, &sample::close("lead_1", "ev_1", custom));
    let owner = Object::parse(sample::owner("lead_1").as_bytes()).expect("an object");
    (event, owner)
}

fn merged() -> Merged {
    let (event, owner) = sides(40);
    merge(&event.lead_id, &event.fields, Some(&owner)).expect("both sides are of one lead")
}

fn provenance(merged: &Merged) -> Provenance {
    Provenance {
        schema: 1,
        event_id: EventId::parse("ev_1").expect("visible ASCII"),
        source: "close".to_owned(),
        kind: None,
        raw_key: "raw/crm_event_lead_1_20261123T064958123000Z.json".to_owned(),
        raw_sha256: Sha256Hex::of(b"raw"),
        accepted_at: sample::now(),
        enriched_at: sample::now(),
        lookup_etag: Some("0123456789abcdef0123456789abcdef".to_owned()),
        lookup_modified_at: Some(sample::now()),
        from: merged.from.clone(),
        conflicts: merged.conflicts.clone(),
        notify: Some(vec![EffectId::everybody()]),
    }
}

fn merging(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("merge");
    for custom in CUSTOM_FIELDS {
        let (event, owner) = sides(custom);
        let fields = event.fields.iter().count() + owner.iter().count();
        group.throughput(elements(fields));
        group.bench_function(BenchmarkId::new("fields", fields), |bencher| {
            bencher.iter(|| {
                merge(&event.lead_id, black_box(&event.fields), Some(&owner)).expect("one lead")
            });
        });
    }
    group.finish();
}

fn document(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("document");
    let merged = merged();
    let provenance = provenance(&merged);
    let document = render_enriched(&merged, &provenance);
    group.throughput(bytes(&document));
    group.bench_function("render", |bencher| {
        bencher.iter(|| render_enriched(black_box(&merged), &provenance));
    });
    group.bench_function("parse", |bencher| {
        bencher.iter(|| parse_enriched(black_box(&document)).expect("our own document"));
    });
    group.finish();
}

fn email(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("email");
    group.throughput(elements(1));
    let merged = merged();
    let document = render_enriched(&merged, &provenance(&merged));
    let lead = parse_enriched(&document).expect("our own document");
    // Every character of it must be escaped, and it is cut.
    let hostile = Enriched {
        display_name: Some("<img src=x onerror=\"&\u{202e}\">\r\n".repeat(100)),
        ..lead.clone()
    };
    let now = sample::now() + SignedDuration::from_secs(605);
    let template = MailTemplate::builtin();
    for (name, lead) in [("plain", &lead), ("hostile", &hostile)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let content = Content::new(black_box(lead), now, &TimeZone::UTC, None);
                template.render(&content, "team (anna@example.com)")
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parse, signature, merging, document, email);
criterion_main!(benches);
