//! The alarms that add up every source, written from their registry. A source that is left out could be the one that is well, or that is
//! not: then an alarm would fire without need, or not at all.

use crate::dashboard::source::{id_of, sum};
use anyhow::{Context, Result};
use leadwire_pipeline::observe::metric::{Dimension, Metric};

/// The rows of an alarm that are one source's.
struct Rows {
    /// What the line before them begins with, and the one after them, which adds them up.
    before: &'static str,
    last: &'static str,
    /// What their ids begin with, and what they count.
    counted: &'static [(&'static str, Metric)],
    /// Whether they name the dimensions that rows further down repeat.
    names_dimensions: bool,
}

const ALL: [Rows; 2] = [
    // `NothingVerifiedAlarm`: what a webhook that was taken counts as.
    Rows {
        before: "        - {Id: unverified, ",
        last: "        - {Id: accepted, ReturnData: false",
        counted: &[
            ("accepted_", Metric::LeadsAccepted),
            ("duplicate_", Metric::LeadsDuplicate),
        ],
        names_dimensions: true,
    },
    // `QuarantinedAlarm`.
    Rows {
        before: "        # Every kind of source.",
        last: "        - {Id: all_kinds, ReturnData: false",
        counted: &[("quarantined_", Metric::Quarantined)],
        names_dimensions: false,
    },
];

/// The template with the rows of sources written anew.
pub(super) fn write(template: &str) -> Result<String> {
    ALL.iter()
        .try_fold(template.to_owned(), |template, rows| rows.write(&template))
}

impl Rows {
    fn write(&self, template: &str) -> Result<String> {
        let Self { before, last, .. } = self;
        let lines: Vec<&str> = template.lines().collect();
        let find = |beginning: &str| {
            let mut all = lines.iter();
            let found = all.position(|line| line.starts_with(beginning));
            found.with_context(|| format!("the template has no line {beginning:?}"))
        };
        let (first, end) = (find(before)?, find(last)?);
        let kept = |range: Option<&[&str]>| range.unwrap_or_default().join("\n");
        let sources = Dimension::Source.values().into_iter();
        let rows: Vec<String> = sources.flat_map(|source| self.of(source)).collect();
        let prefixes: Vec<&str> = self.counted.iter().map(|(prefix, _)| *prefix).collect();
        Ok(format!(
            "{}\n{}\n{last}, Expression: '{}'}}\n{}\n",
            kept(lines.get(..=first)),
            rows.join("\n"),
            sum(&prefixes),
            kept(lines.get(end + 1..)),
        ))
    }

    /// One source's.
    fn of(&self, source: &str) -> Vec<String> {
        let id = id_of(source);
        let named = format!(
            "&{id} [{{Name: service, Value: ingest}}, {{Name: environment, Value: !Ref AWS::StackName}}, {{Name: source, Value: {source}}}]"
        );
        let row = |(number, (prefix, metric)): (usize, &(&str, Metric))| {
            let metric = metric.name();
            let dimensions = if self.names_dimensions && number == 0 {
                named.clone()
            } else {
                format!("*{id}")
            };
            format!(
                "        - {{Id: {prefix}{id}, ReturnData: false, MetricStat: {{Period: 900, Stat: Sum, Metric: {{Namespace: Leadwire, MetricName: {metric}, Dimensions: {dimensions}}}}}}}"
            )
        };
        self.counted.iter().enumerate().map(row).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell;
    use crate::template::project::TEMPLATE;

    #[test]
    fn the_template_holds_what_would_be_written() {
        let template = shell::text(TEMPLATE).unwrap();
        let written = write(&template).unwrap();
        assert_eq!(written, template, "cargo xtask template --write");
    }
}
