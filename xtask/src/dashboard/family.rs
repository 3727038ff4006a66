//! The metrics that there are: ours by the catalogue, and those of AWS that are worth a look, with their units and dimensions.

use super::board::Name;
use leadwire_pipeline::observe::metric::{Metric, Unit};

/// Our own namespace.
pub(crate) const OURS: &str = "Leadwire";
const ENVIRONMENT: &str = "${Environment}";

/// What the values of a metric are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Measure {
    Count,
    Milliseconds,
    Seconds,
    Percent,
    /// A share of another share.
    Ratio,
}

/// Metrics of AWS that have the same dimensions.
pub(crate) struct Family {
    namespace: &'static str,
    metrics: &'static [(&'static str, Measure)],
    pub(crate) dimensions: &'static [(&'static str, Value)],
}

/// What the value of a dimension must be.
pub(crate) enum Value {
    Text(&'static str),
    /// `${Id<attribute>}` of a resource of this type.
    Of {
        kind: &'static str,
        attribute: &'static str,
    },
}

use Measure::{Count, Milliseconds, Seconds};

const FAMILIES: [Family; 6] = [
    Family {
        namespace: "AWS/SQS",
        metrics: &[
            ("ApproximateAgeOfOldestMessage", Seconds),
            ("ApproximateNumberOfMessagesDelayed", Count),
            ("ApproximateNumberOfMessagesNotVisible", Count),
            ("ApproximateNumberOfMessagesVisible", Count),
            ("NumberOfMessagesDeleted", Count),
            ("NumberOfMessagesReceived", Count),
            ("NumberOfMessagesSent", Count),
        ],
        dimensions: &[(
            "QueueName",
            Value::Of {
                kind: "AWS::SQS::Queue",
                attribute: ".QueueName",
            },
        )],
    },
    Family {
        namespace: "AWS/Lambda",
        metrics: &[
            ("ConcurrentExecutions", Count),
            ("Duration", Milliseconds),
            ("Errors", Count),
            ("Invocations", Count),
            ("Throttles", Count),
        ],
        dimensions: &[(
            "FunctionName",
            Value::Of {
                kind: "AWS::Lambda::Function",
                attribute: "",
            },
        )],
    },
    Family {
        namespace: "AWS/ApiGateway",
        metrics: &[
            ("4XXError", Count),
            ("5XXError", Count),
            ("Count", Count),
            ("IntegrationLatency", Milliseconds),
            ("Latency", Milliseconds),
        ],
        dimensions: &[
            ("ApiName", Value::Text("${AWS::StackName}")),
            ("Stage", Value::Text("Prod")),
        ],
    },
    Family {
        namespace: "AWS/Logs",
        metrics: &[
            ("EMFParsingErrors", Count),
            ("EMFValidationErrors", Count),
            ("IncomingLogEvents", Count),
        ],
        dimensions: &[(
            "LogGroupName",
            Value::Of {
                kind: "AWS::Logs::LogGroup",
                attribute: "",
            },
        )],
    },
    Family {
        namespace: "AWS/SNS",
        metrics: &[
            ("NumberOfMessagesPublished", Count),
            ("NumberOfNotificationsDelivered", Count),
            ("NumberOfNotificationsFailed", Count),
        ],
        dimensions: &[(
            "TopicName",
            Value::Of {
                kind: "AWS::SNS::Topic",
                attribute: ".TopicName",
            },
        )],
    },
    Family {
        namespace: "AWS/SES",
        metrics: &[
            ("Bounce", Count),
            ("Complaint", Count),
            ("Reject", Count),
            ("Send", Count),
        ],
        dimensions: &[("ses:configuration-set", Value::Text("${MailSet}"))],
    },
];

/// The family of a metric of AWS.
pub(crate) fn of(name: &Name) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| {
        let mut metrics = family.metrics.iter();
        family.namespace == name.namespace && metrics.any(|(metric, _)| *metric == name.metric)
    })
}

/// What the values of a metric are, if it is known.
pub(crate) fn measure(name: &Name) -> Option<Measure> {
    if name.namespace == OURS {
        let unit = Metric::from_name(&name.metric)?.facts().unit;
        return Some(match unit {
            Unit::Count => Measure::Count,
            Unit::Milliseconds => Measure::Milliseconds,
        });
    }
    let mut metrics = of(name)?.metrics.iter();
    let found = metrics.find(|(metric, _)| *metric == name.metric);
    found.map(|(_, measure)| *measure)
}

/// What is wrong with a row of one of our metrics.
pub(crate) fn breach_of_ours(name: &Name) -> Option<String> {
    let Some(metric) = Metric::from_name(&name.metric) else {
        return Some(format!("nobody tells {}", name.metric));
    };
    let facts = metric.facts();
    let mut dimensions = name.dimensions.iter();
    let mut next = || {
        dimensions
            .next()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    };
    let service = next().is_some_and(|(name, value)| {
        name == "service" && facts.services.iter().any(|service| service.name() == value)
    });
    let environment = next() == Some(("environment", ENVIRONMENT));
    // A metric with a further dimension is told by that set alone: there is no sum over its values.
    let further = match facts.further {
        None => true,
        Some(dimension) => next().is_some_and(|(name, value)| {
            name == dimension.name() && dimension.values().contains(&value)
        }),
    };
    let told = service && environment && further && next().is_none();
    (!told).then(|| format!("{} is not told by {:?}", name.metric, name.dimensions))
}
