//! A source: a name of the sources document, and the kind that it is of.

use super::SourceKind;
use crate::lead::document::Enriched;
use crate::limits::SOURCE_NAME_BYTES_MAX;
use std::fmt;

/// Where webhooks come in. A source has the path below this, and `/ingest` is that of the source `generic`.
const INGEST: &str = "/ingest";

/// The name of a source: `^[a-z0-9][a-z0-9-]{0,31}$`. It lies in the value itself, so that it is copied like a number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceName {
    /// Zeros after the name.
    bytes: [u8; SOURCE_NAME_BYTES_MAX],
    length: u8,
}

/// A text that is no name of a source. It never shows the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a source's name is 1 to 32 of a-z, 0-9 and -, and does not begin with -")]
pub struct SourceNameError;

impl SourceName {
    /// Takes a name.
    pub fn parse(text: &str) -> Result<Self, SourceNameError> {
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let is_name = !text.is_empty() && !text.starts_with('-') && text.bytes().all(is_plain);
        let mut bytes = [0; SOURCE_NAME_BYTES_MAX];
        let room = bytes.get_mut(..text.len()).filter(|_room| is_name);
        room.ok_or(SourceNameError)?
            .copy_from_slice(text.as_bytes());
        let length = u8::try_from(text.len()).map_err(|_too_long| SourceNameError)?;
        Ok(Self { bytes, length })
    }

    /// The name of the source that a path belongs to, whether there is one or not: `/ingest` is `generic`'s, `/ingest/{name}` each one's.
    pub fn of_path(path: &str) -> Option<Self> {
        let rest = path.strip_prefix(INGEST)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.is_empty() {
            return Some(Source::default().name());
        }
        Self::parse(rest.strip_prefix('/')?).ok()
    }

    /// Its path.
    pub fn path(&self) -> String {
        if *self == Source::default().name() {
            INGEST.to_owned()
        } else {
            format!("{INGEST}/{self}")
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.length));
        let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.expect("a name is ASCII of its length")
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SourceName({self})")
    }
}

/// A source of events. Its name makes its events its own; its kind says how they are read, and is what metrics count by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    name: SourceName,
    kind: SourceKind,
}

/// The source that is named after its kind.
impl From<SourceKind> for Source {
    fn from(kind: SourceKind) -> Self {
        let name = SourceName::parse(kind.name()).expect("a test parses every kind's name");
        Self { name, kind }
    }
}

/// The source of `/ingest` itself, and of what is labelled with no known source.
impl Default for Source {
    fn default() -> Self {
        SourceKind::default().into()
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)
    }
}

impl Source {
    /// The source of that name and kind.
    pub fn new(name: SourceName, kind: SourceKind) -> Self {
        Self { name, kind }
    }

    /// The source that stored labels name, where this code knows the kind. Where they say no kind, it is the name.
    pub fn of_labels(name: &str, kind: Option<&str>) -> Option<Self> {
        let kind = SourceKind::from_name(kind.unwrap_or(name))?;
        let name = SourceName::parse(name).ok()?;
        Some(Self { name, kind })
    }

    /// The source that a stored document names: the default's where that is none.
    pub fn of_document(document: &Enriched) -> Self {
        let provenance = &document.provenance;
        Self::of_labels(&provenance.source, provenance.kind.as_deref()).unwrap_or_default()
    }

    /// Its name.
    pub fn name(self) -> SourceName {
        self.name
    }

    /// Its name, as text.
    pub fn as_str(&self) -> &str {
        self.name.as_str()
    }

    /// Its kind.
    pub fn kind(self) -> SourceKind {
        self.kind
    }

    /// The name of its kind where that is another than its own: what is stored beside the name need not repeat it.
    pub fn kind_label(self) -> Option<&'static str> {
        let kind = self.kind.name();
        (kind != self.as_str()).then_some(kind)
    }

    /// Whether its leads are made up by us, as the canary's are.
    pub fn is_synthetic(self) -> bool {
        self.kind.is_synthetic()
    }

    /// Whether its events count in metrics. What does not is logged all the same, and counted by `CanaryMailed` alone.
    pub fn is_metered(self) -> bool {
        !self.is_synthetic()
    }
}
