//! Where events come from, and what a source is configured to take.

use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

/// A source of events: the `{source}` of `/ingest/{source}`; `generic` is `/ingest` itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Source {
    /// `/ingest`: the flat form, by anyone who can post JSON.
    Generic,
    /// `/ingest/close`: Close CRM.
    Close,
    /// `/ingest/standard`: Standard Webhooks.
    Standard,
    /// `/ingest/canary`: the pipeline itself, in the form of Standard Webhooks. No operator configures it: the home keeps its secret.
    Canary,
}

impl Source {
    /// Every source that is built.
    pub const ALL: [Self; 4] = [Self::Generic, Self::Close, Self::Standard, Self::Canary];
    /// The sources that an operator configures.
    pub const CONFIGURED: [Self; 3] = [Self::Generic, Self::Close, Self::Standard];

    /// The source's name in paths, configuration, documents and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::Close => "close",
            Self::Standard => "standard",
            Self::Canary => "canary",
        }
    }

    /// The source of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.as_str() == name)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A signing secret. It is never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one who verifies or signs.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

/// What one source is configured to take.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct SourceConfig {
    /// Active signing secrets, several during a rotation.
    #[serde(default)]
    pub secrets: Vec<Secret>,
    /// The event types that are taken; others are acknowledged and ignored.
    #[serde(default = "default_events")]
    pub events: Vec<String>,
    /// How far a signature's timestamp may be from now, in seconds, either way.
    #[serde(default = "default_tolerance")]
    pub tolerance_seconds: u32,
}

impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            secrets: Vec::new(),
            events: default_events(),
            tolerance_seconds: default_tolerance(),
        }
    }
}

fn default_events() -> Vec<String> {
    vec!["lead.created".to_owned()]
}

fn default_tolerance() -> u32 {
    300
}

/// The sources document: one JSON object with a member for each source (docs/PROTOCOL.md, Requests and answers).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    configured: BTreeMap<&'static str, SourceConfig>,
    open_generic: bool,
}

/// A sources document that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SourcesError {
    /// It is not a JSON object of sources. The cause is not shown: it could quote a secret.
    #[error(
        "the sources document is not a JSON object of the form {{\"close\":{{\"secrets\":[\"…\"]}}}}"
    )]
    Invalid,
    /// A secret does not have the form of its source.
    #[error(
        "{0}: a secret does not have the form of this source (close: 64 hexadecimal digits; standard and generic: whsec_ and base64 of 24 to 64 bytes)"
    )]
    Secret(Source),
    /// A source has no secret, so it would refuse everything.
    #[error("{0}: has no secrets, so every request would be refused")]
    NoSecrets(Source),
}

impl Sources {
    /// Only the unsigned `generic` source, as a `dev` stack without secrets has it.
    pub fn open_dev() -> Self {
        Self {
            configured: BTreeMap::new(),
            open_generic: true,
        }
    }

    /// Only the canary, with its secret.
    pub fn canary(secret: Secret) -> Self {
        let config = SourceConfig {
            secrets: vec![secret],
            ..SourceConfig::default()
        };
        Self {
            configured: BTreeMap::from([(Source::Canary.as_str(), config)]),
            open_generic: false,
        }
    }

    /// Takes the document. Members of sources that are not built yet, or that no operator configures, are left alone.
    pub fn parse(json: &str) -> Result<Self, SourcesError> {
        let members: BTreeMap<String, serde_json::Value> =
            serde_json::from_str(json).map_err(|_quotes_input| SourcesError::Invalid)?;
        let mut configured = BTreeMap::new();
        for source in Source::CONFIGURED {
            let Some(member) = members.get(source.as_str()) else {
                continue;
            };
            let config: SourceConfig = serde_json::from_value(member.clone())
                .map_err(|_quotes_input| SourcesError::Invalid)?;
            if config.secrets.is_empty() {
                return Err(SourcesError::NoSecrets(source));
            }
            if !config
                .secrets
                .iter()
                .all(|secret| crate::signature::is_well_formed(source, secret))
            {
                return Err(SourcesError::Secret(source));
            }
            configured.insert(source.as_str(), config);
        }
        Ok(Self {
            configured,
            open_generic: false,
        })
    }

