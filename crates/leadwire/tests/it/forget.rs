use crate::house::{House, wait_until};
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
            "lookup put {lead_id} --owner Omar --field {email}"
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
    house.run("lead a").expect_code(1);
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
