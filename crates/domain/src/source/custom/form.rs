//! A form, `application/x-www-form-urlencoded`, read as an object of texts. A name that stands there several times is a list.

use crate::json::{Object, raw_text, without_byte_order_mark};
use crate::problem::Problem;
use percent_encoding::percent_decode;
use serde_json::value::to_raw_value;
use std::collections::BTreeMap;

/// Reads a form. It is UTF-8.
pub(super) fn parse(body: &[u8]) -> Result<Object, Problem> {
    let mut pairs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in pairs_of(without_byte_order_mark(body)) {
        let (name, value) = decode(pair)?;
        pairs.entry(name).or_default().push(value);
    }
    if pairs.is_empty() {
        return Err(Problem::InvalidEvent);
    }
    let mut object = Object::default();
    for (name, values) in pairs {
        let value = match &values[..] {
            [only] => raw_text(only),
            _ => to_raw_value(&values).map_err(|_texts_always_serialise| Problem::InvalidEvent)?,
        };
        object.set(&name, value);
    }
    Ok(object)
}

/// The form without the pairs of this name, each with the sign that parts it from its neighbour.
pub(super) fn without(body: &[u8], name: &str) -> Vec<u8> {
    let is_other = |pair: &&[u8]| decode(pair).is_ok_and(|(own, _)| own != name);
    let kept: Vec<&[u8]> = pairs_of(without_byte_order_mark(body))
        .filter(is_other)
        .collect();
    kept.join(&b'&')
}

/// A form with these pairs.
pub(super) fn write(pairs: &[(String, String)]) -> String {
    let encode = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn pairs_of(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    let pairs = body.trim_ascii_end().split(|byte| *byte == b'&');
    pairs.filter(|pair| !pair.is_empty())
}

fn decode(pair: &[u8]) -> Result<(String, String), Problem> {
    let mut halves = pair.splitn(2, |byte| *byte == b'=');
    let mut half = || {
        let text: Vec<u8> = halves.next().unwrap_or_default().to_vec();
        let blanks: Vec<u8> = text
            .into_iter()
            .map(|byte| if byte == b'+' { b' ' } else { byte })
            .collect();
        let text = percent_decode(&blanks).decode_utf8();
        text.map(std::borrow::Cow::into_owned)
            .map_err(|_quotes_input| Problem::InvalidEvent)
    };
    Ok((half()?, half()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(form: &str, expected: &[(&str, &str)]) {
        let object = parse(form.as_bytes()).unwrap();
        let members: Vec<_> = object
            .iter()
            .map(|(name, value)| (name, value.get()))
            .collect();
        assert_eq!(members, expected);
    }

    #[test]
    fn a_form_is_an_object_of_texts() {
        check(
            "a=1&b=Z%C3%B6e+E%2B&c&d=&=x",
            &[
                ("", r#""x""#),
                ("a", r#""1""#),
                ("b", r#""Zöe E+""#),
                ("c", r#""""#),
                ("d", r#""""#),
            ],
        );
        check("a=1&b=2&a=%22", &[("a", r#"["1","\""]"#), ("b", r#""2""#)]);
        check(
            "fields%5Bmail%5D=a%40b\r\n",
            &[("fields[mail]", r#""a@b""#)],
        );
        check("a=b=c&&", &[("a", r#""b=c""#)]);
    }

    #[test]
    fn what_is_no_form_is_refused() {
        for wrong in [&b""[..], b"&", b"a=%FF", b"\xff=1"] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_pair_goes_with_its_sign_and_all_else_stays() {
        for (form, left) in [
            ("t=x", ""),
            ("t=x&a=1+2", "a=1+2"),
            ("a=%31&t=x&b=2&t=y", "a=%31&b=2"),
            ("a=1&%74=x", "a=1"),
            ("a=t", "a=t"),
        ] {
            assert_eq!(without(form.as_bytes(), "t"), left.as_bytes(), "{form}");
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let pairs = [("a b", "1&2"), ("é", "+%")].map(|(n, v)| (n.to_owned(), v.to_owned()));
        check(&write(&pairs), &[("a b", r#""1&2""#), ("é", r#""+%""#)]);
    }
}
