//! Bodies as they may have been before something on the way, or a person with an editor, changed them.

use super::case::Case;
use super::clues::{Clues, Ways};
use super::mistake::Mistake;
use super::style::{self, is_json};
use crate::json::without_byte_order_mark;
use crate::source::reading::decode_base64;

/// What the change was, and the body before it.
type Change = (&'static str, fn(&[u8]) -> Option<Vec<u8>>);

const CHANGES: [Change; 27] = [
    ("a line feed was added at its end", |body| {
        cut_end(body, b"\n")
    }),
    ("a line end was added at its end", |body| {
        cut_end(body, b"\r\n")
    }),
    ("white space was added around it", |body| {
        Some(body.trim_ascii().to_vec())
    }),
    ("a line feed was removed at its end", |body| {
        Some([body, b"\n"].concat())
    }),
    ("a line end was removed at its end", |body| {
        Some([body, b"\r\n"].concat())
    }),
    ("an empty body was signed", |_body| Some(Vec::new())),
    ("its line feeds became CRLF", |body| Some(to_lf(body))),
    ("its CRLF became line feeds", |body| Some(to_crlf(body))),
    ("a byte order mark was added", |body| {
        Some(without_byte_order_mark(body).to_vec())
    }),
    ("a byte order mark was removed", |body| {
        Some([b"\xef\xbb\xbf", body].concat())
    }),
    ("it was signed in Latin-1 and sent in UTF-8", |body| {
        to_latin_1(text(body)?)
    }),
    ("it was signed in UTF-8 and sent in Latin-1", |body| {
        Some(from_latin_1(body))
    }),
    ("it was signed in UTF-16 and sent in UTF-8", |body| {
        Some(to_utf_16(text(body)?, u16::to_le_bytes))
    }),
    ("it was signed in UTF-16 and sent in UTF-8", |body| {
        Some(to_utf_16(&marked(body)?, u16::to_le_bytes))
    }),
    ("it was signed in UTF-16 and sent in UTF-8", |body| {
        Some(to_utf_16(text(body)?, u16::to_be_bytes))
    }),
    ("it was signed in UTF-16 and sent in UTF-8", |body| {
        Some(to_utf_16(&marked(body)?, u16::to_be_bytes))
    }),
    ("it was signed in UTF-8 and sent in UTF-16", |body| {
        from_utf_16(body, u16::from_le_bytes)
    }),
    ("it was signed in UTF-8 and sent in UTF-16", |body| {
        from_utf_16(body, u16::from_be_bytes)
    }),
    ("blanks of the form became %20", |body| {
        Some(text(body)?.replace("%20", "+").into_bytes())
    }),
    ("blanks of the form became +", |body| {
        Some(text(body)?.replace('+', "%20").into_bytes())
    }),
    ("the form was encoded in lower case", |body| {
        Some(escapes(text(body)?, true))
    }),
    ("the form was encoded in upper case", |body| {
        Some(escapes(text(body)?, false))
    }),
    ("the form was encoded", |body| Some(decode_form(body))),
    ("the form was encoded once more than signed", |body| {
        encode_form(body)
    }),
    ("it was encoded in base64", |body| {
        decode_base64(text(body)?)
    }),
    ("it was put into a JSON text", |body| {
        serde_json::from_slice::<String>(body)
            .ok()
            .map(String::into_bytes)
    }),
    ("it was signed as a JSON text", |body| {
        serde_json::to_vec(text(body)?).ok()
    }),
];

/// Every change undone.
pub(super) fn changed<'a>(case: &'a Case, _clues: &'a Clues<'a>) -> Ways<'a> {
    let request = &case.request;
    let whole = once_if(!request.rest.is_empty(), || {
        let whole = [request.body.as_slice(), &request.rest].concat();
        ("it is longer than its Content-Length says", whole)
    });
    let changed = CHANGES
        .iter()
        .filter_map(|(what, undo)| Some((*what, undo(&request.body)?)));
    let changed = changed.filter(|(_, body)| *body != request.body);
    let json = text(&request.body).filter(|text| is_json(text));
    let restyled = json.into_iter().flat_map(style::variants);
    let all = whole.chain(changed).chain(restyled);
    Box::new(all.map(|(what, body)| (Mistake::Body(what), case.with_body(body))))
}

fn once_if<T>(holds: bool, make: impl FnOnce() -> T) -> impl Iterator<Item = T> {
    holds.then(make).into_iter()
}

fn text(body: &[u8]) -> Option<&str> {
    std::str::from_utf8(body).ok()
}

fn cut_end(body: &[u8], end: &[u8]) -> Option<Vec<u8>> {
    body.strip_suffix(end).map(<[u8]>::to_vec)
}

fn to_lf(body: &[u8]) -> Vec<u8> {
    let mut lines = body.split(|byte| *byte == b'\n').peekable();
    let mut joined = Vec::with_capacity(body.len());
    while let Some(line) = lines.next() {
        let is_last = lines.peek().is_none();
        let kept = if is_last {
            line
        } else {
            line.strip_suffix(b"\r").unwrap_or(line)
        };
        joined.extend_from_slice(kept);
        joined.extend((!is_last).then_some(b'\n'));
    }
    joined
}

fn to_crlf(body: &[u8]) -> Vec<u8> {
    let lines = to_lf(body);
    let lines: Vec<&[u8]> = lines.split(|byte| *byte == b'\n').collect();
    lines.join(&b"\r\n"[..])
}

fn to_latin_1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(c).ok()).collect()
}

fn from_latin_1(body: &[u8]) -> Vec<u8> {
    body.iter()
        .map(|byte| char::from(*byte))
        .collect::<String>()
        .into_bytes()
}

/// With a byte order mark.
fn marked(body: &[u8]) -> Option<String> {
    Some(format!("\u{feff}{}", text(body)?))
}

fn to_utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

fn from_utf_16(body: &[u8], unit: fn([u8; 2]) -> u16) -> Option<Vec<u8>> {
    let (pairs, odd) = body.as_chunks::<2>();
    let units: Vec<u16> = pairs.iter().map(|pair| unit(*pair)).collect();
    let text = String::from_utf16(&units).ok().filter(|_| odd.is_empty())?;
    Some(text.trim_start_matches('\u{feff}').as_bytes().to_vec())
}

/// The digits of each `%2F`, in upper or lower case.
fn escapes(text: &str, is_upper: bool) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut joined = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        let digits = if is_upper {
            digits.to_ascii_uppercase()
        } else {
            digits.to_ascii_lowercase()
        };
        joined = joined + "%" + &digits + rest;
    }
    joined.into_bytes()
}

fn decode_form(body: &[u8]) -> Vec<u8> {
    let blank: Vec<u8> = body
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    percent_encoding::percent_decode(&blank).collect()
}

/// Every name and value encoded, blanks as `+`.
fn encode_form(body: &[u8]) -> Option<Vec<u8>> {
    let encode = |part: &str| {
        percent_encoding::utf8_percent_encode(part, percent_encoding::NON_ALPHANUMERIC)
            .to_string()
            .replace("%20", "+")
            .replace("%2D", "-")
            .replace("%2E", ".")
            .replace("%5F", "_")
    };
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=')?;
        Some(format!("{}={}", encode(name), encode(value)))
    };
    let pairs: Option<Vec<String>> = text(body)?.split('&').map(pair).collect();
    Some(pairs?.join("&").into_bytes())
}
