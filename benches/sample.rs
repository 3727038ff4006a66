//! What the benchmarks work on: webhooks and owner files of the size that a CRM sends, and some that are far larger.

use jiff::Timestamp;
use leadwire_domain::lead::id::EventId;
use leadwire_domain::source::SourceKind;
use leadwire_pipeline::settings::EnrichConfig;
use leadwire_pipeline::testkit;
use std::fmt::Write as _;

/// The time at which everything here happens: 2026-11-23T06:50:00Z.
pub fn now() -> Timestamp {
    Timestamp::from_second(1_795_416_600).expect("within range")
}

/// The lead id of the `index`th lead.
pub fn lead_id(index: usize) -> String {
    format!("lead_{index:06}")
}

/// The flat form: what a form or a script sends, about 230 bytes.
pub fn flat(lead_id: &str) -> String {
    format!(
        r#"{{"lead_id":"{lead_id}","display_name":"Alice Doe","lead_email":"alice@example.com","status_label":"Potential","date_created":"2026-11-23T06:49:58Z","phone":"+1 555 0100","campaign":"autumn","score":87.50}}"#
    )
}

/// A Close event with `custom` custom fields of about 70 bytes each.
pub fn close(lead_id: &str, event_id: &str, custom: usize) -> String {
    let mut fields = String::new();
    for index in 0..custom {
        write!(
            fields,
            r#","custom.cf_{index:038}":"a value with an é, {index}""#
        )
        .expect("a String takes every write");
    }
    format!(
        r#"{{"subscription_id":"whsub_1yXl8EyM9nQpqFDPUNEDYe","event":{{"id":"{event_id}","date_created":"2026-11-23T06:49:58.123000","date_updated":"2026-11-23T06:49:58.123000","organization_id":"orga_1","user_id":"user_1","request_id":"req_1","api_key_id":null,"oauth_client_id":null,"oauth_scope":null,"object_type":"lead","object_id":"{lead_id}","lead_id":"{lead_id}","action":"created","changed_fields":[],"meta":{{"request_path":"/api/v1/lead/","request_method":"POST"}},"data":{{"id":"{lead_id}","name":"Alice Doe","display_name":"Alice Doe","status_id":"stat_1","status_label":"Potential","date_created":"2026-11-23T06:49:58.123000+00:00","addresses":[],"tasks":[],"opportunities":[],"contacts":[{{"name":"Alice Doe","emails":[{{"type":"office","email":"alice@example.com"}}],"phones":[{{"type":"office","phone":"+15550100"}}]}}]{fields}}},"previous_data":{{}}}}}}"#
    )
}

/// The owner file of a lead. It agrees with the event on nothing but the lead.
pub fn owner(lead_id: &str) -> String {
    format!(
        r#"{{"lead_id":"{lead_id}","lead_owner":"Omar","owner_email":"omar@example.com","lead_email":"alice@crm.example.com","funnel":"Direct VSL","display_name":"A. Doe","status_label":"New","date_created":"2026-11-23T06:50:02Z","team":"north"}}"#
    )
}

/// The headers with which a source of this kind signs `body` at [`now`].
pub fn signed_headers(kind: SourceKind, secret: &str, body: &[u8]) -> Vec<(&'static str, String)> {
    let event_id = EventId::parse("msg_bench_1").expect("visible ASCII");
    let source = kind.example(secret).expect("a secret of this form");
    let signed = source.sign(&event_id, body.to_vec(), now());
    signed.expect("a plain id").headers
}

/// A secret of the form of its kind; `index` tells secrets apart.
pub fn secret(kind: SourceKind, index: u8) -> String {
    kind.make_secret([index; 32])
}

/// The stage's configuration without any delay, so that what was queued is due.
pub fn enrich_config() -> EnrichConfig {
    EnrichConfig {
        delay_seconds: 0,
        notify_owner: true,
        environment: "bench".to_owned(),
        ..testkit::enrich_config()
    }
}
