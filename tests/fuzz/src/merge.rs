//! The merge, and the document that is made of it.

use crate::identity::id_in;
use crate::input::{EVENT, now, or, parts};
use crate::webhook::names;
use leadwire_domain::effect::EffectId;
use leadwire_domain::json::Object;
use leadwire_domain::lead::document::{Provenance, SCHEMA, parse_enriched, render_enriched};
use leadwire_domain::lead::id::{EventId, LeadId, Sha256Hex};
use leadwire_domain::lead::merge::{MergeError, Merged, Side, merge as merge_sides};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Two sides are merged exactly when they are of one lead; nothing is invented, nothing lost, and merging again changes nothing.
pub fn merge(data: &[u8]) {
    let [event, lookup] = parts(data);
    let (Ok(event), Ok(lookup)) = (Object::parse(or(event, EVENT)), Object::parse(lookup)) else {
        return;
    };
    let Some(lead_id) = id_of(&event).and_then(|id| LeadId::parse(&id).ok()) else {
        return;
    };
    match merge_sides(&lead_id, &event, Some(&lookup)) {
        Ok(merged) => {
            assert_eq!(id_of(&lookup).as_deref(), Some(lead_id.as_str()));
            check_fields(&merged, &event, &lookup);
            let again = merge_sides(&lead_id, &merged.fields, Some(&lookup));
            let again = again.expect("a merged lead is of its lead");
            assert_eq!(verbatim(&again.fields), verbatim(&merged.fields));
            check_document(&merged);
        }
        Err(error) => {
            let is_ours = |side: &Object| side.get("_leadwire").is_some();
            let expected = match id_of(&lookup) {
                _ if lookup.get("lead_id").is_none() && !is_ours(&event) => MergeError::NoLeadId,
                _ if is_ours(&event) || is_ours(&lookup) => MergeError::Reserved,
                None => MergeError::NoLeadId,
                Some(_) => MergeError::OtherLead,
            };
            assert_eq!(error, expected);
        }
    }
}

fn id_of(side: &Object) -> Option<String> {
    id_in(side.get("lead_id")?.get())
}

pub(crate) fn verbatim(object: &Object) -> BTreeMap<String, String> {
    object
        .iter()
        .map(|(name, value)| (name.to_owned(), value.get().to_owned()))
        .collect()
}

fn check_fields(merged: &Merged, event: &Object, lookup: &Object) {
    let union: BTreeSet<String> = names(event).union(&names(lookup)).cloned().collect();
    let ours = external(merged).map(|_| "external_id".to_owned());
    let ours = ours.into_iter().chain(["lead_id".to_owned()]);
    let union = union.into_iter().chain(ours).collect();
    assert_eq!(names(&merged.fields), union);
    let [event, lookup] = [verbatim(event), verbatim(lookup)];
    let said = |value: Option<&String>| value.is_some_and(|value| !says_nothing(value));
    for (name, value) in verbatim(&merged.fields) {
        if name == "lead_id" || (name == "external_id" && external(merged).is_some()) {
            continue;
        }
        let (event, lookup) = (event.get(&name), lookup.get(&name));
        assert!(event == Some(&value) || lookup == Some(&value), "{name}");
        assert_eq!(said(Some(&value)), said(event) || said(lookup), "{name}");
        let is_conflict = merged
            .conflicts
            .iter()
            .any(|conflict| conflict.field == name);
        // Whatever differs in meaning differs in its bytes.
        assert!(!is_conflict || (said(event) && said(lookup) && event != lookup));
    }
    for (name, side) in &merged.from {
        let side = match side {
            Side::Event => &event,
            Side::Lookup => &lookup,
        };
        assert_eq!(side.get(name), verbatim(&merged.fields).get(name));
    }
}

/// The text that a lead's stand-in is made of, where the document has it.
fn external(merged: &Merged) -> Option<String> {
    let id = merged.fields.text("lead_id")?;
    let text = merged.fields.text("external_id")?;
    (text != id && crate::identity::id_of(&text) == Some(id)).then_some(text)
}

/// `null`, or a string of nothing but white space.
fn says_nothing(json: &str) -> bool {
    let is_blank = |text: &str| text.chars().all(char::is_whitespace);
    serde_json::from_str(json)
        .is_ok_and(|value: Value| value.is_null() || value.as_str().is_some_and(is_blank))
}

/// What is stored is read back, and the owner's address counts only where the owner file gave it.
fn check_document(merged: &Merged) {
    let provenance = Provenance {
        schema: SCHEMA,
        event_id: EventId::parse("ev_1").expect("a plain id"),
        source: "close".to_owned(),
        kind: None,
        raw_key: "raw/x.json".to_owned(),
        raw_sha256: Sha256Hex::of(b""),
        accepted_at: now(),
        enriched_at: now(),
        lookup_etag: None,
        lookup_modified_at: None,
        from: BTreeMap::new(),
        conflicts: Vec::new(),
        notify: Some(vec![EffectId::everybody()]),
    };
    let bytes = render_enriched(merged, &provenance);
    let stored = Object::parse(&bytes).expect("a document is strict JSON");
    let mut fields = verbatim(&stored);
    fields.remove("_leadwire");
    assert_eq!(fields, verbatim(&merged.fields));
    let lead = parse_enriched(&bytes).expect("a document of ours is read");
    assert_eq!(lead.provenance.conflicts, merged.conflicts);
    assert_eq!(lead.provenance.from, merged.from);
    if lead.owner_email.is_some() {
        assert_eq!(merged.from.get("owner_email"), Some(&Side::Lookup));
    }
}
