//! A deployed stack: `CloudWatch` watches, and is asked.

use super::{COUNTED, Counted, Severity, Standing, about, total};
use crate::home::stack::{find, output_of};
use anyhow::Context as _;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{AlarmType, Datapoint, Dimension, StateValue, Statistic};
use jiff::{SignedDuration, Timestamp};
use leadwire_cloudwatch::State;
use leadwire_pipeline::observe::metric::{Metric, NAMESPACE};

/// The most points that one request gives.
const POINTS_MAX: i64 = 1_440;
/// A time that is asked for by the minute; longer ones go by the hour.
const BY_MINUTE_MAX: SignedDuration = SignedDuration::from_hours(12);
// The 35 days that `slo` allows fit into one request, and so does what goes by the minute.
const _: () = assert!(35 * 24 < POINTS_MAX && BY_MINUTE_MAX.as_secs() / 60 < POINTS_MAX);

/// A stack that is watched.
pub(crate) struct Watched {
    client: aws_sdk_cloudwatch::Client,
    name: String,
    page_topic: String,
}

impl Watched {
    /// Finds the stack by its name.
    pub(crate) async fn find(name: &str) -> anyhow::Result<Self> {
        let (clients, stack) = find(name).await?;
        let missing = || format!("the stack {name} is not one of leadwire's");
        Ok(Self {
            client: aws_sdk_cloudwatch::Client::new(clients.sdk()),
            name: name.to_owned(),
            page_topic: output_of(&stack, "AlarmTopicArn").with_context(missing)?,
        })
    }

    /// Every alarm of the stack, composites included.
    pub(crate) async fn alarms(&self) -> anyhow::Result<Vec<Standing>> {
        let mut pages = self
            .client
            .describe_alarms()
            .alarm_name_prefix(format!("{}-", self.name))
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.context("could not list the alarms")?;
            for alarm in page.metric_alarms() {
                let texts = (
                    alarm.alarm_name(),
                    alarm.alarm_description(),
                    alarm.state_reason(),
                );
                found.push(self.standing(texts, alarm.state_value(), alarm.alarm_actions()));
            }
            for alarm in page.composite_alarms() {
                let texts = (
                    alarm.alarm_name(),
                    alarm.alarm_description(),
                    alarm.state_reason(),
                );
                found.push(self.standing(texts, alarm.state_value(), alarm.alarm_actions()));
            }
        }
        Ok(found)
    }

    fn standing(
        &self,
        (name, description, reason): (Option<&str>, Option<&str>, Option<&str>),
        state: Option<&StateValue>,
        actions: &[String],
    ) -> Standing {
        let (about, runbook) = about(description.unwrap_or_default());
        let severity = if actions.contains(&self.page_topic) {
            Severity::Page
        } else if actions.is_empty() {
            Severity::Part
        } else {
            Severity::Ticket
        };
        Standing {
            name: name.unwrap_or_default().to_owned(),
            state: state.and_then(|state| State::from_name(state.as_str())),
            severity,
            reason: reason.unwrap_or_default().to_owned(),
            about,
            runbook,
        }
    }

    /// The counted leads of the time until now.
    pub(crate) async fn counted(
        &self,
        now: Timestamp,
        since: SignedDuration,
    ) -> anyhow::Result<Counted> {
        let [in_time, late, not_mailed] = COUNTED;
        Ok(Counted {
            in_time: self.sum(in_time, now, since).await?,
            late: self.sum(late, now, since).await?,
            not_mailed: self.sum(not_mailed, now, since).await?,
        })
    }

    async fn sum(
        &self,
        metric: Metric,
        now: Timestamp,
        since: SignedDuration,
    ) -> anyhow::Result<f64> {
        let services = metric.facts().services;
        let service = services.first().map_or("", |service| service.name());
        let dimension =
            |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
        let request = self
            .client
            .get_metric_statistics()
            .namespace(NAMESPACE)
            .metric_name(metric.name())
            .dimensions(dimension("service", service))
            .dimensions(dimension("environment", &self.name))
            .start_time(DateTime::from_secs((now - since).as_second()))
            .end_time(DateTime::from_secs(now.as_second()))
            .period(period(since))
            .statistics(Statistic::Sum);
        let answer = request.send().await;
        let answer = answer.with_context(|| format!("could not read {}", metric.name()))?;
        Ok(total(answer.datapoints().iter().filter_map(Datapoint::sum)))
    }
}

/// The length of a period in seconds. of what is older than 15 days `CloudWatch` keeps five minutes at the finest, and to a period that is no
/// multiple of them it answers with nothing.
fn period(since: SignedDuration) -> i32 {
    if since <= BY_MINUTE_MAX { 60 } else { 3_600 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_one_that_cloudwatch_still_keeps_and_gives_at_once() {
        for days in 1..=35 {
            let since = SignedDuration::from_hours(24 * days);
            let period = i64::from(period(since));
            assert_eq!(period % 300, 0, "{days}");
            assert!(since.as_secs() / period < POINTS_MAX, "{days}");
        }
        for hours in [1, 6] {
            assert_eq!(period(SignedDuration::from_hours(hours)), 60);
        }
    }
}
