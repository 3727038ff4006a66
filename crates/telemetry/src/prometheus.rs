//! The page `/metrics`, in Prometheus's text form: snake case, counters that end in `_total`, durations in seconds.

use crate::series::{BUCKETS, Series, SeriesOf, SeriesTable, Total};
use leadwire_pipeline::observe::metric::Unit;
use std::fmt::Write as _;

/// All series as Prometheus reads them.
pub(crate) fn render(table: &SeriesTable) -> String {
    let mut page = String::new();
    let mut described = "";
    for (series, total) in table.series.iter().zip(&table.totals) {
        if matches!(total, Total::Gauge(None)) {
            continue;
        }
        if series.name != described {
            described = series.name;
            describe(&mut page, series);
        }
        write_samples(&mut page, series, total).expect("a String takes every write");
    }
    page
}

fn describe(page: &mut String, series: &Series) {
    let name = name(series);
    let about = series.about.replace('`', "");
    let kind = match series.of {
        SeriesOf::State(_) => "gauge",
        SeriesOf::Metric(metric, _) => match metric.facts().unit {
            Unit::Count => "counter",
            Unit::Milliseconds => "histogram",
        },
    };
    if !page.is_empty() {
        page.push('\n');
    }
    writeln!(page, "# HELP {name} {about}\n# TYPE {name} {kind}")
        .expect("a String takes every write");
}

fn write_samples(page: &mut String, series: &Series, total: &Total) -> std::fmt::Result {
    let (name, labels) = (name(series), labels(series));
    match total {
        Total::Counter(count) => writeln!(page, "{name}{{{labels}}} {count}"),
        Total::Gauge(value) => writeln!(page, "{name}{{{labels}}} {}", value.unwrap_or_default()),
        Total::Histogram(buckets, sum) => {
            let mut count = 0;
            let bounds = BUCKETS.iter().map(ToString::to_string);
            let bounds = bounds.chain(["+Inf".to_owned()]);
            for (bound, many) in bounds.zip(buckets) {
                count += many;
                writeln!(page, "{name}_bucket{{{labels},le=\"{bound}\"}} {count}")?;
            }
            writeln!(page, "{name}_sum{{{labels}}} {sum}")?;
            writeln!(page, "{name}_count{{{labels}}} {count}")
        }
    }
}

fn labels(series: &Series) -> String {
    let labels = series.dimensions.iter().map(|(name, value)| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        format!("{name}=\"{}\"", value.replace('\n', "\\n"))
    });
    labels.collect::<Vec<_>>().join(",")
}

/// `LeadsAccepted` is `leadwire_leads_accepted_total` here, `EndToEndLatency` is `leadwire_end_to_end_latency_seconds`.
fn name(series: &Series) -> String {
    let unit = match series.of {
        SeriesOf::State(_) => "",
        SeriesOf::Metric(metric, _) => match metric.facts().unit {
            Unit::Count => "_total",
            Unit::Milliseconds => "_seconds",
        },
    };
    let mut name = "leadwire".to_owned();
    for c in series.name.chars() {
        if c.is_ascii_uppercase() {
            name.push('_');
        }
        name.push(c.to_ascii_lowercase());
    }
    name + unit
}
