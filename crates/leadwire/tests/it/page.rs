use crate::browser::Browser;
use crate::house::{House, Up, agent, raw_exchange, wait_until};
use leadwire_local::{Mode, StoredSpan};
use serde_json::Value;

const LATE_OWNER: &str = include_str!("../../fixtures/trace_late_owner.json");
const REDELIVERY: &str = include_str!("../../fixtures/trace_redelivery.json");

/// Keeps a trace of times that no test can wait for, as another process does. Returns its id.
fn plant(house: &House, spans: &str, change: impl Fn(&mut Value)) -> String {
    let mut spans: Vec<Value> = serde_json::from_str(spans).unwrap();
    let text = |span: &Value, name: &str| span[name].as_str().unwrap().to_owned();
    let stored: Vec<StoredSpan> = spans
        .iter_mut()
        .map(|span| {
            change(span);
            StoredSpan {
                trace_id: text(span, "trace_id"),
                span_id: text(span, "span_id"),
                start_unix_nanos: span["start_unix_nanos"].as_i64().unwrap(),
                json: span.to_string(),
            }
        })
        .collect();
    let home = house.open(Mode::Operate);
    home.telemetry().keep_spans(&stored).unwrap();
    text(&spans[0], "trace_id")
}

/// Asks with a head of one's own; the connection ends after the answer.
fn ask(up: &Up, head: &str) -> String {
    let request = format!("{head}connection: close\r\n\r\n");
    raw_exchange(&up.url, request.as_bytes())
}

