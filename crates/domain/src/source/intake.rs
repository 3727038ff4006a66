//! What a kind makes of the members of one source: the part that knows its secrets.

use super::{Delivery, Sample, Unverified};
use crate::lead::id::EventId;
use crate::problem::Problem;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::fmt;
use subtle::ConstantTimeEq;

/// One configured source at the door. It holds decoded secrets, and nothing prints it.
pub(super) trait Intake: Send + Sync {
    /// How many secrets are active; several during a rotation.
    fn secrets(&self) -> usize;

    /// Verifies a request, and gives the event id that its signature covers, where it covers one. Every active secret is tried, in
    /// constant time. A kind whose requests carry no time ignores the tolerance.
    fn verify(
        &self,
        delivery: &Delivery<'_>,
        tolerance: SignedDuration,
    ) -> Result<Option<EventId>, Unverified>;

    /// Makes a body of [`Kind::sample`](super::Kind::sample) the request that the CRM would send, by the first secret: what
    /// [`Intake::verify`] takes. `None` where the id cannot be signed.
    fn sign(&self, event_id: &EventId, body: Vec<u8>, now: Timestamp) -> Option<SignedRequest>;

    /// The body of a verified request without the secrets that stand in it: a member goes with its comma. Only what this gives is read
    /// further, split, stored or quarantined.
    fn clean<'a>(&self, body: &'a [u8]) -> Cow<'a, [u8]> {
        Cow::Borrowed(body)
    }

    /// How its elements are read, where that is the source's own matter and not the kind's: a text of visible ASCII that is stored beside
    /// each, since a reader may have no configuration, or one that has changed.
    fn mapping(&self) -> Option<&str> {
        None
    }

    /// A body that it takes, where only the source knows its form; else [`Kind::sample`](super::Kind::sample) gives it.
    fn sample(&self, _lead: &Sample, _events: Option<&[String]>) -> Option<Vec<u8>> {
        None
    }

    /// More on why an element is no event, where only the source knows it. It never repeats a value.
    fn hint(&self, _problem: Problem, _element: &[u8]) -> Option<String> {
        None
    }

    /// What a GET is answered with, by which a sender finds out whether the address is whose it should be. None where there is no such thing.
    fn challenge(&self, _delivery: &Delivery<'_>) -> Option<Result<String, Unverified>> {
        None
    }

    /// The elements of a cleaned body, one for each event, in their order. Each is what is stored, and what
    /// [`Kind::parse`](super::Kind::parse) reads, now and from the store: the request's own bytes wherever the CRM sends each event whole.
    /// No element at all: there is nothing to take, which is no mistake.
    fn split<'a>(&self, body: &'a [u8]) -> Result<Vec<Cow<'a, [u8]>>, Problem> {
        Ok(vec![Cow::Borrowed(body)])
    }
}

/// A request as a CRM signs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedRequest {
    /// Its headers, by lower-case name.
    pub headers: Vec<(&'static str, String)>,
    /// The raw query of its URL; empty where there is none.
    pub query: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// A secret, decoded. It is never printed.
#[derive(Clone)]
pub(super) struct Secret(Vec<u8>);

impl Secret {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Its bytes, to sign with or to send.
    pub(super) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether it is this text, in a time that says neither where they differ nor how long it is.
    pub(super) fn is(&self, text: &[u8]) -> bool {
        let [own, other] = [&self.0, text].map(Sha256::digest);
        own.as_slice().ct_eq(other.as_slice()).into()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Whether one of the secrets is this text. Every one is compared.
pub(super) fn is_any_of(secrets: &[Secret], text: &[u8]) -> bool {
    secrets
        .iter()
        .fold(false, |found, secret| secret.is(text) | found)
}
