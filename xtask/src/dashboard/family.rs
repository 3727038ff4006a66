//! The metrics that exist: ours by the catalogue, and those of AWS that are of use, with their dimensions.

use super::board::Name;
use leadwire_pipeline::observe::metric::Metric;

/// Our own namespace.
pub(crate) const OURS: &str = "Leadwire";
const ENVIRONMENT: &str = "${Environment}";

/// Metrics of AWS that have the same dimensions.
pub(crate) struct Family {
    namespace: &'static str,
    metrics: &'static str,
    pub(crate) dimensions: &'static [(&'static str, Value)],
}

/// What the value of a dimension must be.
pub(crate) enum Value {
    Text(&'static str),
    /// `${Id<attribute>}` of a resource of this type: type and attribute.
    Of(&'static str, &'static str),
}

const FAMILIES: [Family; 6] = [
    Family {
        namespace: "AWS/SQS",
        metrics: "ApproximateAgeOfOldestMessage ApproximateNumberOfMessagesDelayed \
            ApproximateNumberOfMessagesNotVisible ApproximateNumberOfMessagesVisible \
            NumberOfMessagesDeleted NumberOfMessagesReceived NumberOfMessagesSent",
        dimensions: &[("QueueName", Value::Of("AWS::SQS::Queue", ".QueueName"))],
    },
    Family {
        namespace: "AWS/Lambda",
        metrics: "ConcurrentExecutions Duration Errors Invocations Throttles",
        dimensions: &[("FunctionName", Value::Of("AWS::Lambda::Function", ""))],
    },
    Family {
        namespace: "AWS/ApiGateway",
        metrics: "4XXError 5XXError Count IntegrationLatency Latency",
        dimensions: &[
            ("ApiName", Value::Text("${AWS::StackName}")),
            ("Stage", Value::Text("Prod")),
        ],
    },
    Family {
        namespace: "AWS/Logs",
        metrics: "EMFParsingErrors EMFValidationErrors IncomingLogEvents",
        dimensions: &[("LogGroupName", Value::Of("AWS::Logs::LogGroup", ""))],
    },
    Family {
        namespace: "AWS/SNS",
        metrics: "NumberOfMessagesPublished NumberOfNotificationsDelivered \
            NumberOfNotificationsFailed",
        dimensions: &[("TopicName", Value::Of("AWS::SNS::Topic", ".TopicName"))],
    },
    Family {
        namespace: "AWS/SES",
        metrics: "Bounce Complaint Reject Send",
        dimensions: &[("ses:configuration-set", Value::Text("${MailSet}"))],
    },
];

/// The family of a metric of AWS.
pub(crate) fn of(name: &Name) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| {
        let mut metrics = family.metrics.split_whitespace();
        family.namespace == name.namespace && metrics.any(|metric| metric == name.metric)
    })
}

/// What is wrong with a row of one of our metrics.
pub(crate) fn breach_of_ours(name: &Name) -> Option<String> {
    let Some(metric) = Metric::from_name(&name.metric) else {
        return Some(format!("there is no metric {}", name.metric));
    };
    let facts = metric.facts();
    let mut dimensions = name.dimensions.iter();
    let mut next = || {
        let (name, value) = dimensions.next()?;
        Some((name.as_str(), value.as_str()))
    };
    let service = next().is_some_and(|(name, value)| {
        name == "service" && facts.services.iter().any(|service| service.name() == value)
    });
    let environment = next() == Some(("environment", ENVIRONMENT));
    // A metric with a further dimension is emitted by that set alone: there is no sum over its values.
    let further = match facts.further {
        None => true,
        Some(dimension) => next().is_some_and(|(name, value)| {
            name == dimension.name() && dimension.values().contains(&value)
        }),
    };
    let exists = service && environment && further && next().is_none();
    (!exists).then(|| format!("{} has no series {:?}", name.metric, name.dimensions))
}
