//! What came to each source of a stack, by the lines of `ingest`: `CloudWatch Logs Insights` counts them where they are.

use super::Activity;
use crate::home::stack::find;
use anyhow::{Context as _, bail};
use aws_sdk_cloudwatchlogs::types::{QueryStatus, ResultField};
use jiff::{SignedDuration, Timestamp};
use leadwire_telemetry::local::{COUNTED, Outcome};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The log group's name in the template.
const LOG_GROUP: &str = "IngestionLogGroup";
/// What a row is counted by. A line that lacks one of these is counted all the same.
const BY: &str = "event, source, duplicate, event_type, why, reason, header";
/// The most rows of an answer.
const ROWS_MAX: i32 = 10_000;
/// How often the answer is asked for, and for how long.
const PAUSE: Duration = Duration::from_millis(500);
const DEADLINE: Duration = Duration::from_mins(1);

/// What came in the time until now, by the source's name; what came to none that is configured is under the empty one.
pub(super) async fn read(
    stack: &str,
    now: Timestamp,
    since: SignedDuration,
) -> anyhow::Result<BTreeMap<String, Activity>> {
    let (clients, _) = find(stack).await?;
    let resources = aws_sdk_cloudformation::Client::new(clients.sdk());
    let group = resources.describe_stack_resource();
    let group = group.stack_name(stack).logical_resource_id(LOG_GROUP);
    let group = group.send().await.context("could not find the log group")?;
    let group = group.stack_resource_detail();
    let group = group.and_then(|group| group.physical_resource_id());
    let group = group.context("the stack has no log group of ingest")?;
    let client = aws_sdk_cloudwatchlogs::Client::new(clients.sdk());
    let query = client.start_query().log_group_name(group);
    let counted = format!(
        "filter event in {COUNTED:?} | stats count(*) as lines, max(@timestamp) as last_at by {BY}"
    );
    let query = query.query_string(counted).limit(ROWS_MAX);
    let query = query.start_time((now - since).as_second());
    let query = query.end_time(now.as_second()).send().await;
    let query = query.context("could not query the log of ingest")?;
    let id = query.query_id().context("the query has no id")?;
    let asked = Instant::now();
    loop {
        let answer = client.get_query_results().query_id(id).send().await;
        let answer = answer.context("could not read what the log's query found")?;
        match answer.status() {
            Some(QueryStatus::Complete) => return Ok(count(answer.results())),
            Some(QueryStatus::Scheduled | QueryStatus::Running) if asked.elapsed() < DEADLINE => {
                sleep(PAUSE).await;
            }
            status => bail!("the log's query ended as {status:?}"),
        }
    }
}

fn count(rows: &[Vec<ResultField>]) -> BTreeMap<String, Activity> {
    let mut found: BTreeMap<String, Activity> = BTreeMap::new();
    for row in rows {
        let text = |name: &str| {
            let field = row.iter().find(|field| field.field() == Some(name));
            field.and_then(ResultField::value).unwrap_or_default()
        };
        let field = |name: &str| Some(text(name).to_owned()).filter(|text| !text.is_empty());
        let is_duplicate = is_true(text("duplicate"));
        let Some((outcome, detail)) = Outcome::of_line(text("event"), is_duplicate, field) else {
            continue;
        };
        let activity = found.entry(text("source").to_owned()).or_default();
        if outcome != Outcome::Refused {
            activity.last = activity.last.max(time(text("last_at")));
        }
        activity.add(outcome, detail, text("lines").parse().unwrap_or_default());
    }
    found
}

/// Insights shows a boolean as a number.
fn is_true(text: &str) -> bool {
    ["1", "true"].contains(&text)
}

/// `2026-11-23 06:50:00.000`, or milliseconds since 1970, as a maximum of times is shown.
fn time(text: &str) -> Option<Timestamp> {
    let millis = text
        .parse()
        .ok()
        .and_then(|millis| Timestamp::from_millisecond(millis).ok());
    millis.or_else(|| format!("{}Z", text.replacen(' ', "T", 1)).parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_read_in_both_forms_of_insights() {
        let at: Timestamp = "2026-11-23T06:50:00.125Z".parse().unwrap();
        assert_eq!(time("2026-11-23 06:50:00.125"), Some(at));
        assert_eq!(time("1795416600125"), Some(at));
        assert_eq!(time(""), None);
    }
}
