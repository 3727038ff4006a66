use super::{Conflict, FACTS, KNOWN, LEAD_ID, MergeError, Merged, Side, merge};
use crate::json::{Object, is_empty, is_same};
use crate::lead::id::LeadId;
use crate::sample::{Members, cases, document, lead_id, members, number, object, quoted, verbatim};
use proptest::prelude::*;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

fn lead(text: &str) -> LeadId {
    LeadId::parse(text).unwrap()
}

#[track_caller]
fn parse(json: &str) -> Object {
    Object::parse(json.as_bytes()).unwrap()
}

/// The merge of lead 1: its fields, where they came from, and the conflicts, each in a short text.
#[track_caller]
fn check(event: &str, lookup: &str, expected: &str) {
    let merged = merge(&lead("1"), &parse(event), Some(&parse(lookup))).unwrap();
    let mut fields = verbatim(&merged.fields);
    fields.remove(LEAD_ID);
    let fields = fields.iter().map(|(name, value)| format!("{name}={value}"));
    let from = merged
        .from
        .iter()
        .map(|(name, side)| format!("{name}:{side:?}"));
    let conflicts = merged.conflicts.iter();
    let conflicts = conflicts.map(|found| format!("{}:{:?}", found.field, found.kept));
    let parts = [
        fields.collect(),
        from.collect(),
        conflicts.collect::<Vec<_>>(),
    ];
    assert_eq!(parts.map(|part| part.join(" ")).join(" | "), expected);
}

#[test]
fn facts_come_from_the_event_and_the_assignment_from_the_owner_file() {
    check(
        r#"{"lead_id":"1","display_name":"E","funnel":"E"}"#,
        r#"{"lead_id":1,"display_name":"L","funnel":"L","lead_owner":"L"}"#,
        r#"display_name="E" funnel="L" lead_owner="L" | display_name:Event funnel:Lookup lead_owner:Lookup | display_name:Event funnel:Lookup"#,
    );
}

/// The merge of the lead `urn:li:1`: its `external_id`, and who kept it where it was in doubt.
#[track_caller]
fn check_external(event: &str, lookup: &str, expected: &str) {
    let lead_id = LeadId::from_text("urn:li:1").unwrap();
    let id = lead_id.as_str();
    let [event, lookup] = [event, lookup].map(|side| parse(&side.replace("OURS", id)));
    let merged = merge(&lead_id, &event, Some(&lookup)).unwrap();
    assert_eq!(merged.fields.text(LEAD_ID).as_deref(), Some(id));
    let external = merged.fields.text("external_id").unwrap_or_default();
    let kept = merged
        .conflicts
        .iter()
        .map(|found| format!(" {:?}", found.kept));
    assert_eq!(external + &kept.collect::<String>(), expected);
    let again = merge(&lead_id, &merged.fields, Some(&lookup)).unwrap();
    assert_eq!(verbatim(&again.fields), verbatim(&merged.fields));
}

#[test]
fn the_crms_own_id_is_kept_wherever_a_side_has_it() {
    check_external(
        r#"{"lead_id":"urn:li:1"}"#,
        r#"{"lead_id":"OURS"}"#,
        "urn:li:1",
    );
    check_external(
        r#"{"lead_id":"OURS"}"#,
        r#"{"lead_id":"urn:li:1"}"#,
        "urn:li:1",
    );
    check_external(
        r#"{"lead_id":"urn:li:1"}"#,
        r#"{"lead_id":"urn\u003ali:1","external_id":"urn:li:1"}"#,
        "urn:li:1",
    );
    check_external(
        r#"{"lead_id":"urn:li:1","external_id":"other"}"#,
        r#"{"lead_id":"OURS"}"#,
        "urn:li:1 Event",
    );
    check_external(
        r#"{"lead_id":"OURS"}"#,
        r#"{"lead_id":"urn:li:1","external_id":7}"#,
        "urn:li:1 Lookup",
    );
    check_external(
        r#"{"lead_id":"OURS","external_id":"other"}"#,
        r#"{"lead_id":"OURS"}"#,
        "other",
    );
    // A lead whose id is its own has no other: a field of that name is one like any.
    check(
        r#"{"lead_id":"1","external_id":"a"}"#,
        r#"{"lead_id":"1","external_id":"b"}"#,
        r#"external_id="b" |  | external_id:Lookup"#,
    );
}

