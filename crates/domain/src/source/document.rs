//! The sources document: one JSON object with a member for each source (docs/PROTOCOL.md, Requests and answers). Secrets are decoded here,
//! once, and every mistake is found in one go.

use super::config::KIND;
use super::members::{show, suggest};
use super::{Delivery, Source, SourceConfig, SourceKind, SourceName, Unverified, Verified};
use crate::json::Object;
use crate::lead::id::Sha256Hex;
use std::collections::BTreeMap;

/// More mistakes than these are only counted.
const MISTAKES_SHOWN: usize = 20;

/// The configured sources.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    configured: BTreeMap<SourceName, SourceConfig>,
    /// The digest of the text that they were read from.
    read_from: Option<Sha256Hex>,
}

/// Two are the same when they were read from the same text: their secrets need not be compared.
impl PartialEq for Sources {
    fn eq(&self, other: &Self) -> bool {
        self.read_from == other.read_from && self.is_open() == other.is_open()
    }
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
        let open = SourceConfig::open(Source::default());
        Self {
            configured: BTreeMap::from([(open.source().name(), open)]),
            read_from: None,
        }
    }

    /// Only this source, which was read from `text`.
    pub fn only(config: SourceConfig, text: &str) -> Self {
        Self {
            configured: BTreeMap::from([(config.source().name(), config)]),
            read_from: Some(Sha256Hex::of(text.as_bytes())),
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
                Ok(config) => drop(configured.insert(config.source().name(), config)),
                Err(wrong) => mistakes.extend(wrong),
            }
        }
        if mistakes.is_empty() {
            Ok(Self {
                configured,
                read_from: Some(Sha256Hex::of(json.as_bytes())),
            })
        } else {
            Err(SourcesError(mistakes))
        }
    }

    /// The configuration of the source of that name, if there is one.
    pub fn get(&self, name: SourceName) -> Option<&SourceConfig> {
        self.configured.get(&name)
    }

    /// Every source, by name.
    pub fn iter(&self) -> impl Iterator<Item = &SourceConfig> {
        self.configured.values()
    }

    /// Whether it takes unsigned requests.
    pub fn is_open(&self) -> bool {
        self.iter().any(SourceConfig::is_open)
    }

    /// Verifies a request to the source of that name.
    pub fn verify<'a>(
        &self,
        name: SourceName,
        delivery: &Delivery<'a>,
    ) -> Result<(&SourceConfig, Verified<'a>), Unverified> {
        let config = self.get(name).ok_or(Unverified::NotConfigured)?;
        Ok((config, config.verify(delivery)?))
    }
}

impl SourceKind {
    /// A source that is named after this kind, with one secret and for the rest what its example has: for samples and tests.
    pub fn example(self, secret: &str) -> Result<SourceConfig, SourcesError> {
        let members = self.example_members(secret).to_string();
        parse_members(self.into(), &members).map_err(SourcesError)
    }
}

/// A member of the document.
fn parse_source(name: &str, json: &str) -> Result<SourceConfig, Vec<String>> {
    let Ok(own) = SourceName::parse(name) else {
        let rule = "a name is 1 to 32 of a-z, 0-9 and -, and does not begin with -";
        return Err(vec![format!(
            "{} is no name of a source: {rule}",
            show(name)
        )]);
    };
    if SourceKind::ALL
        .into_iter()
        .any(|kind| kind.is_synthetic() && kind.name() == name)
    {
        return Err(vec![format!(
            "{} is our own, and no name for a source",
            show(name)
        )]);
    }
    let kind = parse_kind(name, json)?;
    parse_members(Source::new(own, kind), json)
}

/// The kind: what the member says, else the name.
fn parse_kind(name: &str, json: &str) -> Result<SourceKind, Vec<String>> {
    let members = Object::parse(json.as_bytes()).ok();
    let said = members.and_then(|members| Some(members.get(KIND)?.get().to_owned()));
    let said: Option<String> = match said {
        None => None,
        Some(json) => Some(
            serde_json::from_str(&json)
                .map_err(|_quotes_input| vec![format!("{name}: {KIND} is not a text")])?,
        ),
    };
    let kind = said.as_deref().unwrap_or(name);
    if let Some(kind) = SourceKind::configurable().find(|known| known.name() == kind) {
        return Ok(kind);
    }
    let known: Vec<_> = SourceKind::configurable().map(SourceKind::name).collect();
    let wrong = format!(
        "{} is no kind of source{}",
        show(kind),
        suggest(kind, &known)
    );
    Err(vec![match said {
        Some(_) => format!("{name}: {wrong}"),
        None if wrong.ends_with('?') => wrong,
        // A name of the operator's own, most likely.
        None => format!("{wrong}; or say its \"{KIND}\""),
    }])
}

fn parse_members(source: Source, json: &str) -> Result<SourceConfig, Vec<String>> {
    let members = Object::parse(json.as_bytes()).map_err(|_quotes_nothing| {
        let form = source.kind().example_members("…");
        vec![format!("{source}: is not an object of the form {form}")]
    })?;
    SourceConfig::parse(source, &members).map_err(|mistakes| {
        let of_source = |wrong| format!("{source}: {wrong}");
        mistakes.iter().map(of_source).collect()
    })
}
