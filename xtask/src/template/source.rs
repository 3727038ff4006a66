//! The alarm that adds up every source, written from their registry. A source that is left out could be the one that is well: then the
//! alarm would fire without need.

use crate::dashboard::source::{id_of, sum};
use anyhow::{Context, Result};
use leadwire_pipeline::observe::metric::{Dimension, Metric};

/// What stands before the rows of sources, and in the last of them.
const BEFORE: &str = "        - {Id: unverified, ";
const LAST: &str = "        - {Id: accepted, ";
/// What a webhook that was taken counts as.
const TAKEN: [(&str, Metric); 2] = [
    ("accepted_", Metric::LeadsAccepted),
    ("duplicate_", Metric::LeadsDuplicate),
];

/// The template with the rows of `NothingVerifiedAlarm` written anew.
pub(super) fn write(template: &str) -> Result<String> {
    let lines: Vec<&str> = template.lines().collect();
    let find = |beginning: &str| {
        let mut all = lines.iter();
        let found = all.position(|line| line.starts_with(beginning));
        found.with_context(|| format!("the template has no line {beginning:?}"))
    };
    let (before, last) = (find(BEFORE)?, find(LAST)?);
    let kept = |range: Option<&[&str]>| range.unwrap_or_default().join("\n");
    let sources = Dimension::Source.values().into_iter();
    let rows: Vec<String> = sources.flat_map(rows).collect();
    let prefixes = TAKEN.map(|(prefix, _)| prefix);
    Ok(format!(
        "{}\n{}\n{LAST}ReturnData: false, Expression: '{}'}}\n{}\n",
        kept(lines.get(..=before)),
        rows.join("\n"),
        sum(&prefixes),
        kept(lines.get(last + 1..)),
    ))
}

/// One source's rows.
fn rows(source: &str) -> [String; 2] {
    let id = id_of(source);
    let dimensions = format!(
        "&{id} [{{Name: service, Value: ingest}}, {{Name: environment, Value: !Ref AWS::StackName}}, {{Name: source, Value: {source}}}]"
    );
    let [first, second] = TAKEN;
    let row = |(prefix, metric): (&str, Metric), dimensions: &str| {
        format!(
            "        - {{Id: {prefix}{id}, ReturnData: false, MetricStat: {{Period: 900, Stat: Sum, Metric: {{Namespace: Leadwire, MetricName: {}, Dimensions: {dimensions}}}}}}}",
            metric.name()
        )
    };
    [row(first, &dimensions), row(second, &format!("*{id}"))]
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
