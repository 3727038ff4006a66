//! A process that dies between SES and its marker, the one case in which a second mail is allowed (or parked): to the receiver whose reply
//! was lost, and to no other.

use anyhow::{Context, Result, ensure};
use leadwire_tests::clock::eventually;
use leadwire_tests::fault::{Fault, Gate};
use leadwire_tests::house::{House, HouseOptions};
use leadwire_tests::json::At;
use serde_json::{Value, json};

/// Brings one lead to the moment in which the team is told, SES has taken the desk's mail, and nobody knows that; and kills the process.
async fn crash_after_the_mail(policy: &'static str) -> Result<(House, String)> {
    let house = House::build(HouseOptions {
        parameters: vec![("DelaySeconds", "0"), ("EmailAmbiguous", policy)],
        overrides: vec![("DelayQueue", "VisibilityTimeout", json!(6))],
        environment: vec![("LEASE_SECONDS", "4".to_owned())],
        has_desk: true,
        ..HouseOptions::default()
    })
    .await?;
    let gate = Gate::default();
    let (held, desk) = (
        Fault::HoldAfter(gate.clone()),
        house.desk.recipient().to_owned(),
    );
    house.ses.inject(1, held, move |call| {
        // Whom a mail goes to: it names the other receivers too.
        let asked: Value = serde_json::from_slice(call.body()).unwrap_or_default();
        asked.pointer("/Destination/ToAddresses/0") == Some(&json!(desk))
    });
    house.assign("crash-1", "Omar").await?;
    let key = house.lead("crash-1").await?.key_in("mail");
    gate.reached().await.with_context(|| house.account())?;
    let team = house.mailbox.effect();
    let told = eventually("the claim says that the team is told", || async {
        Ok((state(&house, &key, &team).await? == "sent").then_some(()))
    });
    told.await.with_context(|| house.account())?;
    assert_eq!(house.enrich.kill_busy().await?, 1);
    gate.open();
    Ok((house, key))
}

/// What the claim says of an effect.
async fn state(house: &House, key: &str, effect: &str) -> Result<Value> {
    let claim = house.document(key).await?;
    Ok(claim.at("effects").at(effect).at("state").clone())
}

async fn check_mails(house: &House, team: usize, desk: usize) -> Result<()> {
    let (to_team, to_desk) = (house.mailbox.mails().await?, house.desk.mails().await?);
    let found = (to_team.len(), to_desk.len());
    ensure!(
        found == (team, desk),
        "mails to the team and the desk: {found:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_crash_between_ses_and_the_marker_is_mailed_again_to_that_receiver_and_says_so()
-> Result<()> {
    let (house, key) = crash_after_the_mail("resend").await?;
    house.mails_in(&house.desk, 2).await?;
    house.quiet().await?;
    let second = house.ses.calls().pop().context("a second call")?;
    let body: Value = serde_json::from_slice(&second.body)?;
    let tags = body["EmailTags"].as_array().context("tags")?;
    let attempt = json!({"Name": "attempt", "Value": "2"});
    assert!(tags.contains(&attempt), "{tags:?}");
    let marks = house.list("EnrichedBucketName", "mail/").await?;
    assert_eq!(marks.get(&key), Some(&0));
    check_mails(&house, 1, 2).await
}

#[tokio::test]
async fn a_crash_between_ses_and_the_marker_is_parked_where_one_mail_is_the_most() -> Result<()> {
    let (house, key) = crash_after_the_mail("park").await?;
    let desk = house.desk.effect();
    let parked = eventually("the claim is parked", || async {
        Ok((state(&house, &key, &desk).await? == "parked").then_some(()))
    });
    parked.await.with_context(|| house.account())?;
    house.quiet().await?;
    assert_eq!(state(&house, &key, &house.mailbox.effect()).await?, "sent");
    let failed = house.document(&key.replacen("mail/", "failed/", 1)).await?;
    assert_eq!(failed["reason"], "mail_ambiguous", "{failed}");
    assert_eq!(failed["effects"], json!([desk]), "{failed}");
    check_mails(&house, 1, 1).await
}
