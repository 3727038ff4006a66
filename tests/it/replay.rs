//! The real `enrich` takes the messages that `leadwire replay` sends, and mails only where they say so.

use anyhow::{Context, Result, ensure};
use leadwire_tests::clock;
use leadwire_tests::house::House;
use serde_json::{Value, json};

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
    house.send(&message.to_string()).await?;

    let revised = key.replace(".json", &format!(".r{revision}.json"));
    let name = |prefix: &str| revised.replace("raw/", prefix);
    let mark = name("mail/");
    let settled = clock::eventually("the replay is settled", || async {
        let marks = house.list("EnrichedBucketName", &mark).await?;
        Ok((marks.get(&mark) == Some(&0)).then_some(()))
    });
    settled.await.with_context(|| house.account())?;
    house.document(&name("enriched/")).await
}

#[tokio::test]
async fn a_replay_makes_a_document_of_its_own_and_mails_only_what_it_is_to_mail() -> Result<()> {
    let house = House::prompt().await?;
    house.assign("again-1", "Omar").await?;
    let event = house.lead("again-1").await?;
    let key = event.key();
    house.mails(1).await?;

    house.assign("again-1", "Dora").await?;
    let silent = replay(&house, key, 1, "never").await?;
    ensure!(silent["lead_owner"] == "Dora", "{silent}");
    replay(&house, key, 2, "if_changed").await?;
    house.quiet().await?;
    let taken = house.mails_taken();
    ensure!(taken == 1, "a silent replay mailed: {}", house.account());

    house.assign("again-1", "Eve").await?;
    replay(&house, key, 3, "if_changed").await?;
    let mails = house.mails(2).await?;
    let told = mails.iter().filter(|mail| mail.subject.ends_with("→ Eve"));
    ensure!(told.count() == 1, "{mails:?}");
    let first = house.document(&event.key_in("enriched")).await?;
    ensure!(first["lead_owner"] == "Omar", "{first}");
    Ok(())
}
