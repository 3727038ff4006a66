//! Who looks at what: dashboards and alarms over metrics.

use crate::dashboard::board::Board;
use crate::dashboard::{self, family};
use crate::{shell, template};
use anyhow::Result;
use leadwire_telemetry::alarm::Watch;
use std::collections::{BTreeMap, BTreeSet};

/// The dashboards and alarms of the project.
pub(super) struct Told {
    pub(super) boards: BTreeMap<String, Board>,
    alarms: Vec<Alarm>,
}

/// An alarm.
pub(super) struct Alarm {
    pub(super) id: String,
    /// Whom it tells.
    pub(super) route: &'static str,
    /// What it looks at: metrics, or other alarms.
    pub(super) looks_at: BTreeSet<String>,
    metrics: BTreeSet<(String, String)>,
    /// How many series it looks at.
    series: usize,
}

impl Told {
    /// Reads `dashboards/` and `alarms/alarms.json`.
    pub(super) fn read() -> Result<Self> {
        let boards = dashboard::read_all(&shell::root())?.into_iter();
        let boards = boards.map(|(name, json)| Ok((name, Board::read(&json)?)));
        Ok(Self {
            boards: boards.collect::<Result<_>>()?,
            alarms: template::recorded_alarms()?.iter().map(alarm).collect(),
        })
    }

    /// The alarms, those that wake somebody first.
    pub(super) fn alarms(&self) -> Vec<&Alarm> {
        let mut alarms: Vec<&Alarm> = self.alarms.iter().collect();
        alarms.sort_by_key(|alarm| (alarm.route, alarm.id.as_str()));
        alarms
    }

    /// The alarms that look at a metric.
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

    /// The metrics of AWS that anybody looks at.
    pub(super) fn of_aws(&self) -> BTreeSet<(&str, &str)> {
        let shown = self.boards.values().flat_map(Board::names);
        let shown = shown.map(|name| (name.namespace.as_str(), name.metric.as_str()));
        let watched = self.alarms.iter().flat_map(|alarm| &alarm.metrics);
        let watched = watched.map(|(namespace, metric)| (namespace.as_str(), metric.as_str()));
        let all = shown.chain(watched);
        all.filter(|(namespace, _)| *namespace != family::OURS)
            .collect()
    }

    /// How many series alarms look at.
    pub(super) fn series(&self) -> usize {
        self.alarms.iter().map(|alarm| alarm.series).sum()
    }

    /// How many alarms look at other alarms.
    pub(super) fn composites(&self) -> usize {
        self.alarms.iter().filter(|alarm| alarm.series == 0).count()
    }
}

fn alarm(alarm: &leadwire_telemetry::alarm::Alarm) -> Alarm {
    let route = match alarm.alarm_actions.first().map(String::as_str) {
        Some("AlarmTopic") => "a person (`AlarmTopic`)",
        Some(_) => "someone in the morning (`TicketTopic`)",
        None => "the alarm that it is half of",
    };
    let mut metrics = BTreeSet::new();
    let (looks_at, series) = match &alarm.watch {
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
            let names = names.map(|name| name.strip_prefix("stack-").unwrap_or(name).to_owned());
            (names.collect(), 0)
        }
    };
    Alarm {
        id: alarm.id.clone(),
        route,
        looks_at,
        metrics,
        series,
    }
}
