//! The events of the programs themselves.

use super::entry::events;
use super::event::chain;
use super::metric::Metric;
use std::borrow::Cow;
use std::error::Error;

events! {
    /// A process was invoked for the first time.
    ColdStarted {} => e, "cold_started" {
        line: INFO "the first invocation of a process";
        metrics(m): { m.count(Metric::ColdStart); }
    }

    /// Spans or metric values could not be delivered. No lead is touched by it.
    TelemetryDropped<'a> {
        /// Spans that are lost.
        spans: u64,
        /// Metric values that are lost.
        values: u64,
        /// Why, in our own words.
        reason: &'a str,
    } => e, "telemetry_dropped" {
        line: WARN "telemetry could not be delivered";
        fields: { spans: e.spans, values: e.values, reason: e.reason }
        metrics(m): { m.add(Metric::TelemetryDropped, e.spans + e.values); }
    }

    /// A variable cannot be used; one line each.
    ConfigInvalid<'a> {
        /// The variable.
        variable: &'a str,
        /// What is wrong with it.
        problem: Option<&'a str>,
        /// What it should be.
        expected: Option<&'a str>,
        /// Why nothing can be done with it, where it is well-formed.
        error: Option<&'a (dyn Error + 'static)>,
    } => e, "config_invalid" {
        line: ERROR e.message();
        fields: {
            variable: e.variable,
            problem: e.problem,
            expected: e.expected,
            error: e.error.map(chain),
        }
    }

    /// The Lambda Runtime API failed.
    RuntimeFailed<'a> {
        /// Why.
        error: &'a (dyn Error + 'static),
    } => e, "runtime_failed" {
        line: ERROR "the Lambda Runtime API failed";
        fields: { error: e.error.to_string() }
    }

    /// `LEASE_SECONDS` is shorter than the function's timeout.
    LeaseTooShort<'a> {
        /// The variable.
        variable: &'a str,
        /// What it says.
        lease_seconds: u64,
        /// What is left of the invocation.
        remaining_seconds: u64,
    } => e, "lease_too_short" {
        line: ERROR "a claim can end before its worker does; LEASE_SECONDS must be longer than the function's timeout";
        fields: {
            variable: e.variable,
            lease_seconds: e.lease_seconds,
            remaining_seconds: e.remaining_seconds,
        }
    }
}

impl ConfigInvalid<'_> {
    fn message(&self) -> Cow<'static, str> {
        match (self.problem, self.expected) {
            (Some(problem), Some(expected)) => {
                format!("{} {problem}; expected: {expected}", self.variable).into()
            }
            _ => "the AWS clients cannot be built".into(),
        }
    }
}
