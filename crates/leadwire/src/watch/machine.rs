//! The one machine: the template's own alarms, over the minutes in the data folder.

use super::{COUNTED, Counted, Severity, Standing, about, total};
use jiff::{SignedDuration, Timestamp};
use leadwire_cloudwatch::{
    Alarm, Names, Points, Query, Stats, Unanswered, Window, evaluate, read_alarms,
};
use leadwire_local::{Minute, TelemetryStore};
use leadwire_pipeline::observe::metric::NAMESPACE;
use leadwire_telemetry::local::State as QueueState;
use serde_json::Value;
use std::collections::BTreeMap;

/// The alarms of `template.yaml`, written by `cargo xtask template --write`.
const ALARMS: &str = include_str!("../../../../alarms/alarms.json");
/// The gauges of the queue stand under this service.
const PROCESS: &str = "leadwire";
/// Metrics whose silence is an alarm, and why there is none before their first value: the canary may be off, and the first sweep comes after
/// an hour.
const HEARTBEATS: [(&str, &str); 2] = [
    ("CanaryMailed", "no canary has been mailed yet"),
    ("SweepRuns", "no sweep has ended yet"),
];

/// A machine that is watched.
pub(crate) struct Machine {
    store: TelemetryStore,
    environment: String,
    now: Timestamp,
}

impl Machine {
    pub(crate) fn new(store: TelemetryStore, environment: &str, now: Timestamp) -> Self {
        Self {
            store,
            environment: environment.to_owned(),
            now,
        }
    }

    /// Every alarm. One that looks at AWS's own services has no state here.
    pub(crate) fn alarms(&self) -> anyhow::Result<Vec<Standing>> {
        let alarms = definitions(&self.environment)?;
        let before = BTreeMap::new();
        let mut verdicts = evaluate(&alarms, self, self.now.as_second(), &before);
        let standings = alarms.iter().map(|alarm| {
            let (state, reason) = match verdicts.remove(&alarm.id) {
                Some(Ok(verdict)) => (Some(verdict.state), verdict.reason),
                Some(Err(Unanswered(why))) => (None, why),
                None => (None, "it is a part of alarms that have no state".to_owned()),
            };
            let (about, runbook) = about(&alarm.description);
            Standing {
                name: alarm.id.clone(),
                state,
                severity: severity(alarm),
                reason,
                about,
                runbook,
            }
        });
        Ok(standings.collect())
    }

    /// The counted leads since then.
    pub(crate) fn counted(&self, since: SignedDuration) -> anyhow::Result<Counted> {
        let (from, to) = (minute(self.now - since), minute(self.now) + 1);
        let sums = COUNTED.map(|metric| {
            let services = metric.facts().services;
            let stage = services.first().map_or(PROCESS, |service| service.name());
            let minutes = self
                .store
                .read_minutes(metric.name(), &self.dimensions(stage), from, to);
            minutes.map(|minutes| total(minutes.iter().map(|minute| minute.sum)))
        });
        let [in_time, late, not_mailed] = sums;
        Ok(Counted {
            in_time: in_time?,
            late: late?,
            not_mailed: not_mailed?,
        })
    }

    fn dimensions(&self, service: &str) -> BTreeMap<String, String> {
        let service = ("service".to_owned(), service.to_owned());
        let environment = ("environment".to_owned(), self.environment.clone());
        BTreeMap::from([service, environment])
    }

    /// The name and dimensions under which a metric is kept here.
    fn kept(&self, query: &Query) -> Result<(String, BTreeMap<String, String>), Unanswered> {
        if query.namespace == NAMESPACE {
            return Ok((query.metric.clone(), query.dimensions.clone()));
        }
        let queue = query.dimensions.get("QueueName").map(String::as_str);
        let state = match (query.metric.as_str(), queue) {
            ("ApproximateNumberOfMessagesVisible", Some("DeadLetterQueue.QueueName")) => {
                QueueState::DeadLetters
            }
            ("ApproximateAgeOfOldestMessage", Some("DelayQueue.QueueName")) => {
                QueueState::OldestMessageSeconds
            }
            _ => {
                let of = &query.namespace;
                return Err(Unanswered(format!("{of} is not on one machine")));
            }
        };
        Ok((state.name().to_owned(), self.dimensions(PROCESS)))
    }

