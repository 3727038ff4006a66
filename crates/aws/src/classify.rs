//! What a failed call means, decided here and nowhere else.

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sesv2::operation::send_email::SendEmailError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::http::HttpError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId as _;
use leadwire_pipeline::port::{MailOutcome, PortError, PortErrorKind};
use std::error::Error;

/// Codes of a service that will take the same call later. Throttled is not failed, and credentials are renewed by themselves.
const BUSY_CODES: [&str; 21] = [
    "AccountSuspendedException",
    "BandwidthLimitExceeded",
    "ExpiredToken",
    "ExpiredTokenException",
    "KmsThrottled",
    "KMS.ThrottlingException",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "ProvisionedThroughputExceededException",
    "RequestExpired",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestTimeTooSkewed",
    "SendingPausedException",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TransactionInProgressException",
    "OverLimit",
];

/// Those of them that say that too much came at this moment: SES counts by the second.
const THROTTLED_CODES: [&str; 3] = [
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
];

/// A failed call to a service, in words. The SDK's own error is not kept: with SES its text may quote addresses.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CallError(String);

/// The status of the answer, where there was one.
pub fn status<E>(error: &SdkError<E, HttpResponse>) -> Option<u16> {
    error
        .raw_response()
        .map(|response| response.status().as_u16())
}

/// The service's code of the error, where it gave one.
pub fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    error
        .as_service_error()
        .and_then(ProvideErrorMetadata::code)
}

/// Whether the same call may succeed later: whatever was not refused for a reason that stays.
pub fn kind<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> PortErrorKind {
    if matches!(error, SdkError::ConstructionFailure(_)) {
        return PortErrorKind::Permanent;
    }
    match verdict(status(error), code(error)) {
        Verdict::Refused => PortErrorKind::Permanent,
        Verdict::Throttled | Verdict::Busy | Verdict::Unknown => PortErrorKind::Transient,
    }
}

/// A failed call to S3, SQS or Secrets Manager, with the service's own words, which name resources and roles but no person.
pub fn port_error<E>(action: &'static str, error: &SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let mut words = describe(error);
    if let Some(message) = error
        .as_service_error()
        .and_then(ProvideErrorMetadata::message)
    {
        words = format!("{words}: {message}");
    }
    PortError {
        action,
        kind: kind(error),
        detail: None,
        source: Box::new(CallError(words)),
    }
}

/// [`port_error`], to be given to `map_err`.
pub(crate) fn failed<E>(action: &'static str) -> impl FnOnce(SdkError<E, HttpResponse>) -> PortError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    move |error| port_error(action, &error)
}

/// What became of a mail. Only what certainly did not reach SES, or what SES certainly refused, is definite.
pub fn mail_outcome(error: &SdkError<SendEmailError, HttpResponse>) -> MailOutcome {
    let source = CallError(describe(error));
    let verdict = match error {
        SdkError::ConstructionFailure(_) => Verdict::Busy,
        SdkError::DispatchFailure(failure)
            if failure.as_connector_error().is_some_and(was_never_sent) =>
        {
            Verdict::Busy
        }
        SdkError::DispatchFailure(_) | SdkError::TimeoutError(_) => Verdict::Unknown,
        SdkError::ServiceError(_) | SdkError::ResponseError(_) | _ => {
            verdict(status(error), code(error))
        }
    };
    let failed = match verdict {
        Verdict::Throttled | Verdict::Busy | Verdict::Unknown => {
            PortError::transient("send mail", source)
        }
        Verdict::Refused => PortError::permanent("send mail", source),
    };
    let failed = failed.with_detail(detail(error).as_deref());
    match verdict {
        Verdict::Throttled => MailOutcome::Throttled(failed),
        Verdict::Busy => MailOutcome::Busy(failed),
        Verdict::Refused => MailOutcome::Refused(failed),
        Verdict::Unknown => MailOutcome::Ambiguous(failed),
    }
}

/// The service's code; where it gave none, the status of its answer.
fn detail<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<String> {
    let code = code(error).map(str::to_owned);
    code.or_else(|| status(error).map(|status| status.to_string()))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Throttled,
    Busy,
    Refused,
    Unknown,
}

fn verdict(status: Option<u16>, code: Option<&str>) -> Verdict {
    match (status, code) {
        (_, Some(code)) if THROTTLED_CODES.contains(&code) => Verdict::Throttled,
        (_, Some(code)) if BUSY_CODES.contains(&code) => Verdict::Busy,
        (Some(429), _) => Verdict::Throttled,
        // 408 says that the request did not arrive whole, which a proxy may say of one that did; 409 that another write was under way.
        (Some(408 | 409), _) => Verdict::Unknown,
        (Some(400..=499), _) => Verdict::Refused,
        _ => Verdict::Unknown,
    }
}

/// Whether the call failed before a byte of it was written: no connection (name, TCP, TLS), or no credentials to sign with. The pool names the
/// connection in every error of a request that it gave to one; an answer that cannot be read is an error of none.
fn was_never_sent(error: &ConnectorError) -> bool {
    let first: &(dyn Error + 'static) = error;
    let has_cause = |is_it: fn(&(dyn Error + 'static)) -> bool| {
        std::iter::successors(Some(first), |&cause| cause.source()).any(is_it)
    };
    let has_connection = error.connection_metadata().is_some();
    let is_unreadable_answer = has_cause(<dyn Error>::is::<HttpError>);
    (!has_connection && !is_unreadable_answer) || has_cause(<dyn Error>::is::<CredentialsError>)
}

/// Status, code and request id of an answer; where there was none, the chain of causes.
fn describe<E>(error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let Some(status) = status(error) else {
        return chain(error);
    };
    let code = code(error).unwrap_or("without a code");
    let request = error.request_id().unwrap_or("unknown");
    format!("answered {status} {code} (request {request})")
}

fn chain(error: &dyn Error) -> String {
    let causes: Vec<String> = std::iter::successors(Some(error), |&error| error.source())
        .map(ToString::to_string)
        .collect();
    causes.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn throttled_is_busy_a_refusal_is_one_and_everything_else_unknown() {
        let check = |expected, status, code| {
            assert_eq!(verdict(status, code), expected, "{status:?} {code:?}");
        };
        check(Verdict::Throttled, Some(429), None);
        check(Verdict::Busy, Some(503), Some("SlowDown"));
        check(Verdict::Refused, Some(400), Some("AccessDeniedException"));
        check(Verdict::Refused, Some(403), None);
        check(Verdict::Unknown, None, None);
        for status in [200, 302, 408, 409, 500, 502, 503, 504] {
            check(Verdict::Unknown, Some(status), None);
        }
    }
}
