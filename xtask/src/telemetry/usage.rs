//! Which dashboards and alarms use which metric.

use crate::dashboard::board::Board;
use crate::template::alarms::{STACK, queries};
use crate::{dashboard, template};
use anyhow::Result;
use leadwire_cloudwatch::{Alarm, Query, Watch};
use leadwire_pipeline::observe::metric::NAMESPACE;
use std::collections::{BTreeMap, BTreeSet};

/// The dashboards and alarms of the project.
pub(super) struct Usage {
    pub(super) boards: BTreeMap<String, Board>,
    pub(super) alarms: Vec<Alarm>,
}

impl Usage {
    /// Reads `dashboards/` and `alarms/alarms.json`.
    pub(super) fn read() -> Result<Self> {
        let boards = dashboard::read_all()?.into_iter();
        let boards = boards.map(|(name, json)| Ok((name, Board::read(&json)?)));
        Ok(Self {
            boards: boards.collect::<Result<_>>()?,
            alarms: template::stored_alarms()?,
        })
    }

    /// The alarms on a metric.
    pub(super) fn alarms_on(&self, namespace: &str, metric: &str) -> Vec<String> {
        let is_on = |alarm: &&Alarm| queries(alarm).any(|query| is_of(query, namespace, metric));
        let found = self.alarms.iter().filter(is_on);
        found.map(|alarm| format!("`{}`", alarm.id)).collect()
    }

    /// The dashboards that show a metric.
    pub(super) fn boards_with(&self, namespace: &str, metric: &str) -> Vec<String> {
        let shows = |board: &Board| board.names().any(|query| is_of(query, namespace, metric));
        let found = self.boards.iter().filter(|(_, board)| shows(board));
        found.map(|(name, _)| name.clone()).collect()
    }

    /// The metrics of AWS that are used.
    pub(super) fn of_aws(&self) -> BTreeSet<(&str, &str)> {
        let shown = self.boards.values().flat_map(Board::names);
        let all = shown.chain(self.alarms.iter().flat_map(queries));
        let theirs = all.filter(|query| query.namespace != NAMESPACE);
        theirs
            .map(|query| (query.namespace.as_str(), query.metric.as_str()))
            .collect()
    }

    /// How many series alarms evaluate.
    pub(super) fn series(&self) -> usize {
        self.alarms.iter().flat_map(queries).count()
    }

    /// How many metrics each dashboard names.
    pub(super) fn board_metrics(&self) -> Vec<usize> {
        let metrics = |board: &Board| board.names().collect::<BTreeSet<_>>().len();
        self.boards.values().map(metrics).collect()
    }

    /// How many alarms combine other alarms.
    pub(super) fn composites(&self) -> usize {
        let alarms = self.alarms.iter();
        alarms
            .filter(|alarm| matches!(alarm.watch, Watch::Alarms(_)))
            .count()
    }
}

fn is_of(query: &Query, namespace: &str, metric: &str) -> bool {
    query.namespace == namespace && query.metric == metric
}

/// What an alarm evaluates: metrics, or other alarms.
pub(super) fn inputs(alarm: &Alarm) -> BTreeSet<&str> {
    match &alarm.watch {
        Watch::Metric(_) => queries(alarm).map(|query| query.metric.as_str()).collect(),
        Watch::Alarms(rule) => {
            let names = rule.names().into_iter();
            names
                .map(|name| {
                    name.strip_prefix(STACK)
                        .map_or(name, |name| name.trim_start_matches('-'))
                })
                .collect()
        }
    }
}
