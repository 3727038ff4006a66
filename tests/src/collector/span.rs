//! A span as a collector keeps it, and questions about many.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Result, bail};

/// What a span is to the other side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Not said.
    Unspecified,
    /// Work inside a process, or time that passed.
    Internal,
    /// A request that was answered.
    Server,
    /// A request that was made.
    Client,
    /// A message that was sent.
    Producer,
    /// A message that was worked on.
    Consumer,
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A text.
    Text(String),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Double(f64),
    /// Yes or no.
    Bool(bool),
    /// Whatever else, as it prints.
    Other(String),
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Attribute {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

/// The outcome that a span tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// None.
    #[default]
    Unset,
    /// It was told to be well.
    Ok,
    /// It failed, and why.
    Error(String),
}

/// A span that another one points to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
}

/// A finished span.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The attributes of who made it.
    pub resource: BTreeMap<String, Attribute>,
    /// The instrumentation scope.
    pub scope: String,
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// The span that it is part of.
    pub parent: Option<String>,
    /// Its name.
    pub name: String,
    /// What it is to the other side.
    pub kind: Kind,
    /// When it began, nanoseconds since 1970.
    pub start: u64,
    /// When it ended, nanoseconds since 1970.
    pub end: u64,
    /// Its attributes.
    pub attributes: BTreeMap<String, Attribute>,
    /// The names and attributes of what happened within it.
    pub events: Vec<(String, BTreeMap<String, Attribute>)>,
    /// What it points to beside its parent.
    pub links: Vec<Link>,
    /// Its outcome.
    pub status: Status,
}

impl Span {
    /// The text of an attribute; empty where there is none, or it is no text.
    pub fn text(&self, name: &str) -> &str {
        match self.attributes.get(name) {
            Some(Attribute::Text(text)) => text,
            _ => "",
        }
    }

    /// Whether an attribute has this value.
    pub fn has(&self, name: &str, value: impl Into<Attribute>) -> bool {
        self.attributes.get(name) == Some(&value.into())
    }

    /// Whether it points to another span.
    pub fn links_to(&self, other: &Self) -> bool {
        self.links
            .iter()
            .any(|link| link.trace_id == other.trace_id && link.span_id == other.span_id)
    }

    /// Whether it is part of another span.
    pub fn is_child_of(&self, other: &Self) -> bool {
        self.trace_id == other.trace_id && self.parent.as_deref() == Some(&other.span_id)
    }

    /// How long it took, in milliseconds.
    #[expect(
        clippy::cast_precision_loss,
        clippy::as_conversions,
        reason = "nanoseconds of a test fit"
    )]
    pub fn millis(&self) -> f64 {
        self.end.saturating_sub(self.start) as f64 / 1e6
    }
}

/// Spans, in the order of their arrival.
#[derive(Clone, Debug, Default)]
pub struct Spans(pub Vec<Span>);

impl Spans {
    /// Those of one trace.
    #[must_use]
    pub fn of_trace(&self, trace_id: &str) -> Self {
        let of_it = |span: &&Span| span.trace_id == trace_id;
        Self(self.0.iter().filter(of_it).cloned().collect())
    }

    /// Those within a span, at whatever depth, itself not counted.
    #[must_use]
    pub fn within(&self, root: &Span) -> Self {
        let mut found: Vec<Span> = Vec::new();
        let mut edge = vec![root.clone()];
        while let Some(parent) = edge.pop() {
            let children: Vec<Span> = self.children(&parent).into_iter().cloned().collect();
            found.extend(children.iter().cloned());
            edge.extend(children);
        }
        Self(found)
    }

    /// The traces that they belong to.
    pub fn trace_ids(&self) -> BTreeSet<&str> {
        self.0.iter().map(|span| span.trace_id.as_str()).collect()
    }

    /// Those of a name, oldest first.
    pub fn named(&self, name: &str) -> Vec<&Span> {
        self.select(|span| span.name == name)
    }

    /// Those whose name begins so, oldest first.
    pub fn starting(&self, prefix: &str) -> Vec<&Span> {
        self.select(|span| span.name.starts_with(prefix))
    }

    /// Those that are part of another span, oldest first.
    pub fn children(&self, parent: &Span) -> Vec<&Span> {
        self.select(|span| span.is_child_of(parent))
    }

    fn select(&self, wanted: impl Fn(&&Span) -> bool) -> Vec<&Span> {
        let mut found: Vec<&Span> = self.0.iter().filter(wanted).collect();
        found.sort_by_key(|span| span.start);
        found
    }

    /// The one span of a name.
    ///
    /// # Errors
    /// There is none, or more than one; the message shows them all.
    pub fn one(&self, name: &str) -> Result<&Span> {
        match self.named(name).as_slice() {
            [span] => Ok(span),
            found => bail!("{} spans {name} in\n{}", found.len(), self.tree()),
        }
    }

    /// The spans as text, each below its parent, for the message of a failing test.
    pub fn tree(&self) -> String {
        let known: BTreeSet<&str> = self.0.iter().map(|span| span.span_id.as_str()).collect();
        let is_root = |span: &&Span| {
            let parent = span.parent.as_deref();
            parent.is_none_or(|parent| !known.contains(parent))
        };
        let mut text = String::new();
        for root in self.select(is_root) {
            self.branch(root, 0, &mut text);
        }
        text
    }

    fn branch(&self, span: &Span, depth: usize, text: &mut String) {
        let indent = "  ".repeat(depth);
        let parent = match (&span.parent, depth) {
            (Some(parent), 0) => format!(" below {parent}, which is not here"),
            _ => String::new(),
        };
        let links: Vec<String> = span
            .links
            .iter()
            .map(|link| format!(" ↗{}/{}", link.trace_id, link.span_id))
            .collect();
        writeln!(
            text,
            "{indent}{} [{:?} {:.1} ms {:?}] {}/{}{parent}{} {:?}",
            span.name,
            span.kind,
            span.millis(),
            span.status,
            span.trace_id,
            span.span_id,
            links.concat(),
            span.attributes,
        )
        .expect("a String takes every write");
        // A span that is its own ancestor would never end.
        if depth < 16 {
            for child in self.children(span) {
                self.branch(child, depth + 1, text);
            }
        }
    }
}
