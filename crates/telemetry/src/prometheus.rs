//! The page `/metrics`, in Prometheus's text form: snake case, counters that end in `_total`, durations in seconds.

use crate::series::{BUCKETS, Series, SeriesTable, Total};
use std::fmt::Write as _;

/// All series as Prometheus reads them.
pub(crate) fn render(table: &SeriesTable) -> String {
    let mut page = String::new();
    let mut described = "";
    for series in &table.series {
        if matches!(series.total, Total::Gauge(None)) {
            continue;
        }
        let is_described = std::mem::replace(&mut described, series.name) == series.name;
        write(&mut page, series, is_described).expect("a String takes every write");
    }
    page
}

fn write(page: &mut String, series: &Series, is_described: bool) -> std::fmt::Result {
    let (name, labels) = (name(series), labels(series));
    if !is_described {
        let about = series.about.replace('`', "");
        let kind = match series.total {
            Total::Counter(_) => "counter",
            Total::Histogram(..) => "histogram",
            Total::Gauge(_) => "gauge",
        };
        if !page.is_empty() {
            page.push('\n');
        }
        writeln!(page, "# HELP {name} {about}\n# TYPE {name} {kind}")?;
    }
    match &series.total {
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
    let unit = match series.total {
        Total::Counter(_) => "_total",
        Total::Histogram(..) => "_seconds",
        Total::Gauge(_) => "",
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