#[test]
fn what_is_absent_null_or_empty_is_filled_by_the_other_side() {
    for empty in ["null", r#""""#, r#"" \t""#] {
        check(
            &format!(r#"{{"lead_id":"1","display_name":{empty},"funnel":"E","phone":"E"}}"#),
            &format!(r#"{{"lead_id":"1","display_name":"L","funnel":{empty},"phone":{empty}}}"#),
            r#"display_name="L" funnel="E" phone="E" | display_name:Lookup funnel:Event | "#,
        );
    }
    check(
        r#"{"lead_id":"1","a":0,"b":false}"#,
        r#"{"lead_id":"1","a":null,"b":""}"#,
        "a=0 b=false |  | ",
    );
    check(
        r#"{"lead_id":"1","a":null,"funnel":null}"#,
        r#"{"lead_id":"1","a":""}"#,
        r#"a="" funnel=null | funnel:Event | "#,
    );
}

#[test]
fn every_other_field_is_kept_and_the_owner_file_wins() {
    check(
        r#"{"lead_id":"1","x":1,"y":[1]}"#,
        r#"{"lead_id":"1","y":[2],"z":{}}"#,
        "x=1 y=[2] z={} |  | y:Lookup",
    );
}

#[test]
fn a_conflict_is_a_difference_of_meaning() {
    check(
        r#"{"lead_id":"1","a":"\u0041","b":[1, 2],"c":{"x":1,"y":2}}"#,
        r#"{"lead_id":"1","a":"A","b":[1,2],"c":{"y":2,"x":1}}"#,
        r#"a="A" b=[1,2] c={"y":2,"x":1} |  | "#,
    );
    check(
        r#"{"lead_id":"1","a":1,"b":"A","c":1}"#,
        r#"{"lead_id":"1","a":1.0,"b":"a","c":"1"}"#,
        r#"a=1.0 b="a" c="1" |  | a:Lookup b:Lookup c:Lookup"#,
    );
}

#[test]
fn without_an_owner_file_the_event_stands_alone() {
    let merged = merge(
        &lead("7"),
        &parse(r#"{"lead_id":7,"display_name":"E","owner_email":"eve@example.org"}"#),
        None,
    )
    .unwrap();
    assert_eq!(verbatim(&merged.fields)[LEAD_ID], r#""7""#);
    assert_eq!(merged.from["owner_email"], Side::Event);
    assert!(merged.conflicts.is_empty());
}

#[test]
fn another_leads_owner_file_is_never_merged() {
    let event = parse(r#"{"lead_id":"00123"}"#);
    for (lookup, expected) in [
        (r#"{"lead_id":"2"}"#, MergeError::OtherLead),
        (r#"{"lead_id":123}"#, MergeError::OtherLead),
        (r#"{"lead_id":"00123 "}"#, MergeError::NoLeadId),
        (r#"{"lead_id":null}"#, MergeError::NoLeadId),
        ("{}", MergeError::NoLeadId),
        (
            r#"{"lead_id":"00123","_leadwire":null}"#,
            MergeError::Reserved,
        ),
    ] {
        let merged = merge(&lead("00123"), &event, Some(&parse(lookup)));
        assert_eq!(merged.err(), Some(expected), "{lookup}");
    }
    for lookup in [Some(&parse(r#"{"lead_id":"1"}"#)), None] {
        let merged = merge(&lead("1"), &event, lookup);
        assert_eq!(merged.err(), Some(MergeError::OtherLead));
    }
}

/// One lead with both of its sides.
#[derive(Clone, Debug)]
struct Pair {
    id: LeadId,
    event: Members,
    lookup: Members,
}

impl Pair {
    #[track_caller]
    fn merged(&self) -> Merged {
        merge(&self.id, &object(&self.event), Some(&object(&self.lookup)))
            .expect("both sides are of one lead")
    }
}

fn pair() -> impl Strategy<Value = Pair> {
    (lead_id(), members(), members(), any::<bool>()).prop_map(
        |(id, mut event, mut lookup, numeric)| {
            let is_integer = id.as_str() == "0"
                || !id.as_str().starts_with('0')
                    && id.as_str().bytes().all(|byte| byte.is_ascii_digit());
            let token = if numeric && is_integer {
                id.to_string()
            } else {
                quoted(id.as_str())
            };
            event.insert(LEAD_ID.into(), quoted(id.as_str()));
            lookup.insert(LEAD_ID.into(), token);
            Pair { id, event, lookup }
        },
    )
}

fn raw(json: &str) -> Box<RawValue> {
    serde_json::from_str(json).unwrap()
}

fn is_said(value: Option<&String>) -> bool {
    value.is_some_and(|value| !is_empty(&raw(value)))
}

/// What a stored document of this merge would say.
fn rendered(merged: &Merged) -> String {
    format!(
        "{:?} {:?} {:?}",
        verbatim(&merged.fields),
        merged.from,
        merged.conflicts
    )
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_lead_id_of_the_result_is_that_of_both_sides(pair in pair(), other in lead_id()) {
        prop_assert_eq!(&verbatim(&pair.merged().fields)[LEAD_ID], &quoted(pair.id.as_str()));
        if other != pair.id {
            let mut lookup = pair.lookup.clone();
            lookup.insert(LEAD_ID.into(), quoted(other.as_str()));
            let found = merge(&pair.id, &object(&pair.event), Some(&object(&lookup)));
            prop_assert_eq!(found.err(), Some(MergeError::OtherLead));
        }
    }

    #[test]
    fn no_field_is_invented(pair in pair()) {
        for (name, value) in verbatim(&pair.merged().fields) {
            if name != LEAD_ID {
                prop_assert!(pair.event.get(&name) == Some(&value) || pair.lookup.get(&name) == Some(&value), "{name}");
            }
        }
    }

    #[test]
    fn no_field_is_lost(pair in pair()) {
        let fields = verbatim(&pair.merged().fields);
        for name in pair.event.keys().chain(pair.lookup.keys()) {
            let said = is_said(pair.event.get(name)) || is_said(pair.lookup.get(name));
            prop_assert!(fields.contains_key(name), "{name}");
            prop_assert_eq!(is_said(fields.get(name)), said, "{} says something exactly when a side does", name);
        }
    }

    #[test]
    fn a_field_comes_from_its_first_choice_where_that_says_something(pair in pair()) {
        let merged = pair.merged();
        for (name, value) in verbatim(&merged.fields).into_iter().filter(|(name, _)| name != LEAD_ID) {
            let (first, second) = if FACTS.contains(&name.as_str()) { (&pair.event, &pair.lookup) } else { (&pair.lookup, &pair.event) };
            if is_said(first.get(&name)) {
                prop_assert_eq!(Some(&value), first.get(&name));
            } else if is_said(second.get(&name)) {
                prop_assert_eq!(Some(&value), second.get(&name));
            }
        }
    }

    #[test]
    fn merging_again_changes_nothing(pair in pair()) {
        let once = pair.merged().fields;
        let lookup = object(&pair.lookup);
        let twice = merge(&pair.id, &once, Some(&lookup)).unwrap().fields;
        prop_assert_eq!(verbatim(&twice), verbatim(&once));
        let with_itself = merge(&pair.id, &once, Some(&once)).unwrap();
        prop_assert_eq!(verbatim(&with_itself.fields), verbatim(&once));
        prop_assert_eq!(with_itself.conflicts, vec![]);
    }

    #[test]
    fn the_order_of_fields_does_not_matter(pair in pair(), seed in any::<[u8; 8]>()) {
        let shuffled = |members: &Members| {
            let mut order: Vec<(&String, &String)> = members.iter().collect();
            order.sort_by_key(|(name, _)| crate::lead::id::Sha256Hex::of(&[name.as_bytes(), &seed].concat()).to_string());
            Object::parse(document(order.into_iter()).as_bytes()).unwrap()
        };
        let other = merge(&pair.id, &shuffled(&pair.event), Some(&shuffled(&pair.lookup))).unwrap();
        prop_assert_eq!(rendered(&other), rendered(&pair.merged()));
    }

    #[test]
    fn the_order_in_which_parallel_leads_arrive_does_not_matter(
        (pairs, order) in proptest::collection::vec(pair(), 1..4).prop_flat_map(|pairs| {
            let order = Just((0..pairs.len()).collect::<Vec<_>>()).prop_shuffle();
            (Just(pairs), order)
        })
    ) {
        let in_order: BTreeMap<usize, String> = pairs.iter().enumerate().map(|(at, pair)| (at, rendered(&pair.merged()))).collect();
        let shuffled: BTreeMap<usize, String> = order.iter().map(|at| (*at, rendered(&pairs[*at].merged()))).collect();
        prop_assert_eq!(in_order, shuffled);
    }

    #[test]
    fn numbers_keep_their_digits(one in number(), other in number()) {
        let event = Members::from([("a".into(), one.clone()), ("date_created".into(), one.clone()), ("deep".into(), format!("[{{\"n\":{one}}}]"))]);
        let lookup = Members::from([(LEAD_ID.into(), "1".into()), ("b".into(), other.clone()), ("funnel".into(), other.clone())]);
        let fields = verbatim(&merge(&lead("1"), &object(&event), Some(&object(&lookup))).unwrap().fields);
        prop_assert_eq!([&fields["a"], &fields["date_created"], &fields["b"], &fields["funnel"]], [&one, &one, &other, &other]);
        prop_assert_eq!(&fields["deep"], &format!("[{{\"n\":{one}}}]"));
    }

    #[test]
    fn conflicts_are_exactly_the_disagreements_and_never_hold_values(pair in pair()) {
        let merged = pair.merged();
        let mut expected = Vec::new();
        for (name, event) in pair.event.iter().filter(|(name, _)| *name != LEAD_ID) {
            let Some(lookup) = pair.lookup.get(name).filter(|lookup| is_said(Some(lookup)) && is_said(Some(event))) else { continue };
            if !is_same(&raw(event), &raw(lookup)) {
                let kept = if FACTS.contains(&name.as_str()) { Side::Event } else { Side::Lookup };
                expected.push(Conflict { field: name.clone(), kept });
            }
        }
        prop_assert_eq!(merged.conflicts, expected);
    }

    #[test]
    fn no_value_shows_in_what_is_told_of_the_merge(names in proptest::collection::btree_set("[a-z]{1,8}", 1..6)) {
        let side = |mark: &str| {
            let mut members: Members = names.iter().chain(KNOWN.map(str::to_owned).iter()).map(|name| (name.clone(), quoted(&format!("CANARY {mark}")))).collect();
            members.insert(LEAD_ID.into(), "1".into());
            members
        };
        let merged = merge(&lead("1"), &object(&side("event")), Some(&object(&side("lookup")))).unwrap();
        prop_assert!(merged.conflicts.len() >= KNOWN.len());
        let told = format!("{} {} {merged:?}", serde_json::to_string(&merged.conflicts).unwrap(), serde_json::to_string(&merged.from).unwrap());
        prop_assert!(!told.contains("CANARY"), "{told}");
    }

    #[test]
    fn the_sides_told_are_those_of_the_known_fields(pair in pair()) {
        let merged = pair.merged();
        let fields = verbatim(&merged.fields);
        for name in KNOWN {
            prop_assert_eq!(merged.from.contains_key(name), fields.contains_key(name));
        }
        for (name, side) in &merged.from {
            let members = match side { Side::Event => &pair.event, Side::Lookup => &pair.lookup };
            prop_assert_eq!(members.get(name), fields.get(name));
        }
    }
}
