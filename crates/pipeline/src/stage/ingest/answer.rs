//! The answer to the CRM.

use jiff::Timestamp;
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Acknowledgement, Source};
use serde::Serialize;
use std::borrow::Cow;

/// Seconds after which a CRM may come back when storing could not be assured.
const RETRY_AFTER_SECONDS: u32 = 5;

/// An answer, whatever carries it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body's type.
    pub content_type: &'static str,
    /// The header `Retry-After`, where there is one.
    pub retry_after_seconds: Option<u32>,
    /// The header `Allow`, where there is one.
    pub allow: Option<&'static str>,
    /// The body.
    pub body: String,
    /// The source that it came to, where that is configured.
    pub source: Option<Source>,
    /// Whether the request's signature was checked and is good.
    pub is_verified: bool,
    /// Whether all it tells of is new events.
    pub is_plain: bool,
}

/// One event that was accepted.
#[derive(Clone, Debug, Serialize)]
pub struct AcceptedEvent {
    /// Whom it is about.
    pub lead_id: LeadId,
    /// Which event it is.
    pub event_id: EventId,
    /// Where its bytes lie.
    pub s3_key: String,
    /// Whether it was there already.
    pub duplicate: bool,
    /// Before this time nothing happens.
    pub enrich_not_before: Timestamp,
    /// What its sender should mend.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub warnings: &'static [&'static str],
}

/// One element of a request that is no event, and keeps no other from being taken.
#[derive(Clone, Debug, Serialize)]
pub struct RefusedElement {
    /// Its place in the request, from 0.
    pub index: usize,
    /// Why.
    #[serde(rename = "code")]
    pub problem: Problem,
    /// More on why, for the answer to a request of which nothing is taken.
    #[serde(skip)]
    pub hint: Option<String>,
}

#[derive(Serialize)]
struct Accepted<'a> {
    status: &'static str,
    events: &'a [AcceptedEvent],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    refused: &'a [RefusedElement],
}

#[derive(Serialize)]
struct Ignored<'a> {
    status: &'static str,
    reason: &'static str,
    types: &'a [String],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    refused: &'a [RefusedElement],
}

/// RFC 9457.
#[derive(Serialize)]
struct ProblemDocument<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    code: &'static str,
    detail: &'a str,
}

impl AcceptedEvent {
    fn is_plain(&self) -> bool {
        !self.duplicate && self.warnings.is_empty()
    }
}

impl Answer {
    /// 202, or what the source says instead: every event is stored and queued.
    pub(super) fn accepted(
        status: u16,
        events: &[AcceptedEvent],
        refused: &[RefusedElement],
    ) -> Self {
        let body = Accepted {
            status: "accepted",
            events,
            refused,
        };
        Self {
            is_plain: refused.is_empty() && events.iter().all(AcceptedEvent::is_plain),
            ..Self::json(status, "application/json", &body)
        }
    }

    /// 200: no event is of a type that is taken. Which types there are is said in the CRM's own words.
    pub(super) fn ignored(types: &[String], refused: &[RefusedElement]) -> Self {
        let body = Ignored {
            status: "ignored",
            reason: "event_type_not_taken",
            types,
            refused,
        };
        Self::json(200, "application/json", &body)
    }

    /// The same, in the words that its CRM reads, where it reads no others.
    pub(super) fn acknowledged(self, acknowledgement: Option<Acknowledgement>) -> Self {
        let Some(Acknowledgement { content_type, body }) = acknowledgement else {
            return self;
        };
        Self {
            status: 200,
            content_type,
            body: body.to_owned(),
            ..self
        }
    }

    /// 200, with a text of the sender's own.
    pub(super) fn text(body: String) -> Self {
        Self {
            status: 200,
            content_type: "text/plain",
            retry_after_seconds: None,
            allow: None,
            body,
            source: None,
            is_verified: false,
            is_plain: false,
        }
    }

    /// A problem document. Carriers use it too, where they refuse a request before the stage sees it.
    pub fn problem(problem: Problem) -> Self {
        Self::problem_with(problem, None)
    }

    /// A problem document, with what is known of this very request.
    pub(super) fn problem_with(problem: Problem, hint: Option<&str>) -> Self {
        let detail = match hint {
            Some(hint) => Cow::Owned(format!("{} {hint}", problem.detail())),
            None => Cow::Borrowed(problem.detail()),
        };
        let status = problem.status();
        let document = ProblemDocument {
            kind: "about:blank",
            title: title(status),
            status,
            code: problem.code(),
            detail: &detail,
        };
        let mut answer = Self::json(status, "application/problem+json", &document);
        answer.retry_after_seconds = matches!(problem, Problem::Unavailable | Problem::Throttled)
            .then_some(RETRY_AFTER_SECONDS);
        answer.allow = (problem == Problem::MethodNotAllowed).then_some("POST");
        answer
    }

    fn json(status: u16, content_type: &'static str, body: &impl Serialize) -> Self {
        let body = serde_json::to_string(body).expect("plain fields always serialise");
        Self {
            status,
            content_type,
            retry_after_seconds: None,
            allow: None,
            body,
            source: None,
            is_verified: false,
            is_plain: false,
        }
    }
}

/// The status's own phrase, as RFC 9457 asks for with `about:blank`.
fn title(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        _ => "Service Unavailable",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_has_its_own_document() {
        for problem in Problem::ALL.iter().copied() {
            let answer = Answer::problem(problem);
            let has_title = problem == Problem::Unavailable || answer.status != 503;
            assert!(has_title, "{problem:?} needs a title of its own");
            assert!(answer.body.contains(problem.code()));
            assert_eq!(answer.content_type, "application/problem+json");
        }
        let unavailable = Answer::problem(Problem::Unavailable);
        assert_eq!(unavailable.retry_after_seconds, Some(5));
        let not_allowed = Answer::problem(Problem::MethodNotAllowed);
        assert_eq!(not_allowed.allow, Some("POST"));
    }
}
