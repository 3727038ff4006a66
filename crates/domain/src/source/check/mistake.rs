//! The known mistakes: what each is called, what it is in a sentence, and what to do about it. No value of a request or of a document stands
//! in any of them.

use crate::problem::Problem;
use crate::source::members::show;
use crate::source::reading::Reading;
use crate::source::{SourceKind, SourceName};

/// What is wrong with a request, or with the source's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// The door refuses it before it looks at any secret.
    Shape(Problem),
    /// It was posted to the address of another source.
    Address(SourceName),
    /// A header is not there; some have names like it.
    HeaderMissing {
        /// The header.
        header: String,
        /// Names of headers that are there and are like it.
        near: Vec<String>,
    },
    /// A header came under another name.
    HeaderRenamed {
        /// The header.
        header: String,
        /// The name that it came under.
        found: String,
    },
    /// A header or a parameter stands there several times, with different values.
    Doubled(String),
    /// A header has not its form.
    HeaderMalformed(String),
    /// The query or the body lacks what the secret stands in.
    MemberMissing(String),
    /// The secret came in another place.
    TokenElsewhere {
        /// Where it is expected.
        expected: String,
        /// Where it is.
        found: String,
    },
    /// The body cannot be read, in which the secret stands.
    Unreadable,
    /// The time of the signature is too far from the time of receipt, in seconds; below zero, it is ahead.
    Stale(i64),
    /// The time is in milliseconds where seconds are expected, or the reverse.
    TimeUnit {
        /// The header.
        header: String,
        /// Whether it is in milliseconds.
        is_millis: bool,
    },
    /// The secret is that of another source of the document.
    SecretOfSource(SourceName),
    /// The secret is one from before a rotation.
    SecretOld,
    /// One side reads the secret in another way.
    SecretRead(Reading),
    /// The signature has another form.
    SignatureForm(SignatureForm),
    /// What came is not the body that was signed.
    Body(&'static str),
    /// What is signed has another URL than the one that is configured.
    Url(&'static str),
    /// Another method was signed.
    Method(&'static str),
    /// A plain member of the configuration is not what the request has.
    Member(String),
    /// It is signed as another kind of source signs.
    SignedAs(SourceKind),
    /// It is a request of another source of the document.
    RequestOf(SourceName),
}

/// How a signature or a token differs from what is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureForm {
    /// In upper case.
    Case,
    /// With another prefix, or without one.
    Prefix,
    /// Hexadecimal for base64 or the reverse, URL-safe, or without padding.
    Encoding,
    /// In quotes, or with characters around it that are not visible.
    Decorated,
    /// A user or a token with white space at its end.
    Spaced,
}

impl Mistake {
    /// What it is called in documents for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Shape(problem) => problem.code(),
            Self::Address(_) => "address_of_another",
            Self::HeaderMissing { .. } => "header_missing",
            Self::HeaderRenamed { .. } => "header_renamed",
            Self::Doubled(_) => "doubled",
            Self::HeaderMalformed(_) => "header_malformed",
            Self::MemberMissing(_) => "member_missing",
            Self::TokenElsewhere { .. } => "token_elsewhere",
            Self::Unreadable => "unreadable",
            Self::Stale(_) => "stale",
            Self::TimeUnit { .. } => "time_unit",
            Self::SecretOfSource(_) => "secret_of_another",
            Self::SecretOld => "secret_old",
            Self::SecretRead(_) => "secret_reading",
            Self::SignatureForm(_) => "signature_form",
            Self::Body(_) => "body_changed",
            Self::Url(_) => "url_differs",
            Self::Method(_) => "method_differs",
            Self::Member(_) => "member_differs",
            Self::SignedAs(_) => "signed_as_another_kind",
            Self::RequestOf(_) => "request_of_another",
        }
    }

    /// What is wrong, in a sentence.
    pub fn text(&self) -> String {
        match self {
            Self::Shape(problem) => format!(
                "It is refused before any secret counts: {}.",
                problem.detail()
            ),
            Self::Address(name) => format!(
                "It was posted to {}, the address of another source.",
                name.path()
            ),
            Self::HeaderMissing { header, near } if near.is_empty() => {
                format!("The header {header} is missing.")
            }
            Self::HeaderMissing { header, near } => {
                let near: Vec<_> = near.iter().map(|name| show(name)).collect();
                format!(
                    "The header {header} is missing; there is {}.",
                    near.join(", ")
                )
            }
            Self::HeaderRenamed { header, found } => {
                format!("The header {header} came under the name {}.", show(found))
            }
            Self::Doubled(what) => {
                format!("{what} stands there several times, with different values.")
            }
            Self::HeaderMalformed(header) => {
                format!("The header {header} has not the form that it should have.")
            }
            Self::MemberMissing(member) => {
                format!("{member} is missing in the query or the body, or is not one text.")
            }
            Self::TokenElsewhere { expected, found } => {
                format!("The secret came in {found}, and is expected in {expected}.")
            }
            Self::Unreadable => "The body cannot be read, in which the secret stands.".to_owned(),
            Self::Stale(seconds) => text_of_stale(*seconds),
            Self::TimeUnit { header, is_millis } => text_of_unit(header, *is_millis),
            Self::SecretOfSource(name) => {
                format!("It is signed with the secret of the source {name}.")
            }
            Self::SecretOld => {
                "It is signed with the secret from before the last change.".to_owned()
            }
            Self::SecretRead(reading) => reading.text().to_owned(),
            Self::SignatureForm(form) => form.text().to_owned(),
            Self::Body(change) => format!("The body is not the one that was signed: {change}."),
            Self::Url(change) => {
                format!("The signature covers another URL than the configured one: {change}.")
            }
            Self::Method(method) => format!("The signature covers the method {method}."),
            Self::Member(member) => format!(
                "The member {} of the source is not what the request has.",
                show(member)
            ),
            Self::SignedAs(kind) => format!("It is signed as the kind {kind} signs."),
            Self::RequestOf(name) => {
                format!("It is a request of the source {name}, and verifies there.")
            }
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Shape(Problem::UnsupportedEncoding) => {
                "Turn the compression of request bodies off, in the sender or in the proxy that adds it."
            }
            Self::Shape(_) => "Have the sender post the body with POST, within the limits.",
            Self::Address(_) | Self::RequestOf(_) => {
                "Give the sender the address that `leadwire source ls` shows for its source."
            }
            Self::HeaderMissing { .. } => {
                "Turn signing on in the sender, or have the proxy pass the header on."
            }
            Self::HeaderRenamed { .. } => "Have the proxy or the sender use the header's own name.",
            Self::Doubled(_) => {
                "Find what adds it a second time: a proxy, or a second signing step in the sender."
            }
            Self::HeaderMalformed(_) => {
                "Compare it with what the sender's documentation says of its form."
            }
            Self::MemberMissing(_) => "Put the token where the source expects it, once.",
            Self::TokenElsewhere { .. } => "Have the sender put it where it is expected.",
            Self::Unreadable => "Have the sender post the body in the form of its kind, in UTF-8.",
            Self::Stale(_) => {
                "Set both clocks by NTP; where the sender queues for longer, raise tolerance_seconds."
            }
            Self::TimeUnit { .. } => {
                "Have the sender put the time in the unit that is expected, and sign it so."
            }
            Self::SecretOfSource(_) => {
                "Exchange the secrets, or give the sender the other source's address."
            }
            Self::SecretOld => {
                "Change the secret in the sender too, or put the old one back beside the new one until that is done."
            }
            Self::SecretRead(reading) => reading.advice(),
            Self::SignatureForm(_) => {
                "Have the sender put the signature in the documented form, or correct the source's declaration."
            }
            Self::Body(_) => {
                "Sign the bytes that are sent, as the last step, and have no proxy or gateway change them."
            }
            Self::Url(_) => {
                "Set url to the address as it stands in the sender's settings, to the letter."
            }
            Self::Method(_) => "Have the sender sign the method that it sends.",
            Self::Member(_) => {
                "Correct the member in the sources document, or the setting in the sender."
            }
            Self::SignedAs(_) => {
                "Give the source this kind, or give the sender an address of a source of its kind."
            }
        }
    }
}

fn text_of_stale(seconds: i64) -> String {
    if seconds < 0 {
        let ahead = seconds.unsigned_abs();
        format!("The time of the signature is {ahead} s ahead of the time of receipt.")
    } else {
        format!("The signature was {seconds} s old when the request came.")
    }
}

fn text_of_unit(header: &str, is_millis: bool) -> String {
    let (sent, expected) = if is_millis {
        ("milliseconds", "seconds")
    } else {
        ("seconds", "milliseconds")
    };
    format!("The time in {header} is in {sent}, and {expected} are expected.")
}

impl SignatureForm {
    fn text(self) -> &'static str {
        match self {
            Self::Case => "The signature is right, and in upper case; lower case is expected.",
            Self::Prefix => {
                "The signature is right, and has another prefix than is expected, or lacks it."
            }
            Self::Encoding => {
                "The signature is right, and in another encoding: hexadecimal, base64, URL-safe base64, or without padding."
            }
            Self::Decorated => {
                "The signature is right, and has quotes or invisible characters around it."
            }
            Self::Spaced => "User and password are right, and white space was encoded with them.",
        }
    }
}
