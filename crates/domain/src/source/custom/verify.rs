//! How a custom source's requests are verified, as declared. There is no way to declare that they are not.

use super::digest::Digest;
use super::form;
use super::header::{HeaderPart, header, timestamp};
use super::mapping::{Format, Mapping, pointer};
use super::template::{self, Part};
use crate::json::{Object, Spans};
use crate::source::basic;
use crate::source::delivery::{Delivery, Unverified};
use crate::source::intake::{Secret, is_any_of};
use crate::source::members::Members;
use crate::source::pointer::Pointer;
use crate::source::signature::{check_time, parse_hex, parse_millis, parse_seconds, require};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use subtle::ConstantTimeEq;

const AT: &str = "/verify/";
const BEARER: &str = "Bearer ";
/// Digits of a time in milliseconds.
const MILLIS_DIGITS: usize = 13;
const SCHEMES: &str = "hmac-sha256, hmac-sha1, hmac-sha512, bearer, basic or token";

/// The declared way.
pub(super) enum Verify {
    Hmac(Box<Signature>),
    /// `Authorization: Bearer …`.
    Bearer(Vec<Secret>),
    /// `Authorization: Basic …`: user and password, as Basic joins them.
    Basic(Vec<Secret>),
    /// A text in a header, in the query, or in the body.
    Token(Place, Vec<Secret>),
}

/// A signature.
pub(super) struct Signature {
    digest: Digest,
    at: HeaderPart,
    encoding: Encoding,
    signed: Vec<Part>,
    timestamp: Option<HeaderPart>,
    /// The address that the sender calls, where a proxy makes another of it.
    url: Option<String>,
    secrets: Vec<Secret>,
}

/// Where a token stands.
pub(super) enum Place {
    Header(&'static str),
    Query(&'static str),
    Field(Pointer, &'static str),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Encoding {
    #[default]
    Hex,
    Base64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SecretEncoding {
    #[default]
    Text,
    Hex,
    Base64,
}

impl Verify {
    /// Reads the member `verify`, and notes what is wrong with it.
    pub(super) fn read(members: &mut Members<'_>, format: Format) -> Option<Self> {
        if !members.has("verify") {
            members.miss("verify");
        }
        members.object(("verify", AT), |verify| Self::of(verify, format))
    }

    fn of(members: &mut Members<'_>, format: Format) -> Option<Self> {
        let scheme = members.text("scheme")?;
        match scheme.as_str() {
            "bearer" => Some(Self::Bearer(tokens(members)?)),
            "basic" => Some(Self::Basic(basic::callers(members)?)),
            "token" => {
                let (place, tokens) = (Place::read(members, format), tokens(members));
                Some(Self::Token(place?, tokens?))
            }
            other => {
                let Some(digest) = Digest::of_scheme(other) else {
                    members.wrong_member("scheme", &format!("is none of {SCHEMES}"));
                    // Its other members are not known to be wrong.
                    members.know_all();
                    return None;
                };
                Some(Self::Hmac(Box::new(Signature::read(members, digest)?)))
            }
        }
    }

    pub(super) fn secrets(&self) -> &[Secret] {
        match self {
            Self::Hmac(signature) => &signature.secrets,
            Self::Bearer(secrets) | Self::Basic(secrets) | Self::Token(_, secrets) => secrets,
        }
    }

    /// Whether the request is one of who has a secret.
    pub(super) fn check(
        &self,
        delivery: &Delivery<'_>,
        tolerance: SignedDuration,
        mapping: &Mapping,
    ) -> Result<(), Unverified> {
        let matches = match self {
            Self::Hmac(signature) => return signature.check(delivery, tolerance),
            Self::Bearer(tokens) => {
                let header = require(delivery.headers, basic::AUTHORIZATION)?;
                let token = header.split_at_checked(BEARER.len());
                let token = token.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(BEARER));
                let malformed = Unverified::HeaderMalformed(basic::AUTHORIZATION);
                is_any_of(tokens, token.ok_or(malformed)?.1.as_bytes())
            }
            Self::Basic(callers) => is_any_of(callers, &basic::caller(delivery.headers)?),
            Self::Token(place, tokens) => is_any_of(tokens, &place.token(delivery, mapping)?),
        };
        if matches {
            Ok(())
        } else {
            Err(Unverified::Mismatch)
        }
    }

    /// The body without the token in it.
    pub(super) fn clean<'a>(&self, body: &'a [u8], format: Format) -> Cow<'a, [u8]> {
        let Self::Token(Place::Field(pointer, _), _) = self else {
            return Cow::Borrowed(body);
        };
        Cow::Owned(match (format, pointer.steps()) {
            (Format::Form, [name]) => form::without(body, name),
            // It was found there.
            (Format::Form, _) => Vec::new(),
            (Format::Json, steps) => cut(body, steps).unwrap_or_default().into_bytes(),
        })
    }

    /// The headers, the query and the body of a request of who has the first secret. None where what is signed is not known here.
    pub(super) fn sign(&self, body: Vec<u8>, now: Timestamp, format: Format) -> Option<Signed> {
        let secret = self.secrets().first()?.expose();
        let text = || String::from_utf8(secret.to_vec()).ok();
        let header = |name, value| (vec![(name, value)], String::new());
        let (headers, query) = match self {
            Self::Hmac(signature) => (signature.sign(secret, &body, now)?, String::new()),
            Self::Bearer(_) => header(basic::AUTHORIZATION, format!("{BEARER}{}", text()?)),
            Self::Basic(_) => header(basic::AUTHORIZATION, basic::header(secret)),
            Self::Token(Place::Header(name), _) => header(name, text()?),
            Self::Token(Place::Query(name), _) => {
                (Vec::new(), form::write(&[((*name).to_owned(), text()?)]))
            }
            Self::Token(Place::Field(pointer, _), _) => {
                let body = super::sample::with(body, pointer, &text()?, format)?;
                return Some(Signed {
                    headers: Vec::new(),
                    query: String::new(),
                    body,
                });
            }
        };
        Some(Signed {
            headers,
            query,
            body,
        })
    }
}

/// A request that is signed.
pub(super) struct Signed {
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) query: String,
    pub(super) body: Vec<u8>,
}

