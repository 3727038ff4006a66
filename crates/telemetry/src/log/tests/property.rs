//! Whatever is measured: every line is good, and every value is written or counted as lost.

use super::{Odd, Program, Sample, open_trace, samples};
use jiff::SignedDuration;
use leadwire_domain::channel::ChannelKind;
use leadwire_domain::source::{Source, SourceKind};
use leadwire_pipeline::observe::Sink as _;
use leadwire_pipeline::observe::metric::{
    Dimension, Further, Metric, Metrics, Rejection, Service, Unit,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use tracing::Level;

/// One value.
#[derive(Clone, Copy, Debug)]
struct One {
    metric: Metric,
    further: Option<Further>,
    number: u64,
}

/// What a program does.
#[derive(Clone, Debug)]
enum Step {
    /// An event with or without a line, its values, and a field that may be one of their dimensions.
    Emit(bool, Vec<One>, &'static str, String),
    /// A line of other code, whose fields may have names that mean something.
    Line(String, f64),
    Trace(u128),
    Flush,
}

fn any_text() -> impl Strategy<Value = String> {
    let known = ["", "close", "generic", "unverified", "ingest", "_aws"];
    prop_oneof![
        3 => select(known.map(str::to_owned).to_vec()),
        1 => any::<String>(),
        1 => (1000..2000_usize).prop_map(|many| "x".repeat(many)),
    ]
}

fn any_one() -> impl Strategy<Value = One> {
    let mut metrics = Metric::ALL.to_vec();
    metrics.retain(|metric| *metric != Metric::TelemetryDropped);
    let sources = select(vec![
        SourceKind::Generic,
        SourceKind::Close,
        SourceKind::Standard,
    ])
    .prop_map(Source::from);
    let number =
        prop_oneof![4 => 0..1000_u64, 1 => any::<u64>(), 1 => (1_u64 << 53) - 2..(1 << 53) + 2];
    (select(metrics), sources, number).prop_map(|(metric, source, number)| One {
        metric,
        further: metric.facts().further.map(|dimension| match dimension {
            Dimension::Source => source.into(),
            Dimension::Reason => Rejection::NotConfigured.into(),
            Dimension::Channel => ChannelKind::Mail.into(),
        }),
        number,
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let field = select(vec!["source", "reason", "cause"]);
    prop_oneof![
        12 => (any::<bool>(), vec(any_one(), 0..4), field, any_text())
            .prop_map(|(shown, values, field, text)| Step::Emit(shown, values, field, text)),
        3 => (any_text(), any::<f64>()).prop_map(|(text, ratio)| Step::Line(text, ratio)),
        2 => (0..4_u128).prop_map(Step::Trace),
        1 => Just(Step::Flush),
    ]
}

/// What the sample of a good value is: metric, value of the further dimension, trace, bits of the value, which rise as it does.
type Kept = (String, String, u128, u64);

/// An oracle that knows the catalogue and nothing of the writer.
fn expected(one: &One, service: Service, trace: u128) -> Option<Kept> {
    let facts = one.metric.facts();
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "exact below 2^53"
    )]
    let value = match facts.unit {
        Unit::Count => (one.number <= 1 << 53).then_some(one.number as f64)?,
        Unit::Milliseconds => time_of(one).as_secs_f64() * 1000.0,
    };
    let further = one.further.map_or("", Further::value).to_owned();
    facts
        .services
        .contains(&service)
        .then(|| (facts.name.to_owned(), further, trace, value.to_bits()))
}

fn time_of(one: &One) -> SignedDuration {
    SignedDuration::from_millis(i64::try_from(one.number >> 1).unwrap())
}

/// Readers of JSON may err by the last bits.
fn is_read_as(written: &Kept, good: &Kept) -> bool {
    let which = |kept: &Kept| (kept.0.clone(), kept.1.clone(), kept.2);
    which(written) == which(good) && written.3.abs_diff(good.3) <= 4
}

fn measure(metrics: &mut Metrics, one: &One) {
    match (one.metric.facts().unit, one.further) {
        (Unit::Count, None) => metrics.add(one.metric, one.number),
        (Unit::Count, Some(further)) => metrics.add_by(one.metric, one.number, further),
        (Unit::Milliseconds, None) => metrics.time(one.metric, time_of(one)),
        (Unit::Milliseconds, Some(further)) => metrics.time_by(one.metric, time_of(one), further),
    }
}

fn kept(sample: &Sample) -> Vec<Kept> {
    let mut dimensions = sample.dimensions.clone();
    dimensions.retain(|name, _| !["service", "environment"].contains(&name.as_str()));
    let further = dimensions.into_values().next().unwrap_or_default();
    let trace = sample.trace_id.as_ref();
    let trace = trace.map_or(0, |id| u128::from_str_radix(id, 16).unwrap());
    let kept = |value: &f64| (sample.name.clone(), further.clone(), trace, value.to_bits());
    sample.values.iter().map(kept).collect()
}

fn check(service: Service, filter: &'static str, steps: &[Step]) {
    let program = Program::under(service, filter);
    let (mut good, mut bad) = (Vec::new(), 0.0);
    let lines = program.lines(|| {
        let (mut trace, mut open) = (0, None);
        for step in steps {
            match step {
                Step::Emit(shown, values, field, text) => {
                    let mut event = Odd::line(|_| {});
                    event.level = if *shown { Level::INFO } else { Level::DEBUG };
                    event.fields = vec![(field, text.clone())];
                    for one in values {
                        measure(&mut event.metrics, one);
                        match expected(one, service, trace) {
                            Some(kept) => good.push(kept),
                            None => bad += 1.0,
                        }
                    }
                    program.log.take(&event);
                }
                Step::Line(source, ratio) => {
                    tracing::info!(source, ratio, EmailsSent = ratio, "a line");
                }
                Step::Trace(other) => {
                    trace = *other;
                    // The one before ends first, as a span does.
                    drop(open.take());
                    open = (trace > 0).then(|| open_trace(trace));
                }
                Step::Flush => program.log.flush(),
            }
        }
    });
    let (lost, written): (Vec<_>, Vec<_>) = samples(&lines)
        .into_iter()
        .partition(|sample| sample.name == "TelemetryDropped");
    let mut written: Vec<_> = written.iter().flat_map(kept).collect();
    written.sort();
    good.sort();
    let are_same = written.len() == good.len()
        && written
            .iter()
            .zip(&good)
            .all(|(written, good)| is_read_as(written, good));
    assert!(are_same, "{written:?} written of {good:?}");
    let lost: f64 = lost.iter().flat_map(|sample| &sample.values).sum();
    assert!((lost - bad).abs() < f64::EPSILON, "{lost} counted of {bad}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_document_is_good_and_every_value_is_written_or_counted(
        service in select(vec![Service::Ingest, Service::Enrich, Service::Sweep]),
        filter in select(vec!["info", "error", "off"]),
        steps in vec(any_step(), 0..60),
    ) {
        check(service, filter, &steps);
    }

    #[test]
    fn however_many_values_there_are_none_is_lost(
        many in 0..350_u32,
        lines in 0..4_u32,
    ) {
        let program = Program::new(Service::Enrich);
        let lines = program.lines(|| {
            let _open = open_trace(1);
            for n in 0..many {
                let time = SignedDuration::from_millis(n.into());
                program.measure(|m| m.time(Metric::EnrichmentLag, time));
                if n < lines {
                    program.emit(|_| {});
                }
            }
        });
        let samples = samples(&lines);
        prop_assert_eq!(super::values(&samples, "EnrichmentLag").len(), usize::try_from(many).unwrap());
    }
}
