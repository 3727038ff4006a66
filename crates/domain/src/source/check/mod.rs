//! The signature doctor: why a request does not verify. The door's own code is a black box here, which is asked again with one thing changed
//! at a time, so that it knows every kind. No secret and no signature that was computed leaves this module.

mod attempt;
mod body;
mod case;
mod clues;
mod header;
mod mistake;
mod saved;
mod style;
mod token;
mod url;

pub use crate::source::reading::Reading;
pub use mistake::{Mistake, SignatureForm};
pub use saved::{SAVED_BYTES_MAX, SavedRequest, SavedRequestError};

use super::{Headers as _, Source, SourceKind, SourceName, Sources, SourcesError, Unverified};
use attempt::{ATTEMPTS, Attempt, as_kind};
use case::{Asked, Case};
use clues::Clues;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// A time further off than this, in seconds, is no clock that is wrong: it was read in another unit. Twenty years.
const STALE_MAX: u64 = 20 * 365 * 86_400;

/// What is known of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The source that it was held against.
    pub source: Source,
    /// What the door says.
    pub verdict: Verdict,
    /// How many bytes the file lacks of the announced body.
    pub lacks: usize,
}

/// What the door says of a request, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It verifies. Where its time of receipt is not known and its own time is out of the tolerance by now, so many seconds old it is.
    Verified(Option<i64>),
    /// It does not.
    Refused {
        /// In the door's words; none where another rule than the signature's refuses it.
        why: Option<Unverified>,
        /// What is wrong. Empty where nothing fits.
        mistakes: Vec<Mistake>,
        /// What was tried in vain.
        tried: Vec<&'static str>,
    },
}

/// A check that cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckError {
    /// The document cannot be used.
    #[error("the sources document cannot be used: {0}")]
    Sources(SourcesError),
    /// A document from before cannot be used.
    #[error("the previous sources document cannot be used: {0}")]
    Previous(SourcesError),
    /// There is no such source.
    #[error("there is no source of that name; there are {0}")]
    Unknown(String),
}

/// Says why a request to a source does not verify, or that it does. It is held at `at`, the time of its receipt, and where that is not known
/// at `now`, with its own time left out of account. `previous` are documents from before a change.
pub fn check(
    (document, previous): (&str, &[String]),
    name: SourceName,
    request: SavedRequest,
    now: Timestamp,
) -> Result<Diagnosis, CheckError> {
    let sources = Sources::parse(document).map_err(CheckError::Sources)?;
    let Some(source) = sources.get(name).map(super::SourceConfig::source) else {
        let names: Vec<_> = sources
            .iter()
            .map(|config| config.source().to_string())
            .collect();
        return Err(CheckError::Unknown(names.join(", ")));
    };
    let (own, others) = members_of(document, &sources)
        .into_iter()
        .partition::<Vec<_>, _>(|(other, _)| *other == source);
    let mut older = Vec::new();
    for document in previous {
        let sources = Sources::parse(document).map_err(CheckError::Previous)?;
        let named = members_of(document, &sources)
            .into_iter()
            .filter(|(other, _)| other.name() == name);
        older.extend(named);
    }
    let (lacks, received_at) = (request.lacks, request.received_at);
    let case = Case {
        source,
        members: own
            .into_iter()
            .next()
            .map(|(_, members)| members)
            .unwrap_or_default(),
        reading: None,
        at: received_at.unwrap_or(now),
        request,
    };
    let verdict = judge(&case, (others, older), received_at.is_some());
    Ok(Diagnosis {
        source,
        verdict,
        lacks,
    })
}

/// The sources of a document with their members as it has them.
fn members_of(document: &str, sources: &Sources) -> Vec<(Source, Map<String, Value>)> {
    let all: Map<String, Value> =
        serde_json::from_str(document.trim_start_matches('\u{feff}')).unwrap_or_default();
    let members = |source: Source| Some((source, all.get(source.as_str())?.as_object()?.clone()));
    sources
        .iter()
        .filter_map(|config| members(config.source()))
        .collect()
}

type Known = Vec<(Source, Map<String, Value>)>;

