//! Dashboards made ready for `aws cloudwatch put-dashboard`: every `${…}` is what it is in a stack that is there.

use super::read_all;
use crate::shell;
use crate::view::{at, items};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Writes every dashboard for a stack, and says how to import it.
pub(crate) fn export(folder: &Path, stack: &str, region: Option<&str>) -> Result<()> {
    let region = region.map_or(String::new(), |region| format!(" --region {region}"));
    let ask = |what: &str| -> Result<Value> {
        let words = format!("cloudformation {what} --stack-name {stack} --output json{region}");
        let answer = shell::read(&mut shell::command("aws", &words))?;
        serde_json::from_str(&answer).context("the answer of the AWS CLI")
    };
    let names = names(&ask("describe-stacks")?, &ask("list-stack-resources")?)?;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for (name, json) in read_all()? {
        let file = folder.join(format!("{name}.json"));
        let filled = fill(&format!("{json:#}\n"), &names).with_context(|| name.clone())?;
        fs::write(&file, filled).with_context(|| file.display().to_string())?;
        shell::say(&format!(
            "aws cloudwatch put-dashboard --dashboard-name {stack}-{name}-copy --dashboard-body file://{}{region}",
            file.display()
        ));
    }
    Ok(())
}

type Names = BTreeMap<String, String>;

/// What the stack says to the names in its template.
fn names(stacks: &Value, resources: &Value) -> Result<Names> {
    let text = |value: &Value, place: &str| at(value, place).as_str().map(str::to_owned);
    let stack = at(stacks, "/Stacks/0");
    let id = text(stack, "/StackId").context("there is no such stack")?;
    // arn:aws:cloudformation:eu-central-1:123456789012:stack/name/…
    let parts: Vec<&str> = id.split([':', '/']).collect();
    let [_, partition, _, region, account, _, name, ..] = parts.as_slice() else {
        bail!("{id} is no ARN of a stack");
    };
    let mut names: Names = [
        ("AWS::Partition", (*partition).to_owned()),
        ("AWS::Region", (*region).to_owned()),
        ("AWS::AccountId", (*account).to_owned()),
        ("AWS::StackName", (*name).to_owned()),
        (
            "AlarmArn",
            format!("arn:{partition}:cloudwatch:{region}:{account}:alarm:{name}"),
        ),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    for parameter in items(at(stack, "/Parameters")) {
        names.extend(text(parameter, "/ParameterKey").zip(text(parameter, "/ParameterValue")));
    }
    for resource in items(at(resources, "/StackResourceSummaries")) {
        let found = text(resource, "/LogicalResourceId").zip(text(resource, "/PhysicalResourceId"));
        let Some((id, physical)) = found else {
            continue;
        };
        // Of a queue that is its URL, of a topic its ARN.
        let short = physical.rsplit(['/', ':']).next().unwrap_or_default();
        names.insert(format!("{id}.QueueName"), short.to_owned());
        names.insert(format!("{id}.TopicName"), short.to_owned());
        names.insert(id, physical);
    }
    let given = names
        .get("SesConfigurationSet")
        .filter(|set| !set.is_empty());
    let set = given.or_else(|| names.get("ConfigurationSet")).cloned();
    names.extend(set.map(|set| ("MailSet".to_owned(), set)));
    Ok(names)
}

/// The text with every name filled in. A name that the stack does not know is told.
fn fill(text: &str, names: &Names) -> Result<String> {
    let mut parts = text.split("${");
    let mut filled = parts.next().unwrap_or_default().to_owned();
    let mut unknown = BTreeSet::new();
    for part in parts {
        let (name, rest) = part.split_once('}').context("a ${ has no end")?;
        match names.get(name) {
            Some(value) => filled.push_str(value),
            None => drop(unknown.insert(name)),
        }
        filled.push_str(rest);
    }
    if !unknown.is_empty() {
        bail!("the stack has no {unknown:?}: was it deployed from this template?");
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A stack with every resource that the dashboards name.
    fn stack() -> Names {
        let stacks = json!({"Stacks": [{
            "StackId": "arn:aws:cloudformation:eu-central-1:123456789012:stack/leads-prod/6f1e",
            "Parameters": [
                {"ParameterKey": "Environment", "ParameterValue": "prod"},
                {"ParameterKey": "SesConfigurationSet", "ParameterValue": ""},
            ],
        }]});
        let resources = [
            "DelayQueue https://sqs.eu-central-1.amazonaws.com/123456789012/leads-prod-delay",
            "DeadLetterQueue https://sqs/1/leads-prod-dead-letter",
            "AlarmTopic arn:aws:sns:eu-central-1:123456789012:leads-prod-AlarmTopic-1",
            "ConfigurationSet leads-prod-set",
            "IngestionFunction leads-prod-IngestionFunction-1",
            "IngestionLogGroup leads-prod-Ingestion-2",
            "EnrichmentFunction leads-prod-EnrichmentFunction-1",
            "EnrichmentLogGroup leads-prod-Enrichment-2",
            "SweepFunction leads-prod-SweepFunction-1",
            "SweepLogGroup leads-prod-Sweep-2",
        ];
        let resources = resources.map(|resource| {
            let (id, physical) = resource.split_once(' ').unwrap();
            json!({"LogicalResourceId": id, "PhysicalResourceId": physical})
        });
        names(&stacks, &json!({"StackResourceSummaries": resources})).unwrap()
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(fill(text, &stack()).unwrap(), expected);
    }

    #[test]
    fn names_are_those_of_the_stack() {
        check("${Environment} ${AWS::Region}", "prod eu-central-1");
        check("${DelayQueue.QueueName}", "leads-prod-delay");
        check("${AlarmTopic.TopicName}", "leads-prod-AlarmTopic-1");
        check("${MailSet}", "leads-prod-set");
        check(
            "${AlarmArn}-canary",
            "arn:aws:cloudwatch:eu-central-1:123456789012:alarm:leads-prod-canary",
        );
    }

    #[test]
    fn every_dashboard_can_be_filled_in() {
        for (name, json) in read_all().unwrap() {
            let filled = fill(&json.to_string(), &stack()).unwrap();
            assert!(!filled.contains("${"), "{name}");
            assert!(serde_json::from_str::<Value>(&filled).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_name_that_the_stack_does_not_know_is_told() {
        let error = fill("${DelayQueue} ${Oven}", &stack()).unwrap_err();
        assert!(error.to_string().contains("Oven"), "{error}");
    }
}
