//! The template's alarms in `LocalStack`: every one is deployed as it stands there and told to its topic. Whether the ones that `LocalStack`
//! cannot evaluate cry when they must is shown in `xtask` (metric math, percentiles, composites).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use aws_sdk_cloudwatch::types::StateValue;
use leadwire_tests::clients::Clients;
use leadwire_tests::clock::DEADLINE;
use leadwire_tests::emulator::Emulators;
use leadwire_tests::json::At;
use leadwire_tests::pager::Pager;
use leadwire_tests::prune::Alarms;
use leadwire_tests::stack::{Stack, StackOptions};
use leadwire_tests::template;
use serde_json::Value;

/// The alarms of the template: the end of each one's name, and the topic that it tells, if any.
fn alarms() -> Result<BTreeMap<String, Option<String>>> {
    let template = template::read()?;
    let resources = template.at("Resources").as_object().context("resources")?;
    let is_alarm = |resource: &Value| {
        let kind = resource.at("Type").as_str().unwrap_or_default();
        kind.starts_with("AWS::CloudWatch::") && kind.ends_with("Alarm")
    };
    let alarms = resources.values().filter(|resource| is_alarm(resource));
    alarms
        .map(|alarm| {
            let properties = alarm.at("Properties");
            let name = properties.at("AlarmName").at("Fn::Sub").as_str();
            let name = name.and_then(|name| name.strip_prefix("${AWS::StackName}-"));
            let topic = properties.at("AlarmActions").get(0).unwrap_or(&Value::Null);
            Ok((
                name.context("an alarm's name begins with the stack's")?
                    .to_owned(),
                topic.at("Ref").as_str().map(str::to_owned),
            ))
        })
        .collect()
}

/// The names of the stack's alarms in `CloudWatch`, without the stack's.
async fn deployed(clients: &Clients, stack: &Stack) -> Result<BTreeSet<String>> {
    let prefix = format!("{}-", stack.name);
    let describe = clients.cloudwatch.describe_alarms();
    let reply = describe.alarm_name_prefix(&prefix).send().await?;
    let metric = reply.metric_alarms().iter().map(|alarm| alarm.alarm_name());
    let composite = reply.composite_alarms().iter();
    let composite = composite.map(|alarm| alarm.alarm_name());
    let names = metric.chain(composite).flatten();
    Ok(names
        .filter_map(|name| name.strip_prefix(&prefix))
        .map(str::to_owned)
        .collect())
}

#[tokio::test]
async fn every_alarm_of_the_template_is_deployed_and_tells_its_topic_when_it_begins_and_ends()
-> Result<()> {
    let emulators = Emulators::shared().await?;
    let clients = Clients::new(&emulators.aws, &emulators.mail);
    let parameters = [
        ("SesFromAddress", "a@example.com"),
        ("SesToAddress", "b@example.com"),
        ("PagerEndpoint", "https://127.0.0.1:9/pager"),
    ];
    let options = StackOptions {
        parameters: parameters
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        alarms: Alarms::All,
        ..StackOptions::default()
    };
    let stack = Stack::deploy(&clients, &options).await?;
    let alarms = alarms()?;
    let names: BTreeSet<String> = alarms.keys().cloned().collect();
    assert_eq!(deployed(&clients, &stack).await?, names);

    let pages = Pager::subscribe(&clients, stack.output("AlarmTopicArn")?).await?;
    let tickets = Pager::subscribe(&clients, stack.output("TicketTopicArn")?).await?;
    let full = |name: &str| format!("{}-{name}", stack.name);
    for state in [StateValue::Alarm, StateValue::Ok] {
        for name in &names {
            let set = clients.cloudwatch.set_alarm_state().alarm_name(full(name));
            let set = set.state_value(state.clone()).state_reason("forced");
            set.send().await.with_context(|| name.clone())?;
        }
    }
    for (name, topic) in &alarms {
        let name = full(name);
        let (told, other) = match topic.as_deref() {
            Some("AlarmTopic") => (&pages, &tickets),
            Some("TicketTopic") => (&tickets, &pages),
            // Half of a composite, which speaks for it.
            _ => {
                assert_eq!(pages.pages(&name).await?, [Value::Null; 0], "{name}");
                assert_eq!(tickets.pages(&name).await?, [Value::Null; 0], "{name}");
                continue;
            }
        };
        told.course(&name, &["ALARM", "OK"], DEADLINE).await?;
        assert_eq!(other.pages(&name).await?, [Value::Null; 0], "{name}");
    }
    Ok(())
}