    /// The configuration of a source, if it has one.
    pub fn get(&self, source: Source) -> Option<&SourceConfig> {
        self.configured.get(source.as_str())
    }

    /// Whether unsigned requests to `/ingest` are taken: only in a `dev` stack that has no secrets.
    pub fn is_open(&self, source: Source) -> bool {
        self.open_generic && source == Source::Generic
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close_secret() -> String {
        "ab".repeat(32)
    }

    #[test]
    fn a_document_configures_the_sources_that_it_names_and_leaves_others_alone() {
        let document = format!(
            r#"{{"close":{{"secrets":["{}"],"events":["lead.updated"],"tolerance_seconds":60}},"salesforce":1,"canary":1}}"#,
            close_secret()
        );
        let sources = Sources::parse(&document).unwrap();
        let close = sources.get(Source::Close).unwrap();
        let secrets: Vec<&str> = close.secrets.iter().map(Secret::expose).collect();
        assert_eq!(secrets, [close_secret()]);
        assert_eq!(
            (close.events.as_slice(), close.tolerance_seconds),
            (["lead.updated".to_owned()].as_slice(), 60)
        );
        for source in [Source::Generic, Source::Standard, Source::Canary] {
            assert_eq!(sources.get(source), None);
            assert!(!sources.is_open(source));
        }
    }

    #[test]
    fn what_a_source_does_not_say_is_the_default() {
        let document = format!(r#"{{"close":{{"secrets":["{}"]}}}}"#, close_secret());
        let sources = Sources::parse(&document).unwrap();
        let close = sources.get(Source::Close).unwrap();
        assert_eq!(
            (close.events.as_slice(), close.tolerance_seconds),
            (["lead.created".to_owned()].as_slice(), 300)
        );
        assert_eq!(
            (
                SourceConfig::default().events,
                SourceConfig::default().tolerance_seconds
            ),
            (close.events.clone(), close.tolerance_seconds)
        );
    }

    #[test]
    fn a_document_that_would_refuse_everything_or_cannot_be_read_is_refused() {
        let of = |json: &str| Sources::parse(json).unwrap_err();
        for bad in ["", "[]", r#"{"close":1}"#, r#"{"close":{"secrets":"x"}}"#] {
            assert!(matches!(of(bad), SourcesError::Invalid), "{bad}");
        }
        for bad in [r#"{"close":{}}"#, r#"{"close":{"secrets":[]}}"#] {
            assert!(matches!(of(bad), SourcesError::NoSecrets(Source::Close)));
        }
        let form = format!(r#"{{"close":{{"secrets":["{}","zz"]}}}}"#, close_secret());
        assert!(matches!(of(&form), SourcesError::Secret(Source::Close)));
    }

    #[test]
    fn only_the_generic_source_of_a_stack_without_secrets_is_open() {
        let sources = Sources::open_dev();
        assert!(sources.is_open(Source::Generic));
        for source in [Source::Close, Source::Standard, Source::Canary] {
            assert!(!sources.is_open(source));
        }
        assert!(!Sources::default().is_open(Source::Generic));
    }

    #[test]
    fn the_canary_has_its_secret_and_nobody_else_one() {
        let sources = Sources::canary(Secret::new("whsec_x"));
        let canary = sources.get(Source::Canary).unwrap();
        assert_eq!(canary.secrets, [Secret::new("whsec_x")]);
        assert_eq!(sources.get(Source::Standard), None);
    }

    #[test]
    fn a_source_is_known_by_its_name_and_a_secret_is_shown_by_nobody() {
        for source in [
            Source::Generic,
            Source::Close,
            Source::Standard,
            Source::Canary,
        ] {
            assert_eq!(Source::from_name(source.as_str()), Some(source));
        }
        assert_eq!(Source::from_name("hubspot"), None);
        let shown = format!("{:?}", Secret::new("whsec_x"));
        assert_eq!(shown, "Secret(***)");
    }
}
