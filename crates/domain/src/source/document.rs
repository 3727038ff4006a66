//! The sources document: one JSON object with a member for each source (docs/PROTOCOL.md, Requests and answers). Secrets are decoded here,
//! once, and every mistake is found in one go.

use super::{Delivery, EventFilter, Key, Source, SourceConfig, Unverified, Verified};
use crate::json::Object;
use jiff::SignedDuration;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

const SECRETS: &str = "secrets";
const EVENTS: &str = "events";
const TOLERANCE: &str = "tolerance_seconds";
const MEMBERS: [&str; 3] = [SECRETS, EVENTS, TOLERANCE];
/// A name that is longer is not repeated in a mistake: it could be a secret in the wrong place. The shortest secret is longer.
const NAME_BYTES_SHOWN: usize = 32;
/// More mistakes than these are only counted.
const MISTAKES_SHOWN: usize = 20;
/// How much a name must be like a known one, of 1, to be taken for a slip.
const SIMILARITY_MIN: f64 = 0.6;

/// The configured sources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    pub(super) configured: BTreeMap<Source, SourceConfig>,
    /// Whether the default source takes unsigned requests.
    is_open: bool,
}

/// A sources document that cannot be used: everything that is wrong with it. It never repeats a value, which could be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", render(.0))]
pub struct SourcesError(Vec<String>);

fn render(mistakes: &[String]) -> String {
    let mut shown = mistakes
        .iter()
        .take(MISTAKES_SHOWN)
        .cloned()
        .collect::<Vec<_>>();
    if mistakes.len() > MISTAKES_SHOWN {
        shown.push(format!("and {} more", mistakes.len() - MISTAKES_SHOWN));
    }
    shown.join("; ")
}

impl Sources {
    /// Only the default source, unsigned, as a `dev` stack without secrets has it.
    pub fn open_dev() -> Self {
        Self {
            configured: BTreeMap::from([(Source::default(), SourceConfig::default())]),
            is_open: true,
        }
    }

    /// Only the source of this key.
    pub fn only(key: Key) -> Self {
        let source = key.source();
        let config = SourceConfig {
            keys: vec![key],
            ..SourceConfig::default()
        };
        Self {
            configured: BTreeMap::from([(source, config)]),
            is_open: false,
        }
    }

    /// Takes the document.
    pub fn parse(json: &str) -> Result<Self, SourcesError> {
        let invalid = "the sources document is not a JSON object of the form {\"close\":{\"secrets\":[\"…\"]}}";
        let Ok(members) = Object::parse(json.as_bytes()) else {
            return Err(SourcesError(vec![invalid.to_owned()]));
        };
        let mut configured = BTreeMap::new();
        let mut mistakes = Vec::new();
        for (name, value) in members.iter() {
            match parse_source(name, value.get()) {
                Ok((source, config)) => drop(configured.insert(source, config)),
                Err(wrong) => mistakes.extend(wrong),
            }
        }
        if mistakes.is_empty() {
            Ok(Self {
                configured,
                is_open: false,
            })
        } else {
            Err(SourcesError(mistakes))
        }
    }

    /// The configuration of a source, if it has one.
    pub fn get(&self, source: Source) -> Option<&SourceConfig> {
        self.configured.get(&source)
    }

    /// Whether unsigned requests of a source are taken.
    pub fn is_open(&self, source: Source) -> bool {
        self.is_open && source == Source::default()
    }

    /// The event types that a source takes: none where it is not configured.
    pub fn filter(&self, source: Source) -> EventFilter<'_> {
        EventFilter::Types(self.get(source).map_or(&[], |config| &config.events))
    }

    /// Verifies a delivery to a source's address. An open source needs no signature; any other fails closed.
    pub fn verify(&self, source: Source, delivery: &Delivery<'_>) -> Result<Verified, Unverified> {
        if self.is_open(source) {
            return Ok(Verified {
                is_signed: false,
                event_id: None,
            });
        }
        if source.is_signed_for_another(delivery.headers) {
            return Err(Unverified::Misdirected);
        }
        let config = self.get(source).ok_or(Unverified::NotConfigured)?;
        source.kind().scheme().verify(config, delivery)
    }
}

