//! Which dashboards and alarms use which metric.

use crate::dashboard::board::Board;
use crate::template::alarms::STACK;
use crate::{dashboard, template};
use anyhow::Result;
use leadwire_cloudwatch::Watch;
use leadwire_pipeline::observe::metric::NAMESPACE;
use std::collections::{BTreeMap, BTreeSet};

/// The dashboards and alarms of the project.
pub(super) struct Usage {
    pub(super) boards: BTreeMap<String, Board>,
    alarms: Vec<Alarm>,
}

/// An alarm.
pub(super) struct Alarm {
    pub(super) id: String,
    /// Who is notified.
    pub(super) route: &'static str,
    /// What it evaluates: metrics, or other alarms.
    pub(super) inputs: BTreeSet<String>,
    metrics: BTreeSet<(String, String)>,
    /// How many series it evaluates.
    series: usize,
}

impl Usage {
    /// Reads `dashboards/` and `alarms/alarms.json`.
    pub(super) fn read() -> Result<Self> {
        let boards = dashboard::read_all()?.into_iter();
        let boards = boards.map(|(name, json)| Ok((name, Board::read(&json)?)));
        let alarms = template::stored_alarms()?;
        Ok(Self {
            boards: boards.collect::<Result<_>>()?,
            alarms: alarms.iter().map(alarm).collect(),
        })
    }

    /// The alarms, pages first.
    pub(super) fn alarms(&self) -> Vec<&Alarm> {
        let mut alarms: Vec<&Alarm> = self.alarms.iter().collect();
        alarms.sort_by_key(|alarm| (alarm.route, alarm.id.as_str()));
        alarms
    }

    /// The alarms on a metric.
    pub(super) fn alarms_on(&self, namespace: &str, metric: &str) -> Vec<String> {
        let wanted = (namespace.to_owned(), metric.to_owned());
        let found = self
            .alarms
            .iter()
            .filter(|alarm| alarm.metrics.contains(&wanted));
        found.map(|alarm| format!("`{}`", alarm.id)).collect()
    }

    /// The dashboards that show a metric.
    pub(super) fn boards_with(&self, namespace: &str, metric: &str) -> Vec<String> {
        let shows = |board: &Board| {
            let mut names = board.names();
            names.any(|name| name.namespace == namespace && name.metric == metric)
        };
        let found = self.boards.iter().filter(|(_, board)| shows(board));
        found.map(|(name, _)| name.clone()).collect()
    }

    /// The metrics of AWS that are used.
    pub(super) fn of_aws(&self) -> BTreeSet<(&str, &str)> {
        let shown = self.boards.values().flat_map(Board::names);
        let shown = shown.map(|name| (name.namespace.as_str(), name.metric.as_str()));
        let used = self.alarms.iter().flat_map(|alarm| &alarm.metrics);
        let used = used.map(|(namespace, metric)| (namespace.as_str(), metric.as_str()));
        let all = shown.chain(used);
        all.filter(|(namespace, _)| *namespace != NAMESPACE)
            .collect()
    }

    /// How many series alarms evaluate.
    pub(super) fn series(&self) -> usize {
        self.alarms.iter().map(|alarm| alarm.series).sum()
    }

    /// How many alarms combine other alarms.
    pub(super) fn composites(&self) -> usize {
        self.alarms.iter().filter(|alarm| alarm.series == 0).count()
    }
}

fn alarm(alarm: &leadwire_cloudwatch::Alarm) -> Alarm {
    let route = match alarm.alarm_actions.first().map(String::as_str) {
        Some("AlarmTopic") => "a person (`AlarmTopic`)",
        Some(_) => "someone in the morning (`TicketTopic`)",
        None => "the alarm that it is half of",
    };
    let mut metrics = BTreeSet::new();
    let (inputs, series) = match &alarm.watch {
        Watch::Metric(watch) => {
            let queries = watch.metrics.iter();
            let queries =
                queries.map(|metric| (metric.query.namespace.clone(), metric.query.metric.clone()));
            metrics.extend(queries);
            let names = metrics.iter().map(|(_, metric)| metric.clone());
            (names.collect(), watch.metrics.len())
        }
        Watch::Alarms(rule) => {
            let names = rule.names().into_iter();
            let prefix = format!("{STACK}-");
            let names = names.map(|name| name.strip_prefix(&prefix).unwrap_or(name).to_owned());
            (names.collect(), 0)
        }
    };
    Alarm {
        id: alarm.id.clone(),
        route,
        inputs,
        metrics,
        series,
    }
}
