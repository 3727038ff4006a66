//! Whatever is recorded: every line is good, and every value is written or counted as lost.

use super::{Program, key, open_trace, samples};
use crate::emf::validate::Sample;
use leadwire_pipeline::observe::metric::{Metric, Stage, Unit};
use metrics::Recorder as _;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

/// How a value is told.
#[derive(Clone, Copy, Debug)]
enum How {
    Increment(u64),
    Absolute(u64),
    Record(f64),
    Set(f64),
    Move(f64),
}

/// One value.
#[derive(Clone, Debug)]
struct Told {
    name: String,
    labels: Vec<(String, String)>,
    how: How,
}

/// What a program does.
#[derive(Clone, Debug)]
enum Step {
    Tell(Told),
    /// An event's fields, of which some have names that mean something.
    Line(bool, String, String, f64),
    Trace(u128),
    Flush,
}

fn any_value() -> impl Strategy<Value = f64> {
    let odd = [
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        -0.0,
        -1.0,
        1e108,
        2.4e108,
        f64::MAX,
    ];
    let value = prop_oneof![4 => 0.0..1e7, 2 => any::<f64>(), 1 => select(odd.to_vec())];
    // With digits to spare, so that a reader who rounds the last one still reads the same.
    value.prop_map(|value| format!("{value:.6e}").parse().unwrap())
}

fn any_how() -> impl Strategy<Value = How> {
    prop_oneof![
        4 => prop_oneof![0..1000_u64, any::<u64>(), (1_u64 << 53) - 2..(1 << 53) + 2].prop_map(How::Increment),
        4 => any_value().prop_map(How::Record),
        1 => any_value().prop_map(How::Set),
        1 => any_value().prop_map(How::Move),
        1 => any::<u64>().prop_map(How::Absolute),
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    let known = [
        "",
        "close",
        "generic",
        "unverified",
        "not_configured",
        "ingest",
        "_aws",
    ];
    prop_oneof![
        3 => select(known.map(str::to_owned).to_vec()),
        1 => any::<String>(),
        1 => (1000..2000_usize).prop_map(|many| "x".repeat(many)),
    ]
}

fn any_told() -> impl Strategy<Value = Told> {
    let names: Vec<String> = Metric::ALL
        .into_iter()
        .filter(|metric| *metric != Metric::TelemetryDropped)
        .map(|metric| metric.name().to_owned())
        .collect();
    let name = prop_oneof![9 => select(names), 1 => any_text()];
    let label = prop_oneof![
        Just("source".to_owned()),
        Just("reason".to_owned()),
        Just("service".to_owned()),
        any_text(),
    ];
    (name, vec((label, any_text()), 0..3), any_how(), 0..4_u8).prop_map(
        |(name, labels, how, fitting)| {
            // Most values are ones that a stage would tell.
            let further = Metric::from_name(&name).map(|metric| metric.facts().further);
            let labels = match further {
                Some(further) if fitting > 0 => further
                    .map(|dimension| {
                        let values = dimension.values();
                        let value = values[usize::from(fitting) % values.len()];
                        (dimension.name().to_owned(), value.to_owned())
                    })
                    .into_iter()
                    .collect(),
                _ => labels,
            };
            Told { name, labels, how }
        },
    )
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => any_told().prop_map(Step::Tell),
        3 => (any::<bool>(), any_text(), any_text(), any_value()).prop_map(|(shown, a, b, c)| Step::Line(shown, a, b, c)),
        2 => (0..4_u128).prop_map(Step::Trace),
        1 => Just(Step::Flush),
    ]
}

/// What the sample of a good value is: metric, value of the further dimension, trace, value.
type Kept = (String, String, u128, u64);

/// An oracle that knows the catalogue and nothing of the writer.
fn expected(told: &Told, stage: Stage, trace: u128) -> Option<Kept> {
    let facts = Metric::from_name(&told.name)?.facts();
    let further = match (facts.further, told.labels.as_slice()) {
        (None, []) => String::new(),
        (Some(dimension), [(name, value)])
            if name == dimension.name() && dimension.values().contains(&value.as_str()) =>
        {
            value.clone()
        }
        _ => return None,
    };
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "exact below 2^53"
    )]
    let value = match told.how {
        How::Increment(many) if facts.unit == Unit::Count && many <= 1 << 53 => many as f64,
        How::Record(value) | How::Set(value) if (0.0..=1e108).contains(&value) => value,
        How::Increment(_) | How::Absolute(_) | How::Record(_) | How::Set(_) | How::Move(_) => {
            return None;
        }
    };
    facts
        .stages
        .contains(&stage)
        .then(|| (told.name.clone(), further, trace, rounded(value)))
}

