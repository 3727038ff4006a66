//! The CRMs whose requests hold several events or a secret: whatever stands in one element, the others are taken; whatever is sent, nobody
//! but the CRM has an effect; and no secret is kept.

use crate::input::{now, parts, text};
use crate::signature::{Map, config, secret, signed};
use crate::stage::run;
use leadwire_domain::lead::id::EventId;
use leadwire_domain::source::{Delivery, EventFilter, Extracted, Source, SourceKind};
use leadwire_pipeline::port::Bucket;
use leadwire_pipeline::testkit::{World, WorldBuilder};
use serde_json::json;
use serde_json::value::RawValue;

/// A lead whose event stands beside a hostile element.
const GOOD: &str = "00Q000000000001EAA";
/// The credential of a sender, which nobody wants.
const SESSION: &str = "00D000000000001!a.live.credential";

/// An array of events, signed.
pub fn hubspot(data: &[u8]) {
    let [hostile, query, signature] = parts(data);
    let kind = SourceKind::HubSpot;
    let good = r#"{"portalId":1,"subscriptionType":"contact.creation","objectId":"00Q000000000001EAA","eventId":7,"occurredAt":1}"#;
    if let Ok(hostile) = serde_json::from_slice::<&RawValue>(hostile) {
        check_good(kind, format!("[{hostile},{good}]").as_bytes());
        check_good(kind, format!("[{good},{hostile}]").as_bytes());
    }
    check_any(kind, hostile);
    let signature = text(signature);
    let headers = [
        ("x-hubspot-signature-v3", &*signature),
        ("x-hubspot-signature", &*signature),
        ("x-hubspot-request-timestamp", "1795416600000"),
    ];
    check_stranger(kind, &text(query), &headers, hostile);
}

/// One event, and who sends it in a header.
pub fn pipedrive(data: &[u8]) {
    let [body, query, authorization] = parts(data);
    let kind = SourceKind::Pipedrive;
    check_any(kind, body);
    let authorization = text(authorization);
    check_stranger(
        kind,
        &text(query),
        &[("authorization", &*authorization)],
        body,
    );
}

/// Notifications in XML, which are read with a credential beside them.
pub fn salesforce(data: &[u8]) {
    let [hostile, query, session] = parts(data);
    let kind = SourceKind::Salesforce;
    let (hostile, session) = (text(hostile), text(session));
    // What people write into a field is escaped, but for what XML has no way to write.
    let escaped = escape(&hostile);
    for inner in [format!("<sf:Name>{escaped}</sf:Name>"), escaped] {
        let elements = check_good(kind, &message(&inner, &escape(&session)));
        assert_eq!(elements, 2);
    }
    // Raw XML may break the message, and then nothing of it is taken; where it does not, nothing is hidden.
    let raw = message(&hostile, &session);
    if config(kind)
        .split(&raw)
        .is_ok_and(|elements| elements.len() <= 100)
    {
        check_good(kind, &raw);
    }
    check_any(kind, hostile.as_bytes());
    check_stranger(kind, &text(query), &[], &raw);
}

/// A body for several records, and who sends it in the body itself.
pub fn zoho(data: &[u8]) {
    let [hostile, values, token] = parts(data);
    let kind = SourceKind::Zoho;
    let raw = |data| serde_json::from_slice::<&RawValue>(data).ok();
    if let Some(hostile) = raw(hostile) {
        let values = raw(values).map_or("[]", RawValue::get);
        let of = |ids: String| {
            let body = format!(
                r#"{{"module":"Leads","operation":"insert","ids":{ids},"affected_values":{values},"channel_id":1}}"#
            );
            body.into_bytes()
        };
        // The values are the good record's too, and may be what is wrong with it.
        let alone = config(kind)
            .split(&of(format!("[\"{GOOD}\"]")))
            .map(|elements| {
                let mut elements = elements.iter();
                elements.any(|element| is_good(kind, element))
            });
        for ids in [
            format!("[{hostile},\"{GOOD}\"]"),
            format!("[\"{GOOD}\",{hostile}]"),
        ] {
            // Where the id is too odd to be read, the whole is none.
            if alone == Ok(true) && config(kind).split(&of(ids.clone())).is_ok() {
                check_good(kind, &of(ids));
            }
        }
    }
    check_any(kind, hostile);
    let body =
        json!({"module": "Leads", "operation": "insert", "ids": [GOOD], "token": text(token)});
    check_stranger(kind, "", &[], body.to_string().as_bytes());
}

