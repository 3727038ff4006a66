//! The functions over a cloud in memory do what they do over emulators.

use anyhow::{Context, Result};
use leadwire_tests::rig::Rig;
use serde_json::json;

#[tokio::test]
async fn a_lead_goes_from_the_webhook_to_the_mail_over_a_cloud_in_memory() -> Result<()> {
    let rig = Rig::start(&[]).await?;
    rig.put_owner("rig-1", &json!({"lead_id": "rig-1", "lead_owner": "Omar"}));
    let body = json!({"lead_id": "rig-1", "display_name": "Zoë"}).to_string();
    let event = rig.accepted("/ingest", &[], &body).await?;
    let key = event["s3_key"].as_str().context("s3_key")?;
    assert_eq!(rig.cloud.bytes("rig-raw", key).context("raw")?, body);
    rig.deliver_sent().await?;
    let mails = rig.cloud.mails();
    let [mail] = mails.as_slice() else {
        panic!("{mails:?}")
    };
    let subject = mail.request.pointer("/Content/Simple/Subject/Data");
    assert_eq!(subject.context("a subject")?, "New lead: Zoë → Omar");
    let document = rig
        .cloud
        .bytes("rig-enriched", &key.replacen("raw/", "enriched/", 1));
    assert!(document.is_some(), "{:?}", rig.cloud.calls());

    let swept = rig.sweep.invoke(&json!({})).await?;
    assert!(
        matches!(swept, leadwire_tests::instance::Outcome::Response(_)),
        "{swept:?}"
    );
    assert!(
        rig.cloud.calls().iter().all(|call| call.what != "unknown"),
        "{:?}",
        rig.cloud.calls()
    );
    Ok(())
}