impl Place {
    fn read(members: &mut Members<'_>, format: Format) -> Option<Self> {
        let header = header(members, "header").map(Self::Header);
        let query: Option<String> = members.optional("query", "the name of a parameter");
        let query = query
            .filter(|name| !name.is_empty())
            .map(|name| Self::Query(super::kept(&name)));
        let field = pointer(members, "field").and_then(|pointer| {
            let is_place = match format {
                Format::Form => pointer.member().is_some(),
                Format::Json => !pointer.steps().is_empty(),
            };
            if !is_place {
                members.wrong_member("field", "does not point to a member of the body");
                return None;
            }
            let name = super::kept(&pointer.to_string());
            Some(Self::Field(pointer, name))
        });
        let given = ["header", "query", "field"].map(|name| members.has(name));
        if given.into_iter().filter(|given| *given).count() != 1 {
            let at = AT.trim_end_matches('/');
            members.wrong(format!(
                "{at} has not exactly one of header, query and field"
            ));
        }
        header.or(query).or(field)
    }

    fn token(&self, delivery: &Delivery<'_>, mapping: &Mapping) -> Result<Vec<u8>, Unverified> {
        match self {
            Self::Header(name) => Ok(require(delivery.headers, name)?.as_bytes().to_vec()),
            Self::Query(name) => delivery
                .parameter(name)
                .ok_or(Unverified::MemberMissing(name)),
            Self::Field(pointer, name) => {
                let top = mapping.object(delivery.body);
                let top = top.map_err(|_quotes_nothing| Unverified::Unreadable)?;
                let token = member(&top, pointer.steps());
                let token =
                    token.and_then(|token| serde_json::from_str::<String>(token.get()).ok());
                let token = token.ok_or(Unverified::MemberMissing(name))?;
                Ok(token.into_bytes())
            }
        }
    }
}

