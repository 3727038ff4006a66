use crate::sample::{Sample, message, sample};
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::message::Trigger;
use leadwire_domain::wait::{DeferReason, Waiting};
use leadwire_pipeline::port::DelayQueue as _;
use std::fs;

/// The message of an event whose owner was looked for in vain.
fn waiting_for(lead: &str, reason: DeferReason) -> String {
    let body = format!(
        r#"{{"v":1,"s3_key":"raw/crm_event_{lead}_20261123T065000123456Z.json","lead_id":"{lead}","event_id":"e","sha256":"{}","accepted_at":"2026-11-23T06:50:00Z","not_before":"2026-11-23T07:00:00Z"}}"#,
        "0".repeat(64)
    );
    let mut trigger = Trigger::parse(&body).unwrap();
    let now = "2026-11-23T07:00:00Z".parse().unwrap();
    trigger.waiting = Waiting::default().next(reason, now).unwrap();
    trigger.body()
}

fn waits(sample: &Sample) -> Vec<String> {
    let waits = sample.home.queue().owner_waits();
    waits.into_iter().map(|lead| lead.to_string()).collect()
}

#[tokio::test]
async fn the_queue_knows_which_leads_wait_for_their_owners_until_their_messages_are_due() {
    let sample = sample();
    let send = async |lead, reason, delay| {
        sample.send(&waiting_for(lead, reason), delay).await;
    };
    send("b", DeferReason::OwnerAbsent, 60).await;
    send("a", DeferReason::OwnerAbsent, 30).await;
    send("busy", DeferReason::MailUnavailable, 60).await;
    sample
        .send(r#"{"s3_key":"raw/owner_absent.json"}"#, 60)
        .await;
    assert_eq!(waits(&sample), ["a", "b"]);
    sample.clock.advance(30);
    assert_eq!(waits(&sample), ["b"]);
    sample.clock.advance(30);
    assert!(waits(&sample).is_empty());
}

#[tokio::test]
async fn a_process_reads_which_leads_wait_that_another_put_back() {
    let first = sample();
    let queue = first.home.queue();
    let body = waiting_for("a", DeferReason::OwnerAbsent);
    queue.send(message(&body, 60)).await.unwrap();
    drop(queue);
    let next = first.reopened();
    assert!(waits(&next).is_empty());
    next.home.queue().read_owner_waits().await.unwrap();
    assert_eq!(waits(&next), ["a"]);
}

#[tokio::test]
async fn only_files_of_the_leads_that_were_asked_for_have_a_version_which_changes_with_them() {
    let sample = sample();
    let folder = sample.home.folder().lookup();
    let [there, absent, odd] = ["there", "absent", "odd"].map(|id| LeadId::parse(id).unwrap());
    fs::write(folder.join("there.json"), "{").unwrap();
    fs::write(folder.join("foreign.json"), "{").unwrap();
    fs::create_dir(folder.join("odd.json")).unwrap();
    let look = async || {
        let leads = vec![there.clone(), absent.clone(), odd.clone()];
        sample.home.lookup().versions(leads).await
    };
    let before = look().await;
    assert!(matches!(&before[..], [(lead, _)] if *lead == there));
    assert_eq!(look().await, before);
    fs::write(folder.join("there.json"), "{}").unwrap();
    assert_ne!(look().await, before);
}
