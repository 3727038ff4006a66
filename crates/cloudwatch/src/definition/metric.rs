//! An alarm on metrics: which, by what statistic, against what threshold, how often.

use super::{Fields, Mistake};
use crate::expression::Expression;
use crate::intrinsic::Resolve;
use crate::points::{Query, Statistic};
use crate::rule::Rule;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How many metrics an alarm may look at, and how many expressions it may have.
const METRICS_MAX: usize = 10;
/// How far back an alarm may look: with periods below an hour, and with longer ones.
const REACH_SECONDS_MAX: (i64, i64) = (86_400, 604_800);
/// The id of the one metric of an alarm that has no metric math.
const ONLY: &str = "m1";

/// What an alarm looks at.
#[derive(Clone, Debug, PartialEq)]
pub enum Watch {
    /// Metrics.
    Metric(MetricAlarm),
    /// Other alarms.
    Alarms(Rule),
}

/// How an alarm judges metrics.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricAlarm {
    /// The metrics by their ids.
    pub metrics: Vec<Watched>,
    /// The expressions by their ids.
    pub expressions: Vec<(String, Expression)>,
    /// The id whose values are compared.
    pub returned: String,
    /// The length of a period in seconds.
    pub period: i64,
    /// How many periods are judged (N).
    pub evaluation_periods: usize,
    /// How many of them must breach (M).
    pub datapoints_to_alarm: usize,
    /// How a value breaches.
    pub comparison: Comparison,
    /// What values are compared with.
    pub threshold: f64,
    /// What a period without a value counts as.
    pub missing: Missing,
}

/// A metric of an alarm.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// Its id in expressions.
    pub id: String,
    /// Which metric.
    pub query: Query,
    /// What of it.
    pub statistic: Statistic,
}

/// How a value breaches the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// It is greater.
    Greater,
    /// It is greater or the same.
    GreaterOrEqual,
    /// It is less.
    Less,
    /// It is less or the same.
    LessOrEqual,
}

impl Comparison {
    /// Whether a value breaches.
    pub fn breaches(self, value: f64, threshold: f64) -> bool {
        match self {
            Self::Greater => value > threshold,
            Self::GreaterOrEqual => value >= threshold,
            Self::Less => value < threshold,
            Self::LessOrEqual => value <= threshold,
        }
    }

    /// Its sign.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "GreaterThanThreshold" => Some(Self::Greater),
            "GreaterThanOrEqualToThreshold" => Some(Self::GreaterOrEqual),
            "LessThanThreshold" => Some(Self::Less),
            "LessThanOrEqualToThreshold" => Some(Self::LessOrEqual),
            _ => None,
        }
    }
}

/// What a period without a value counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// As missing: without any value too little is known.
    Missing,
    /// The state stays as it is.
    Ignore,
    /// It breaches.
    Breaching,
    /// It does not.
    NotBreaching,
}

impl Missing {
    fn parse(text: &str) -> Option<Self> {
        match text {
            "missing" => Some(Self::Missing),
            "ignore" => Some(Self::Ignore),
            "breaching" => Some(Self::Breaching),
            "notBreaching" => Some(Self::NotBreaching),
            _ => None,
        }
    }
}

pub(super) fn read<R: Resolve>(fields: &Fields<'_, R>) -> Result<MetricAlarm, Mistake> {
    let parts = if fields.properties.get("Metrics").is_some() {
        math(fields)?
    } else {
        plain(fields)?
    };
    let whole = |property| -> Result<Option<usize>, Mistake> {
        let number = fields.whole(property)?;
        number
            .map(|n| usize::try_from(n).or(Err(Mistake::Property(property))))
            .transpose()
    };
    let periods = whole("EvaluationPeriods")?.ok_or(Mistake::Property("EvaluationPeriods"))?;
    let comparison = Comparison::parse(&fields.text("ComparisonOperator")?);
    let missing = fields.optional_text("TreatMissingData")?;
    let alarm = MetricAlarm {
        metrics: parts.metrics,
        expressions: parts.expressions,
        returned: parts.returned,
        period: parts.period,
        evaluation_periods: periods,
        datapoints_to_alarm: whole("DatapointsToAlarm")?.unwrap_or(periods),
        comparison: comparison.ok_or(Mistake::Property("ComparisonOperator"))?,
        threshold: fields.number("Threshold")?,
        missing: Missing::parse(missing.as_deref().unwrap_or("missing"))
            .ok_or(Mistake::Property("TreatMissingData"))?,
    };
    bounds(&alarm)?;
    Ok(alarm)
}

fn bounds(alarm: &MetricAlarm) -> Result<(), Mistake> {
    let short = [10, 20, 30].contains(&alarm.period);
    if alarm.period <= 0 || !(short || alarm.period % 60 == 0) {
        return Err(Mistake::Refused(
            "a period is 10, 20, 30 or a multiple of 60 seconds",
        ));
    }
    let count = i64::try_from(alarm.evaluation_periods).unwrap_or(i64::MAX);
    let reach = if alarm.period < 3600 {
        REACH_SECONDS_MAX.0
    } else {
        REACH_SECONDS_MAX.1
    };
    if count.saturating_mul(alarm.period) > reach {
        return Err(Mistake::Refused("it looks back too far"));
    }
    if !(1..=alarm.evaluation_periods).contains(&alarm.datapoints_to_alarm) {
        return Err(Mistake::Refused(
            "DatapointsToAlarm is not within EvaluationPeriods",
        ));
    }
    Ok(())
}

