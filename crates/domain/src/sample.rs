//! What the property tests draw from.

use crate::hostile;
use crate::json::Object;
use crate::lead::document::{Enriched, parse_enriched};
use crate::lead::id::LeadId;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::string::string_regex;
use std::collections::BTreeMap;

/// The members of an object: names and verbatim values.
pub(crate) type Members = BTreeMap<String, String>;

/// What proptest does by default.
const CASES_OF_PROPTEST: u32 = 256;
/// Every law is tried this often in the ordinary run.
const CASES: u32 = 1000;

/// `PROPTEST_CASES` says another number, for a long run or for a quick one.
pub(crate) fn cases() -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig {
        cases: match asked.cases {
            CASES_OF_PROPTEST => CASES,
            other => other,
        },
        ..asked
    }
}

pub(crate) fn lead_id() -> impl Strategy<Value = LeadId> {
    string_regex("[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
        .expect("a valid expression")
        .prop_map(|text| LeadId::parse(&text).expect("the form of a lead id"))
}

/// Any text, hostile ones often.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => select(hostile::TEXTS).prop_map(str::to_owned),
        2 => any::<String>(),
        1 => vec(any::<char>(), 0..700).prop_map(String::from_iter),
        1 => string_regex("[ -~]{0,40}").expect("a valid expression"),
    ]
}

/// A short text, as names and values inside a document are.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        select(hostile::TEXTS).prop_map(str::to_owned),
        vec(any::<char>(), 0..6).prop_map(String::from_iter),
        vec(select(vec!['a', 'b', ' ', '"', '\\', '\n']), 0..6).prop_map(String::from_iter),
    ]
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

/// A JSON number's text, many of which a float would change.
pub(crate) fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        select(words(
            "0 -0 1.0 1.10 1e2 1E+2 1e400 -1e-400 1.000000000000000005 12345678901234567890123"
        )),
        string_regex("-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?")
            .expect("a valid expression"),
    ]
}

/// Verbatim JSON, nested, with white space and escapes.
pub(crate) fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(vec![
            "null",
            "true",
            "false",
            r#""""#,
            r#"" \t""#,
            r#""A""#,
            r#""\ud83d\ude00""#,
            "[ ]",
            "{ }"
        ])
        .prop_map(str::to_owned),
        number(),
        word().prop_map(|text| quoted(&text)),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" ,"))),
            btree_map(word(), inner, 0..4).prop_map(|members| document(members.iter())),
        ]
    })
}

/// A lead's fields without `lead_id`: known ones, custom ones, strange ones.
pub(crate) fn members() -> impl Strategy<Value = Members> {
    let known = "display_name status_label date_created lead_owner lead_email funnel owner_email custom.cf_1 phone tags id";
    let name = prop_oneof![4 => select(words(known)), 1 => word()];
    btree_map(name, value(), 0..8).prop_map(|mut members| {
        members.remove("lead_id");
        members.remove(crate::lead::field::OURS);
        members
    })
}

pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string always serialises")
}

/// The document of some members, in the order given.
pub(crate) fn document<'a>(members: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let members: Vec<String> = members
        .map(|(name, value)| format!("{} : {value}", quoted(name)))
        .collect();
    format!("{{ {} }}", members.join(",\n"))
}

#[track_caller]
pub(crate) fn object(members: &Members) -> Object {
    Object::parse(document(members.iter()).as_bytes())
        .expect("members of distinct names make an object")
}

/// What an object holds, verbatim.
pub(crate) fn verbatim(object: &Object) -> Members {
    object
        .iter()
        .map(|(name, value)| (name.to_owned(), value.get().to_owned()))
        .collect()
}

/// A stored document of these fields, whose owner's address came from the owner file.
#[track_caller]
pub(crate) fn enriched(fields: &Members) -> Enriched {
    let mut fields = fields.clone();
    fields
        .entry("lead_id".into())
        .or_insert_with(|| quoted("lead_1Test"));
    fields.insert(
        "_leadwire".into(),
        r#"{"schema":1,"event_id":"ev_1Test","source":"close","raw_key":"raw/crm_event_lead_1Test_20261123T065000123456Z.json",
            "raw_sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","accepted_at":"2026-11-23T06:50:00.5Z",
            "enriched_at":"2026-11-23T07:00:01Z","lookup_etag":null,"from":{"owner_email":"lookup"},"conflicts":[]}"#
            .into(),
    );
    parse_enriched(document(fields.iter()).as_bytes()).expect("a stored document")
}
