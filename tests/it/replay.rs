//! The real `enrich` takes the messages that `leadwire replay` sends, and mails only where they say so.

use anyhow::{Context, Result, ensure};
use leadwire_tests::clock::{self, DEADLINE};
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::json::At;
use serde_json::{Value, json};

async fn put_owner(house: &House, owner: &str) -> Result<()> {
    let file = json!({"lead_id": "again-1", "lead_owner": owner});
    house.put_owner("again-1", &file).await
}

/// Sends the message of a replay, by the facts that are stored beside the raw object, and waits for its end.
async fn replay(house: &House, key: &str, revision: u32, notify: &str) -> Result<Value> {
    let head = house.clients.s3.head_object();
    let head = head.bucket(house.stack.output("RawBucketName")?).key(key);
    let head = head.send().await?;
    let stored = |name: &str| -> Result<String> {
        let found = head.metadata().and_then(|all| all.get(name));
        found.cloned().context("metadata of the raw object")
    };
    let message = json!({
        "v": 2, "s3_key": key, "lead_id": "again-1", "event_id": stored("event-id")?, "sha256": stored("sha256")?,
        "accepted_at": stored("accepted-at")?, "not_before": stored("accepted-at")?, "source": stored("source")?,
        "revision": revision, "notify": notify,
    });
    let send = house.clients.sqs.send_message();
    let send = send.queue_url(house.stack.output("DelayQueueUrl")?);
    send.message_body(message.to_string()).send().await?;

    let name = |prefix: &str| {
        key.replace("raw/", prefix)
            .replace(".json", &format!(".r{revision}.json"))
    };
    let mark = name("mail/");
    let settled = clock::eventually("the replay is settled", DEADLINE, || async {
        let marks = house.list("EnrichedBucketName", &mark).await?;
        Ok((marks.get(&mark) == Some(&0)).then_some(()))
    });
    settled.await.with_context(|| house.account())?;
    house.document(&name("enriched/")).await
}

#[tokio::test]
async fn a_replay_makes_a_document_of_its_own_and_mails_only_what_it_is_to_mail() -> Result<()> {
    let house = House::build(HouseOptions {
        parameters: vec![("DelaySeconds", "0")],
        ..HouseOptions::default()
    })
    .await?;
    put_owner(&house, "Omar").await?;
    let body = json!({"lead_id": "again-1", "display_name": "Alice"});
    let event = house.accepted("/ingest", &[], &body.to_string()).await?;
    let key = event.at("s3_key").as_str().context("a key")?.to_owned();
    house.mails(1, DEADLINE).await?;

    put_owner(&house, "Dora").await?;
    let silent = replay(&house, &key, 1, "never").await?;
    ensure!(*silent.at("lead_owner") == "Dora", "{silent}");
    replay(&house, &key, 2, "if_changed").await?;
    house.quiet(DEADLINE).await?;
    ensure!(
        house.mails_taken() == 1,
        "a silent replay mailed: {}",
        house.account()
    );

    put_owner(&house, "Eve").await?;
    replay(&house, &key, 3, "if_changed").await?;
    let mails = house.mails(2, DEADLINE).await?;
    let told = mails.iter().filter(|mail| mail.subject.ends_with("→ Eve"));
    ensure!(told.count() == 1, "{mails:?}");
    let first = house.document(&key.replace("raw/", "enriched/")).await?;
    ensure!(*first.at("lead_owner") == "Omar", "{first}");
    Ok(())
}