/// The value that is reached by names alone: what stands in a list could not be cut out.
fn member(top: &Object, steps: &[String]) -> Option<Box<RawValue>> {
    match steps {
        [] => None,
        [name] => Some(top.get(name)?.to_owned()),
        [name, rest @ ..] => member(&top.object(name)?, rest),
    }
}

/// The body without the member that [`member`] finds.
fn cut(body: &[u8], steps: &[String]) -> Option<String> {
    let spans = Spans::of(body).ok()?;
    match steps {
        [] => None,
        [name] => Some(spans.without(name)),
        [name, rest @ ..] => {
            let inner = Object::parse(body).ok()?;
            let inner = cut(inner.get(name)?.get().as_bytes(), rest)?;
            Some(spans.with(&[(name, &inner)]))
        }
    }
}

impl Signature {
    fn read(members: &mut Members<'_>, digest: Digest) -> Option<Self> {
        let at = header(members, "header");
        if !members.has("header") {
            members.miss("header");
        }
        let prefix: Option<String> = members.optional("prefix", "a text");
        let encoding = members.optional("encoding", "hex or base64");
        let secret_encoding: Option<SecretEncoding> =
            members.optional("secret_encoding", "text, hex or base64");
        let signed = members.optional("signed", "a text");
        let signed: String = signed.unwrap_or_else(|| "{body}".to_owned());
        let timestamp = timestamp(members);
        let url = url(members);
        let signed = template::parse(&signed);
        let signed = signed.map_err(|wrong| members.wrong_member("signed", &wrong));
        if let Ok(signed) = &signed {
            check_signed(members, signed, timestamp.as_ref());
        }
        let secret_encoding = secret_encoding.unwrap_or_default();
        let secrets = members.secrets("secrets", secret_encoding.form(), |secret| {
            secret_encoding.decode(secret)
        });
        Some(Self {
            digest,
            at: HeaderPart {
                name: at?,
                prefix: prefix.unwrap_or_default(),
            },
            encoding: encoding.unwrap_or_default(),
            signed: signed.ok()?,
            timestamp,
            url,
            secrets: secrets?,
        })
    }

    fn check(&self, delivery: &Delivery<'_>, tolerance: SignedDuration) -> Result<(), Unverified> {
        let timestamp = self.timestamp.as_ref();
        let timestamp = timestamp.map(|at| at.only(delivery)).transpose()?;
        if let Some((text, at)) = timestamp.zip(self.timestamp.as_ref()) {
            let read = if text.len() == MILLIS_DIGITS {
                parse_millis(at.name, text)
            } else {
                parse_seconds(at.name, text)
            };
            check_time(read?, delivery.received_at, tolerance)?;
        }
        let url = self.url_of(delivery);
        let mut parts: Vec<&[u8]> = Vec::new();
        for part in &self.signed {
            parts.push(match part {
                Part::Text(text) => text.as_bytes(),
                Part::Body => delivery.body,
                Part::Timestamp => timestamp.unwrap_or_default().as_bytes(),
                Part::Method => delivery.method.as_bytes(),
                Part::Url => url.as_bytes(),
                Part::Header(name) => require(delivery.headers, super::kept(name))?.as_bytes(),
            });
        }
        let claimed = self.at.all(delivery)?;
        let claimed: Result<Vec<_>, _> =
            claimed.into_iter().map(|text| self.decode(text)).collect();
        let claimed = claimed?;
        let matches = self.secrets.iter().fold(false, |found, secret| {
            let own = self.digest.sign(secret.expose(), &parts);
            claimed.iter().fold(found, |found, claimed| {
                bool::from(own.as_slice().ct_eq(claimed)) | found
            })
        });
        if matches {
            Ok(())
        } else {
            Err(Unverified::Mismatch)
        }
    }

    fn decode(&self, text: &str) -> Result<Vec<u8>, Unverified> {
        match self.encoding {
            Encoding::Hex => parse_hex(self.at.name, text),
            Encoding::Base64 => STANDARD
                .decode(text)
                .map_err(|_quotes_input| Unverified::HeaderMalformed(self.at.name)),
        }
    }

