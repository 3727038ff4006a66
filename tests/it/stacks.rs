//! The project's template in `LocalStack`.

use anyhow::{Context, Result};
use aws_sdk_sqs::types::QueueAttributeName;
use leadwire_tests::emulator::Emulators;
use leadwire_tests::function::environment;
use leadwire_tests::prune::{self, Alarms};
use leadwire_tests::stack::{Stack, StackOptions};
use leadwire_tests::template;
use serde_json::json;

#[test]
fn short_tags_and_anchors_become_plain_json() -> Result<()> {
    let read = template::parse(
        "A: &a [!Ref X, !GetAtt X.Y.Z, !Sub 'a${X}', !If [C, 1, '1']]\nB: *a\nC: {D: true, E: 1.5, F: ''}\n",
    )?;
    let list = json!([
        {"Ref": "X"}, {"Fn::GetAtt": ["X", "Y.Z"]}, {"Fn::Sub": "a${X}"}, {"Fn::If": ["C", 1, "1"]},
    ]);
    let expected = json!({"A": list, "B": list, "C": {"D": true, "E": 1.5, "F": ""}});
    assert_eq!(read, expected);
    Ok(())
}

#[test]
fn pruning_takes_out_what_refers_to_what_is_taken_out() -> Result<()> {
    let pruned = prune::prune(
        json!({
            "Transform": "AWS::Serverless-2016-10-31",
            "Globals": {"Function": {"Environment": {"Variables": {"BUCKET_NAME": {"Ref": "Bucket"}}}}},
            "Parameters": {"Delay": {"Type": "Number", "Description": "In seconds."}},
            "Resources": {
                "Work": {
                    "Type": "AWS::Serverless::Function", "Metadata": {"BuildProperties": {"Binary": "work"}},
                    "Properties": {"Timeout": 60, "Environment": {"Variables": {"NONE": {"Ref": "AWS::NoValue"}}}},
                },
                "Bucket": {"Type": "AWS::S3::Bucket", "DependsOn": ["Work"], "Properties": {}},
                "Permission": {"Type": "X::Y::Z", "Properties": {"A": [{"Fn::Sub": "${Work.Arn}/x"}]}},
                "Farther": {"Type": "X::Y::Z", "Properties": {"A": {"Fn::GetAtt": ["Permission", "Id"]}}},
            },
            "Outputs": {"Gone": {"Value": {"Ref": "Farther"}}, "Kept": {"Value": {"Ref": "Bucket"}}},
        }),
        &Alarms::OfQueues,
    )?;
    assert!(pruned.removed.iter().eq(["Farther", "Permission", "Work"]));
    let expected = json!({
        "Parameters": {"Delay": {"Type": "Number"}},
        "Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "DependsOn": [], "Properties": {}}},
        "Outputs": {
            "Kept": {"Value": {"Ref": "Bucket"}},
            "EnvWorkBUCKETZNAME": {"Value": {"Ref": "Bucket"}},
            "EnvWorkNONE": {"Value": prune::NO_VALUE},
        },
    });
    assert_eq!(pruned.template, expected);
    Ok(())
}

#[test]
fn an_alarm_whose_resource_cannot_run_is_left_out_or_names_it_by_its_id() -> Result<()> {
    let template = || {
        json!({
            "Resources": {
                "Work": {"Type": "AWS::Lambda::Function"},
                "Queue": {"Type": "AWS::SQS::Queue"},
                "Errors": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Namespace": "AWS/Lambda", "Dimensions": [
                    {"Name": "FunctionName", "Value": {"Ref": "Work"}}, {"Name": "Arn", "Value": {"Fn::GetAtt": ["Work", "Arn"]}},
                ], "AlarmActions": [{"Ref": "Topic"}]}},
                "Depth": {"Type": "AWS::CloudWatch::Alarm", "Properties": {"Namespace": "AWS/SQS"}},
                "Both": {"Type": "AWS::CloudWatch::CompositeAlarm", "Properties": {"AlarmRule": {"Fn::Sub": "ALARM(\"${Errors}\")"}}},
            },
            "Outputs": {},
        })
    };
    let few = prune::prune(template(), &Alarms::OfQueues)?;
    assert!(few.removed.iter().eq(["Both", "Errors", "Work"]));
    let all = prune::prune(template(), &Alarms::All)?;
    assert!(all.removed.iter().eq(["Work"]));
    assert_eq!(
        all.template["Resources"]["Errors"]["Properties"],
        json!({"Namespace": "AWS/Lambda", "AlarmActions": [{"Ref": "Topic"}], "Dimensions": [
            {"Name": "FunctionName", "Value": "Work"}, {"Name": "Arn", "Value": "Work.Arn"},
        ]})
    );
    Ok(())
}

#[tokio::test]
async fn a_parameter_that_the_template_does_not_have_is_refused() -> Result<()> {
    let clients = Emulators::shared().await?.clients();
    let options = StackOptions {
        parameters: environment([("DelayedSeconds", "4")]),
        ..StackOptions::default()
    };
    let refused = Stack::deploy(&clients, &options).await;
    let error = refused.err().context("it was deployed")?;
    let told = "the template has no parameter DelayedSeconds";
    assert_eq!(error.to_string(), told);
    Ok(())
}

#[tokio::test]
async fn the_template_deploys_with_its_own_queue_attributes_and_environments() -> Result<()> {
    let clients = Emulators::shared().await?.clients();
    let team = "b@example.com, c@example.com";
    let options = StackOptions {
        parameters: environment([("SesFromAddress", "a@example.com"), ("SesToAddress", team)]),
        ..StackOptions::default()
    };
    let stack = Stack::deploy(&clients, &options).await?;
    let get = clients.sqs.get_queue_attributes();
    let get = get.queue_url(stack.output("DelayQueueUrl")?);
    let queue = get.attribute_names(QueueAttributeName::All).send().await?;
    let attributes = queue.attributes().context("a queue has attributes")?;
    assert_eq!(attributes[&QueueAttributeName::DelaySeconds], "600");
    assert_eq!(attributes[&QueueAttributeName::VisibilityTimeout], "360");
    let redrive = &attributes[&QueueAttributeName::RedrivePolicy];
    let redrive: serde_json::Value = serde_json::from_str(redrive)?;
    assert_eq!(redrive["maxReceiveCount"].as_u64(), Some(3), "{redrive}");

    let environment = stack.environment("EnrichmentFunction")?;
    assert_eq!(environment["SES_TO_ADDRESS"], team);
    let lookup = stack.output("LookupBucketName")?;
    assert_eq!(environment["LOOKUP_BUCKET"], lookup);
    let has_set = environment.contains_key("SES_CONFIGURATION_SET");
    assert!(!has_set, "{environment:?}");
    let function = stack.function("EnrichmentFunction")?;
    assert_eq!(function.binary, "enrich");
    assert_eq!(function.timeout_seconds, 60);
    let event = function.queue_event.as_ref();
    let event = event.context("it is fed by the queue")?;
    let types = json!(["ReportBatchItemFailures"]);
    assert_eq!(event["FunctionResponseTypes"], types);
    Ok(())
}