/// A member of the document.
fn parse_source(name: &str, json: &str) -> Result<(Source, SourceConfig), Vec<String>> {
    let Some(source) = Source::configurable().find(|source| source.as_str() == name) else {
        let known: Vec<_> = Source::configurable().map(Source::as_str).collect();
        return Err(vec![format!(
            "{} is no source{}",
            show(name),
            suggest(name, &known)
        )]);
    };
    let members = Object::parse(json.as_bytes()).map_err(|_quotes_nothing| {
        vec![format!(
            "{source}: is not an object of the form {{\"secrets\":[\"…\"]}}"
        )]
    })?;
    match parse_config(source, &members) {
        Ok(config) => Ok((source, config)),
        Err(mistakes) => Err(mistakes
            .iter()
            .map(|wrong| format!("{source}: {wrong}"))
            .collect()),
    }
}

fn parse_config(source: Source, members: &Object) -> Result<SourceConfig, Vec<String>> {
    let mut mistakes: Vec<String> = members
        .iter()
        .filter(|(name, _)| !MEMBERS.contains(name))
        .map(|(name, _)| {
            format!(
                "{} is no member of a source{}",
                show(name),
                suggest(name, &MEMBERS)
            )
        })
        .collect();
    let mut config = SourceConfig::default();
    match parse_keys(source, members) {
        Ok(keys) => config.keys = keys,
        Err(wrong) => mistakes.extend(wrong),
    }
    match parse_member(members, EVENTS, "a list of texts") {
        Ok(events) => config.events = events.unwrap_or(config.events),
        Err(wrong) => mistakes.push(wrong),
    }
    match parse_member::<u32>(members, TOLERANCE, "a whole number of seconds") {
        Ok(Some(seconds)) => config.tolerance = SignedDuration::from_secs(i64::from(seconds)),
        Ok(None) => {}
        Err(wrong) => mistakes.push(wrong),
    }
    if mistakes.is_empty() {
        Ok(config)
    } else {
        Err(mistakes)
    }
}

fn parse_keys(source: Source, members: &Object) -> Result<Vec<Key>, Vec<String>> {
    let secrets: Vec<String> = parse_member(members, SECRETS, "a list of texts")
        .map_err(|wrong| vec![wrong])?
        .unwrap_or_default();
    if secrets.is_empty() {
        return Err(vec![
            "has no secrets, so every request would be refused".to_owned(),
        ]);
    }
    let keys: Vec<_> = secrets
        .iter()
        .map(|secret| source.parse_key(secret))
        .collect();
    let mistakes: Vec<String> = (1..)
        .zip(&keys)
        .filter(|(_, key)| key.is_none())
        .map(|(number, _)| {
            format!(
                "secret {number} has not the form of this source ({})",
                source.secret_form()
            )
        })
        .collect();
    if mistakes.is_empty() {
        Ok(keys.into_iter().flatten().collect())
    } else {
        Err(mistakes)
    }
}

fn parse_member<T: DeserializeOwned>(
    members: &Object,
    name: &str,
    form: &str,
) -> Result<Option<T>, String> {
    let Some(value) = members.get(name) else {
        return Ok(None);
    };
    serde_json::from_str(value.get())
        .map(Some)
        .map_err(|_quotes_input| format!("{name} is not {form}"))
}

/// A name as it stands in the document, unless it is too long for one or odd.
fn show(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-. ".contains(&byte);
    if name.len() <= NAME_BYTES_SHOWN && name.bytes().all(is_plain) {
        format!("{name:?}")
    } else {
        "a member (whose name is not shown, because it could be a secret)".to_owned()
    }
}

/// The known name that was probably meant, or all.
fn suggest(name: &str, known: &[&str]) -> String {
    let alike = |known: &&str| strsim::normalized_damerau_levenshtein(&name.to_lowercase(), known);
    let nearest = known
        .iter()
        .map(|known| (alike(known), known))
        .filter(|(similarity, _)| *similarity >= SIMILARITY_MIN)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    match nearest {
        Some((_, known)) => format!("; did you mean {known:?}?"),
        None => format!("; there are {}", known.join(", ")),
    }
}
