//! What a CRM says of a person under names of its own, put under the known ones.

use crate::json::{Object, is_empty, raw_text};

/// Renames the first of these fields that says something, where the known name says nothing yet. The others stay.
pub(super) fn know_as(fields: &mut Object, known: &str, theirs: &[&str]) {
    let mut theirs = theirs.iter().copied();
    if says(fields, known) {
        return;
    }
    if let Some(name) = theirs.find(|name| says(fields, name))
        && let Some(value) = fields.remove(name)
    {
        fields.set(known, value);
    }
}

/// Joins what these fields say by a blank, where the known name says nothing yet. They stay: each says a part.
pub(super) fn join_as(fields: &mut Object, known: &str, theirs: &[&str]) {
    let said = theirs.iter().filter_map(|name| fields.shown(name));
    let joined = said.collect::<Vec<_>>().join(" ");
    if !joined.is_empty() && !says(fields, known) {
        fields.set(known, raw_text(&joined));
    }
}

fn says(fields: &Object, name: &str) -> bool {
    fields.get(name).is_some_and(|value| !is_empty(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(fields: &str, expected: &str) {
        let mut fields = Object::parse(fields.as_bytes()).unwrap();
        know_as(&mut fields, "phone", &["Phone", "Mobile"]);
        join_as(&mut fields, "display_name", &["First", "Last"]);
        let members = fields.iter();
        let members: Vec<_> = members
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        assert_eq!(members.join(" "), expected);
    }

    #[test]
    fn a_field_that_is_known_under_another_name_is_renamed() {
        check(r#"{"Phone":"1","Mobile":"2"}"#, r#"Mobile="2" phone="1""#);
        check(r#"{"Phone":null,"Mobile":2}"#, "Phone=null phone=2");
        check(r#"{"Phone":"1","phone":"2"}"#, r#"Phone="1" phone="2""#);
        check(r#"{"Phone":"1","phone":" "}"#, r#"phone="1""#);
        check("{}", "");
    }

    #[test]
    fn parts_of_a_name_are_joined_and_stay() {
        check(
            r#"{"First":"A","Last":"B"}"#,
            r#"First="A" Last="B" display_name="A B""#,
        );
        check(
            r#"{"First":null,"Last":"B"}"#,
            r#"First=null Last="B" display_name="B""#,
        );
        check(
            r#"{"Last":"B","display_name":"C"}"#,
            r#"Last="B" display_name="C""#,
        );
    }
}