fn judge(case: &Case, (others, previous): (Known, Known), is_time_known: bool) -> Verdict {
    let mut mistakes = shape(case);
    let asked = Asked::default();
    let why = match case.verify(&asked) {
        Ok(age) => {
            let clues = Clues {
                others,
                previous,
                why: Unverified::Mismatch,
                asked: &asked,
            };
            let time = age.and_then(|age| time_mistake(case, &clues, age, is_time_known));
            mistakes.extend(time);
            if mistakes.is_empty() {
                return Verdict::Verified(age);
            }
            return Verdict::Refused {
                why: age.map(Unverified::Stale),
                mistakes,
                tried: Vec::new(),
            };
        }
        Err(why) => why,
    };
    let clues = Clues {
        others,
        previous,
        why,
        asked: &asked,
    };
    let mut tried = Vec::new();
    for Attempt { what, ways } in &ATTEMPTS {
        let mut ways = ways(case, &clues).peekable();
        if ways.peek().is_some() {
            tried.push(*what);
        }
        for (mistake, other) in ways {
            if let Ok(age) = other.verify(&asked) {
                let time = age.and_then(|age| time_mistake(&other, &clues, age, is_time_known));
                mistakes.push(mistake);
                mistakes.extend(time);
                return Verdict::Refused {
                    why: Some(why),
                    mistakes,
                    tried: Vec::new(),
                };
            }
        }
    }
    mistakes.extend(apparent(case, &clues));
    Verdict::Refused {
        why: Some(why),
        mistakes,
        tried,
    }
}

/// What the door refuses before it looks at a signature, and the address.
fn shape(case: &Case) -> Vec<Mistake> {
    let request = &case.request;
    let shape = request
        .delivery(case.at)
        .check_shape()
        .err()
        .map(Mistake::Shape);
    let path = request
        .path
        .rfind("/ingest")
        .and_then(|at| request.path.get(at..));
    let name = path
        .and_then(SourceName::of_path)
        .filter(|name| *name != case.source.name());
    shape
        .into_iter()
        .chain(name.map(Mistake::Address))
        .collect()
}

/// What is wrong with a time that is out of the tolerance, where all the rest is right.
fn time_mistake(case: &Case, clues: &Clues<'_>, age: i64, is_time_known: bool) -> Option<Mistake> {
    if age.unsigned_abs() > STALE_MAX
        && let Some(unit) = header::unit_of(case, clues)
    {
        return Some(unit);
    }
    is_time_known.then_some(Mistake::Stale(age))
}

/// What can be seen where nothing that was tried verifies.
fn apparent(case: &Case, clues: &Clues<'_>) -> Option<Mistake> {
    let other = || looks_like(case).map(Mistake::SignedAs);
    match clues.why {
        Unverified::HeaderMissing(_) | Unverified::HeaderMalformed(_) => {
            let header = clues.why.place()?.to_string();
            if case.request.contains(&header) && case.request.get(&header).is_none() {
                return Some(Mistake::Doubled(format!("The header {header}")));
            }
            if case.request.contains(&header) {
                return Some(Mistake::HeaderMalformed(header));
            }
            let near = header::near(case, &header);
            other()
                .filter(|_| near.is_empty())
                .or(Some(Mistake::HeaderMissing { header, near }))
        }
        Unverified::MemberMissing(_) => {
            let member = clues.why.place()?.to_string();
            other().or(Some(Mistake::MemberMissing(member)))
        }
        Unverified::Unreadable => other().or(Some(Mistake::Unreadable)),
        Unverified::Misdirected => other(),
        Unverified::Stale(_) | Unverified::Mismatch | Unverified::NotConfigured => None,
    }
}

/// The kind whose headers these are, and in its form.
fn looks_like(case: &Case) -> Option<SourceKind> {
    let mut kinds = SourceKind::configurable().filter(|kind| *kind != case.source.kind());
    kinds.find(|kind| {
        let other = as_kind(case, *kind, &kind.make_secret([0; 32]));
        let why = other.verify(&Asked::default());
        why == Err(Unverified::Mismatch)
    })
}
