//! What a stack costs in a month, from the calls that a lead makes and AWS's list prices of us-east-1. `cargo xtask cost` prints it, docs/TELEMETRY.md
//! holds it. Free tiers, taxes and the data that leaves AWS are not in it.

use crate::document;

/// Leads a month in the columns of docs/TELEMETRY.md.
pub(crate) const COLUMNS: [u32; 3] = [10_000, 100_000, 1_000_000];

// Dollars a million.
const MAIL: f64 = 100.0;
const PUT_OR_LIST: f64 = 5.0;
const GET: f64 = 0.4;
const SQS_REQUEST: f64 = 0.4;
const API_REQUEST: f64 = 3.5;
const FUNCTION_REQUEST: f64 = 0.2;
const TRACE: f64 = 5.0;
// Dollars a gigabyte, and a gigabyte-second of arm64.
const LOGS_GB: f64 = 0.5;
const STORED_GB: f64 = 0.023;
const GB_SECOND: f64 = 0.000_013_333_4;
// Dollars a month each.
const METRIC: f64 = 0.3;
const ALARM_SERIES: f64 = 0.1;
const COMPOSITE: f64 = 0.5;
const DASHBOARD: f64 = 3.0;
const SECRET: f64 = 0.4;
/// The most metrics of a dashboard that is free among an account's first three.
const FREE_DASHBOARD_METRICS_MAX: usize = 50;
/// SES's metrics that the configuration set makes: send, reject, bounce, complaint.
const SES_METRICS: f64 = 4.0;

// What a lead does (docs/PROTOCOL.md; tests/it/cost.rs counts the calls of ingest).
const PUTS: f64 = 4.0;
/// Of an event that has an id, but for Close's.
const IDENTITY_PUTS: f64 = 1.0;
const GETS: f64 = 2.0;
const QUEUE_REQUESTS: f64 = 3.0;
/// Our own, and one that Lambda begins for each function, as its own sampling wants it below one request a second.
const TRACES: f64 = 3.0;
// Assumed.
const LOG_BYTES: f64 = 4_500.0;
const STORED_BYTES: f64 = 4_000.0;
const INGEST_GB_SECONDS: f64 = 0.08 * 0.25;
const ENRICH_GB_SECONDS: f64 = 0.6 * 0.5;

// What a stack does whether or not leads come, by the template's defaults.
const CANARIES: f64 = 2_920.0;
const SWEEPS: f64 = 730.0;
/// Months for which events and markers are kept, and so are listed.
const KEPT_MONTHS: f64 = 3.0;
const MARKER_MONTHS: f64 = 4.0;
const PAGE_KEYS: f64 = 1_000.0;
/// Five pollers a queue ask every 20 seconds.
const IDLE_POLLS: f64 = 2.0 * 5.0 * 3.0 * 60.0 * 730.0;
/// docs/RELIABILITY.md, What a sweep costs: seconds a page in one range, and where a run of over a minute is divided.
const PAGE_SECONDS: f64 = 0.012;
const PAGE_SECONDS_DIVIDED: f64 = 0.0016;
const DIVIDED_FROM_SECONDS: f64 = 60.0;

/// What is counted elsewhere: the catalogue, the alarms, the dashboards.
#[derive(Clone, Debug)]
pub(crate) struct Watching {
    /// Series of metrics of ours.
    pub(crate) series: usize,
    /// Series that alarms evaluate, and alarms that combine others.
    pub(crate) alarm_series: usize,
    pub(crate) composites: usize,
    /// How many metrics each dashboard names.
    pub(crate) boards: Vec<usize>,
}

