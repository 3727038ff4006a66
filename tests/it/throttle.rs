//! A busy SES: waiting for it costs no receive, and every lead is mailed once.

use anyhow::Result;
use leadwire_tests::clock::DEADLINE;
use leadwire_tests::fault::Fault;
use leadwire_tests::house::{House, HouseOptions};
use serde_json::json;

const LEADS: usize = 12;

#[tokio::test]
async fn a_throttled_ses_loses_no_receive_and_all_are_mailed_once() -> Result<()> {
    let house = House::build(HouseOptions {
        parameters: vec![("DelaySeconds", "0"), ("MailWaitSeconds", "45")],
        ..HouseOptions::default()
    })
    .await?;
    // Every first try and some of the second ones are refused: for the rate, then for a paused account.
    house
        .ses
        .inject(LEADS, Fault::ses(429, "TooManyRequestsException"), |_| true);
    house
        .ses
        .inject(LEADS / 2, Fault::ses(400, "SendingPausedException"), |_| {
            true
        });
    for number in 0..LEADS {
        let lead = format!("busy-{number}");
        let owner = json!({"lead_id": lead, "lead_owner": "Omar"});
        house.put_owner(&lead, &owner).await?;
        house
            .accepted(
                "/ingest",
                &[],
                &json!({"lead_id": lead, "display_name": lead}).to_string(),
            )
            .await?;
    }
    let mails = house.mails(LEADS, DEADLINE).await?;
    house.quiet(DEADLINE).await?;
    let subjects: std::collections::BTreeSet<&str> =
        mails.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(
        (mails.len(), subjects.len(), house.mails_taken()),
        (LEADS, LEADS, LEADS)
    );
    let deliveries = house.mapping.deliveries();
    assert!(
        deliveries
            .iter()
            .all(|one| one.receive_count == 1 && !one.failed),
        "{deliveries:?}"
    );
    let refused = house.ses.calls().iter().filter(|call| call.broken).count();
    assert_eq!(refused, LEADS + LEADS / 2);
    assert_eq!(house.list("EnrichedBucketName", "failed/").await?.len(), 0);
    assert_eq!(
        house
            .depth(house.stack.output("DeadLetterQueueUrl")?)
            .await?,
        0
    );
    Ok(())
}
