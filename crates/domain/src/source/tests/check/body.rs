//! Bodies that were changed after they were signed.

use super::*;

/// What is told, the body that is signed, and the one that is sent.
type BodyChange = (&'static str, fn(Vec<u8>) -> Vec<u8>, fn(&[u8]) -> Vec<u8>);

/// How the body was changed after it was signed, of the bodies that it can be seen in.
#[expect(clippy::too_many_lines, reason = "a table")]
#[expect(clippy::needless_pass_by_value, reason = "each has the same form")]
fn body_changes() -> Vec<BodyChange> {
    fn same(body: Vec<u8>) -> Vec<u8> {
        body
    }
    fn lines(body: Vec<u8>) -> Vec<u8> {
        let value: Value = serde_json::from_slice(&body).unwrap();
        serde_json::to_vec_pretty(&value).unwrap()
    }
    fn crlf(body: Vec<u8>) -> Vec<u8> {
        String::from_utf8(lines(body))
            .unwrap()
            .replace('\n', "\r\n")
            .into_bytes()
    }
    fn utf8(body: &[u8]) -> &str {
        std::str::from_utf8(body).unwrap()
    }
    const STYLE: &str = "its JSON was written anew, with other white space or escapes";
    const ORDER: &str = "its JSON was written anew, with its members in another order";
    vec![
        ("a line feed was added at its end", same, |body| {
            [body, b"\n"].concat()
        }),
        ("a line end was added at its end", same, |body| {
            [body, b"\r\n"].concat()
        }),
        (
            "a line feed was removed at its end",
            |body| [&body, &b"\n"[..]].concat(),
            |body| body[..body.len() - 1].to_vec(),
        ),
        ("its line feeds became CRLF", lines, |body| {
            utf8(body).replace('\n', "\r\n").into_bytes()
        }),
        ("its CRLF became line feeds", crlf, |body| {
            utf8(body).replace("\r\n", "\n").into_bytes()
        }),
        ("a byte order mark was added", same, |body| {
            [b"\xef\xbb\xbf", body].concat()
        }),
        (
            "a byte order mark was removed",
            |body| [&b"\xef\xbb\xbf"[..], &body].concat(),
            |body| body[3..].to_vec(),
        ),
        (
            "an empty body was signed",
            |_body| Vec::new(),
            |_body| b"{\"lead_id\":\"a\"}".to_vec(),
        ),
        (
            "it was signed in Latin-1 and sent in UTF-8",
            |body| {
                utf8(&body)
                    .chars()
                    .map(|c| u8::try_from(c).unwrap())
                    .collect()
            },
            |body| {
                body.iter()
                    .map(|byte| char::from(*byte))
                    .collect::<String>()
                    .into_bytes()
            },
        ),
        (
            "it was signed in UTF-16 and sent in UTF-8",
            |body| {
                utf8(&body)
                    .encode_utf16()
                    .flat_map(u16::to_le_bytes)
                    .collect()
            },
            |body| {
                String::from_utf16(
                    &body
                        .chunks(2)
                        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                        .collect::<Vec<_>>(),
                )
                .unwrap()
                .into_bytes()
            },
        ),
        ("it was encoded in base64", same, |body| {
            STANDARD.encode(body).into_bytes()
        }),
        (STYLE, lines, |body| {
            serde_json::from_slice::<Value>(body)
                .unwrap()
                .to_string()
                .into_bytes()
        }),
        (STYLE, same, lines_of),
        (STYLE, same, |body| {
            utf8(body).replace('/', "\\/").into_bytes()
        }),
        (
            STYLE,
            |body| {
                utf8(&body)
                    .replace('/', "\\/")
                    .replace('ë', "\\u00eb")
                    .into_bytes()
            },
            |body| {
                utf8(body)
                    .replace("\\/", "/")
                    .replace("\\u00eb", "ë")
                    .into_bytes()
            },
        ),
        (
            STYLE,
            |body| {
                utf8(&body)
                    .replace("\":", "\": ")
                    .replace(",\"", ", \"")
                    .into_bytes()
            },
            |body| {
                serde_json::from_slice::<Value>(body)
                    .unwrap()
                    .to_string()
                    .into_bytes()
            },
        ),
        (
            ORDER,
            |_body| b"{\"a\":1,\"b\":[{\"c\":2,\"d\":3}]}".to_vec(),
            |_body| b"{\"b\":[{\"d\":3,\"c\":2}],\"a\":1}".to_vec(),
        ),
    ]
}

fn lines_of(body: &[u8]) -> Vec<u8> {
    let value: Value = serde_json::from_slice(body).unwrap();
    serde_json::to_vec_pretty(&value).unwrap()
}

#[test]
fn a_body_that_was_changed_on_the_way_is_told_by_its_change() {
    for kind in signing() {
        for (number, (expected, before, change)) in body_changes().into_iter().enumerate() {
            let (document, _) = sample(kind);
            let mut request = signed(&document, before, now());
            let changed = change(&request.body);
            // A body without what is changed.
            if changed == request.body {
                continue;
            }
            request.body = changed;
            let found = mistakes(&document, &request);
            assert_eq!(found, [Mistake::Body(expected)], "{kind} {number}");
        }
    }
}

#[test]
fn a_form_that_was_encoded_anew_is_told() {
    let changes: [(&str, &str, &str); 3] = [
        (
            "a=b+c&d=%C3%AB",
            "a=b%20c&d=%C3%AB",
            "blanks of the form became %20",
        ),
        ("a=b%20c", "a=b+c", "blanks of the form became +"),
        ("d=%c3%ab", "d=%C3%AB", "the form was encoded in upper case"),
    ];
    for kind in signing() {
        for (before, after, expected) in changes {
            let (document, _) = sample(kind);
            let mut request = signed(&document, |_body| before.as_bytes().to_vec(), now());
            request.body = after.as_bytes().to_vec();
            check_found(kind, (&document, &request), &Mistake::Body(expected));
        }
    }
}
