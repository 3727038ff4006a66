//! Headers that are not as they should be: under another name, twice, in another form.

use super::case::Case;
use super::clues::{Clues, Ways};
use super::mistake::{Mistake, SignatureForm};
use crate::source::Headers as _;
use crate::source::reading::decode_base64;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// How much a name must be like another, of 1, to be near it.
const NEAR: f64 = 0.6;
/// The longest value that is tried in other forms. A signature has at most 128 digits.
const VALUE_BYTES_MAX: usize = 512;
/// The most values of a header that are tried.
const VALUES_MAX: usize = 8;
/// The most headers that are tried in the place of another.
const RENAMED_MAX: usize = 64;
/// What digests are long, in bytes.
const DIGESTS: [usize; 3] = [20, 32, 64];
/// What stands before a signature, in one sender's form or another's.
const PREFIXES: [&str; 14] = [
    "",
    "v1,",
    "v1=",
    "v0=",
    "v1:",
    "sha256=",
    "sha1=",
    "sha512=",
    "hmac-sha256=",
    "HMAC-SHA256 ",
    "hmac ",
    "Basic ",
    "Bearer ",
    "Token ",
];

/// Names of headers that are there and are like this one.
pub(super) fn near(case: &Case, name: &str) -> Vec<String> {
    let alike = |own: &String| {
        let (own, name) = (plain(own), plain(name));
        own.ends_with(&name) || strsim::normalized_damerau_levenshtein(&own, &name) >= NEAR
    };
    let names = case.request.headers.iter().map(|(own, _)| own);
    let mut near: Vec<_> = names
        .filter(|own| *own != name && alike(own))
        .cloned()
        .collect();
    near.sort();
    near.dedup();
    near.truncate(VALUES_MAX);
    near
}

/// A name as proxies and frameworks write it.
fn plain(name: &str) -> String {
    name.replace('_', "-").to_ascii_lowercase()
}

/// Each header that is asked for and is not there, or is malformed, under the name of every other. Several may be named alike, as where a proxy
/// adds a prefix.
pub(super) fn renamed<'a>(case: &'a Case, clues: &'a Clues<'a>) -> Ways<'a> {
    let asked = clues.asked.names();
    let missing: Vec<_> = asked
        .into_iter()
        .filter(|name| !case.request.contains(name))
        .collect();
    let all = renamed_all(case, &missing);
    let singly = missing.into_iter().flat_map(move |name| {
        let mut others: Vec<_> = case.request.headers.iter().take(RENAMED_MAX).collect();
        others.sort_by_key(|(own, _)| !near(case, &name).contains(own));
        others.into_iter().map(move |(found, value)| {
            let renamed = case.with_header(&name, value.clone());
            (renamed_mistake(&name, found), renamed)
        })
    });
    Box::new(all.into_iter().chain(singly))
}

/// Every missing header under the name that is nearest to it.
fn renamed_all(case: &Case, missing: &[String]) -> Option<(Mistake, Case)> {
    let mut all = case.clone();
    let mut mistake = None;
    for name in missing {
        let near = near(case, name);
        let Some(found) = near
            .iter()
            .find(|found| plain(found).ends_with(name))
            .or(near.first())
        else {
            continue;
        };
        let value = case
            .request
            .values(found)
            .next()
            .unwrap_or_default()
            .to_vec();
        all = all.with_header(name, value);
        mistake = mistake.or_else(|| Some(renamed_mistake(name, found)));
    }
    Some((mistake?, all))
}

fn renamed_mistake(header: &str, found: &str) -> Mistake {
    Mistake::HeaderRenamed {
        header: header.to_owned(),
        found: found.to_owned(),
    }
}

/// One value of each header that has several, in lines of their own or joined by a proxy.
pub(super) fn doubled<'a>(case: &'a Case, clues: &'a Clues<'a>) -> Ways<'a> {
    Box::new(clues.asked.names().into_iter().flat_map(move |name| {
        let values = case.request.values(&name).take(VALUES_MAX);
        let mut values: Vec<Vec<u8>> = values.map(<[u8]>::to_vec).collect();
        if let [only] = &values[..] {
            let parts = only.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
            values = parts.take(VALUES_MAX).map(<[u8]>::to_vec).collect();
        }
        let values = if values.len() > 1 { values } else { Vec::new() };
        values.into_iter().map(move |value| {
            let mistake = Mistake::Doubled(format!("The header {name}"));
            (mistake, case.with_header(&name, value))
        })
    }))
}

