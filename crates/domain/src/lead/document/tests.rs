use super::{Enriched, EnrichedError, Provenance, SCHEMA, parse_enriched, render_enriched};
use crate::address::EmailAddress;
use crate::effect::EffectId;
use crate::hostile;
use crate::json::Object;
use crate::lead::id::{EventId, LeadId, Sha256Hex};
use crate::lead::merge::merge;
use crate::sample::{cases, document, members, object, quoted, verbatim};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn provenance() -> Provenance {
    Provenance {
        schema: SCHEMA,
        event_id: EventId::parse("ev_1Test").unwrap(),
        source: "close".into(),
        kind: None,
        raw_key: "raw/crm_event_1_20261123T065000123456Z.json".into(),
        raw_sha256: Sha256Hex::of(b"abc"),
        accepted_at: "2026-11-23T06:50:00.5Z".parse().unwrap(),
        enriched_at: "2026-11-23T07:00:01Z".parse().unwrap(),
        lookup_etag: Some("\"e\"".into()),
        lookup_modified_at: None,
        from: BTreeMap::new(),
        conflicts: Vec::new(),
        notify: Some(vec![EffectId::everybody()]),
    }
}

#[track_caller]
fn render(event: &str, lookup: &str) -> String {
    let [event, lookup] = [event, lookup].map(|side| Object::parse(side.as_bytes()).unwrap());
    let merged = merge(&LeadId::parse("1").unwrap(), &event, Some(&lookup)).unwrap();
    String::from_utf8(render_enriched(&merged, &provenance())).unwrap()
}

#[track_caller]
fn read_back(event: &str, lookup: &str) -> Enriched {
    parse_enriched(render(event, lookup).as_bytes()).unwrap()
}

#[test]
fn the_document_has_the_form_of_the_contract() {
    let document = render(
        r#"{"lead_id":1,"zip":"00123","display_name":"Alice","lead_email":"alice@example.com","amount":1.10}"#,
        r#"{"lead_id":"1","owner_email":"omar@example.com","lead_owner":"Omar","lead_email":"a@example.com","funnel":"Direct VSL","alpha":[1, 2]}"#,
    );
    let expected = concat!(
        r#"{"lead_id":"1","display_name":"Alice","lead_email":"a@example.com","lead_owner":"Omar","funnel":"Direct VSL","owner_email":"omar@example.com","#,
        r#""alpha":[1, 2],"amount":1.10,"zip":"00123","_leadwire":{"schema":1,"event_id":"ev_1Test","source":"close","#,
        r#""raw_key":"raw/crm_event_1_20261123T065000123456Z.json","raw_sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","#,
        r#""accepted_at":"2026-11-23T06:50:00.5Z","enriched_at":"2026-11-23T07:00:01Z","lookup_etag":"\"e\"","lookup_modified_at":null,"#,
        r#""from":{"display_name":"event","funnel":"lookup","lead_email":"lookup","lead_owner":"lookup","owner_email":"lookup"},"#,
        r#""conflicts":[{"field":"lead_email","kept":"lookup"}],"notify":["team"]}}"#,
    );
    assert_eq!(document, expected);
}

#[test]
fn a_document_of_ours_is_read_back() {
    let lead = read_back(
        r#"{"display_name":"Alice"}"#,
        r#"{"lead_id":"1","lead_owner":"Omar","owner_email":"omar@example.com"}"#,
    );
    assert_eq!(lead.lead_id.as_str(), "1");
    assert_eq!(lead.display_name.as_deref(), Some("Alice"));
    assert_eq!(lead.lead_owner.as_deref(), Some("Omar"));
    assert_eq!(lead.funnel, None);
    let owner = lead.owner_email.as_ref().map(EmailAddress::expose);
    assert_eq!(owner, Some("omar@example.com"));
    assert_eq!(lead.provenance.event_id.as_str(), "ev_1Test");
}

#[test]
fn a_field_of_our_name_never_stands_beside_ours() {
    let mut merged = merge(&LeadId::parse("1").unwrap(), &Object::default(), None).unwrap();
    merged.fields.set_text("_leadwire", "forged");
    assert!(parse_enriched(&render_enriched(&merged, &provenance())).is_ok());
}

