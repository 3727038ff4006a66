//! What an operator put by hand.

use crate::house::{House, block_on, message, wait_until};
use leadwire_local::Mode;
use leadwire_pipeline::port::{Bucket, DelayQueue as _, NewObject, ObjectStore as _};

/// Stores a lead without labels, a claim where one is given, and sends the bare message.
fn put(house: &House, name: &str, claim: Option<&str>) {
    let home = house.open(Mode::Operate);
    let create = async |bucket, key: String, text: &str| {
        let object = NewObject::of(text.as_bytes().to_vec());
        home.store().create(bucket, &key, object).await.unwrap();
    };
    block_on(async {
        let body = format!(r#"{{"lead_id":"{name}","display_name":"Hannah"}}"#);
        create(Bucket::Raw, format!("raw/{name}.json"), &body).await;
        if let Some(claim) = claim {
            create(Bucket::Enriched, format!("mail/{name}.json"), claim).await;
        }
        let message = message(&format!(r#"{{"s3_key":"raw/{name}.json"}}"#), 0);
        home.queue().send(message).await.unwrap();
    });
}

#[test]
fn leads_and_lead_show_an_object_that_was_put_by_hand_as_it_is_mailed() {
    let house = House::new();
    house
        .run("lookup put --create hand-1 --owner Omar")
        .expect_code(0);
    put(&house, "hand-1", None);
    let _up = house.up("--delay 0s");
    wait_until("the lead is mailed", || house.mails().len() == 1);
    for line in ["leads", "lead hand-1"] {
        wait_until("it is settled", || house.json(line)[0]["stage"] == "mailed");
        let shown = house.json(line);
        assert_eq!(shown.len(), 1, "{shown:?}");
        assert_eq!(shown[0]["lead_id"], "hand-1");
        assert_eq!(shown[0]["event_id"], "hand-1");
        assert_eq!(shown[0]["source"], "generic");
    }
}

#[test]
fn leads_and_lead_show_a_claim_that_cannot_be_read_as_that() {
    let house = House::new();
    house
        .run("lookup put --create hand-2 --owner Omar")
        .expect_code(0);
    put(&house, "hand-2", Some("nonsense"));
    for line in ["leads", "lead hand-2"] {
        let shown = house.json(line);
        assert_eq!(shown.len(), 1, "{shown:?}");
        assert_eq!(shown[0]["stage"], "retrying");
        assert_eq!(shown[0]["why"], "the claim cannot be read");
    }
}
