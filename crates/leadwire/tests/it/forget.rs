use crate::house::{House, block_on, wait_until};
use leadwire_domain::key::{EventName, Identity};
use leadwire_domain::lead::id::EventId;
use leadwire_domain::source::Source;
use leadwire_local::Mode;
use leadwire_pipeline::ledger::{Ledger, RawState};
use leadwire_pipeline::port::{Bucket, Fetched, NewObject, ObjectStore as _};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const SECRET: &str = "Zebedee-Quill";

/// Files under a folder that have a text in them. One that is renamed meanwhile has none under its old name.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with(&path, text));
            continue;
        }
        let bytes = fs::read(&path).unwrap_or_default();
        let mut windows = bytes.windows(text.len());
        if windows.any(|window| window == text.as_bytes()) {
            found.push(path.display().to_string());
        }
    }
    found.sort();
    found
}

fn send(house: &House, url: &str, lead_id: &str) {
    let lead = format!("--lead-id {lead_id} --event-id ev-{lead_id} --name {SECRET}");
    house.run(&format!("send {url} {lead}")).expect_code(0);
}

/// Two leads whose ids begin alike, mailed.
fn two_leads(house: &House, url: &str) {
    for lead_id in ["a", "a_1"] {
        let email = format!("lead_email={lead_id}@example.com");
        house.json(&format!(
            "lookup put --create {lead_id} --owner Omar --field {email}"
        ));
        send(house, url, lead_id);
    }
    wait_until("both leads are mailed", || house.mails().len() == 2);
    wait_until("both are settled", || {
        house.json("leads --stage mailed").len() == 2
    });
}

#[test]
fn a_lead_is_forgotten_while_the_pipeline_runs_and_one_that_begins_alike_is_not() {
    let house = House::new();
    let up = house.up("--delay 1s");
    two_leads(&house, &up.url);

    house.run("forget a").expect_error(2, "--yes");
    let dry = house.json("forget a --dry-run").remove(0);
    assert_eq!(dry["keys"].as_array().unwrap().len(), 2, "{dry}");
    assert_eq!(house.account()["mailed"], 2);

    let told = house.json("forget a --yes --lease 1s").remove(0);
    assert_eq!(told["versions_deleted"], 2);
    assert_eq!(told["owner_file_deleted"], true);
    let reach = told["out_of_reach"].to_string();
    assert!(reach.contains("outbox/crm_event_a_2"), "{reach}");
    assert!(!reach.contains("crm_event_a_1_"), "{reach}");

    // The CRM sends it again: it is known, and not stored.
    send(&house, &up.url, "a");
    let account = house.account();
    for (name, count) in [("forgotten", 1), ("mailed", 1), ("received", 2)] {
        assert_eq!(account[name], count, "{name}");
    }
    house.run("sweep --confirm").expect_code(0);
    let forgotten = house.run("lead a --json").expect_code(0);
    assert_eq!(forgotten.documents()[0]["stage"], "forgotten");
    assert!(!forgotten.out.contains(SECRET) && !forgotten.out.contains("Omar"));
    let listed = house.json("leads --stage forgotten");
    assert_eq!((listed.len(), &listed[0]["lead_id"]), (1, &Value::Null));
    let listed = house.json("leads");
    assert_eq!(
        (listed.len(), &listed[0]["lead_id"]),
        (1, &Value::from("a_1"))
    );
    house.run("lead a_1").expect_code(0);
    assert_eq!(house.mails().len(), 2);
    assert_eq!(up.stop(), Some(0));

    assert_eq!(house.files("lookup").len(), 1);
    for folder in ["raw", "enriched"] {
        let views = files_with(&house.data().join(folder), SECRET);
        assert_eq!(views.len(), 1, "{views:?}");
        assert!(views[0].contains("crm_event_a_1_"), "{views:?}");
    }
    let left = files_with(&house.data(), "a@example.com");
    let is_mail = |file: &String| file.contains("/outbox/");
    assert!(left.iter().all(is_mail), "{left:?}");
}

#[test]
fn a_lead_is_forgotten_at_once_where_nobody_works_and_a_second_time_nothing_is_left_to_do() {
    let house = House::new();
    let up = house.up("--delay 1s");
    two_leads(&house, &up.url);
    assert_eq!(up.stop(), Some(0));
    // The lease would be waited for longer than any test may take.
    let forget = "forget a_1 --yes --lease 12h";
    let told = house.run(forget).expect_code(0).out;
    assert!(told.contains("Forgotten: 1 event, 2 versions"), "{told}");
    assert!(told.contains("backups"), "{told}");
    let again = house.run(forget).expect_code(0).out;
    assert!(again.contains("Nothing is stored about a_1"), "{again}");
    assert_eq!(house.account()["forgotten"], 1);

    // Whatever is made anew from what is stored, it is not among it.
    fs::remove_dir_all(house.data().join("raw")).unwrap();
    let up = house.up("");
    let is_made = |lead: &str| {
        let mut views = house.files("raw").into_iter();
        views.any(|name| name.starts_with(&format!("crm_event_{lead}_2")))
    };
    wait_until("the views are made anew", || is_made("a"));
    assert_eq!(up.stop(), Some(0));
    assert!(!is_made("a_1"));
}

