//! What a body that was refused looks like instead, for the person who set up its sender. A hint names forms, places and members that are
//! known by name, never a value: it stands in answers and in lines.

use crate::json::{Object, Place, fault, without_byte_order_mark};
use crate::lead::field::LEAD_ID;
use crate::problem::Problem;

/// How deep an id is looked for.
const DEPTH_MAX: usize = 3;
/// How many are named.
const FOUND_MAX: usize = 5;
/// What the id of a person is called, without case and separators.
const IDS: [&str; 17] = [
    "id",
    "leadid",
    "contactid",
    "personid",
    "customerid",
    "clientid",
    "prospectid",
    "subscriberid",
    "memberid",
    "dealid",
    "recordid",
    "objectid",
    "entityid",
    "userid",
    "externalid",
    "uuid",
    "guid",
];
/// What an object around it is called.
const OUTER: [&str; 18] = [
    "data",
    "event",
    "lead",
    "contact",
    "person",
    "customer",
    "client",
    "user",
    "payload",
    "body",
    "record",
    "object",
    "resource",
    "entity",
    "attributes",
    "properties",
    "fields",
    "current",
];

/// More on a problem with a body, where there is more to say.
pub fn of(problem: Problem, body: &[u8]) -> Option<String> {
    if problem == Problem::InvalidJson {
        return Some(of_no_json(body));
    }
    (problem == Problem::InvalidLeadId).then(|| of_no_lead(body))?
}

/// What bytes look like that are no JSON, or else where they stop being it.
fn of_no_json(body: &[u8]) -> String {
    if let Some(form) = known_form(body) {
        return format!("The body looks like {form}, and not like JSON.");
    }
    let Some(Place { line, column }) = fault(body) else {
        return "The body is JSON, but not in this form.".to_owned();
    };
    if fault_is_end(body) {
        return format!("The JSON ends in line {line}, column {column}, before it is complete.");
    }
    format!("It stops being JSON in line {line}, column {column}.")
}

fn fault_is_end(body: &[u8]) -> bool {
    Object::parse(body).is_err_and(|error| error == crate::json::JsonError::CutOff)
}

/// The form that bytes have, by their beginning.
fn known_form(body: &[u8]) -> Option<&'static str> {
    let text = without_byte_order_mark(body).trim_ascii_start();
    Some(match text {
        [] => "nothing at all",
        [0x1f, 0x8b, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] | [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            "a compressed body (send it without compression)"
        }
        [b'P', b'K', 3, 4, ..] => "a ZIP file",
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] => "UTF-16 (send UTF-8)",
        [b'<', ..] => "XML or HTML",
        [b'-', b'-', ..] => "a multipart form",
        _ if is_form(text) => "a form (application/x-www-form-urlencoded)",
        _ => return None,
    })
}

/// `name=value&name=value`, in the characters that such a form has.
fn is_form(text: &[u8]) -> bool {
    let is_of_form =
        |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%+*[]=&!'()@:/,;$".contains(byte);
    let name = text.split(|byte| *byte == b'=').next().unwrap_or_default();
    let is_named = !name.is_empty() && name.len() < text.len();
    is_named && !name.contains(&b':') && text.trim_ascii_end().iter().all(is_of_form)
}

/// Which ids a body without a lead's has.
fn of_no_lead(body: &[u8]) -> Option<String> {
    let top = Object::parse(body).ok()?;
    let mut found = Vec::new();
    find_ids(&top, "", &mut found);
    let (lead_ids, others): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|path| path.ends_with(LEAD_ID));
    if let Some(path) = lead_ids.first() {
        return Some(format!("{path} is there, and is no lead id."));
    }
    let others: Vec<_> = others.into_iter().take(FOUND_MAX).collect();
    let named = others.join(", ");
    match others.len() {
        0 => None,
        1 => Some(format!(
            "There is no lead_id; found {named}, which may be what is meant."
        )),
        _ => Some(format!(
            "There is no lead_id; found {named}, one of which may be what is meant."
        )),
    }
}