/// What so many leads a month cost, by item, in dollars.
pub(crate) fn bill(watching: &Watching, leads: u32) -> Vec<(&'static str, f64)> {
    let leads = f64::from(leads);
    let all = leads + CANARIES;
    let pages = leads * (KEPT_MONTHS + MARKER_MONTHS) / PAGE_KEYS;
    let sweep_seconds = match pages * PAGE_SECONDS {
        long if long > DIVIDED_FROM_SECONDS => pages * PAGE_SECONDS_DIVIDED,
        short => short,
    };
    let gb_seconds = all * (INGEST_GB_SECONDS + ENRICH_GB_SECONDS) + SWEEPS * sweep_seconds;
    let invocations = 3.0 * CANARIES + 2.0 * leads + SWEEPS;
    let stored = f64::midpoint(KEPT_MONTHS, MARKER_MONTHS) * all * STORED_BYTES;
    vec![
        ("SES, one receiver a lead", millions(all) * MAIL),
        (
            "S3 PUTs and GETs",
            millions(all) * (PUTS * PUT_OR_LIST + GETS * GET),
        ),
        (
            "S3, identity entries where events have ids",
            millions(leads) * IDENTITY_PUTS * PUT_OR_LIST,
        ),
        (
            "S3 LISTs of the sweep, once an hour",
            millions(pages * SWEEPS) * PUT_OR_LIST,
        ),
        ("API Gateway", millions(all) * API_REQUEST),
        (
            "Lambda",
            millions(invocations) * FUNCTION_REQUEST + gb_seconds * GB_SECOND,
        ),
        (
            "SQS, and its pollers when idle",
            millions(all * QUEUE_REQUESTS + IDLE_POLLS) * SQS_REQUEST,
        ),
        (
            "X-Ray by its daemon (`xray-daemon`)",
            millions(all * TRACES) * TRACE,
        ),
        (
            "CloudWatch metrics, at most",
            (count(watching.series) + SES_METRICS) * METRIC,
        ),
        ("CloudWatch alarms", alarms(watching)),
        ("CloudWatch dashboards", dashboards(watching)),
        ("CloudWatch Logs", all * LOG_BYTES / 1e9 * LOGS_GB),
        (
            "S3 storage, Secrets Manager",
            stored / 1e9 * STORED_GB + 2.0 * SECRET,
        ),
    ]
}

fn alarms(watching: &Watching) -> f64 {
    count(watching.alarm_series) * ALARM_SERIES + count(watching.composites) * COMPOSITE
}

fn dashboards(watching: &Watching) -> f64 {
    let paid = watching.boards.iter();
    let paid = paid.filter(|metrics| **metrics > FREE_DASHBOARD_METRICS_MAX);
    count(paid.count()) * DASHBOARD
}

fn millions(count: f64) -> f64 {
    count / 1e6
}

fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The bills of several numbers of leads as a table.
pub(crate) fn table(watching: &Watching, columns: &[u32]) -> String {
    let bills: Vec<_> = columns.iter().map(|leads| bill(watching, *leads)).collect();
    let items: Vec<&str> = bills
        .first()
        .into_iter()
        .flatten()
        .map(|(item, _)| *item)
        .collect();
    let sum = |bill: &Vec<(&str, f64)>| -> f64 { bill.iter().map(|(_, dollars)| dollars).sum() };
    let row = |(place, item): (usize, &&str)| {
        let dollars = bills.iter().filter_map(|bill| bill.get(place));
        let cells = dollars.map(|(_, dollars)| format!("{dollars:.2}"));
        std::iter::once((*item).to_owned()).chain(cells).collect()
    };
    let sums = bills.iter().map(|bill| format!("**{:.2}**", sum(bill)));
    let last: Vec<String> = std::iter::once("**all**".to_owned()).chain(sums).collect();
    let heads = columns.iter().map(|leads| format!("{leads} leads"));
    let head: Vec<String> = std::iter::once("USD a month".to_owned())
        .chain(heads)
        .collect();
    document::table(
        &head.join(" | "),
        items.iter().enumerate().map(row).chain([last]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watching() -> Watching {
        Watching {
            series: 64,
            alarm_series: 55,
            composites: 2,
            boards: vec![77, 33],
        }
    }

    #[track_caller]
    fn check(leads: u32, item: &str, expected: f64) {
        let bill = bill(&watching(), leads);
        let (_, dollars) = bill
            .iter()
            .find(|(name, _)| name.starts_with(item))
            .unwrap();
        assert!((dollars - expected).abs() < 0.005, "{item}: {dollars}");
    }

    #[test]
    fn a_sweep_lists_what_is_kept_and_mails_cost_the_most_of_all() {
        // 7 million keys are 7,000 pages, 730 times, at 5 dollars a million.
        check(1_000_000, "S3 LISTs", 25.55);
        check(1_000_000, "SES", 100.29);
        // With no lead at all there is the canary.
        check(0, "SES", 0.29);
        check(0, "S3 LISTs", 0.0);
        check(0, "CloudWatch metrics", 20.4);
        check(0, "CloudWatch alarms", 6.5);
    }

    #[test]
    fn a_dashboard_of_more_than_fifty_metrics_is_paid_for() {
        check(0, "CloudWatch dashboards", 3.0);
    }

    #[test]
    fn the_table_adds_up() {
        let table = table(&watching(), &[0, 1_000_000]);
        let all: f64 = bill(&watching(), 1_000_000)
            .iter()
            .map(|(_, dollars)| dollars)
            .sum();
        assert!(table.contains(&format!("**{all:.2}** |")), "{table}");
    }
}
