use crate::house::{House, wait_until};
use serde_json::Value;

/// One run serves two stories: it takes ten seconds.
#[test]
fn the_demo_brings_every_lead_to_its_end_and_its_dead_letter_can_be_redriven() {
    let house = House::new();
    leave_an_old_demo(&house);
    let summary = house.json("demo").pop().unwrap();
    assert_eq!(summary["ok"], true, "{summary:#}");
    assert!(summary["seconds"].is_number(), "{summary:#}");
    let leads = summary["leads"].as_array().unwrap();
    let leads: Vec<String> = leads.iter().map(describe).collect();
    assert_eq!(
        leads,
        [
            "demo-alice mailed 2",
            "demo-bob mailed 2",
            "demo-carol mailed 2",
            "demo-dave dead 0"
        ]
    );
    assert!(!house.path().join("leadwire-demo/raw/old.json").exists());
    redrive(&house);
}

/// A demo's folder that somebody still serves is left alone; when nobody does, it is made anew.
fn leave_an_old_demo(house: &House) {
    let old = house.up("--data leadwire-demo");
    house.write("leadwire-demo/made-by-leadwire-demo", "");
    house.write("leadwire-demo/raw/old.json", "{}");
    let pid = old.pid().to_string();
    house.run("demo").expect_error(1, &pid);
    assert_eq!(old.stop(), Some(0));
}

fn describe(lead: &Value) -> String {
    let text = |name: &str| lead[name].as_str().unwrap();
    format!("{} {} {}", text("lead_id"), text("stage"), lead["mails"])
}

fn redrive(house: &House) {
    let run = |code, line: &str| house.json_with(code, &format!("{line} --data leadwire-demo"));
    let failed = run(0, "dlq ls");
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert_eq!(failed[0]["reason"], "lookup_mismatch");
    assert_eq!(run(0, "dlq show demo-dave")[0]["stage"], "dead");

    run(0, "lookup put demo-dave --owner Olga");
    for (code, line, result) in [
        (0, "dlq redrive --all --dry-run", "would be sent"),
        (0, "dlq redrive demo-dave", "sent"),
        (0, "dlq redrive demo-dave", "in the queue already"),
        (1, "dlq redrive nobody", "not found"),
    ] {
        assert_eq!(run(code, line)[0]["result"], result, "{line}");
    }

    let _up = house.up("--data leadwire-demo");
    wait_until("the redriven lead is mailed", || {
        run(0, "lead demo-dave")[0]["stage"] == "mailed"
    });
    assert!(run(0, "dlq ls").is_empty());
}

#[test]
fn the_demo_never_deletes_a_folder_that_is_not_its_own() {
    let house = House::new();
    house.write("leadwire-demo/precious", "mine");
    house.run("demo").expect_code(1);
    assert!(house.path().join("leadwire-demo/precious").exists());
}