    fn minutes(
        &self,
        metric: &str,
        dimensions: &BTreeMap<String, String>,
        from: i64,
        to: i64,
    ) -> Result<Vec<Minute>, Unanswered> {
        let minutes = self.store.read_minutes(metric, dimensions, from, to);
        minutes.map_err(|error| Unanswered(error.to_string()))
    }
}

impl Points for Machine {
    fn points(&self, query: &Query, window: Window) -> Result<BTreeMap<i64, Stats>, Unanswered> {
        let (metric, dimensions) = self.kept(query)?;
        let heartbeat = HEARTBEATS.iter().find(|(name, _)| *name == metric);
        if let Some((_, why)) = heartbeat
            && self.minutes(&metric, &dimensions, 0, i64::MAX)?.is_empty()
        {
            return Err(Unanswered((*why).to_owned()));
        }
        let (from, to) = (window.begin().div_euclid(60), window.end.div_euclid(60) + 1);
        let mut periods = BTreeMap::<i64, Stats>::new();
        for minute in self.minutes(&metric, &dimensions, from, to)? {
            if let Some(begin) = window.slot(minute.minute * 60) {
                periods.entry(begin).or_default().merge(stats(minute));
            }
        }
        Ok(periods)
    }
}

fn stats(minute: Minute) -> Stats {
    Stats {
        count: f64::from(u32::try_from(minute.count).unwrap_or(u32::MAX)),
        sum: minute.sum,
        min: minute.min,
        max: minute.max,
        values: Vec::new(),
    }
}

fn minute(time: Timestamp) -> i64 {
    time.as_second().div_euclid(60)
}

/// The alarms as a stack of this environment would have them.
fn definitions(environment: &str) -> anyhow::Result<Vec<Alarm>> {
    let document: Value = serde_json::from_str(ALARMS)?;
    let mut names = Names {
        mappings: document.get("Mappings").cloned().unwrap_or_default(),
        ..Names::default()
    };
    let known = [
        // The dimension `environment`, which here has no stack to be named after.
        ("AWS::StackName", environment),
        ("CanaryMinutes", "15"),
        ("SweepMinutes", "60"),
    ];
    for (name, value) in known {
        names.references.insert(name.to_owned(), value.to_owned());
    }
    let (alarms, wrong) = read_alarms(document.get("Resources").unwrap_or(&Value::Null), &names);
    match wrong.into_iter().next() {
        Some(error) => Err(error.into()),
        None => Ok(alarms),
    }
}

fn severity(alarm: &Alarm) -> Severity {
    let notifies = |topic: &str| alarm.alarm_actions.iter().any(|action| action == topic);
    if notifies("AlarmTopic") {
        Severity::Page
    } else if notifies("TicketTopic") {
        Severity::Ticket
    } else {
        Severity::Part
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use leadwire_cloudwatch::Watch;

    #[test]
    fn every_alarm_of_the_template_can_be_read_and_says_where_to_read_on() {
        let alarms = definitions("dev").unwrap();
        assert!(alarms.len() > 20, "{}", alarms.len());
        for alarm in alarms {
            let (about, runbook) = about(&alarm.description);
            assert!(!about.is_empty(), "{}", alarm.id);
            let heading = format!("docs/RUNBOOK.md#{}", alarm.id);
            let part = severity(&alarm) == Severity::Part;
            assert!(part || runbook == heading, "{}: {runbook}", alarm.id);
            let composite = matches!(alarm.watch, Watch::Alarms(_));
            assert!(!composite || !part, "{}", alarm.id);
        }
    }
}
