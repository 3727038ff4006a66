//! What a lead costs in calls to AWS, as the services see them: two come of taking it in, and five and one for each receiver of telling.

use std::collections::BTreeMap;

use anyhow::Result;
use leadwire_tests::rig::Rig;

/// How often each thing was asked for, since the cloud was cleared.
fn counted(rig: &Rig) -> BTreeMap<String, usize> {
    let mut counted = BTreeMap::new();
    for call in rig.cloud.calls() {
        let what = match call.path.split('/').nth(2) {
            Some(room) if call.what.starts_with("S3.") => {
                let room = if room.contains('.') {
                    "owner file"
                } else {
                    room
                };
                format!("{} {room}", call.what)
            }
            _ => call.what.to_owned(),
        };
        *counted.entry(what).or_default() += 1;
    }
    counted
}

fn expected(calls: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let calls = calls
        .iter()
        .map(|(what, times)| ((*what).to_owned(), *times));
    calls.collect()
}

/// What telling so many receivers costs. The claim is written when it begins, and when it ends.
fn telling(receivers: usize) -> BTreeMap<String, usize> {
    expected(&[
        ("S3.GetObject owner file", 1),
        ("S3.GetObject raw", 1),
        ("S3.PutObject enriched", 1),
        ("S3.PutObject mail", 2),
        ("SES.SendEmail", receivers),
    ])
}

async fn rig(receivers: usize) -> Result<Rig> {
    let to: Vec<String> = (0..receivers)
        .map(|n| format!("r{n}@example.com"))
        .collect();
    Rig::start(&[("SES_TO_ADDRESS", to.join(","))]).await
}

#[tokio::test]
async fn a_flat_lead_without_an_id_is_taken_in_by_two_calls() -> Result<()> {
    let rig = rig(1).await?;
    // The first request fetches what a process fetches once.
    rig.lead("warm-1").await?;
    rig.cloud.clear();
    rig.lead("calls-1").await?;
    let taken = [("S3.PutObject raw", 1), ("SQS.SendMessage", 1)];
    assert_eq!(counted(&rig), expected(&taken));
    Ok(())
}

#[tokio::test]
async fn one_receiver_is_told_by_six_calls_and_more_by_one_more_for_each() -> Result<()> {
    for receivers in [1, 2, 3, 10] {
        let rig = rig(receivers).await?;
        rig.assign("calls-1", "Omar");
        rig.lead("calls-1").await?;
        let sent = rig.cloud.take_sent();
        let before = counted(&rig);
        let failed = rig.deliver_all(&sent, 1).await?;
        assert_eq!(failed, [""; 0]);
        let mut told = counted(&rig);
        told.retain(|what, times| {
            *times -= before.get(what).copied().unwrap_or(0);
            *times > 0
        });
        assert_eq!(told, telling(receivers));
        assert_eq!(told.values().sum::<usize>(), 5 + receivers);
    }
    Ok(())
}

#[tokio::test]
async fn a_batch_costs_what_its_leads_cost() -> Result<()> {
    let rig = rig(2).await?;
    for lead in 0..10 {
        let lead = format!("calls-{lead}");
        rig.assign(&lead, "Omar");
        rig.lead(&lead).await?;
    }
    let sent = rig.cloud.take_sent();
    let before = rig.cloud.calls().len();
    let failed = rig.deliver_all(&sent, 1).await?;
    assert_eq!(failed, [""; 0]);
    assert_eq!(rig.cloud.calls().len() - before, 10 * (5 + 2));
    Ok(())
}
