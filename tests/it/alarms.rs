//! The template's alarms in `LocalStack`: every one is deployed as it stands there and told to its topic. Whether the ones that `LocalStack`
//! cannot evaluate cry when they must is shown in `xtask` (metric math, percentiles, composites).

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use aws_sdk_cloudwatch::types::StateValue;
use leadwire_tests::clients::Clients;
use leadwire_tests::emulator::Emulators;
use leadwire_tests::function::environment;
use leadwire_tests::json::At;
use leadwire_tests::pager::Pager;
use leadwire_tests::prune::{Alarms, is_alarm};
use leadwire_tests::stack::{Stack, StackOptions};
use leadwire_tests::template;
use serde_json::Value;

/// The alarms of the template: the end of each one's name, and the topic that it tells, if any.
fn alarms() -> Result<BTreeMap<String, Option<String>>> {
    let template = template::read()?;
    let resources = template.at("Resources").as_object().context("resources")?;
    let alarms = resources.values().filter(|resource| is_alarm(resource));
    let facts = alarms.map(|alarm| {
        let name = alarm.pointer("/Properties/AlarmName/Fn::Sub");
        let name = name.and_then(|name| name.as_str()?.strip_prefix("${AWS::StackName}-"));
        let name = name.context("an alarm's name begins with the stack's")?;
        let topic = alarm.pointer("/Properties/AlarmActions/0/Ref");
        let topic = topic.and_then(Value::as_str);
        Ok((name.to_owned(), topic.map(str::to_owned)))
    });
    facts.collect()
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
    let names = names.filter_map(|name| name.strip_prefix(&prefix));
    Ok(names.map(str::to_owned).collect())
}

#[tokio::test]
async fn every_alarm_of_the_template_is_deployed_and_tells_its_topic_when_it_begins_and_ends()
-> Result<()> {
    let clients = Emulators::shared().await?.clients();
    let options = StackOptions {
        parameters: environment([
            ("SesFromAddress", "a@example.com"),
            ("SesToAddress", "b@example.com"),
            ("PagerEndpoint", "https://127.0.0.1:9/pager"),
        ]),
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
        let (told, silent) = match topic.as_deref() {
            Some("AlarmTopic") => (Some(&pages), vec![&tickets]),
            Some("TicketTopic") => (Some(&tickets), vec![&pages]),
            // Half of a composite, which speaks for it.
            _ => (None, vec![&pages, &tickets]),
        };
        if let Some(told) = told {
            told.course(&name, &["ALARM", "OK"]).await?;
        }
        for silent in silent {
            assert_eq!(silent.pages(&name).await?, [Value::Null; 0], "{name}");
        }
    }
    Ok(())
}