/// Readers of JSON may round the last digit, and zero has one sign.
fn rounded(value: f64) -> u64 {
    format!("{:.12e}", value + 0.0)
        .parse::<f64>()
        .unwrap()
        .to_bits()
}

fn tell(program: &Program, told: &Told) {
    let labels: Vec<_> = told
        .labels
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    let key = key(&told.name, &labels);
    let (recorder, metadata) = (&program.recorder, &super::METADATA);
    match told.how {
        How::Increment(many) => recorder.register_counter(&key, metadata).increment(many),
        How::Absolute(many) => recorder.register_counter(&key, metadata).absolute(many),
        How::Record(value) => recorder.register_histogram(&key, metadata).record(value),
        How::Set(value) => recorder.register_gauge(&key, metadata).set(value),
        How::Move(by) => recorder.register_gauge(&key, metadata).increment(by),
    }
}

fn kept(sample: &Sample) -> Vec<Kept> {
    let mut dimensions = sample.dimensions.clone();
    dimensions.remove("service");
    dimensions.remove("environment");
    let further = dimensions.into_values().next().unwrap_or_default();
    let trace = sample
        .trace_id
        .as_ref()
        .map_or(0, |id| u128::from_str_radix(id, 16).unwrap());
    let kept = |value: &f64| (sample.name.clone(), further.clone(), trace, rounded(*value));
    sample.values.iter().map(kept).collect()
}

fn check(stage: Stage, filter: &'static str, steps: &[Step]) {
    let program = Program::under(stage, filter);
    let (mut good, mut bad) = (Vec::new(), 0.0);
    let lines = program.told(|| {
        let (mut trace, mut open) = (0, None);
        for step in steps {
            match step {
                Step::Tell(told) => {
                    tell(&program, told);
                    match expected(told, stage, trace) {
                        Some(kept) => good.push(kept),
                        None => bad += 1.0,
                    }
                }
                Step::Line(true, source, reason, ratio) => {
                    tracing::info!(source, reason, ratio, EmailsSent = ratio, "a line");
                }
                Step::Line(false, source, reason, level) => {
                    tracing::debug!(source, reason, level, "a line that is left out");
                }
                Step::Trace(other) => {
                    trace = *other;
                    // The one before ends first, as a span does.
                    drop(open.take());
                    open = (trace > 0).then(|| open_trace(trace));
                }
                Step::Flush => program.recorder.flush(),
            }
        }
    });
    let (lost, written): (Vec<_>, Vec<_>) = samples(&lines)
        .into_iter()
        .partition(|sample| sample.name == "TelemetryDropped");
    let mut written: Vec<_> = written.iter().flat_map(kept).collect();
    written.sort();
    good.sort();
    assert_eq!(written, good);
    let lost: f64 = lost.iter().flat_map(|sample| &sample.values).sum();
    assert!((lost - bad).abs() < f64::EPSILON, "{lost} counted of {bad}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_document_is_good_and_every_value_is_written_or_counted(
        stage in select(vec![Stage::Ingest, Stage::Enrich, Stage::Sweep]),
        filter in select(vec!["info", "error", "off"]),
        steps in vec(any_step(), 0..60),
    ) {
        check(stage, filter, &steps);
    }

    #[test]
    fn however_many_values_there_are_none_is_lost(
        many in 0..350_u32,
        lines in 0..4_u32,
    ) {
        let program = Program::new(Stage::Enrich);
        let lines = program.told(|| {
            for n in 0..many {
                program.measure("EnrichmentLag", &[], f64::from(n));
                if n < lines {
                    tracing::info!("a line");
                }
            }
        });
        let samples = samples(&lines);
        prop_assert_eq!(super::values(&samples, "EnrichmentLag").len(), usize::try_from(many).unwrap());
    }
}
