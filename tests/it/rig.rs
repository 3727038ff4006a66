//! The functions over a cloud in memory do what they do over emulators.

use anyhow::{Context, Result};
use leadwire_tests::rig::{ENRICHED, RAW, Rig, flat};
use serde_json::json;

#[tokio::test]
async fn a_lead_goes_from_the_webhook_to_the_mail_over_a_cloud_in_memory() -> Result<()> {
    let rig = Rig::start(&[]).await?;
    rig.assign("rig-1", "Omar");
    let event = rig.lead("rig-1").await?;
    let raw = rig.cloud.bytes(RAW, event.key());
    assert_eq!(raw.context("raw")?, flat("rig-1"));
    rig.deliver_sent().await?;
    let mails = rig.cloud.mails();
    let [mail] = mails.as_slice() else {
        panic!("{mails:?}")
    };
    let subject = mail.request.pointer("/Content/Simple/Subject/Data");
    assert_eq!(subject.context("a subject")?, "New lead: Zoë rig-1 → Omar");
    let document = rig.cloud.bytes(ENRICHED, &event.key_in("enriched"));
    assert!(document.is_some(), "{:?}", rig.cloud.calls());

    rig.sweep.answer(&json!({})).await?;
    let calls = rig.cloud.calls();
    let known = calls.iter().all(|call| call.what != "unknown");
    assert!(known, "{calls:?}");
    Ok(())
}