/// What the two forms of an alarm have in common.
struct Parts {
    metrics: Vec<Watched>,
    expressions: Vec<(String, Expression)>,
    returned: String,
    period: i64,
}

fn plain<R: Resolve>(fields: &Fields<'_, R>) -> Result<Parts, Mistake> {
    let statistic = match (
        fields.optional_text("Statistic")?,
        fields.optional_text("ExtendedStatistic")?,
    ) {
        (Some(text), None) => {
            Statistic::parse(&text).filter(|s| !matches!(s, Statistic::Percentile(_)))
        }
        (None, Some(text)) => {
            Statistic::parse(&text).filter(|s| matches!(s, Statistic::Percentile(_)))
        }
        _ => None,
    };
    let watched = Watched {
        id: ONLY.to_owned(),
        query: query(fields)?,
        statistic: statistic.ok_or(Mistake::Property("Statistic"))?,
    };
    Ok(Parts {
        metrics: vec![watched],
        expressions: Vec::new(),
        returned: ONLY.to_owned(),
        period: fields.whole("Period")?.ok_or(Mistake::Property("Period"))?,
    })
}

fn query<R: Resolve>(fields: &Fields<'_, R>) -> Result<Query, Mistake> {
    let dimension = |value: &Value| {
        let field = fields.within(value);
        Ok((field.text("Name")?, field.text("Value")?))
    };
    let dimensions: Result<BTreeMap<_, _>, Mistake> =
        fields.list("Dimensions").map(dimension).collect();
    Ok(Query {
        namespace: fields.text("Namespace")?,
        metric: fields.text("MetricName")?,
        dimensions: dimensions?,
    })
}

fn math<R: Resolve>(fields: &Fields<'_, R>) -> Result<Parts, Mistake> {
    let given = [
        "MetricName",
        "Namespace",
        "Dimensions",
        "Period",
        "Statistic",
        "ExtendedStatistic",
    ];
    if given
        .iter()
        .any(|property| fields.properties.get(*property).is_some())
    {
        return Err(Mistake::Refused(
            "beside Metrics there is no metric of its own",
        ));
    }
    let (mut metrics, mut expressions) = (Vec::new(), Vec::new());
    let (mut returned, mut periods) = (Vec::new(), BTreeSet::new());
    for entry in fields.list("Metrics") {
        let entry = fields.within(entry);
        let id = entry.text("Id")?;
        match (
            entry.optional_text("Expression")?,
            entry.properties.get("MetricStat"),
        ) {
            (Some(text), None) => expressions.push((id.clone(), Expression::parse(&text)?)),
            (None, Some(stat)) => {
                let stat = entry.within(stat);
                periods.insert(stat.whole("Period")?.ok_or(Mistake::Property("Period"))?);
                let metric = stat
                    .properties
                    .get("Metric")
                    .ok_or(Mistake::Property("Metric"))?;
                metrics.push(Watched {
                    id: id.clone(),
                    query: query(&stat.within(metric))?,
                    statistic: Statistic::parse(&stat.text("Stat")?)
                        .ok_or(Mistake::Property("Stat"))?,
                });
            }
            _ => {
                return Err(Mistake::Refused(
                    "an entry is a MetricStat or an Expression",
                ));
            }
        }
        if entry.properties.get("ReturnData") != Some(&Value::Bool(false)) {
            returned.push(id);
        }
    }
    let periods: Vec<i64> = periods.into_iter().collect();
    let ([returned], [period]) = (returned.as_slice(), periods.as_slice()) else {
        return Err(Mistake::Refused(
            "one entry has ReturnData, and all metrics have one period",
        ));
    };
    let parts = Parts {
        returned: returned.clone(),
        period: *period,
        metrics,
        expressions,
    };
    ids(&parts)?;
    Ok(parts)
}

fn ids(parts: &Parts) -> Result<(), Mistake> {
    if parts.metrics.len() > METRICS_MAX || parts.expressions.len() > METRICS_MAX {
        return Err(Mistake::Refused(
            "it has more than 10 metrics or expressions",
        ));
    }
    let names = parts.metrics.iter().map(|watched| watched.id.as_str());
    let names: Vec<&str> = names
        .chain(parts.expressions.iter().map(|(id, _)| id.as_str()))
        .collect();
    let is_id = |id: &&str| {
        id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    if !names.iter().all(is_id) || BTreeSet::from_iter(&names).len() != names.len() {
        return Err(Mistake::Refused(
            "ids begin with a small letter, and each is there once",
        ));
    }
    for (expression, read) in &parts.expressions {
        if let Some(id) = read.ids().into_iter().find(|id| !names.contains(id)) {
            return Err(Mistake::UnknownId {
                expression: expression.clone(),
                id: id.to_owned(),
            });
        }
    }
    Ok(())
}
