//! How breakages change a template or a dashboard: by edits that read like assignments.

use serde_json::Value;

/// Changes a document: `POINTER = JSON` sets a member or adds it, `POINTER` alone removes it. What is no JSON is a text; an index that is
/// not there adds an element. Does nothing where there is no such place.
pub(crate) fn edit(document: &mut Value, edit: &str) {
    let (pointer, value) = match edit.split_once(" = ") {
        Some((pointer, value)) => (pointer, Some(value)),
        None => (edit, None),
    };
    let value = value.map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into()));
    let Some((parent, member)) = pointer.rsplit_once('/') else {
        return;
    };
    let member = member.replace("~1", "/");
    match (document.pointer_mut(parent), value) {
        (Some(Value::Object(members)), Some(value)) => drop(members.insert(member, value)),
        (Some(Value::Object(members)), None) => drop(members.remove(&member)),
        (Some(Value::Array(list)), Some(value)) => {
            match list.get_mut(member.parse().unwrap_or(usize::MAX)) {
                Some(place) => *place = value,
                None => list.push(value),
            }
        }
        _ => {}
    }
}
