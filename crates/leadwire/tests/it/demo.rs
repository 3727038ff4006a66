use crate::house::{House, wait_until};
use serde_json::Value;

/// One run serves two stories: it takes ten seconds.
#[test]
fn the_demo_brings_every_lead_to_its_end_and_its_dead_letter_can_be_redriven() {
    let house = House::new();
    leave_an_old_demo(&house);
    let ran = house.run(&["demo", "--json"]).expect_code(0);
    let summary = ran.documents().pop().unwrap();
    assert_eq!(summary["ok"], true, "{summary:#}");
    assert!(summary["seconds"].is_number(), "{summary:#}");
    let leads: Vec<String> = summary["leads"]
        .as_array()
        .unwrap()
        .iter()
        .map(describe)
        .collect();
    assert_eq!(
        leads,
        [
            "demo-alice mailed 1",
            "demo-bob mailed 1",
            "demo-carol mailed 1",
            "demo-dave dead 0"
        ]
    );
    assert!(!house.path().join("leadwire-demo/raw/old.json").exists());
    redrive(&house);
}

/// A demo's folder that somebody still serves is left alone; when nobody does, it is made anew.
fn leave_an_old_demo(house: &House) {
    let old = house.up(&["--data", "leadwire-demo"]);
    house.write("leadwire-demo/made-by-leadwire-demo", "");
    house.write("leadwire-demo/raw/old.json", "{}");
    let refused = house.run(&["demo"]).expect_code(1);
    assert!(
        refused.err.contains(&old.pid().to_string()),
        "{}",
        refused.err
    );
    assert_eq!(old.stop(), Some(0));
}

fn describe(lead: &Value) -> String {
    format!(
        "{} {} {}",
        lead["lead_id"].as_str().unwrap(),
        lead["stage"].as_str().unwrap(),
        lead["mails"]
    )
}

fn redrive(house: &House) {
    let data = ["--data", "leadwire-demo", "--json"];
    let run = |line: &[&str]| house.run(&[line, &data].concat());
    let failed = run(&["dlq", "ls"]).expect_code(0).documents();
    assert_eq!(
        (failed.len(), &failed[0]["reason"]),
        (1, &Value::from("lookup_mismatch")),
        "{failed:#?}"
    );
    assert_eq!(
        run(&["dlq", "show", "demo-dave"])
            .expect_code(0)
            .documents()[0]["stage"],
        "dead"
    );

    run(&["lookup", "put", "demo-dave", "--owner", "Olga"]).expect_code(0);
    assert_eq!(
        run(&["dlq", "redrive", "--all", "--dry-run"])
            .expect_code(0)
            .documents()[0]["result"],
        "would be sent"
    );
    assert_eq!(
        run(&["dlq", "redrive", "demo-dave"])
            .expect_code(0)
            .documents()[0]["result"],
        "sent"
    );
    assert_eq!(
        run(&["dlq", "redrive", "demo-dave"])
            .expect_code(0)
            .documents()[0]["result"],
        "in the queue already"
    );
    assert_eq!(
        run(&["dlq", "redrive", "nobody"])
            .expect_code(1)
            .documents()[0]["result"],
        "not found"
    );

    let _up = house.up(&["--data", "leadwire-demo"]);
    wait_until("the redriven lead is mailed", || {
        run(&["lead", "demo-dave"]).documents()[0]["stage"] == "mailed"
    });
    assert!(run(&["dlq", "ls"]).expect_code(0).documents().is_empty());
}

#[test]
fn the_demo_never_deletes_a_folder_that_is_not_its_own() {
    let house = House::new();
    house.write("leadwire-demo/precious", "mine");
    house.run(&["demo"]).expect_code(1);
    assert!(house.path().join("leadwire-demo/precious").exists());
}