#[test]
fn an_owner_address_counts_only_when_the_owner_file_gave_it() {
    let event = r#"{"owner_email":"eve@example.org"}"#;
    let omar = "omar@example.com";
    for (lookup, expected) in [
        (r#"{"lead_id":"1"}"#, None),
        (r#"{"lead_id":"1","owner_email":" "}"#, None),
        (r#"{"lead_id":"1","owner_email":["x"]}"#, None),
        (
            r#"{"lead_id":"1","owner_email":"omar@example.com"}"#,
            Some(omar),
        ),
        (
            r#"{"lead_id":"1","owner_email":"Omar <omar@example.com> "}"#,
            Some(omar),
        ),
    ] {
        let owner = read_back(event, lookup).owner_email;
        let owner = owner.as_ref().map(EmailAddress::expose);
        assert_eq!(owner, expected, "{lookup}");
    }
}

#[test]
fn a_known_field_of_another_kind_is_shown_as_far_as_it_can_be() {
    let event = r#"{"display_name":1.10,"status_label":true,"date_created":{"x":1},"funnel":[],"lead_email":"","lead_owner":null}"#;
    let lead = read_back(event, r#"{"lead_id":"1"}"#);
    assert_eq!(lead.display_name.as_deref(), Some("1.10"));
    assert_eq!(lead.status_label.as_deref(), Some("true"));
    for hidden in [
        lead.date_created,
        lead.funnel,
        lead.lead_email,
        lead.lead_owner,
    ] {
        assert_eq!(hidden, None);
    }
}

#[test]
fn what_is_no_document_of_ours_is_refused() {
    let good = render("{}", r#"{"lead_id":"1"}"#);
    for bad in [
        "",
        "{}",
        r#"{"lead_id":"1"}"#,
        r#"{"lead_id":"1","_leadwire":{}}"#,
        r#"{"lead_id":"1","_leadwire":null}"#,
    ] {
        let read = parse_enriched(bad.as_bytes());
        assert_eq!(read.err(), Some(EnrichedError), "{bad}");
    }
    for (old, new) in [
        (r#""schema":1"#, r#""schema":2"#),
        (r#""lead_id":"1""#, r#""lead_id":"../1""#),
        (r#""lead_id":"1","#, ""),
        (r#""from":{}"#, r#""from":{"x":"y"}"#),
    ] {
        assert!(good.contains(old), "{old}");
        let read = parse_enriched(good.replacen(old, new, 1).as_bytes());
        assert_eq!(read.err(), Some(EnrichedError), "{new}");
    }
    for body in hostile::CUT_OFF.iter().chain(hostile::BODIES) {
        assert_eq!(parse_enriched(body).err(), Some(EnrichedError));
    }
    let later = good.replacen(r#""schema":1"#, r#""later":1,"schema":1"#, 1);
    let read = parse_enriched(later.as_bytes());
    assert!(read.is_ok(), "a member that is added later is passed over");
}

#[test]
fn what_is_printed_for_debugging_holds_no_value_of_the_lead() {
    let lead = read_back(
        r#"{"display_name":"CANARY","x":"CANARY"}"#,
        r#"{"lead_id":"1","owner_email":"CANARY"}"#,
    );
    assert!(!format!("{lead:?}").contains("CANARY"));
}

#[test]
fn the_worst_pair_of_sides_still_fits_its_limit() {
    let side = |value: char| {
        let mut body = r#"{"lead_id":"1""#.to_owned();
        for name in 0_u32.. {
            let member = format!(",\"{name:x}\":{value}");
            if body.len() + member.len() >= crate::limits::BODY_BYTES_MAX {
                return body + "}";
            }
            body.push_str(&member);
        }
        body
    };
    let document = render(&side('1'), &side('2'));
    let bytes = document.len();
    assert!(bytes > 4 * crate::limits::BODY_BYTES_MAX / 2);
    assert!(bytes <= crate::limits::OBJECT_BYTES_MAX, "{bytes}");
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn every_merge_is_stored_verbatim_and_read_back(event in members(), lookup in members()) {
        let mut lookup = lookup;
        lookup.insert("lead_id".into(), quoted("1"));
        let merged = merge(&LeadId::parse("1").unwrap(), &object(&event), Some(&object(&lookup))).unwrap();
        let bytes = render_enriched(&merged, &provenance());
        let mut stored = verbatim(&Object::parse(&bytes).unwrap());
        stored.remove("_leadwire");
        prop_assert_eq!(stored, verbatim(&merged.fields));
        let read = parse_enriched(&bytes).unwrap();
        prop_assert_eq!(read.provenance.from, merged.from);
        prop_assert_eq!(read.provenance.conflicts, merged.conflicts);
    }

    #[test]
    fn any_stored_fields_are_read_without_a_panic(fields in members(), ours in crate::sample::value()) {
        let mut fields = fields;
        fields.insert("lead_id".into(), "1".into());
        fields.insert("_leadwire".into(), ours);
        prop_assert!(parse_enriched(document(fields.iter()).as_bytes()).is_err());
    }
}
