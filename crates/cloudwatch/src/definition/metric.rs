//! An alarm on metrics: which, by what statistic, against what threshold, how often.

use super::{Fields, misunderstood};
use crate::expression::{Comparison, Expression};
use crate::points::{Query, Statistic};
use crate::rule::Rule;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How many metrics an alarm may look at, and how many expressions it may have.
const METRICS_MAX: usize = 10;
/// How far back an alarm may look: with periods below an hour, and with longer ones.
const REACH_SECONDS_MAX: (i64, i64) = (86_400, 604_800);
const MIXED: &str = "an entry is a MetricStat or an Expression";
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

pub(super) fn read(fields: &Fields<'_>) -> Result<MetricAlarm, String> {
    let alarm = if fields.has("Metrics") {
        math(fields)?
    } else {
        plain(fields)?
    };
    bounds(&alarm)?;
    Ok(alarm)
}

/// An alarm with what both of its forms have.
fn alarm(
    fields: &Fields<'_>,
    metrics: Vec<Watched>,
    expressions: Vec<(String, Expression)>,
    returned: String,
    period: i64,
) -> Result<MetricAlarm, String> {
    let evaluation_periods = fields.required("EvaluationPeriods")?;
    let datapoints_to_alarm = fields.optional("DatapointsToAlarm")?;
    Ok(MetricAlarm {
        metrics,
        expressions,
        returned,
        period,
        evaluation_periods,
        datapoints_to_alarm: datapoints_to_alarm.unwrap_or(evaluation_periods),
        comparison: comparison(fields)?,
        threshold: fields.required("Threshold")?,
        missing: missing(fields)?,
    })
}

fn comparison(fields: &Fields<'_>) -> Result<Comparison, String> {
    let property = "ComparisonOperator";
    match fields.required::<String>(property)?.as_str() {
        "GreaterThanThreshold" => Ok(Comparison::Greater),
        "GreaterThanOrEqualToThreshold" => Ok(Comparison::GreaterOrEqual),
        "LessThanThreshold" => Ok(Comparison::Less),
        "LessThanOrEqualToThreshold" => Ok(Comparison::LessOrEqual),
        _ => Err(misunderstood(property)),
    }
}

fn missing(fields: &Fields<'_>) -> Result<Missing, String> {
    let property = "TreatMissingData";
    match fields.optional::<String>(property)?.as_deref() {
        None | Some("missing") => Ok(Missing::Missing),
        Some("ignore") => Ok(Missing::Ignore),
        Some("breaching") => Ok(Missing::Breaching),
        Some("notBreaching") => Ok(Missing::NotBreaching),
        Some(_) => Err(misunderstood(property)),
    }
}

fn bounds(alarm: &MetricAlarm) -> Result<(), String> {
    if !alarm.threshold.is_finite() {
        return Err(misunderstood("Threshold"));
    }
    let period = alarm.period;
    let is_period = [10, 20, 30].contains(&period) || period > 0 && period % 60 == 0;
    need(
        is_period,
        "a period is 10, 20, 30 or a multiple of 60 seconds",
    )?;
    let count = i64::try_from(alarm.evaluation_periods).unwrap_or(i64::MAX);
    let (reach_short, reach_long) = REACH_SECONDS_MAX;
    let reach = if period < 3600 {
        reach_short
    } else {
        reach_long
    };
    let is_near = count.saturating_mul(period) <= reach;
    need(is_near, "it looks back too far")?;
    let is_within = (1..=alarm.evaluation_periods).contains(&alarm.datapoints_to_alarm);
    need(
        is_within,
        "DatapointsToAlarm is not within EvaluationPeriods",
    )
}

fn need(is_good: bool, otherwise: &'static str) -> Result<(), String> {
    if is_good {
        Ok(())
    } else {
        Err(otherwise.to_owned())
    }
}