    /// The address that was called, with its query: the declared one, else what the request says of itself.
    fn url_of(&self, delivery: &Delivery<'_>) -> String {
        if !self.signed.contains(&Part::Url) {
            return String::new();
        }
        if let Some(url) = &self.url {
            return url.clone();
        }
        let header = |name, other| delivery.headers.get(name).unwrap_or(other).to_owned();
        let (scheme, host) = (header("x-forwarded-proto", "http"), header("host", ""));
        let mark = if delivery.query.is_empty() { "" } else { "?" };
        format!("{scheme}://{host}{}{mark}{}", delivery.path, delivery.query)
    }

    fn sign(
        &self,
        secret: &[u8],
        body: &[u8],
        now: Timestamp,
    ) -> Option<Vec<(&'static str, String)>> {
        let timestamp = now.as_second().to_string();
        let mut headers: Vec<(&'static str, String)> = Vec::new();
        let mut parts: Vec<&[u8]> = Vec::new();
        for part in &self.signed {
            parts.push(match part {
                Part::Text(text) => text.as_bytes(),
                Part::Body => body,
                Part::Timestamp => timestamp.as_bytes(),
                Part::Method => b"POST",
                // Who only knows the declaration does not know what the request will be called by.
                Part::Url => self.url.as_ref()?.as_bytes(),
                Part::Header(name) => {
                    let name = super::kept(name);
                    let is_time = self.timestamp.as_ref().is_some_and(|at| at.name == name);
                    if is_time {
                        timestamp.as_bytes()
                    } else {
                        headers.push((name, "sample".to_owned()));
                        b"sample"
                    }
                }
            });
        }
        let signature = self.digest.sign(secret, &parts);
        let signature = match self.encoding {
            Encoding::Hex => hex::encode(signature),
            Encoding::Base64 => STANDARD.encode(signature),
        };
        let signature = format!("{}{signature}", self.at.prefix);
        match &self.timestamp {
            Some(at) if at.name == self.at.name => {
                let both = format!("{}{timestamp},{signature}", at.prefix);
                headers.push((at.name, both));
            }
            Some(at) => {
                headers.push((at.name, format!("{}{timestamp}", at.prefix)));
                headers.push((self.at.name, signature));
            }
            None => headers.push((self.at.name, signature)),
        }
        Some(headers)
    }
}

impl SecretEncoding {
    fn form(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Hex => "hexadecimal digits",
            Self::Base64 => "base64 with its padding",
        }
    }

    fn decode(self, secret: &str) -> Option<Vec<u8>> {
        let bytes = match self {
            Self::Text => Some(secret.as_bytes().to_vec()),
            Self::Hex => hex::decode(secret).ok(),
            Self::Base64 => STANDARD.decode(secret).ok(),
        };
        bytes.filter(|bytes| !bytes.is_empty())
    }
}

/// The tokens of who may send, or of who may ask.
pub(super) fn tokens(members: &mut Members<'_>) -> Option<Vec<Secret>> {
    members.secrets("tokens", "a text", |token| {
        (!token.is_empty()).then(|| token.as_bytes().to_vec())
    })
}

fn url(members: &mut Members<'_>) -> Option<String> {
    let url: String = members.optional("url", "a text")?;
    if !url.starts_with("https://") && !url.starts_with("http://") {
        members.wrong_member("url", "is not the address that the sender calls, https://…");
    }
    Some(url)
}

fn check_signed(members: &mut Members<'_>, signed: &[Part], timestamp: Option<&HeaderPart>) {
    if !signed.contains(&Part::Body) {
        let wrong = "has no {body}, so that anybody could change it";
        members.wrong_member("signed", wrong);
    }
    let covers_time = signed.contains(&Part::Timestamp)
        || timestamp.is_some_and(|at| signed.contains(&Part::Header(at.name.to_owned())));
    if members.has("timestamp") && !covers_time {
        let wrong = "has no {timestamp}, so that anybody could change that";
        members.wrong_member("signed", wrong);
    }
    if signed.contains(&Part::Timestamp) && !members.has("timestamp") {
        let wrong = "has a {timestamp}, and no timestamp says in which header it stands";
        members.wrong_member("signed", wrong);
    }
}
