//! The alarms and the objective: what is watched, wherever the pipeline runs. In AWS it is `CloudWatch` that watches; on one machine the same
//! definitions are evaluated over the minutes that `up` keeps.

mod machine;
#[cfg(feature = "aws")]
mod stack;

pub(crate) use machine::Machine;
#[cfg(feature = "aws")]
pub(crate) use stack::Watched as Stack;

use leadwire_cloudwatch::State;
use leadwire_pipeline::observe::OBJECTIVE;
use leadwire_pipeline::observe::metric::Metric;
use serde::Serialize;

/// What a description ends with: where to read on.
const RUNBOOK: &str = "Runbook: ";

/// Who is notified of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// A person is woken.
    Page,
    /// Somebody looks at it in the morning.
    Ticket,
    /// No one: it is a part of another alarm.
    Part,
}

impl Severity {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
            Self::Part => "part",
        }
    }
}

/// An alarm as it stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    /// Its name.
    pub(crate) name: String,
    /// Its state, or none where this home cannot tell it.
    pub(crate) state: Option<State>,
    /// Who is notified.
    pub(crate) severity: Severity,
    /// Why it is so.
    pub(crate) reason: String,
    /// What it is about, and where to read on.
    pub(crate) about: String,
    pub(crate) runbook: String,
}

/// Takes a description apart: what it is about, and the heading in the runbook.
fn about(description: &str) -> (String, String) {
    match description.split_once(RUNBOOK) {
        Some((about, runbook)) => (about.trim().to_owned(), runbook.trim().to_owned()),
        None => (description.to_owned(), String::new()),
    }
}

/// A sum. Rust's own of nothing is -0, and would be shown so.
fn total(values: impl Iterator<Item = f64>) -> f64 {
    values.fold(0.0, |sum, value| sum + value)
}

/// The leads of a time that count for the objective.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Counted {
    /// Mailed in time.
    pub(crate) in_time: f64,
    /// Mailed late.
    pub(crate) late: f64,
    /// Not mailed.
    pub(crate) not_mailed: f64,
}

/// The metrics of [`Counted`], in its order.
pub(crate) const COUNTED: [Metric; 3] =
    [Metric::MailedInTime, Metric::MailedLate, Metric::NotMailed];

impl Counted {
    /// How many there are.
    pub(crate) fn all(&self) -> f64 {
        self.in_time + self.bad()
    }

    /// How many missed it.
    pub(crate) fn bad(&self) -> f64 {
        self.late + self.not_mailed
    }

    /// The share that was in time; none of no leads.
    pub(crate) fn share(&self) -> Option<f64> {
        (self.all() > 0.0).then(|| self.in_time / self.all())
    }

    /// How fast the budget is used up: 1 is just as fast as the objective allows.
    pub(crate) fn burn(&self) -> Option<f64> {
        (self.all() > 0.0).then(|| self.bad() / self.all() / (1.0 - OBJECTIVE))
    }

    /// The share of the budget that is left; below zero it is used up.
    pub(crate) fn budget_left(&self) -> Option<f64> {
        self.burn().map(|burn| 1.0 - burn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hundredth_late_uses_the_whole_budget() {
        let counted = Counted {
            in_time: 990.0,
            late: 6.0,
            not_mailed: 4.0,
        };
        let near = |value: Option<f64>, expected: f64| {
            assert!((value.unwrap() - expected).abs() < 1e-9, "{value:?}");
        };
        near(counted.share(), 0.99);
        near(counted.burn(), 1.0);
        near(counted.budget_left(), 0.0);
    }

    #[test]
    fn a_sum_of_nothing_is_shown_as_0() {
        let none = [].into_iter();
        assert_eq!(total(none).to_string(), "0");
        assert_eq!(total([1.0, 2.0].into_iter()).to_string(), "3");
    }

    #[test]
    fn no_lead_is_no_share() {
        let none = Counted::default();
        assert_eq!([none.share(), none.burn(), none.budget_left()], [None; 3]);
    }
}
