use crate::house::House;
use serde_json::Value;

#[test]
fn wrong_usage_is_exit_code_2_and_says_every_mistake() {
    let house = House::new();
    let lines = "nonsense, dlq redrive, send --source nobody, lead ../a, send --count 0, canary --timeout soon, forget ../a --yes, \
        forget a --json, forget a --yes --lease 0s, dlq ls --older-than soon, lookup put a --owner=";
    for line in lines.split(", ") {
        house.run(line).expect_code(2);
    }
    let ran = house
        .run("up --delay 1h --owner-missing shrug --bind 0.0.0.0:0")
        .expect_code(2);
    for word in ["--delay", "--owner-missing", "--allow-unsigned"] {
        assert!(ran.err.contains(word), "{word} is missing in {}", ran.err);
    }
    assert!(!house.data().exists());
}

#[test]
fn up_reads_its_environment() {
    let house = House::new();
    let ran = house.run_with("up --bind 127.0.0.1:0", &[("LEADWIRE_DELAY", "soon")]);
    ran.expect_error(2, "soon");
}

#[test]
fn commands_on_a_folder_that_is_not_there_fail_and_make_none() {
    let house = House::new();
    let lines = "leads, lead a, dlq ls, parked ls, replay a --yes, sweep, lookup ls, canary, audit, forget a --yes, backup copy.db";
    for line in lines.split(", ") {
        house.run(line).expect_error(1, "leadwire up");
    }
    assert!(!house.data().exists());
}

#[test]
fn an_import_reports_every_bad_row_and_writes_nothing_unless_told_to() {
    let house = House::new();
    house.write("owners.csv", "lead_id,owner,owner_email\na,Omar,omar@example.com\n../b,Omar,\nc,Olga,nobody\nd,,\ne,Olga,\n");
    let documents = house.json_with(1, "lookup import owners.csv");
    let lines = documents.iter().filter_map(|row| row["line"].as_u64());
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines, [3, 4, 5]);
    assert!(!house.data().join("lookup/a.json").exists());

    house.json_with(1, "lookup import owners.csv --skip-bad");
    let text = |file: &Value, name: &str| file[name].as_str().unwrap().to_owned();
    let owners = house.json("lookup ls").into_iter();
    let owners = owners.map(|file| (text(&file, "key"), text(&file, "owner")));
    let owners: Vec<_> = owners
        .map(|(key, owner)| format!("{key} {owner}"))
        .collect();
    assert_eq!(owners, ["a.json Omar", "e.json Olga"]);
}

#[test]
fn the_owner_files_are_listed_as_a_lead_that_meets_them_finds_them() {
    let house = House::new();
    house.run("lookup put a --owner Omar").expect_code(0);
    for (lead, file) in [
        ("b", "\u{feff}{\"lead_id\":\"b\",\"lead_owner\":\"Olga\"}"),
        (
            "c",
            "{\"lead_id\":\"c\",\"lead_owner\":\"x\",\"lead_owner\":\"y\"}",
        ),
        ("d", "{\"lead_id\":\"d\",\"lead_ow"),
        ("e", "{\"lead_id\":\"a\",\"lead_owner\":\"Omar\"}"),
    ] {
        house.write(&format!("leadwire-data/lookup/{lead}.json"), file);
    }
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let files = house.json("lookup ls").into_iter();
    let files = files.map(|file| [&file["key"], &file["owner"], &file["problem"]].map(text));
    let files: Vec<_> = files.map(|file| file.join(" ")).collect();
    let expected = [
        "a.json Omar -",
        "b.json Olga -",
        "c.json - an object has the same key twice",
        "d.json - empty or cut off",
        "e.json - names another lead",
    ];
    assert_eq!(files, expected);
}

#[test]
fn a_sweep_of_an_empty_folder_finds_nothing() {
    let house = House::new();
    house.run("lookup put a --owner Omar").expect_code(0);
    let report = house.json("sweep --dry-run").remove(0);
    assert_eq!(report["found"], 0);
    assert_eq!(report["refused"], false);
    assert_eq!(report["complete"], true, "everything was looked at");
    assert!(house.json("leads").is_empty());
}

#[test]
fn every_shell_gets_a_completion_script() {
    let house = House::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = house.run(&format!("completion {shell}")).expect_code(0);
        assert!(script.out.contains("redrive"), "{shell}");
    }
}

#[test]
fn every_command_has_a_help_with_examples() {
    let house = House::new();
    let commands = "up, demo, send, canary, lookup put, lookup import, lookup ls, leads, lead, dlq ls, dlq show, dlq redrive, \
        parked ls, parked resolve, replay, sweep, audit, forget, backup, alarms, slo, doctor, completion";
    for command in commands.split(", ") {
        let help = house.run(&format!("{command} --help")).expect_code(0).out;
        assert!(help.contains("Example"), "{command}: {help}");
    }
}
