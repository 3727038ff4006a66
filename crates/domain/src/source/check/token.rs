//! Secrets that stand somewhere else than they should, and members that are not as the request has them.

use super::case::Case;
use super::clues::{Clues, Ways};
use super::mistake::Mistake;
use crate::source::Headers as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;
use std::collections::BTreeSet;

/// The most places of a request in which a secret is looked for.
const PLACES_MAX: usize = 64;
/// The most words of a request that are tried as the value of a member.
const WORDS_MAX: usize = 128;
/// What a word is long, in bytes.
const WORD_BYTES: std::ops::RangeInclusive<usize> = 2..=64;
const SCHEMES: [&str; 3] = ["Bearer ", "Token ", "Basic "];
/// What has variants of its own, or verifies nothing.
const NOT_MEMBERS: [&str; 3] = ["kind", "url", "format"];

/// A place and the text in it.
type Found = (String, String);

/// What is missing, taken from anywhere else.
pub(super) fn elsewhere<'a>(case: &'a Case, clues: &'a Clues<'a>) -> Ways<'a> {
    let Some(name) = clues.why.place().map(std::string::ToString::to_string) else {
        return Box::new(decoded_query(case).into_iter());
    };
    let places = places(case).into_iter().take(PLACES_MAX);
    Box::new(places.flat_map(move |(found, text)| {
        let cases = put(case, &name, &text);
        let name = name.clone();
        let mistake = move |expected: String| {
            if expected == found {
                Mistake::Doubled(found.clone())
            } else {
                Mistake::TokenElsewhere {
                    expected,
                    found: found.clone(),
                }
            }
        };
        cases
            .into_iter()
            .map(move |(expected, case)| (mistake(expected.replace("{}", &name)), case))
    }))
}

/// The query with one encoding less.
fn decoded_query(case: &Case) -> Option<(Mistake, Case)> {
    let query = percent_decode_str(&case.request.query)
        .decode_utf8()
        .ok()?
        .into_owned();
    let mistake = Mistake::TokenElsewhere {
        expected: "the query, encoded once".to_owned(),
        found: "the query, encoded twice".to_owned(),
    };
    Some((mistake, case.with(|request| request.query = query)))
}

/// Every text of the request, with the place in words.
fn places(case: &Case) -> Vec<Found> {
    let request = &case.request;
    let mut found = Vec::new();
    for pair in request.query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = percent_decode_str(value).decode_utf8_lossy().into_owned();
        found.push((format!("the parameter {}", show(name)), value));
    }
    let body = crate::json::without_byte_order_mark(&request.body);
    if let Ok(Value::Object(members)) = serde_json::from_slice(body) {
        let texts = members
            .iter()
            .filter_map(|(name, value)| Some((name, value.as_str()?)));
        found
            .extend(texts.map(|(name, text)| {
                (format!("the body's member {}", show(name)), text.to_owned())
            }));
    }
    for (name, _) in &request.headers {
        let Some(value) = request.get(name) else {
            continue;
        };
        let bare = SCHEMES.iter().find_map(|scheme| value.strip_prefix(scheme));
        let place = format!("the header {}", show(name));
        if let Some(password) = bare.and_then(password) {
            found.push((place.clone(), password));
        }
        found.push((place, bare.unwrap_or(value).to_owned()));
    }
    found.retain(|(_, text)| !text.is_empty());
    found
}

/// The password of a caller as Basic sends it.
fn password(encoded: &str) -> Option<String> {
    let caller = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    Some(caller.split_once(':')?.1.to_owned())
}

/// The request with a text in each place where a source may expect it; `{}` stands for the name.
fn put(case: &Case, name: &str, text: &str) -> Vec<(String, Case)> {
    let mut cases = Vec::new();
    let own = format!("{name}=");
    let others = case
        .request
        .query
        .split('&')
        .filter(|pair| !pair.starts_with(&own) && !pair.is_empty());
    let pair = format!("{own}{}", utf8_percent_encode(text, NON_ALPHANUMERIC));
    let query: Vec<&str> = others.chain([&*pair]).collect();
    cases.push((
        "the parameter \"{}\"".to_owned(),
        case.with(|request| request.query = query.join("&")),
    ));
    let body = crate::json::without_byte_order_mark(&case.request.body);
    if let Ok(Value::Object(mut members)) = serde_json::from_slice(body) {
        members.insert(name.trim_start_matches('/').to_owned(), text.into());
        let body = Value::Object(members).to_string().into_bytes();
        cases.push(("the body's member \"{}\"".to_owned(), case.with_body(body)));
    }
    for scheme in ["", "Bearer ", "Basic "] {
        let header = case.with_header(name, format!("{scheme}{text}"));
        cases.push(("the header \"{}\"".to_owned(), header));
    }
    cases
}

/// A name as it is shown.
fn show(name: &str) -> String {
    crate::source::members::show(name)
}

/// Each plain member with each word of the request for its value.
pub(super) fn members<'a>(case: &'a Case, _clues: &'a Clues<'a>) -> Ways<'a> {
    let members = case.texts().into_iter();
    let members = members.filter(|(name, _)| !NOT_MEMBERS.contains(&name.as_str()));
    let words = words(case);
    Box::new(members.flat_map(move |(name, _)| {
        let words = words.clone().into_iter();
        words.map(move |word| (Mistake::Member(name.clone()), case.with_text(&name, &word)))
    }))
}

/// The first words of the request: of the callers that its headers name, of its body.
fn words(case: &Case) -> BTreeSet<String> {
    let is_end = |byte: &u8| !(byte.is_ascii_alphanumeric() || b"-_.@".contains(byte));
    let callers = case.request.headers.iter().filter_map(|(_, value)| {
        let value = value.strip_prefix(b"Basic ")?;
        STANDARD.decode(value).ok()
    });
    let callers: Vec<Vec<u8>> = callers.collect();
    let texts = callers
        .iter()
        .map(Vec::as_slice)
        .chain([case.request.body.as_slice()]);
    let words = texts.flat_map(|text| text.split(is_end));
    let words = words.filter(|word| WORD_BYTES.contains(&word.len()));
    let words = words.filter_map(|word| std::str::from_utf8(word).ok());
    words.take(WORDS_MAX).map(str::to_owned).collect()
}
