//! What the command says of an event of which half is gone: each kind of object alone, as retention, a person or a crash may leave it.

use crate::house::{House, block_on};
use leadwire_local::Mode;
use leadwire_pipeline::port::{Bucket, NewObject, ObjectStore as _};

const NAME: &str = "crm_event_a_20261123T065000123456Z";

/// Its key, its text, its metadata.
type Object = (
    &'static str,
    String,
    &'static [(&'static str, &'static str)],
);

/// Every kind of object of an event of lead `a`.
fn objects() -> [Object; 8] {
    let failure = |revision: u32| {
        format!(
            r#"{{"v":1,"reason":"mail_refused","receives":3,"failed_at":"2026-11-23T07:00:00Z","message_id":"m","s3_key":"raw/{NAME}.json","lead_id":"a","event_id":"e","revision":{revision}}}"#
        )
    };
    let document = format!(
        r#"{{"lead_id":"a","_leadwire":{{"schema":1,"event_id":"e","source":"generic","raw_key":"raw/{NAME}.json","raw_sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","accepted_at":"2026-11-23T06:50:00Z","enriched_at":"2026-11-23T07:00:00Z","from":{{}},"conflicts":[]}}}}"#
    );
    let raw = &[
        ("lead-id", "a"),
        ("event-id", "e"),
        ("source", "generic"),
        ("accepted-at", "2026-11-23T06:50:00Z"),
    ];
    let sent = &[("state", "sent"), ("settled-at", "2026-11-23T07:00:01Z")];
    let parked = r#"{"state":"parked","parked_at":"2026-11-23T07:00:00Z","attempt":1}"#;
    [
        ("raw/.json", r#"{"lead_id":"a"}"#.to_owned(), raw),
        ("enriched/.json", document.clone(), &[]),
        ("mail/.json", String::new(), sent),
        ("mail/.json", parked.to_owned(), &[]),
        ("failed/.json", failure(0), &[]),
        ("swept/.json", r#"{"count":1}"#.to_owned(), &[]),
        ("enriched/.r10.json", document, &[]),
        ("failed/.r10.json", failure(10), &[]),
    ]
}

/// A data folder with some of them, and beside them what only looks alike.
fn house(wanted: &[usize]) -> House {
    let house = House::new();
    let home = house.open(Mode::Prepare);
    block_on(async {
        let objects = objects().into_iter().enumerate();
        for (_, (key, text, metadata)) in objects.filter(|(number, _)| wanted.contains(number)) {
            let key = key.replacen('/', &format!("/{NAME}"), 1);
            let bucket = if key.starts_with("raw/") {
                Bucket::Raw
            } else {
                Bucket::Enriched
            };
            let metadata = metadata.iter();
            let metadata = metadata.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let object = NewObject {
                bytes: text.into_bytes(),
                metadata: metadata.collect(),
            };
            home.store().put(bucket, &key, object).await.unwrap();
        }
    });
    house
}

#[test]
fn each_kind_of_object_alone_is_listed_where_it_belongs_and_nothing_is_made_up() {
    // Which there is; how many `leads`, `dlq ls` and `parked ls` list, and whether `lead a` knows the lead.
    for (wanted, leads, dlq, parked, known) in [
        (0, 1, 0, 0, true),
        (1, 0, 0, 0, false),
        (2, 0, 0, 0, false),
        (3, 0, 0, 1, false),
        (4, 0, 1, 0, false),
        (5, 0, 0, 0, false),
        (6, 0, 0, 0, false),
        (7, 0, 1, 0, false),
    ] {
        let house = house(&[wanted]);
        let count = |line| house.json(line).len();
        let found = (count("leads"), count("dlq ls"), count("parked ls"));
        assert_eq!(found, (leads, dlq, parked), "{}", objects()[wanted].0);
        house.run("lead a").expect_code(i32::from(!known));
        house.run("lead a_1").expect_code(1);
    }
}

#[test]
fn each_kind_of_object_alone_is_forgotten_by_the_command() {
    for wanted in 0..objects().len() {
        let house = house(&[wanted]);
        let (key, ..) = objects()[wanted];
        let is_claim = key.starts_with("mail/");
        house.run("forget a_1 --yes").expect_code(0);
        let told = house.json("forget a --yes").remove(0);
        let deleted = u64::from(!is_claim);
        assert_eq!(told["versions_deleted"], deleted, "{key}: {told}");
        let audit = house.run("audit --json").documents();
        let account = &audit.last().unwrap()["account"];
        assert_eq!(account["forgotten"], deleted, "{key}: {account}");
    }
}

#[test]
fn a_raw_object_beside_any_other_stands_where_that_says() {
    for (other, stage) in [
        (None, "lost"),
        (Some(1), "lost"),
        (Some(2), "mailed"),
        (Some(3), "parked"),
        (Some(4), "dead"),
        (Some(5), "lost"),
        (Some(6), "lost"),
        (Some(7), "lost"),
    ] {
        let wanted: Vec<usize> = std::iter::once(0).chain(other).collect();
        let house = house(&wanted);
        let listed = house.json("leads");
        assert_eq!(listed.len(), 1, "{other:?}");
        assert_eq!(listed[0]["stage"], stage, "{other:?}: {}", listed[0]);
    }
}
