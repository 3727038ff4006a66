//! The members of one source in the sources document, as its kind reads them: each once, and every mistake is kept.

use super::intake::Secret;
use super::reading::Reading;
use crate::json::Object;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::BTreeSet;

/// A name that is longer is not repeated in a mistake: it could be a secret in the wrong place. The shortest secret is longer.
const NAME_BYTES_SHOWN: usize = 32;
/// How much a name must be like a known one, of 1, to be taken for a slip.
const SIMILARITY_MIN: f64 = 0.6;

/// The members of a source. What is asked for is known; what is there and was never asked for is a mistake.
pub(super) struct Members<'a> {
    given: &'a Object,
    /// What stands before a name in a mistake: the pointer to the object in which it is, `/verify/`.
    at: &'static str,
    /// How secrets are read, where that is not as the kind does: to find a mistake.
    reading: Option<Reading>,
    known: Vec<&'static str>,
    knows_all: bool,
    mistakes: Vec<String>,
}

impl<'a> Members<'a> {
    pub(super) fn new(members: &'a Object) -> Self {
        Self::at(members, "")
    }

    fn at(members: &'a Object, at: &'static str) -> Self {
        Self {
            given: members,
            at,
            reading: None,
            known: Vec::new(),
            knows_all: false,
            mistakes: Vec::new(),
        }
    }

    /// The same, where secrets are read in this way.
    pub(super) fn reading(self, reading: Option<Reading>) -> Self {
        Self { reading, ..self }
    }

    /// A member that may be left out; `form` says in words what it is. `None` where it is not there, or has another form.
    pub(super) fn optional<T: DeserializeOwned>(
        &mut self,
        name: &'static str,
        form: &str,
    ) -> Option<T> {
        self.known.push(name);
        let value = self.given.get(name)?;
        let read = serde_json::from_str(value.get());
        let noted =
            read.map_err(|_quotes_input| self.wrong_member(name, &format!("is not {form}")));
        noted.ok()
    }

    /// Whether a member is there, whatever it is.
    pub(super) fn has(&self, name: &str) -> bool {
        self.given.get(name).is_some()
    }

    /// Takes every member for a known one: which there are depends on what is wrong already.
    pub(super) fn know_all(&mut self) {
        self.knows_all = true;
    }

    /// A member's JSON, where its form is to be read by itself.
    pub(super) fn json(&mut self, name: &'static str) -> Option<&'a RawValue> {
        self.known.push(name);
        self.given.get(name)
    }

    /// A member that is an object, read by its own members; `at` is the pointer to them.
    pub(super) fn object<T>(
        &mut self,
        (name, at): (&'static str, &'static str),
        read: impl FnOnce(&mut Members<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = self.json(name)?;
        let Ok(object) = Object::parse(value.get().as_bytes()) else {
            self.wrong_member(name, "is not an object");
            return None;
        };
        let mut inner = Members::at(&object, at).reading(self.reading);
        let read = read(&mut inner);
        self.mistakes.extend(inner.end());
        read
    }

    /// A text without which a source of this kind cannot be.
    pub(super) fn text(&mut self, name: &'static str) -> Option<String> {
        let text: String = self.required(name, "a text")?;
        if text.is_empty() {
            self.wrong_member(name, "is empty");
            return None;
        }
        Some(text)
    }

    /// A list of secrets, at least one, each decoded; `form` says in words what each is.
    pub(super) fn secrets(
        &mut self,
        name: &'static str,
        form: &str,
        decode: impl Fn(&str) -> Option<Vec<u8>>,
    ) -> Option<Vec<Secret>> {
        let texts: Vec<String> = self.required(name, "a list of texts")?;
        if texts.is_empty() {
            self.miss(name);
            return None;
        }
        let read = |text: &String| match self.reading {
            None => decode(text),
            Some(reading) => reading.key(text, &decode),
        };
        let secrets: Vec<_> = texts.iter().map(read).collect();
        let one = name.strip_suffix('s').unwrap_or(name);
        for (number, secret) in (1..).zip(&secrets) {
            if secret.is_none() {
                let at = self.at;
                self.wrong(format!(
                    "{at}{one} {number} has not the form of this source ({form})"
                ));
            }
        }
        let secrets: Option<Vec<_>> = secrets.into_iter().collect();
        Some(secrets?.into_iter().map(Secret::new).collect())
    }

    /// Notes a mistake. It never repeats a value, which could be a secret.
    pub(super) fn wrong(&mut self, mistake: impl Into<String>) {
        self.mistakes.push(mistake.into());
    }

    /// Notes what is wrong with a member.
    pub(super) fn wrong_member(&mut self, name: &str, wrong: &str) {
        self.wrong(format!("{}{name} {wrong}", self.at));
    }

    /// The mistakes, those of names first.
    pub(super) fn end(self) -> Vec<String> {
        let known: BTreeSet<_> = self.known.iter().copied().collect();
        let unknown = self
            .given
            .iter()
            .filter(|(name, _)| !self.knows_all && !known.contains(name));
        let unknown = unknown.map(|(name, _)| {
            let suggestion = suggest(name, &self.known);
            let of = self.at.strip_suffix('/').filter(|at| !at.is_empty());
            let of = of.unwrap_or("it");
            format!("{} is no member of {of}{suggestion}", show(name))
        });
        unknown.chain(self.mistakes).collect()
    }

    fn required<T: DeserializeOwned>(&mut self, name: &'static str, form: &str) -> Option<T> {
        if self.given.get(name).is_none() {
            self.known.push(name);
            self.miss(name);
            return None;
        }
        self.optional(name, form)
    }

    /// Notes that a member is missing without which nothing can be verified.
    pub(super) fn miss(&mut self, name: &str) {
        let at = self.at;
        self.wrong(format!(
            "has no {at}{name}, so every request would be refused"
        ));
    }
}

/// A name as it stands in the document, unless it is too long for one or odd.
pub(super) fn show(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-. ".contains(&byte);
    if name.len() <= NAME_BYTES_SHOWN && name.bytes().all(is_plain) {
        format!("{name:?}")
    } else {
        "a member (whose name is not shown, because it could be a secret)".to_owned()
    }
}

/// The known name that was probably meant, or all.
pub(super) fn suggest(name: &str, known: &[&str]) -> String {
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