fn plain(fields: &Fields<'_>) -> Result<MetricAlarm, String> {
    let simple: Option<Statistic> = fields.optional("Statistic")?;
    let extended: Option<Statistic> = fields.optional("ExtendedStatistic")?;
    let is_percentile = |of: &Statistic| matches!(of, Statistic::Percentile(_));
    let statistic = match (simple, extended) {
        (Some(simple), None) => Some(simple).filter(|of| !is_percentile(of)),
        (None, Some(extended)) => Some(extended).filter(is_percentile),
        _ => None,
    };
    let watched = Watched {
        id: ONLY.to_owned(),
        query: query(fields)?,
        statistic: statistic.ok_or_else(|| misunderstood("Statistic"))?,
    };
    let period = fields.required("Period")?;
    alarm(fields, vec![watched], Vec::new(), ONLY.to_owned(), period)
}

fn query(fields: &Fields<'_>) -> Result<Query, String> {
    let dimensions = fields.list("Dimensions");
    let dimensions: Result<BTreeMap<_, _>, String> = dimensions
        .map(|field| Ok((field.required("Name")?, field.required("Value")?)))
        .collect();
    Ok(Query {
        namespace: fields.required("Namespace")?,
        metric: fields.required("MetricName")?,
        dimensions: dimensions?,
    })
}

fn math(fields: &Fields<'_>) -> Result<MetricAlarm, String> {
    let given = [
        "MetricName",
        "Namespace",
        "Dimensions",
        "Period",
        "Statistic",
        "ExtendedStatistic",
    ];
    let is_alone = !given.into_iter().any(|property| fields.has(property));
    need(is_alone, "beside Metrics there is no metric of its own")?;
    let (mut metrics, mut expressions) = (Vec::new(), Vec::new());
    let (mut returned, mut periods) = (Vec::new(), BTreeSet::new());
    let parse = |text: &str| Expression::parse(text).map_err(|error| error.to_string());
    for entry in fields.list("Metrics") {
        let id: String = entry.required("Id")?;
        let expression: Option<String> = entry.optional("Expression")?;
        match (expression, entry.within("MetricStat")) {
            (Some(text), None) => expressions.push((id.clone(), parse(&text)?)),
            (None, Some(stat)) => {
                periods.insert(stat.required("Period")?);
                let metric = stat
                    .within("Metric")
                    .ok_or_else(|| misunderstood("Metric"))?;
                metrics.push(Watched {
                    id: id.clone(),
                    query: query(&metric)?,
                    statistic: stat.required("Stat")?,
                });
            }
            _ => return Err(MIXED.to_owned()),
        }
        if entry.properties.get("ReturnData") != Some(&Value::Bool(false)) {
            returned.push(id);
        }
    }
    let periods: Vec<i64> = periods.into_iter().collect();
    let ([returned], [period]) = (returned.as_slice(), periods.as_slice()) else {
        return Err("one entry has ReturnData, and all metrics have one period".to_owned());
    };
    let alarm = alarm(fields, metrics, expressions, returned.clone(), *period)?;
    ids(&alarm)?;
    Ok(alarm)
}

fn ids(alarm: &MetricAlarm) -> Result<(), String> {
    let is_small = alarm.metrics.len().max(alarm.expressions.len()) <= METRICS_MAX;
    need(is_small, "it has more than 10 metrics or expressions")?;
    let names = alarm.metrics.iter().map(|watched| watched.id.as_str());
    let names: Vec<&str> = names
        .chain(alarm.expressions.iter().map(|(id, _)| id.as_str()))
        .collect();
    let is_id = |id: &&str| {
        id.starts_with(|c: char| c.is_ascii_lowercase())
            && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    let are_ids = names.iter().all(is_id) && BTreeSet::from_iter(&names).len() == names.len();
    need(
        are_ids,
        "ids begin with a small letter, and each is there once",
    )?;
    for (expression, read) in &alarm.expressions {
        if let Some(id) = read.ids().into_iter().find(|id| !names.contains(id)) {
            return Err(format!("{expression} names {id}, which there is not"));
        }
    }
    Ok(())
}
