use super::*;
use crate::effects::tests::{known, mixed};
use crate::trace::sample::{GOOD, LATE_OWNER, REDELIVERY, SWEPT, spans};
use leadwire_pipeline::ledger::ClaimState;
use leadwire_telemetry::SpanRecord;

fn page(spans: &[SpanRecord]) -> String {
    trace::render(&crate::trace::arrange(spans).unwrap()).end()
}

#[test]
fn paths_are_pages_or_nothing() {
    assert_eq!(Route::parse("/"), Some(Route::Start));
    assert_eq!(Route::parse("/metrics"), Some(Route::Metrics));
    let trace = Route::parse(&format!("/traces/{}", "AB".repeat(16)));
    assert_eq!(trace, Some(Route::Trace("ab".repeat(16))));
    let lead = LeadId::parse("test-1").unwrap();
    assert_eq!(Route::parse("/leads/test-1"), Some(Route::Lead(lead)));
    let others =
        "/ingest /leads /leads/ /leads/../x /leads/a/b /leads/%3Cscript%3E /traces/12 /metrics/ //";
    for path in others.split(' ').chain([""]) {
        assert_eq!(Route::parse(path), None, "{path}");
    }
}

#[test]
fn a_waterfall_has_a_line_for_each_span_and_says_what_the_gap_is() {
    for text in [GOOD, LATE_OWNER, REDELIVERY, SWEPT] {
        let spans = spans(text);
        let page = page(&spans);
        assert_eq!(page.matches("<details").count(), spans.len());
        assert_eq!(page.matches("class=\"bar\"").count(), spans.len());
    }
    let page = page(&spans(LATE_OWNER));
    let gap = "<b>10 min</b> <small>in the queue</small>";
    assert!(page.contains(gap), "{page}");
    for number in 1..=3 {
        assert!(page.contains(&format!("attempt {number}</span>")), "{page}");
    }
}

#[test]
fn a_leads_page_says_of_each_receiver_how_far_it_has_come_and_why() {
    let (lead_id, now) = (LeadId::parse("a").unwrap(), home::now());
    let mut event = mixed();
    let events = [(event.clone(), Vec::new())];
    let page = lead::render(&lead_id, &events, (&known(), Some("names <no> owner")), now).end();
    for told in [
        "<th scope=\"row\">team A@example.com</th><td><span class=\"chip good\">sent</span>",
        "<b>Its owner file:</b> names &lt;no&gt; owner</p>",
        "<span class=\"chip bad\">refused</span>",
        "<td>3 attempts, 1 in doubt, 550 5.1.1</td>",
        "<th scope=\"row\">owner omar@example.com</th><td><span class=\"chip bad\">parked, may have arrived</span>",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
    // Before the document is stored there is nobody to show.
    (event.document, event.claim) = (None, ClaimState::Absent);
    let page = lead::render(&lead_id, &[(event, Vec::new())], (&known(), None), now).end();
    assert!(!page.contains("Its owner file"), "{page}");
    assert!(!page.contains("class=\"effects\""), "{page}");
}

#[test]
fn what_a_span_says_is_text() {
    let mut spans = spans(GOOD);
    let bad = "<script>alert(1)</script>\"'&";
    let span = &mut spans[1];
    span.name = bad.to_owned();
    span.error = Some(bad.to_owned());
    span.attributes.insert(bad.to_owned(), bad.to_owned());
    span.links.push(leadwire_telemetry::SpanLink {
        trace_id: bad.to_owned(),
        span_id: bad.to_owned(),
    });
    let page = page(&spans);
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;"));
}
