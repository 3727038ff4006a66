//! What came to each source by its name, on one machine: metrics count by kind, which is a closed list. `source ls` and `doctor` read it.

use leadwire_pipeline::observe::{Event, FieldValue};
use std::collections::BTreeMap;

/// Different things that are counted apart until they are taken. What comes beyond them is counted as [`OTHERS`].
const ENTRIES_MAX: usize = 200;
/// Stands for what found no place of its own.
const OTHERS: &str = "others";

/// The lines that say that something came.
pub const COUNTED: [&str; 3] = ["lead_accepted", "request_ignored", "request_rejected"];

/// What became of what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// A new event.
    Accepted,
    /// An event that was there.
    Duplicate,
    /// An event of a type that is not taken; the detail is the type.
    Ignored,
    /// A request, or an element of one; the detail is why.
    Refused,
}

impl Outcome {
    const ALL: [Self; 4] = [
        Self::Accepted,
        Self::Duplicate,
        Self::Ignored,
        Self::Refused,
    ];

    /// Its name where it is stored.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
        }
    }

    /// What a line of this name, one of [`COUNTED`], says by its other fields, with the detail. None of any other.
    pub fn of_line(
        name: &str,
        is_duplicate: bool,
        mut field: impl FnMut(&str) -> Option<String>,
    ) -> Option<(Self, String)> {
        let (outcome, detail) = match name {
            "lead_accepted" if is_duplicate => (Self::Duplicate, None),
            "lead_accepted" => (Self::Accepted, None),
            "request_ignored" => (Self::Ignored, field("event_type")),
            "request_rejected" => {
                let why = field("why").or_else(|| field("reason"));
                let header = field("header").map(|header| format!(" {header}"));
                let why = why.map(|why| why + &header.unwrap_or_default());
                (Self::Refused, why)
            }
            _ => return None,
        };
        Some((outcome, detail.unwrap_or_default()))
    }

    /// The outcome of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }
}

/// What came to a source in a minute, of one outcome and detail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Came {
    /// Minutes since 1970.
    pub minute: i64,
    /// The source's name; empty where it came to none that is configured.
    pub source: String,
    /// What became of it.
    pub outcome: Outcome,
    /// Which type, or why; empty where there is nothing to say.
    pub detail: String,
}

/// The counts that wait to be stored.
#[derive(Debug, Default)]
pub(super) struct Activity(BTreeMap<Came, u64>);

impl Activity {
    /// Counts an event, where it says that something came.
    pub(super) fn note(&mut self, event: &dyn Event, minute: i64) {
        if let Some(came) = read(event, minute) {
            self.add(came, 1);
        }
    }

    pub(super) fn add(&mut self, mut came: Came, count: u64) {
        if self.0.len() >= ENTRIES_MAX && !self.0.contains_key(&came) {
            OTHERS.clone_into(&mut came.detail);
        }
        let held = self.0.entry(came).or_default();
        *held = held.saturating_add(count);
    }

    pub(super) fn drain(&mut self) -> Vec<(Came, u64)> {
        std::mem::take(&mut self.0).into_iter().collect()
    }
}

/// What an event of the catalogue says of it.
fn read(event: &dyn Event, minute: i64) -> Option<Came> {
    let name = event.facts().name;
    if !COUNTED.contains(&name) {
        return None;
    }
    let mut texts: BTreeMap<&str, String> = BTreeMap::new();
    let mut is_duplicate = false;
    event.fields(&mut |name, value| match value {
        FieldValue::Text(text) => drop(texts.insert(name, text.into_owned())),
        FieldValue::Flag(flag) if name == "duplicate" => is_duplicate = flag,
        FieldValue::Absent | FieldValue::Number(_) | FieldValue::Flag(_) => {}
    });
    let source = texts.remove("source").unwrap_or_default();
    let (outcome, detail) = Outcome::of_line(name, is_duplicate, |name| texts.remove(name))?;
    Some(Came {
        minute,
        source,
        outcome,
        detail,
    })
}
