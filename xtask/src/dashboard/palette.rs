//! Colours: each means one thing, on every dashboard.

/// A colour and what it means.
pub(crate) const PALETTE: [(&str, &str); 14] = [
    ("#1f77b4", "what came in; what was begun"),
    ("#2ca02c", "what went well: mailed, in time, the promise"),
    ("#ff9f1c", "what waits or was late; a ticket's threshold"),
    ("#d62728", "what failed or was lost; a page's threshold"),
    ("#9467bd", "what nobody knows or could not be verified"),
    (
        "#8c8c8c",
        "what is planned or harmless: the delay, duplicates",
    ),
    ("#9ecae1", "half of the values are below (p50)"),
    ("#4292c6", "nine of ten are below (p90)"),
    ("#08306b", "99 of 100 are below (p99)"),
    ("#1b9e77", "ingest; the first source"),
    ("#7570b3", "enrich; the second source"),
    ("#e7298a", "sweep; the third source"),
    ("#17becf", "the mail service took it, or says so"),
    ("#bcbd22", "the canary"),
];

/// What a colour means, if it is one of ours.
pub(crate) fn meaning(color: &str) -> Option<&'static str> {
    let found = PALETTE.iter().find(|(known, _)| *known == color);
    let is_source = super::source::COLORS.contains(&color);
    found
        .map(|(_, meaning)| *meaning)
        .or_else(|| is_source.then_some("a source"))
}