/// The paths of the members that are called like an id and hold a text or a number, from the outside in.
fn find_ids(object: &Object, path: &str, found: &mut Vec<String>) {
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(|c| !matches!(c, '_' | '-'));
        letters.collect::<String>().to_ascii_lowercase()
    };
    let is_value =
        |value: &str| value.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
    for (name, value) in object.iter() {
        if IDS.contains(&&*plain(name)) && is_value(value.get()) {
            found.push(format!("{path}{name}"));
        }
    }
    if path.matches('.').count() + 1 >= DEPTH_MAX {
        return;
    }
    let names: Vec<_> = object.iter().map(|(name, _)| name).collect();
    for name in names
        .into_iter()
        .filter(|name| OUTER.contains(&&*plain(name)))
    {
        if let Some(inner) = object.object(name) {
            find_ids(&inner, &format!("{path}{name}."), found);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::cases;
    use proptest::prelude::*;

    #[track_caller]
    fn check(problem: Problem, body: &[u8], expected: &str) {
        let hint = of(problem, body).unwrap_or_default();
        assert!(
            hint.contains(expected) && hint.is_empty() == expected.is_empty(),
            "{:?}: {hint}",
            String::from_utf8_lossy(body)
        );
    }

    #[test]
    fn what_is_no_json_is_told_by_what_it_looks_like_or_by_its_fault() {
        let utf_16: Vec<u8> = "{\"a\":1}"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        for (body, expected) in [
            (
                &b"lead_id=test-1&display_name=Alice+Doe&x%5B%5D="[..],
                "a form (application/x-www-form-urlencoded)",
            ),
            (b"payload=%7B%22lead_id%22%3A1%7D\n", "a form"),
            (b"<html><body>502 Bad Gateway</body></html>", "XML"),
            (b"\xef\xbb\xbf <?xml version='1.0'?>", "XML"),
            (
                b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x--",
                "multipart",
            ),
            (b"\x1f\x8b\x08\x00\x00", "compressed"),
            (b"\x78\x9c\xab", "compressed"),
            (b"\x28\xb5\x2f\xfd\x04", "compressed"),
            (b"\xff\xfe{\0", "UTF-16"),
            (&utf_16, "UTF-16"),
            (b"", "nothing at all"),
            (b" \r\n", "nothing at all"),
            (b"{\n \"lead_id\": \"a\",\n}", "line 3, column 1"),
            (b"{'lead_id':'a'}", "line 1, column 2"),
            (b"{\"lead_id\":\"a\"", "ends in line 1, column 15"),
            (b"{\"a\":1}{\"a\":2}", "line 1, column 8"),
            (b"hello", "line 1, column 1"),
            (b"lead=a \"b\"", "line 1, column 1"),
        ] {
            check(Problem::InvalidJson, body, expected);
        }
    }

    #[test]
    fn ids_that_may_be_the_leads_are_named_and_their_values_are_not() {
        for (body, expected) in [
            (
                r#"{"data":{"id":"sec-1","first_name":"Ann"}}"#,
                "found data.id, which",
            ),
            (
                r#"{"leadId":7,"Contact":{"contact_id":"sec-1"}}"#,
                "found leadId, Contact.contact_id, one",
            ),
            (r#"{"event":{"data":{"uuid":"sec-1"}}}"#, "event.data.uuid"),
            (r#"{"lead_id":"a b"}"#, "lead_id is there"),
            (r#"{"data":{"lead_id":"a"}}"#, "data.lead_id is there"),
            (r#"{"data":{"id":{},"uuid":null,"guid":[1]}}"#, ""),
            (r#"{"ann@example.com":{"id":1},"first_name":"Ann"}"#, ""),
            (r#"{"data":{"data":{"data":{"id":1}}}}"#, ""),
            ("[]", ""),
        ] {
            check(Problem::InvalidLeadId, body.as_bytes(), expected);
            assert!(
                !of(Problem::InvalidLeadId, body.as_bytes())
                    .unwrap_or_default()
                    .contains("sec-1")
            );
        }
        check(Problem::DuplicateKey, br#"{"id":1}"#, "");
    }

    proptest! {
        #![proptest_config(cases())]

        /// A hint is a short line of plain words, whatever came.
        #[test]
        fn a_hint_is_plain_and_short(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in crate::sample::text()) {
            let nested = format!("{{\"data\":{{{}:{{\"id\":{}}}}}}}", crate::json::raw_text(&text), crate::json::raw_text(&text));
            for body in [&bytes, nested.as_bytes()] {
                for problem in Problem::ALL {
                    let hint = of(*problem, body).unwrap_or_default();
                    prop_assert!(hint.len() < 300 && hint.chars().all(|c| (' '..='~').contains(&c)), "{}", hint);
                }
            }
        }
    }
}
