use crate::house::House;

#[test]
fn wrong_usage_is_exit_code_2_and_says_every_mistake() {
    let house = House::new();
    house.run(&["nonsense"]).expect_code(2);
    house.run(&["dlq", "redrive"]).expect_code(2);
    house.run(&["send", "--source", "nobody"]).expect_code(2);
    house.run(&["lead", "../a"]).expect_code(2);
    house.run(&["send", "--count", "0"]).expect_code(2);
    house.run(&["canary", "--timeout", "soon"]).expect_code(2);
    house.run(&["forget", "../a", "--yes"]).expect_code(2);
    house.run(&["forget", "a", "--json"]).expect_code(2);
    house
        .run(&["forget", "a", "--yes", "--lease", "0s"])
        .expect_code(2);
    let age = ["dlq", "ls", "--older-than", "soon"];
    house.run(&age).expect_code(2);
    house
        .run(&["lookup", "put", "a", "--owner", ""])
        .expect_code(2);
    let ran = house
        .run(&[
            "up",
            "--delay",
            "1h",
            "--owner-missing",
            "shrug",
            "--bind",
            "0.0.0.0:0",
        ])
        .expect_code(2);
    for word in ["--delay", "--owner-missing", "--allow-unsigned"] {
        assert!(ran.err.contains(word), "{word} is missing in {}", ran.err);
    }
    assert!(!house.data().exists());
}

#[test]
fn up_reads_its_environment() {
    let house = House::new();
    let ran = std::process::Command::new(env!("CARGO_BIN_EXE_leadwire"))
        .args(["up", "--bind", "127.0.0.1:0"])
        .env("LEADWIRE_DELAY", "soon")
        .current_dir(house.path())
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&ran.stderr).contains("soon"));
}

#[test]
fn commands_on_a_folder_that_is_not_there_fail_and_make_none() {
    let house = House::new();
    for line in [
        &["leads"][..],
        &["lead", "a"],
        &["dlq", "ls"],
        &["parked", "ls"],
        &["replay", "a", "--yes"],
        &["sweep"],
        &["lookup", "ls"],
        &["canary"],
        &["audit"],
        &["forget", "a", "--yes"],
        &["backup", "copy.db"],
    ] {
        let ran = house.run(line).expect_code(1);
        assert!(ran.err.contains("leadwire up"), "{}", ran.err);
    }
    assert!(!house.data().exists());
}

#[test]
fn an_import_reports_every_bad_row_and_writes_nothing_unless_told_to() {
    let house = House::new();
    house.write("owners.csv", "lead_id,owner,owner_email\na,Omar,omar@example.com\n../b,Omar,\nc,Olga,nobody\nd,,\ne,Olga,\n");
    let ran = house
        .run(&["lookup", "import", "owners.csv", "--json"])
        .expect_code(1);
    let documents = ran.documents();
    let lines: Vec<_> = documents
        .iter()
        .filter_map(|row| row["line"].as_u64())
        .collect();
    assert_eq!(lines, [3, 4, 5]);
    assert!(!house.data().join("lookup/a.json").exists());

    house
        .run(&["lookup", "import", "owners.csv", "--skip-bad", "--json"])
        .expect_code(1);
    let owners = house
        .run(&["lookup", "ls", "--json"])
        .expect_code(0)
        .documents();
    let owners: Vec<_> = owners
        .iter()
        .map(|file| {
            format!(
                "{} {}",
                file["key"].as_str().unwrap(),
                file["owner"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(owners, ["a.json Omar", "e.json Olga"]);
}

#[test]
fn a_sweep_of_an_empty_folder_finds_nothing() {
    let house = House::new();
    house
        .run(&["lookup", "put", "a", "--owner", "Omar"])
        .expect_code(0);
    let report = house
        .run(&["sweep", "--dry-run", "--json"])
        .expect_code(0)
        .documents()
        .remove(0);
    assert_eq!(
        (&report["found"], &report["refused"]),
        (&0.into(), &false.into())
    );
    assert!(
        house
            .run(&["leads", "--json"])
            .expect_code(0)
            .documents()
            .is_empty()
    );
}

#[test]
fn every_shell_gets_a_completion_script() {
    let house = House::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(
            house
                .run(&["completion", shell])
                .expect_code(0)
                .out
                .contains("redrive"),
            "{shell}"
        );
    }
}

#[test]
fn every_command_has_a_help_with_examples() {
    let house = House::new();
    let commands = [
        "up",
        "demo",
        "send",
        "canary",
        "lookup put",
        "lookup import",
        "lookup ls",
        "leads",
        "lead",
        "dlq ls",
        "dlq show",
        "dlq redrive",
        "parked ls",
        "parked resolve",
        "replay",
        "sweep",
        "audit",
        "forget",
        "backup",
        "doctor",
        "completion",
    ];
    for command in commands {
        let line: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = house.run(&line).expect_code(0).out;
        assert!(help.contains("Example"), "{command}: {help}");
    }
}