/// A folder as the first edition left it after it forgot the lead `gone`, and the event's name.
fn first_edition(home: &House) -> (House, EventName) {
    let up = home.up("--delay 10m");
    send(home, &up.url, "gone");
    wait_until("the lead is stored", || home.files("raw").len() == 1);
    assert_eq!(up.stop(), Some(0));
    let name = EventName::parse_raw_key(&format!("raw/{}", home.files("raw")[0])).unwrap();
    let old = House::new();
    block_on(async {
        let (from, to) = (
            home.open(Mode::Operate).store(),
            old.open(Mode::Prepare).store(),
        );
        let RawState::Stored(raw) = Ledger::new(&from).raw(&name).await.unwrap() else {
            panic!("nothing is stored");
        };
        let event_id = &EventId::parse(raw.event_id_label().unwrap()).unwrap();
        let source = Source::of_labels(raw.source_text_label().unwrap(), None).unwrap();
        let identity = Identity { source, event_id }.dedupe_key();
        let marker = [
            ("state".to_owned(), "forgotten".to_owned()),
            ("settled-at".to_owned(), "2026-11-23T06:50:00Z".to_owned()),
            ("identity".to_owned(), identity.clone()),
        ];
        let marker = NewObject::with_metadata(Vec::new(), marker.into());
        let mail_key = name.mail_key();
        to.put(Bucket::Enriched, &mail_key, marker).await.unwrap();
        if let Fetched::Found(entry) = from.get(Bucket::Enriched, &identity, 4096).await.unwrap() {
            let entry = NewObject::with_metadata(entry.bytes, entry.metadata);
            to.put(Bucket::Enriched, &identity, entry).await.unwrap();
        }
    });
    (old, name)
}

fn raw_of(house: &House, name: &EventName) -> RawState {
    let store = house.open(Mode::Operate).store();
    block_on(Ledger::new(&store).raw(name)).unwrap()
}

#[test]
fn whom_the_first_edition_forgot_gets_a_tombstone_when_up_first_starts_and_does_not_come_back() {
    let home = House::new();
    let (old, name) = first_edition(&home);
    let found = old.diagnosis("", "tombstones");
    assert_eq!(found["verdict"], "FAIL");
    assert!(
        found["found"]
            .as_str()
            .unwrap()
            .contains("forget --tombstones")
    );

    let up = old.up("--delay 1s --owner-missing mail --owner-wait 0s");
    let RawState::Forgotten(stone) = raw_of(&old, &name) else {
        panic!("it has no tombstone");
    };
    assert!(stone.identity.is_some_and(|key| key.starts_with("dedupe/")));
    assert_eq!(old.diagnosis("", "tombstones")["verdict"], "ok");
    send(&old, &up.url, "gone");
    let account = old.account();
    for (part, count) in [("received", 1), ("forgotten", 1), ("in_flight", 0)] {
        assert_eq!(account[part], count, "{part}");
    }
    assert_eq!(up.stop(), Some(0));
    assert!(old.files("raw").is_empty() && old.mails().is_empty());
}

#[test]
fn tombstones_are_made_by_hand_and_a_forgetting_that_was_interrupted_is_named() {
    let home = House::new();
    let (old, name) = first_edition(&home);
    let report = |dry_run: bool, made: u64, had: u64| json!({"dry_run": dry_run, "examined": made + had, "had": had, "made": made, "unfinished": []});
    let dry = old.json("forget --tombstones --dry-run");
    assert_eq!(dry, [report(true, 1, 0)]);
    assert!(matches!(raw_of(&old, &name), RawState::Absent));
    old.run("forget --tombstones")
        .expect_out(0, "1 tombstone made");
    assert!(matches!(raw_of(&old, &name), RawState::Forgotten(_)));
    assert_eq!(old.json("forget --tombstones"), [report(false, 0, 1)]);
    assert_eq!(old.diagnosis("", "tombstones")["verdict"], "ok");

    block_on(async {
        let store = old.open(Mode::Operate).store();
        let raw = NewObject::of(br#"{"lead_id":"half"}"#.to_vec());
        store.put(Bucket::Raw, &name.raw_key(), raw).await.unwrap();
    });
    let told = old
        .run("forget --tombstones")
        .expect_out(1, &name.raw_key());
    assert!(told.out.contains("run `leadwire forget`"), "{}", told.out);
    for wrong in [
        "forget",
        "forget a --tombstones",
        "forget --tombstones --yes",
    ] {
        old.run(wrong).expect_code(2);
    }
}
