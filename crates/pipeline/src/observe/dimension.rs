//! The dimensions of metrics beside `service` and `environment`.

use leadwire_domain::channel::ChannelKind;
use leadwire_domain::problem::Problem;
use leadwire_domain::source::{Source, SourceKind};

/// The one dimension that a metric may have beside `service` and `environment`. Its values are a closed set: every combination is a billed
/// `CloudWatch` metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// The kind of the source that the event came from.
    Source,
    /// Why a request was rejected.
    Reason,
    /// The kind of the channel that notified.
    Channel,
}

impl Dimension {
    /// Every dimension.
    pub const ALL: [Self; 3] = [Self::Source, Self::Reason, Self::Channel];

    /// Its name in `CloudWatch`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Reason => "reason",
            Self::Channel => "channel",
        }
    }

    /// Its closed set of values: the kinds of sources that are metered; the problem codes, and what sets a source without secrets apart from a wrong
    /// secret.
    pub fn values(self) -> Vec<&'static str> {
        match self {
            Self::Source => SourceKind::configurable().map(SourceKind::name).collect(),
            Self::Reason => Problem::ALL
                .iter()
                .map(|problem| Rejection::Problem(*problem))
                .chain([Rejection::NotConfigured])
                .map(Rejection::code)
                .collect(),
            Self::Channel => ChannelKind::ALL.iter().map(|kind| kind.name()).collect(),
        }
    }
}

/// A value of a dimension. There is no way to make one that is not in its closed set, but from a source that is not metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Further {
    dimension: Dimension,
    value: &'static str,
}

impl Further {
    /// The dimension.
    pub fn dimension(self) -> Dimension {
        self.dimension
    }

    /// Its value.
    pub fn value(self) -> &'static str {
        self.value
    }
}

impl From<SourceKind> for Further {
    fn from(kind: SourceKind) -> Self {
        Self {
            dimension: Dimension::Source,
            value: kind.name(),
        }
    }
}

impl From<Source> for Further {
    fn from(source: Source) -> Self {
        source.kind().into()
    }
}

impl From<ChannelKind> for Further {
    fn from(kind: ChannelKind) -> Self {
        Self {
            dimension: Dimension::Channel,
            value: kind.name(),
        }
    }
}

impl From<Rejection> for Further {
    fn from(reason: Rejection) -> Self {
        Self {
            dimension: Dimension::Reason,
            value: reason.code(),
        }
    }
}

/// Why a request was rejected: the values of the dimension `reason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// For the reason that the sender gets.
    Problem(Problem),
    /// The source has no secrets here. The sender gets the same answer as for a wrong secret; counted apart, one cannot be taken for the other.
    NotConfigured,
}

impl Rejection {
    /// What the sender gets.
    pub fn problem(self) -> Problem {
        match self {
            Self::Problem(problem) => problem,
            Self::NotConfigured => Problem::Unverified,
        }
    }

    /// Its name in lines and in the dimension.
    pub fn code(self) -> &'static str {
        match self {
            Self::Problem(problem) => problem.code(),
            Self::NotConfigured => "not_configured",
        }
    }
}

impl From<Problem> for Rejection {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_values_of_a_dimension_are_a_closed_set_without_doubles() {
        for dimension in Dimension::ALL {
            let values = dimension.values();
            assert_eq!(values.iter().collect::<BTreeSet<_>>().len(), values.len());
        }
        assert!(Dimension::Source.values().contains(&"close"));
        assert!(Dimension::Reason.values().contains(&"unverified"));
        assert!(Dimension::Reason.values().contains(&"not_configured"));
    }
}