/// An outbound message with a hostile notification before a good one.
fn message(hostile: &str, session: &str) -> Vec<u8> {
    let message = format!(
        r#"<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><e:Body><notifications xmlns="http://soap.sforce.com/2005/09/outbound"><OrganizationId>00D000000000001EAA</OrganizationId><SessionId>{SESSION}{session}</SessionId><Notification><Id>1</Id><sObject xsi:type="sf:Lead" xmlns:sf="urn:x">{hostile}</sObject></Notification><Notification><Id>2</Id><sObject xsi:type="sf:Lead" xmlns:sf="urn:x"><sf:Id>{GOOD}</sf:Id></sObject></Notification></notifications></e:Body></e:Envelope>"#
    );
    message.into_bytes()
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// The good element of a request is an event, and there are not more of it. Gives how many elements there are.
fn check_good(kind: SourceKind, body: &[u8]) -> usize {
    let config = config(kind);
    let id = EventId::parse("msg_1").expect("a plain id");
    // As its CRM sends it, where that changes the body.
    let sent = signed(kind, &id, body).map_or_else(|| body.to_vec(), |sent| sent.body);
    let cleaned = cleaned(kind, &sent).unwrap_or_else(|| body.to_vec());
    let elements = config
        .split(&cleaned)
        .expect("a hostile element hides no other");
    assert!(
        elements.iter().any(|element| is_good(kind, element)),
        "a hostile element hides another"
    );
    for element in &elements {
        check_hidden(kind, element);
    }
    elements.len()
}

fn is_good(kind: SourceKind, element: &[u8]) -> bool {
    let parsed = kind.parse(element, EventFilter::All);
    matches!(parsed, Ok(Extracted::Event(event)) if event.lead_id.as_str() == GOOD)
}

/// What is read of a body, where its own CRM sent it.
fn cleaned(kind: SourceKind, body: &[u8]) -> Option<Vec<u8>> {
    let id = EventId::parse("msg_1").expect("a plain id");
    let sample = signed(kind, &id, body);
    let (headers, query) = sample.as_ref().map_or_else(
        || (Map::default(), format!("token={}", secret(kind))),
        |sent| (Map::of(sent), sent.query.clone()),
    );
    let delivery = Delivery {
        method: "POST",
        path: "/ingest",
        query: &query,
        headers: &headers,
        body,
        received_at: now(),
    };
    let verified = config(kind).verify(&delivery).ok()?;
    check_hidden(kind, &verified.body);
    Some(verified.body.into_owned())
}

/// Neither the source's secret nor the sender's credential is kept.
fn check_hidden(kind: SourceKind, kept: &[u8]) {
    let kept = text(kept);
    assert!(!kept.contains(&secret(kind)), "the secret is kept");
    assert!(!kept.contains(SESSION), "the credential is kept");
}

/// Any body is split, and any element read, without a panic; an element that is an event is one from the store too.
fn check_any(kind: SourceKind, body: &[u8]) {
    let config = config(kind);
    for element in config.split(body).unwrap_or_default() {
        if let Ok(Extracted::Event(event)) = kind.parse(&element, config.filter()) {
            let again = kind.parse(&element, EventFilter::All);
            assert!(matches!(again, Ok(Extracted::Event(same)) if same.lead_id == event.lead_id));
            assert!(event.fields.get("_leadwire").is_none());
        }
    }
}

/// Who does not know the secret gets 401, and nothing is read, stored or queued.
fn check_stranger(kind: SourceKind, query: &str, headers: &[(&str, &str)], body: &[u8]) {
    if text(body).contains(&secret(kind)) || query.contains(&secret(kind)) {
        return;
    }
    let world = WorldBuilder {
        environment: "prod",
        ..WorldBuilder::default()
    };
    run(async {
        let world: World = world.build();
        let source = Source::from(kind).name();
        let document = json!({kind.name(): kind.example_members(&secret(kind))});
        world.secrets.set(&document.to_string());
        let mut own = Map::default();
        for (name, value) in headers {
            own.set(name, value);
        }
        let answer = world
            .post_with_query(&source.path(), query, &own, body)
            .await;
        assert_eq!(answer.status, 401, "{}", answer.body);
        assert!(world.store().calls().is_empty() && world.queue().depth() == 0);
        assert!(world.store().keys(Bucket::Enriched, "").is_empty());
    });
}
