//! Why a request is refused: what its sender learns, and what the log says besides.

use super::Answer;
use crate::observe::{Rejection, RequestRejected};
use crate::port::PortError;
use crate::trace;
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Source, Unverified};
use tracing::Span;

/// A refusal. Its cause is in our own words: it never repeats what came.
pub(super) struct Refusal {
    reason: Rejection,
    unverified: Option<Unverified>,
    cause: Option<String>,
    quarantined: Option<String>,
    /// What the answer says besides.
    hint: Option<String>,
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self {
            reason: problem.into(),
            unverified: None,
            cause: None,
            quarantined: None,
            hint: None,
        }
    }
}

impl From<Unverified> for Refusal {
    fn from(why: Unverified) -> Self {
        let reason = match why {
            // A source without secrets is not one whose secret is wrong.
            Unverified::NotConfigured => Rejection::NotConfigured,
            Unverified::Misdirected => Problem::WrongSource.into(),
            Unverified::HeaderMissing(_)
            | Unverified::HeaderMalformed(_)
            | Unverified::MemberMissing(_)
            | Unverified::Unreadable
            | Unverified::Stale(_)
            | Unverified::Mismatch => Problem::Unverified.into(),
        };
        Self {
            reason,
            unverified: Some(why),
            cause: Some(why.to_string()),
            quarantined: None,
            hint: None,
        }
    }
}

impl From<PortError> for Refusal {
    fn from(error: PortError) -> Self {
        Self::unavailable(error.to_string())
    }
}

impl Refusal {
    /// Storing and queueing could not be assured.
    pub(super) fn unavailable(cause: impl Into<String>) -> Self {
        Self {
            reason: Problem::Unavailable.into(),
            unverified: None,
            cause: Some(cause.into()),
            quarantined: None,
            hint: None,
        }
    }

    /// The body is no event of its source, and is kept under `key` where that is known.
    pub(super) fn of_body(problem: Problem, hint: Option<String>, key: Option<String>) -> Self {
        Self {
            quarantined: key,
            hint,
            ..problem.into()
        }
    }

    /// Reports it, and gives the reason with its hint. `source` is where the request came to, where that is known.
    pub(super) fn report(self, source: Option<Source>) -> (Problem, Option<String>) {
        RequestRejected {
            source,
            reason: self.reason,
            unverified: self.unverified,
            cause: self.cause.as_deref().or(self.hint.as_deref()),
            quarantined: self.quarantined.as_deref(),
        }
        .emit();
        (self.reason.problem(), self.hint)
    }

    /// As an error of an operator's verb.
    pub(super) fn into_error(self, action: &'static str) -> PortError {
        let cause = self.cause.unwrap_or_else(|| self.reason.code().to_owned());
        PortError::transient(action, cause)
    }

    /// Reports it, and answers.
    pub(super) fn answer(self, source: Option<Source>) -> Answer {
        let (problem, hint) = self.report(source);
        refuse(problem, hint.as_deref())
    }
}

/// Refuses a request for a reason that was reported.
pub(super) fn refuse(problem: Problem, hint: Option<&str>) -> Answer {
    let span = Span::current();
    span.record(trace::OUTCOME, "refused");
    span.record(trace::ERROR_TYPE, problem.code());
    Answer::problem_with(problem, hint)
}