/// The headers that are asked for and are there, with their texts: what is not visible is left out.
fn texts<'a>(case: &'a Case, clues: &'a Clues<'a>) -> impl Iterator<Item = (String, String)> {
    clues.asked.names().into_iter().filter_map(|name| {
        let value = case.request.values(&name).next()?;
        let text: String = String::from_utf8_lossy(value)
            .chars()
            .filter(|c| (' '..='~').contains(c))
            .collect();
        (value.len() <= VALUE_BYTES_MAX).then_some((name, text))
    })
}

/// A time in seconds as one in milliseconds, and the reverse.
pub(super) fn time_unit<'a>(case: &'a Case, clues: &'a Clues<'a>) -> Ways<'a> {
    Box::new(texts(case, clues).filter_map(|(header, text)| {
        let number: i64 = text.split('.').next()?.parse().ok()?;
        let is_millis = is_millis(number)?;
        let other = if is_millis {
            number / 1000
        } else {
            number.checked_mul(1000)?
        };
        let other = case.with_header(&header, other.to_string());
        Some((Mistake::TimeUnit { header, is_millis }, other))
    }))
}

/// Where the source read a time in the other unit, which put it far from any time at which webhooks were sent.
pub(super) fn unit_of(case: &Case, clues: &Clues<'_>) -> Option<Mistake> {
    let mut units = texts(case, clues).filter_map(|(header, text)| {
        let is_millis = is_millis(text.parse().ok()?)?;
        Some(Mistake::TimeUnit { header, is_millis })
    });
    units.next()
}

/// Whether a number is a time of this century in milliseconds, and not in seconds. `None` where it is neither.
fn is_millis(number: i64) -> Option<bool> {
    match number {
        1_000_000_000..=9_999_999_999 => Some(false),
        1_000_000_000_000..=9_999_999_999_999 => Some(true),
        _ => None,
    }
}

/// The signature, or the caller, in every other form.
pub(super) fn signature_form<'a>(case: &'a Case, clues: &'a Clues<'a>) -> Ways<'a> {
    let own = case
        .texts()
        .into_iter()
        .filter(|(name, _)| name == "prefix");
    let own: Vec<String> = own.map(|(_, prefix)| prefix).collect();
    Box::new(texts(case, clues).flat_map(move |(header, text)| {
        let forms = forms(&text, &own);
        forms.into_iter().map(move |(form, value)| {
            (
                Mistake::SignatureForm(form),
                case.with_header(&header, value),
            )
        })
    }))
}

fn forms(text: &str, own: &[String]) -> Vec<(SignatureForm, String)> {
    let prefixes: Vec<&str> = own.iter().map(String::as_str).chain(PREFIXES).collect();
    let bare = text.trim_matches(|c: char| c == '"' || c == '\'' || c == ' ');
    let mut forms = vec![
        (SignatureForm::Decorated, bare.to_owned()),
        (SignatureForm::Case, text.to_ascii_lowercase()),
    ];
    let has = |prefix: &&&str| {
        let start = bare.get(..prefix.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    let current = prefixes
        .iter()
        .filter(has)
        .max_by_key(|prefix| prefix.len())
        .copied();
    let current = current.unwrap_or_default();
    let core = bare.get(current.len()..).unwrap_or_default().trim();
    for prefix in &prefixes {
        forms.push((SignatureForm::Prefix, format!("{prefix}{core}")));
    }
    for (form, other) in recoded(core) {
        forms.push((form, format!("{current}{other}")));
        forms.extend(
            prefixes
                .iter()
                .map(|prefix| (form, format!("{prefix}{other}"))),
        );
    }
    forms.retain(|(_, other)| other != text);
    forms
}

/// What a signature or a caller is in other encodings.
fn recoded(core: &str) -> Vec<(SignatureForm, String)> {
    let mut found = Vec::new();
    let mut add = |form, text| found.push((form, text));
    if let Some(bytes) = decode_base64(core) {
        add(SignatureForm::Encoding, STANDARD.encode(&bytes));
        add(SignatureForm::Spaced, STANDARD.encode(bytes.trim_ascii()));
        if DIGESTS.contains(&bytes.len()) {
            add(SignatureForm::Encoding, hex::encode(&bytes));
        }
        // The digits were encoded once more.
        if let Some(digest) = hex::decode(&bytes)
            .ok()
            .filter(|digest| DIGESTS.contains(&digest.len()))
        {
            add(SignatureForm::Encoding, hex::encode(&digest));
            add(SignatureForm::Encoding, STANDARD.encode(&digest));
        }
    }
    if let Some(bytes) = hex::decode(core)
        .ok()
        .filter(|bytes| DIGESTS.contains(&bytes.len()))
    {
        add(SignatureForm::Encoding, STANDARD.encode(&bytes));
        add(SignatureForm::Case, hex::encode(&bytes));
    }
    // User and password as they are.
    add(SignatureForm::Encoding, STANDARD.encode(core));
    found
}
