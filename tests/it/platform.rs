//! The platform that runs a binary: a small shell script plays the binary, so these tests need none of ours.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use anyhow::Result;
use leadwire_tests::clock::{eventually, until};
use leadwire_tests::emulator::Emulators;
use leadwire_tests::function::{Function, FunctionConfig, environment};
use leadwire_tests::instance::Outcome;
use leadwire_tests::mapping::{Mapping, MappingOptions};
use leadwire_tests::program;
use leadwire_tests::stack::unique_name;
use serde_json::json;
use tempfile::TempDir;

/// A runtime in shell: it takes an event, logs, and answers by what the event holds.
const RUNTIME: &str = r#"#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while true; do
  headers=$(mktemp)
  event=$(curl -s -D "$headers" "$api/next") || exit 1
  id=$(tr -d '\r' < "$headers" | sed -n 's/^lambda-runtime-aws-request-id: //Ip')
  rm -f "$headers"
  echo "{\"saw\":\"$$\",\"greeting\":\"$GREETING\"}"
  case "$event" in
    *crash*) exit 7 ;;
    *hang*) sleep 60 ;;
    *refuse*) curl -s -o /dev/null -d '{"errorType":"No"}' "$api/$id/error" ;;
    *) curl -s -o /dev/null -d '{"batchItemFailures":[]}' "$api/$id/response" ;;
  esac
done
"#;

/// The function, and the folder that its binary lies in.
async fn deploy(timeout: Duration) -> Result<(Function, TempDir)> {
    program::need_curl().await?;
    let folder = tempfile::tempdir()?;
    let binary = folder.path().join("bootstrap");
    std::fs::write(&binary, RUNTIME)?;
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755))?;
    let config = FunctionConfig {
        name: unique_name(),
        binary,
        environment: environment([("GREETING", "hello")]),
        timeout,
        concurrency: 2,
    };
    Ok((Function::new(config), folder))
}

#[tokio::test]
async fn one_process_serves_invocation_after_invocation_and_its_lines_are_kept() -> Result<()> {
    let (function, _folder) = deploy(Duration::from_mins(1)).await?;
    for _ in 0..2 {
        let answer = function.answer(&json!({})).await?;
        assert_eq!(answer, json!({"batchItemFailures": []}));
    }
    let lines = function.log().objects();
    let pids: BTreeSet<&str> = lines
        .iter()
        .filter_map(|line| line["saw"].as_str())
        .collect();
    assert_eq!((lines.len(), pids.len()), (2, 1), "{lines:?}");
    assert_eq!(lines[0]["greeting"], "hello");
    Ok(())
}

#[tokio::test]
async fn an_error_is_told_and_a_crash_or_a_timeout_costs_the_process() -> Result<()> {
    let (function, _folder) = deploy(Duration::from_mins(1)).await?;
    let refused = function.invoke(&json!("refuse")).await?;
    assert_eq!(refused, Outcome::Error(json!({"errorType": "No"})));
    let crashed = function.invoke(&json!("crash")).await?;
    let is_seven = matches!(&crashed, Outcome::Exited(Some(status)) if status.code() == Some(7));
    assert!(is_seven, "{crashed:?}");
    function.answer(&json!({})).await?;
    let (hasty, _folder) = deploy(Duration::from_secs(1)).await?;
    let hung = hasty.invoke(&json!("hang")).await?;
    assert_eq!(hung, Outcome::TimedOut);
    assert!(hasty.idle().is_empty());
    Ok(())
}

#[tokio::test]
async fn two_events_at_once_are_two_processes_and_both_can_be_killed() -> Result<()> {
    let (function, _folder) = deploy(Duration::from_mins(1)).await?;
    let killing = async {
        until("both are at work", || function.log().lines().len() == 2).await?;
        function.kill_busy().await
    };
    let hang = json!("hang");
    let (first, second, killed) =
        tokio::join!(function.invoke(&hang), function.invoke(&hang), killing);
    assert_eq!(killed?, 2);
    for outcome in [first?, second?] {
        assert!(matches!(outcome, Outcome::Exited(_)), "{outcome:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_mapping_deletes_what_succeeded_and_leaves_a_crashed_batch_to_its_visibility()
-> Result<()> {
    let clients = Emulators::shared().await?.clients();
    let (function, _folder) = deploy(Duration::from_mins(1)).await?;
    let url = clients.create_queue(&unique_name()).await?;
    let options = MappingOptions {
        batch_size: 1,
        concurrency: 2,
        ..MappingOptions::default()
    };
    let mapping = Mapping::start(&clients, &url, &function, options).await?;
    for body in ["good", "crash"] {
        clients.send(&url, body).await?;
    }
    let deliveries = eventually("both were delivered", || async {
        let deliveries = mapping.deliveries();
        Ok((deliveries.len() == 2).then_some(deliveries))
    })
    .await?;
    for delivery in deliveries {
        assert_eq!(delivery.failed, delivery.body == "crash", "{delivery:?}");
        assert_eq!(delivery.receive_count, 1, "{delivery:?}");
    }
    Ok(())
}
