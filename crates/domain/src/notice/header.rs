//! Texts in the headers of a mail (RFC 2047): what a reader decodes is the text itself, whatever stands in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// What begins an encoded word, and what a reader takes for one.
const ENCODED_WORD: &str = "=?";
/// Most bytes of text in an encoded word: 52 characters of base64, so that a line is short even behind the name of its header.
const WORD_BYTES_MAX: usize = 39;

/// A text as encoded words, joined by `fold`: a space, or a fold and a space. What is plain ASCII without the look of an encoded word is
/// `None`: it stands in a header as it is.
pub fn encode_header(text: &str, fold: &str) -> Option<String> {
    if is_plain(text) {
        return None;
    }
    let words: Vec<String> = pieces(text)
        .map(|piece| format!("=?utf-8?B?{}?=", STANDARD.encode(piece)))
        .collect();
    Some(words.join(fold))
}

/// Whether readers show it as it is.
fn is_plain(text: &str) -> bool {
    let is_printable = |byte| matches!(byte, b' '..=b'~');
    text.bytes().all(is_printable) && !text.contains(ENCODED_WORD)
}

/// The text in pieces of whole characters, each short enough for a word.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let mut end = rest.len().min(WORD_BYTES_MAX);
        while !rest.is_char_boundary(end) {
            end -= 1;
        }
        let (piece, after) = rest.split_at(end);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}

/// What a reader makes of encoded words between spaces.
#[cfg(test)]
pub(super) fn decode(header: &str) -> String {
    let mut decoded = String::new();
    let mut was_word = true;
    for part in header.split(' ') {
        let word = part.strip_prefix("=?utf-8?B?");
        if let Some(word) = word.and_then(|word| word.strip_suffix("?=")) {
            decoded += &String::from_utf8(STANDARD.decode(word).unwrap()).unwrap();
            was_word = true;
        } else {
            if !was_word {
                decoded.push(' ');
            }
            decoded += part;
            was_word = false;
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hostile;
    use crate::sample::{cases, text};
    use proptest::prelude::*;

    #[track_caller]
    fn check(text: &str) {
        let Some(encoded) = encode_header(text, " ") else {
            assert!(text.is_ascii() && !text.contains("=?"), "{text:?}");
            return;
        };
        assert_eq!(decode(&encoded), text);
        assert!(encoded.bytes().all(|byte| matches!(byte, b' '..=b'~')));
        for word in encoded.split(' ') {
            let is_word = word.starts_with("=?utf-8?B?") && word.ends_with("?=");
            assert!(is_word && word.len() <= 75, "{word}");
        }
    }

    #[test]
    fn plain_ascii_stands_as_it_is() {
        assert_eq!(encode_header("New lead: Alice", " "), None);
        assert_eq!(encode_header("", " "), None);
        assert_eq!(encode_header("a=b?c", " "), None);
    }

    #[test]
    fn what_looks_like_an_encoded_word_is_encoded_so_that_it_is_read_literally() {
        let name = "=?utf-8?Q?a=1B[31mb=00?=";
        let encoded = encode_header(name, " ").unwrap();
        assert!(!encoded.contains("1B[31m"), "{encoded}");
        assert_eq!(decode(&encoded), name);
    }

    #[test]
    fn a_hostile_text_decodes_to_itself() {
        for text in hostile::TEXTS {
            check(text);
            check(&format!("New lead: {text} → {text}"));
        }
    }

    proptest! {
        #![proptest_config(cases())]

        #[test]
        fn any_text_decodes_to_itself(text in text()) {
            check(&text);
        }
    }
}