#[test]
fn pages_are_for_this_machine_and_for_all_others_they_do_not_exist() {
    let house = House::new();
    let up = house.up("");
    let host = up.base().strip_prefix("http://").unwrap();
    let unknown = ask(&up, &format!("GET /unknown HTTP/1.1\r\nhost: {host}\r\n"));
    assert!(unknown.starts_with("HTTP/1.1 404"), "{unknown}");
    for (status, path) in [
        (200, "/"),
        (200, "/metrics"),
        (404, "/leads/a"),
        (404, "/traces/0123456789abcdef0123456789abcdef"),
    ] {
        let here = ask(&up, &format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n"));
        assert!(here.starts_with(&format!("HTTP/1.1 {status}")), "{here}");
        for header in [
            "content-security-policy: default-src 'none';",
            "x-content-type-options: nosniff",
            "cache-control: no-store",
        ] {
            assert!(here.contains(header), "{header} is not in {here}");
        }
        for head in [
            format!("GET {path} HTTP/1.1\r\nhost: rebound.example.com\r\n"),
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nx-forwarded-for: 192.0.2.1\r\n"),
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nforwarded: for=192.0.2.1\r\n"),
            format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nvia: 1.1 proxy\r\n"),
            format!("GET {path} HTTP/1.0\r\nhost: {host}\r\n"),
            format!("POST {path} HTTP/1.1\r\nhost: {host}\r\ncontent-length: 0\r\n"),
        ] {
            let answer = ask(&up, &head);
            assert!(answer.contains(" 404 "), "{head}{answer}");
            assert!(answer.contains("\"code\":\"not_found\""), "{head}{answer}");
        }
    }
}

#[test]
fn metrics_are_served_as_prometheus_reads_them_and_kept_by_the_minute() {
    let (house, up) = House::with_mailed("a");
    let metrics = agent().get(format!("{}/metrics", up.base()));
    let metrics = metrics.call().unwrap();
    let kind = metrics.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/plain; version=0.0.4"), "{kind}");
    let text = metrics.into_body().read_to_string().unwrap();
    for line in [
        r#"leadwire_leads_accepted_total{environment="dev",service="ingest",source="generic"} 1"#,
        r#"leadwire_leads_accepted_total{environment="dev",service="ingest",source="close"} 0"#,
        r#"leadwire_emails_sent_total{environment="dev",service="enrich"} 1"#,
        r#"leadwire_end_to_end_latency_seconds_count{environment="dev",service="enrich",source="generic"} 1"#,
        r#"leadwire_dead_letters{environment="dev",service="leadwire"} 0"#,
    ] {
        assert!(text.lines().any(|told| told == line), "{line}: {text}");
    }
    assert_eq!(up.stop(), Some(0));
    let home = house.open(Mode::Operate);
    let dimensions = [("environment", "dev"), ("service", "enrich")];
    let dimensions = dimensions.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let store = home.telemetry();
    let minutes = store.read_minutes("EmailsSent", &dimensions.into(), 0, i64::MAX);
    let minutes = minutes.unwrap();
    let sent: f64 = minutes.iter().map(|minute| minute.sum).sum();
    assert!((sent - 1.0).abs() < f64::EPSILON, "{minutes:?}");
}

#[test]
fn a_lead_is_told_with_its_trace_in_the_terminal_and_as_spans_to_a_program() {
    let (house, _up) = House::with_mailed("a");
    let spans = spans_when(&house, "a", "mailed");
    let trace_id = house.lead("a")["trace_id"].clone();
    assert!(spans.iter().all(|span| span["trace_id"] == trace_id));
    let told = house.run("lead a --trace").expect_code(0).out;
    for text in [
        trace_id.as_str().unwrap(),
        "POST /ingest · accepted",
        "wait delay",
        "process delay · attempt 1 · mailed",
        "SQLite.GetObject lookup",
        "Outbox.SendEmail",
        ", 1 attempt",
    ] {
        assert!(told.contains(text), "{text} is not in {told}");
    }
}

#[test]
fn a_lead_whose_owner_came_late_is_seen_with_both_attempts_as_they_really_were() {
    let house = House::new();
    let up = house.up("--delay 1s --owner-wait 10m");
    up.accept("late");
    // The first attempt is over before the owner comes.
    spans_when(&house, "late", "owner_absent");
    let owner = r#"{"lead_id":"late","lead_owner":"Omar"}"#;
    house.write("leadwire-data/lookup/late.json", owner);
    let spans = spans_when(&house, "late", "mailed");
    let browser = Browser::start();
    browser.resize(1300, 1000);
    browser.open(&format!("{}/leads/late", up.base()));
    let lines = browser.texts(".fall summary");
    assert_eq!(lines.len(), spans.len(), "{lines:#?}");
    // The wake-up: the owner file's message, beside the one that waits.
    let attempts = ["attempt 1", "sent later", "attempt 2"];
    assert_eq!(browser.texts(".attempt"), attempts);
    for start in [
        "POST /ingest · accepted ingest",
        "SQLite.GetObject lookup · missing enrich",
        "process delay attempt 1 · owner absent enrich",
        "process delay attempt 2 · mailed enrich",
        "merge enrich",
        "Outbox.SendEmail enrich",
    ] {
        let found = lines.iter().any(|line| line.starts_with(start));
        assert!(found, "{start} is not in {lines:#?}");
    }
    let alone = browser.texts(".orphan .attempt");
    assert_eq!(alone, ["sent later"], "{lines:#?}");
    assert_eq!(browser.all(".orphan").len(), alone.len(), "{lines:#?}");

    let trace_id = plant(&house, &with_long_waits(&spans), |_span| {});
    browser.open(&format!("{}/traces/{trace_id}", up.base()));
    let gaps = browser.texts(".axis .gap");
    // What the wake-up's own message waited for, and, between the first attempt and it, nobody knows.
    let ends = ["in the queue", "of which nothing is known", "in the queue"];
    let is_as_told = gaps.iter().zip(ends).all(|(gap, end)| gap.ends_with(end));
    assert!(is_as_told && gaps.len() == ends.len(), "{gaps:?}");
    see_attempts_between_gaps(&browser);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}

/// The same spans, in a trace of their own, as if the message had waited ten minutes more each time. Where a busy machine works for as long as
/// the message waits, there is no gap to be seen.
fn with_long_waits(spans: &[Value]) -> String {
    const MORE_NANOS: i64 = 600_000_000_000;
    let waits = spans.iter().filter(|span| span["name"] == "wait delay");
    let ends = waits.map(|wait| wait["end_unix_nanos"].as_i64().unwrap());
    let ends: Vec<i64> = ends.collect();
    let mut spans = spans.to_vec();
    let trace_id = spans[0]["trace_id"].as_str().unwrap().to_owned();
    for span in &mut spans {
        let start = span["start_unix_nanos"].as_i64().unwrap();
        let before = ends.iter().filter(|end| **end <= start);
        let more = before.fold(0, |nanos, _wait| nanos + MORE_NANOS);
        // What was sent is received before its sender's span has ended: but for a wait, a span stays as long as it was.
        let longer = if span["name"] == "wait delay" {
            MORE_NANOS
        } else {
            0
        };
        for (time, more) in [
            ("start_unix_nanos", more),
            ("end_unix_nanos", more + longer),
        ] {
            span[time] = (span[time].as_i64().unwrap() + more).into();
        }
    }
    let other: String = trace_id.chars().rev().collect();
    Value::from(spans).to_string().replace(&trace_id, &other)
}

/// The spans of a lead's trace once an attempt with an outcome is among them: they are written a second after they end.
fn spans_when(house: &House, lead_id: &str, outcome: &str) -> Vec<Value> {
    let mut spans = Vec::new();
    wait_until("the trace with that outcome is kept", || {
        let told = house.lead(&format!("{lead_id} --trace"));
        spans = told["spans"].as_array().cloned().unwrap_or_default();
        let mut attributes = spans.iter().map(|span| &span["attributes"]);
        attributes.any(|attributes| attributes["leadwire.outcome"] == outcome)
    });
    spans
}

#[test]
fn a_person_finds_a_lead_in_a_browser_and_sees_ten_minutes_as_a_gap() {
    let (house, up) = House::with_mailed("late");
    let trace_id = plant(&house, LATE_OWNER, |span| {
        span["attributes"]["hostile"] = "<script>document.title='owned'</script>".into();
    });
    let browser = Browser::start();
    browser.resize(1300, 1000);
    browser.open(&format!("{}/", up.base()));
    browser.click(&browser.one("a[href='/leads/late']"));
    assert_eq!(browser.address(), format!("{}/leads/late", up.base()));
    assert_eq!(browser.texts("h1"), ["Lead late"]);
    let standing = browser.text(&browser.one(".standing"));
    assert!(standing.starts_with("mailed"), "{standing}");
    let steps = browser.texts(".steps th");
    assert!(steps.contains(&"received".to_owned()), "{steps:?}");
    let receivers = browser.texts(".effects tbody tr");
    assert_eq!(receivers.len(), 1, "{receivers:?}");
    assert!(
        receivers[0].starts_with("team team@example.com sent"),
        "{receivers:?}"
    );
    browser.resize(500, 900);
    assert!(browser.overflow() <= 0, "{} px", browser.overflow());
    browser.resize(1300, 1000);
    browser.open(&format!("{}/traces/{trace_id}", up.base()));
    see_waterfall(&browser);
    // What is known of a span is behind a click.
    let hidden = browser.all("details dl");
    assert!(!hidden.iter().any(|list| browser.is_displayed(list)));
    browser.click(&browser.all("summary")[1]);
    let shown = browser.text(&hidden[1]);
    assert!(shown.contains("aws.s3.key raw/"), "{shown}");
    assert!(shown.contains("hostile <script>"), "{shown}");
    assert_eq!(browser.title(), "Trace · leadwire");
    assert_eq!(browser.complaints(), Vec::<String>::new());
    // It would have complained, and a script that got in all the same does not run.
    browser.inject("document.title = 'owned'");
    let complaints = browser.complaints().join(" ");
    assert!(
        complaints.contains("Content Security Policy"),
        "{complaints}"
    );
    assert_eq!(browser.title(), "Trace · leadwire");
}

/// What must be seen of a lead whose owner came late.
#[track_caller]
fn see_waterfall(browser: &Browser) {
    let spans: Vec<Value> = serde_json::from_str(LATE_OWNER).unwrap();
    let lines = browser.all(".fall summary");
    assert_eq!(lines.len(), spans.len());
    assert!(lines.iter().all(|line| browser.is_displayed(line)));
    let gaps = ["10 min", "30 s", "1 min"].map(|time| format!("{time} in the queue"));
    assert_eq!(browser.texts(".axis .gap"), gaps);
    let attempts = [1, 2, 3].map(|number| format!("attempt {number}"));
    assert_eq!(browser.texts(".attempt"), attempts);
    let line = browser.text(&lines[0]);
    assert_eq!(line, "POST /ingest/{source} · accepted ingest 9.4 ms");
    see_attempts_between_gaps(browser);
}

/// Each attempt's bar lies between the gap before it and the one after it, and can be seen; a wait is drawn through its gap.
#[track_caller]
fn see_attempts_between_gaps(browser: &Browser) {
    let gaps = browser.rects(".axis .gap");
    let attempts: Vec<_> = browser.rects(".top .bar").into_iter().skip(1).collect();
    assert_eq!(gaps.len(), attempts.len());
    for (attempt, gap) in attempts.iter().zip(&gaps) {
        assert!(attempt.x >= gap.right() - 1.0, "{attempt:?} {gap:?}");
        assert!(attempt.width >= 20.0, "{attempt:?}");
    }
    for (attempt, gap) in attempts.iter().zip(gaps.iter().skip(1)) {
        assert!(attempt.right() <= gap.x + 1.0, "{attempt:?} {gap:?}");
    }
    let texts = browser.texts(".axis .gap");
    let queued = gaps.iter().zip(&texts);
    let queued = queued.filter(|(_, text)| text.ends_with("in the queue"));
    for (wait, (gap, _)) in browser.rects(".wait .bar").iter().zip(queued) {
        let overlap = wait.right().min(gap.right()) - wait.x.max(gap.x);
        assert!(overlap > 0.8 * gap.width, "{wait:?} {gap:?}");
    }
    for bar in browser.rects(".bar") {
        assert!(bar.width >= 3.0, "{bar:?}");
    }
}

#[test]
fn a_failed_attempt_is_seen_on_a_phone_and_in_the_dark() {
    let house = House::new();
    let up = house.up("");
    let trace_id = plant(&house, REDELIVERY, |_span| {});
    let browser = Browser::start();
    browser.resize(500, 900);
    browser.open(&format!("{}/traces/{trace_id}", up.base()));
    assert!(browser.overflow() <= 0, "{} px", browser.overflow());
    let errors = browser.texts(".name .error");
    assert_eq!(
        errors,
        [
            "✗ mail_ambiguous: whether the mail went out is not known",
            "✗ timeout: no answer within 5 s"
        ]
    );
    let body = browser.one("body");
    let colours = ["light", "dark"].map(|scheme| {
        browser.prefer(scheme);
        let bar = browser.all(".failed .bar").remove(0);
        assert!(browser.is_displayed(&bar));
        browser.style(&body, "background-color")
    });
    assert_ne!(colours[0], colours[1]);
    assert_eq!(browser.complaints(), Vec::<String>::new());
}
