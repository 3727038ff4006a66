//! The ways in which programs write one JSON document.

use crate::limits::BODY_BYTES_MAX;
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt::Write as _;

/// White space beside the bytes of a body is at most three times as much.
const STYLED_BYTES_MAX: usize = 4 * BODY_BYTES_MAX;

/// White space outside texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Spacing {
    AsIs,
    Compact,
    /// `, ` and `: `, as Python writes.
    Blanks,
    /// A line for each member, indented by so many blanks.
    Lines(usize),
}

/// What becomes of a character within texts that may be escaped and need not be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escapes {
    AsIs,
    Escaped,
    Plain,
}

const SPACINGS: [Spacing; 5] = [
    Spacing::AsIs,
    Spacing::Compact,
    Spacing::Blanks,
    Spacing::Lines(2),
    Spacing::Lines(4),
];
const ESCAPES: [Escapes; 3] = [Escapes::AsIs, Escapes::Escaped, Escapes::Plain];

/// Whether it is one JSON document, nested no deeper than a reader takes.
pub(super) fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text.trim_start_matches('\u{feff}')).is_ok()
        && serde_json::from_str::<Value>(text.trim_start_matches('\u{feff}')).is_ok()
}

/// The document as others write it: as it stands, and with its members sorted.
pub(super) fn variants(text: &str) -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let text = text.trim_start_matches('\u{feff}').trim();
    let sorted = serde_json::from_str::<Value>(text)
        .ok()
        .map(|value| value.to_string());
    let sorted = sorted.map(|sorted| {
        (
            "its JSON was written anew, with its members in another order",
            sorted,
        )
    });
    let plain = (
        "its JSON was written anew, with other white space or escapes",
        text.to_owned(),
    );
    [Some(plain), sorted]
        .into_iter()
        .flatten()
        .flat_map(|(what, text)| {
            styles().filter_map(move |(spacing, slash, unicode)| {
                let styled = restyle(&text, spacing, slash, unicode)?;
                Some((what, styled.into_bytes()))
            })
        })
}

fn styles() -> impl Iterator<Item = (Spacing, Escapes, Escapes)> {
    ESCAPES.into_iter().flat_map(|slash| {
        ESCAPES.into_iter().flat_map(move |unicode| {
            SPACINGS
                .into_iter()
                .map(move |spacing| (spacing, slash, unicode))
        })
    })
}

/// A well formed document in another style. `None` where that would be too long.
fn restyle(text: &str, spacing: Spacing, slash: Escapes, unicode: Escapes) -> Option<String> {
    let mut styled = String::with_capacity(text.len());
    let (mut depth, mut rest) = (0_usize, text);
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..)?;
        rest = after;
        match c {
            '"' => {
                let end = end_of_text(after)?;
                restyle_text(after.get(..end)?, slash, unicode, &mut styled);
                rest = after.get(end + 1..)?;
            }
            _ if spacing == Spacing::AsIs => styled.push(c),
            ' ' | '\t' | '\r' | '\n' => {}
            '{' | '[' => {
                depth += 1;
                styled.push(c);
                let is_empty = after.trim_ascii_start().starts_with(['}', ']']);
                break_line(
                    &mut styled,
                    spacing,
                    if is_empty { None } else { Some(depth) },
                );
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                let is_empty = styled.ends_with(['{', '[']);
                break_line(
                    &mut styled,
                    spacing,
                    if is_empty { None } else { Some(depth) },
                );
                styled.push(c);
            }
            ',' | ':' => {
                styled.push(c);
                match spacing {
                    Spacing::Lines(_) if c == ',' => break_line(&mut styled, spacing, Some(depth)),
                    Spacing::Blanks | Spacing::Lines(_) => styled.push(' '),
                    Spacing::AsIs | Spacing::Compact => {}
                }
            }
            other => styled.push(other),
        }
        if styled.len() > STYLED_BYTES_MAX {
            return None;
        }
    }
    Some(styled)
}

fn break_line(styled: &mut String, spacing: Spacing, depth: Option<usize>) {
    if let (Spacing::Lines(indent), Some(depth)) = (spacing, depth) {
        styled.push('\n');
        styled.extend(std::iter::repeat_n(' ', depth * indent));
    }
}

/// Where a text ends whose opening quote was read.
fn end_of_text(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })
}

/// The inside of a text, with its quotes.
fn restyle_text(inside: &str, slash: Escapes, unicode: Escapes, styled: &mut String) {
    styled.push('"');
    let mut rest = inside;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = after;
        match c {
            '\\' => {
                let escaped = after.chars().next().unwrap_or_default();
                let read = match escaped {
                    'u' if unicode == Escapes::Plain => read_escape(after, styled),
                    '/' if slash == Escapes::Plain => {
                        styled.push('/');
                        Some(1)
                    }
                    _ => None,
                };
                let read = read.unwrap_or_else(|| {
                    styled.extend(['\\', escaped]);
                    escaped.len_utf8()
                });
                rest = after.get(read..).unwrap_or_default();
            }
            '/' if slash == Escapes::Escaped => styled.push_str("\\/"),
            c if !c.is_ascii() && unicode == Escapes::Escaped => escape(c, styled),
            c => styled.push(c),
        }
    }
    styled.push('"');
}

fn escape(c: char, styled: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        write!(styled, "\\u{unit:04x}").expect("a text takes what is written to it");
    }
}

/// Reads `u00e9`, or `ud83d\ude00`, into the character that it is, unless that is ASCII. Gives how many bytes were read.
fn read_escape(text: &str, styled: &mut String) -> Option<usize> {
    let unit = |at: usize| u16::from_str_radix(text.get(at..at + 4)?, 16).ok();
    let first = unit(1)?;
    let pair = text.get(5..7) == Some("\\u");
    let second = unit(7).filter(|_| pair);
    let units = [first, second.unwrap_or_default()];
    let is_pair = (0xd800..0xdc00).contains(&first);
    let units = if is_pair { &units[..] } else { units.get(..1)? };
    let decoded = String::from_utf16(units).ok()?;
    if decoded.is_ascii() {
        return None;
    }
    styled.push_str(&decoded);
    Some(if is_pair { 11 } else { 5 })
}
