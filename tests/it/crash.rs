//! A process that dies between SES and its marker, the one case in which a second mail is allowed (or parked).

use anyhow::{Context, Result};
use leadwire_tests::clock::eventually;
use leadwire_tests::fault::{Fault, Gate};
use leadwire_tests::house::{House, HouseOptions};
use serde_json::{Value, json};

/// Brings one lead to the moment in which SES has taken the mail and nobody knows, and kills the process.
async fn crash_after_the_mail(policy: &'static str) -> Result<(House, String)> {
    let house = House::build(HouseOptions {
        parameters: vec![("DelaySeconds", "0"), ("EmailAmbiguous", policy)],
        overrides: vec![("DelayQueue", "VisibilityTimeout", json!(6))],
        environment: vec![("LEASE_SECONDS", "4".to_owned())],
        ..HouseOptions::default()
    })
    .await?;
    let gate = Gate::default();
    let held = Fault::HoldAfter(gate.clone());
    house.ses.inject(1, held, |_| true);
    house.assign("crash-1", "Omar").await?;
    let event = house.lead("crash-1").await?;
    gate.reached().await.with_context(|| house.account())?;
    assert_eq!(house.enrich.kill_busy().await?, 1);
    gate.open();
    Ok((house, event.key_in("mail")))
}

#[tokio::test]
async fn a_crash_between_ses_and_the_marker_is_mailed_again_and_says_so() -> Result<()> {
    let (house, key) = crash_after_the_mail("resend").await?;
    house.mails(2).await?;
    house.quiet().await?;
    let second = house.ses.calls().pop().context("a second call")?;
    let body: Value = serde_json::from_slice(&second.body)?;
    let tags = body["EmailTags"].as_array().context("tags")?;
    let attempt = json!({"Name": "attempt", "Value": "2"});
    assert!(tags.contains(&attempt), "{tags:?}");
    let marks = house.list("EnrichedBucketName", "mail/").await?;
    assert_eq!(marks.get(&key), Some(&0));
    assert_eq!(house.mailbox.mails().await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_crash_between_ses_and_the_marker_is_parked_where_one_mail_is_the_most() -> Result<()> {
    let (house, key) = crash_after_the_mail("park").await?;
    let parked = eventually("the claim is parked", || async {
        let claim = house.document(&key).await?;
        Ok((claim["state"] == "parked").then_some(()))
    });
    parked.await.with_context(|| house.account())?;
    house.quiet().await?;
    let failed = house.document(&key.replacen("mail/", "failed/", 1)).await?;
    assert_eq!(failed["reason"], "mail_ambiguous", "{failed}");
    assert_eq!(house.mailbox.mails().await?.len(), 1);
    Ok(())
}
