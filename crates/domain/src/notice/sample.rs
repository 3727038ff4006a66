//! Two leads that a template is tried with: one of which everything is known, and one of which nothing is.

use super::content::Content;
use super::link::LeadUrlTemplate;
use crate::lead::document::{Enriched, parse_enriched};
use jiff::tz::TimeZone;

const FULL: &str = r#"{"lead_id":"sample-1","display_name":"Alice Example","lead_email":"alice@example.com","lead_owner":"Omar Owner",
"funnel":"Direct VSL","status_label":"Potential","date_created":"2026-11-23T06:49:58.642000+00:00","owner_email":"omar@example.com",
"phone":"+1 202 555 0143","company":"Example & Sons <ltd>","message":"Hello,\n\nplease call me.","utm_source":"newsletter","#;
const EMPTY: &str = r#"{"lead_id":"sample-2","#;
const OURS: &str = r#""_leadwire":{"schema":1,"event_id":"sample","source":"generic","raw_key":"raw/sample.json",
"raw_sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","accepted_at":"2026-11-23T06:50:00Z",
"enriched_at":"2026-11-23T07:00:00Z","lookup_etag":null,"from":{},"conflicts":[]}}"#;

/// What is said of the two, ten minutes after they came.
pub(super) fn both() -> [Content; 2] {
    let link = LeadUrlTemplate::parse("https://crm.example/lead/{lead_id}/").ok();
    let content = |members: &str, link: Option<&LeadUrlTemplate>| {
        let lead = lead(members);
        Content::new(&lead, lead.provenance.enriched_at, &TimeZone::UTC, link)
    };
    [content(FULL, link.as_ref()), content(EMPTY, None)]
}

fn lead(members: &str) -> Enriched {
    let document = format!("{members}{OURS}");
    parse_enriched(document.as_bytes()).expect("a stored document")
}
