//! What is tried: each mistake made undone, in the order of how likely it is and how little it costs. The list is data, and so is each way.

use super::body;
use super::case::{Case, secrets};
use super::clues::{Clues, Ways};
use super::header;
use super::mistake::Mistake;
use super::token;
use super::url;
use crate::source::reading::Reading;
use crate::source::{SourceKind, SourceName};

/// One class of mistakes.
pub(super) struct Attempt {
    /// What is tried, for a person.
    pub(super) what: &'static str,
    pub(super) ways: for<'a> fn(&'a Case, &'a Clues<'a>) -> Ways<'a>,
}

const fn attempt(
    what: &'static str,
    ways: for<'a> fn(&'a Case, &'a Clues<'a>) -> Ways<'a>,
) -> Attempt {
    Attempt { what, ways }
}

/// Every class. The cheap ones come first: what signs a large body costs milliseconds a try.
pub(super) const ATTEMPTS: [Attempt; 14] = [
    attempt("headers under other names", header::renamed),
    attempt("headers that stand there twice", header::doubled),
    attempt("the time in another unit", header::time_unit),
    attempt("the secrets of the other sources", others_secrets),
    attempt("the secrets from before", previous),
    attempt("other ways to read the secret", readings),
    attempt("other forms of the signature", header::signature_form),
    attempt("the secret in another place", token::elsewhere),
    attempt("the body before it was changed on the way", body::changed),
    attempt("other forms of the URL", url::differing),
    attempt("other methods", methods),
    attempt("other values of the source's members", token::members),
    attempt("the ways in which other kinds sign", kinds),
    attempt("the other sources", others),
];

/// The methods that a webhook is sent with.
const METHODS: [&str; 5] = ["POST", "post", "PUT", "PATCH", "GET"];

fn others_secrets<'a>(case: &'a Case, clues: &'a Clues<'a>) -> Ways<'a> {
    let readings = || [None].into_iter().chain(Reading::ALL.map(Some));
    Box::new(clues.others.iter().flat_map(move |(other, members)| {
        let with = case.with_secrets(&secrets(members));
        readings().map(move |reading| {
            let mistake = Mistake::SecretOfSource(other.name());
            let case = Case {
                reading,
                ..with.clone()
            };
            (mistake, case)
        })
    }))
}

fn previous<'a>(case: &'a Case, clues: &'a Clues<'a>) -> Ways<'a> {
    Box::new(clues.previous.iter().map(|(source, members)| {
        let case = Case {
            source: *source,
            members: members.clone(),
            ..case.clone()
        };
        (Mistake::SecretOld, case)
    }))
}

fn readings<'a>(case: &'a Case, _clues: &'a Clues<'a>) -> Ways<'a> {
    Box::new(Reading::ALL.into_iter().map(|reading| {
        let case = Case {
            reading: Some(reading),
            ..case.clone()
        };
        (Mistake::SecretRead(reading), case)
    }))
}

fn methods<'a>(case: &'a Case, _clues: &'a Clues<'a>) -> Ways<'a> {
    Box::new(METHODS.into_iter().map(|method| {
        let other = case.with(|request| method.clone_into(&mut request.method));
        (Mistake::Method(method), other)
    }))
}

/// Every other kind, with our secret.
fn kinds<'a>(case: &'a Case, _clues: &'a Clues<'a>) -> Ways<'a> {
    let own = case.source.kind();
    let others = SourceKind::configurable().filter(move |kind| *kind != own);
    Box::new(others.flat_map(move |kind| {
        let secrets = case.secrets().into_iter();
        secrets.map(move |secret| (Mistake::SignedAs(kind), as_kind(case, kind, &secret)))
    }))
}

/// The case as a source of this kind would have it.
pub(super) fn as_kind(case: &Case, kind: SourceKind, secret: &str) -> Case {
    let members = kind.example_members(secret);
    Case {
        source: kind.into(),
        members: members.as_object().cloned().unwrap_or_default(),
        ..case.clone()
    }
}

fn others<'a>(case: &'a Case, clues: &'a Clues<'a>) -> Ways<'a> {
    Box::new(clues.others.iter().map(|(source, members)| {
        let name: SourceName = source.name();
        let case = Case {
            source: *source,
            members: members.clone(),
            ..case.clone()
        };
        (Mistake::RequestOf(name), case)
    }))
}
