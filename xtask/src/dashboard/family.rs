//! The metrics that exist, for dashboards and alarms: ours by the catalogue, and those of AWS that are of use, with their dimensions.

use leadwire_cloudwatch::Query;
use leadwire_pipeline::observe::metric::Metric;

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

const FAMILIES: [Family; 7] = [
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
        namespace: "AWS/Events",
        metrics: "FailedInvocations Invocations TriggeredRules",
        dimensions: &[("RuleName", Value::Of("AWS::Events::Rule", ""))],
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

/// The family of a metric of AWS with the names of its dimensions.
pub(crate) fn of(query: &Query) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| {
        let mut metrics = family.metrics.split_whitespace();
        family.namespace == query.namespace
            && metrics.any(|metric| metric == query.metric)
            && query
                .dimensions
                .keys()
                .eq(family.dimensions.iter().map(|(name, _)| name))
    })
}

/// What is wrong with a metric of ours; its dimension `environment` must be this.
pub(crate) fn breach_of_ours(query: &Query, environment: &str) -> Option<String> {
    let Query {
        metric, dimensions, ..
    } = query;
    let Some(facts) = Metric::from_name(metric).map(Metric::facts) else {
        return Some(format!("{metric} is not in the catalogue"));
    };
    let by = |name: &str| dimensions.get(name).map(String::as_str);
    let mut services = facts.services.iter();
    let is_emitted = services.any(|service| by("service") == Some(service.name()));
    // A metric with a further dimension is emitted by that set alone: there is no sum over its values.
    let mut further = facts.further.iter();
    let is_divided = further
        .all(|further| by(further.name()).is_some_and(|value| further.values().contains(&value)));
    let exists = is_emitted
        && is_divided
        && by("environment") == Some(environment)
        && dimensions.len() == 2 + facts.further.iter().len();
    (!exists).then(|| format!("{metric} has no series {dimensions:?}"))
}
