use crate::house::{House, UNOWNED, block_on, wait_until};
use leadwire_domain::key::EventName;
use leadwire_local::Mode;
use leadwire_pipeline::port::{Bucket, Eraser as _, NewObject, ObjectStore as _};
use serde_json::Value;

fn report(documents: &[Value]) -> &Value {
    &documents.last().unwrap()["account"]
}

fn mailed(house: &House) -> u64 {
    let documents = house.run("audit --json").documents();
    report(&documents)["mailed"].as_u64().unwrap()
}

#[test]
fn every_lead_is_accounted_for_while_they_wait_and_when_they_are_mailed() {
    let house = House::new();
    let up = house.up("--delay 10m");
    for lead in ["a", "b"] {
        up.accept(lead);
    }
    let account = house.account();
    for (name, count) in [("received", 2), ("in_flight", 2), ("without_message", 0)] {
        assert_eq!(account[name], count, "{name}");
    }
    assert_eq!(up.stop(), Some(0));

    let up = house.up(&format!("--delay 0s {UNOWNED}"));
    up.accept("c");
    wait_until("the third lead is mailed", || mailed(&house) == 1);
    let out = house.run("audit").expect_code(0).out;
    let words: Vec<&str> = out.split_whitespace().collect();
    let line = "received 3 mailed 1 parked 0 dead-lettered 0 forgotten 0 in flight 2 nowhere 0";
    assert!(words.join(" ").starts_with(line), "{out}");
}

#[test]
fn what_does_not_agree_is_told_by_its_key_and_fails_the_audit() {
    let house = House::new();
    let up = house.up(&format!("--delay 0s {UNOWNED}"));
    for lead in ["a", "b"] {
        up.accept(lead);
    }
    wait_until("both leads are mailed", || mailed(&house) == 2);
    assert_eq!(up.stop(), Some(0));

    let name = |lead: &str| {
        let mut names = house.files("raw").into_iter();
        let name = names.find(|name| name.starts_with(&format!("crm_event_{lead}_")));
        EventName::parse_raw_key(&format!("raw/{}", name.unwrap())).unwrap()
    };
    let (a, b) = (name("a"), name("b"));
    block_on(async {
        let store = house.open(Mode::Operate).store();
        let other = NewObject::of(br#"{"lead_id":"z"}"#.to_vec());
        store.put(Bucket::Raw, &a.raw_key(), other).await.unwrap();
        let document = b.enriched_key();
        store.erase(Bucket::Enriched, &document).await.unwrap();
    });
    let documents = house.run("audit --json").expect_code(1).documents();
    let flaws: Vec<_> = documents
        .iter()
        .filter_map(|told| Some((told["key"].as_str()?, told["flaw"].as_str()?)))
        .collect();
    assert_eq!(
        flaws,
        [
            (a.enriched_key().as_str(), "document_of_other_bytes"),
            (a.enriched_key().as_str(), "leads_mixed"),
            (b.mail_key().as_str(), "sent_without_document"),
        ]
    );
    assert_eq!(documents.last().unwrap()["sound"], false);
    let out = house.run("audit").expect_code(1).out;
    assert!(out.contains("Not in agreement: 3 things"), "{out}");
}
