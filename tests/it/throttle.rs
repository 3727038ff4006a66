//! A busy SES: waiting for it costs no receive, and every lead is mailed once.

use std::collections::BTreeSet;

use anyhow::Result;
use leadwire_tests::fault::Fault;
use leadwire_tests::house::{House, HouseOptions};

const LEADS: usize = 12;

#[tokio::test]
async fn a_throttled_ses_loses_no_receive_and_all_are_mailed_once() -> Result<()> {
    let house = House::build(HouseOptions {
        parameters: vec![("DelaySeconds", "0"), ("MailWaitSeconds", "45")],
        ..HouseOptions::default()
    })
    .await?;
    // Every first try and some of the second ones are refused: for the rate, then for a paused account.
    let (busy, paused) = (
        Fault::ses(429, "TooManyRequestsException"),
        Fault::ses(400, "SendingPausedException"),
    );
    house.ses.inject(LEADS, busy, |_| true);
    house.ses.inject(LEADS / 2, paused, |_| true);
    for number in 0..LEADS {
        let lead = format!("busy-{number}");
        house.assign(&lead, "Omar").await?;
        house.lead(&lead).await?;
    }
    let mails = house.mails(LEADS).await?;
    house.quiet().await?;
    let subjects: BTreeSet<&str> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    let counts = (mails.len(), subjects.len(), house.mails_taken());
    assert_eq!(counts, (LEADS, LEADS, LEADS));
    house.check_single_receives()?;
    let refused = house.ses.calls().iter().filter(|call| call.broken).count();
    assert_eq!(refused, LEADS + LEADS / 2);
    assert_eq!(house.list("EnrichedBucketName", "failed/").await?.len(), 0);
    assert_eq!(house.depth("DeadLetterQueueUrl").await?, 0);
    Ok(())
}
