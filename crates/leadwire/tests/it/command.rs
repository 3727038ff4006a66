use crate::house::{House, agent};
use serde_json::Value;

#[test]
fn wrong_usage_is_exit_code_2_and_says_every_mistake() {
    let house = House::new();
    let lines = "nonsense, dlq redrive, send --source nobody, lead a\u{200b}, send --count 0, canary --timeout soon, forget a\u{200b} --yes, \
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
    let lines = "leads, lead a, dlq ls, parked ls, quarantine ls, quarantine retry --all, replay a --yes, sweep, lookup ls, canary, audit, forget a --yes, backup copy.db";
    for line in lines.split(", ") {
        house.run(line).expect_error(1, "leadwire up");
    }
    assert!(!house.data().exists());
}

#[test]
fn an_import_reports_every_bad_row_and_writes_nothing_unless_told_to() {
    let house = House::new();
    house.write("owners.csv", "lead_id,owner,owner_email\na,Omar,omar@example.com\nb b,Omar,\nc,Olga,nobody\nd,,\ne,Olga,\n");
    let documents = house.json_with(1, "lookup import owners.csv");
    let lines = documents.iter().filter_map(|row| row["line"].as_u64());
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines, [3, 4, 5]);
    assert!(!house.data().join("lookup/a.json").exists());

    house.json_with(1, "lookup import owners.csv --skip-bad --create");
    let text = |file: &Value, name: &str| file[name].as_str().unwrap().to_owned();
    let owners = house.json("lookup ls").into_iter();
    let owners = owners.map(|file| (text(&file, "key"), text(&file, "owner")));
    let owners: Vec<_> = owners
        .map(|(key, owner)| format!("{key} {owner}"))
        .collect();
    assert_eq!(owners, ["a.json Omar", "e.json Olga"]);
}

/// Imports a file, and gives the owner of each lead and what was said.
#[track_caller]
fn import(bytes: &[u8]) -> (Vec<String>, Vec<Value>) {
    let house = House::new();
    std::fs::write(house.path().join("owners.csv"), bytes).unwrap();
    let said = house.run("lookup import owners.csv --create --json");
    let said = said.documents();
    let mut owners = Vec::new();
    for name in house.files("lookup") {
        let text = std::fs::read(house.data().join("lookup").join(name)).unwrap();
        let file: Value = serde_json::from_slice(&text).unwrap();
        let members = ["lead_id", "lead_owner", "owner_email"];
        owners.push(
            members
                .map(|name| file[name].as_str().unwrap_or("-"))
                .join(" "),
        );
    }
    (owners, said)
}

#[test]
fn a_file_is_imported_as_excel_writes_it() {
    let text = "Lead ID;Owner;E-Mail;;\r\na;Zo\u{eb};zoe@example.com ;;\r\nb;Omar\r\n;;;;\r\n";
    let utf16: Vec<u8> = format!("\u{feff}{text}")
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let latin: Vec<u8> = text
        .chars()
        .map(|c| u8::try_from(u32::from(c)).unwrap())
        .collect();
    let named = format!("sep=;\r\n{text}");
    let tabs = text.replace(';', "\t");
    for (bytes, is_guess) in [
        (text.as_bytes(), false),
        (named.as_bytes(), false),
        (tabs.as_bytes(), false),
        (&utf16, false),
        (&latin, true),
    ] {
        let (owners, said) = import(bytes);
        assert_eq!(
            owners,
            ["a Zo\u{eb} zoe@example.com", "b Omar -"],
            "{said:?}"
        );
        let notes = said.iter().filter_map(|line| line["note"].as_str());
        let notes: Vec<_> = notes.collect();
        let has = |part: &str| notes.iter().any(|note| note.contains(part));
        assert!(has("\"E-Mail\" is read as owner_email"), "{notes:?}");
        assert_eq!(has("Latin-1"), is_guess, "{notes:?}");
        assert_eq!(said.last().unwrap()["written"], 2);
    }
}

#[test]
fn a_complaint_about_a_file_begins_with_its_line_and_nothing_is_written() {
    for (text, line) in [
        (
            "lead_id,lead_owner\r\na,Omar\r\n\r\nb,\"Ann\r\nc,Olga\r\n",
            4,
        ),
        ("sep=;\r\nlead_id;lead_owner\r\na;\r\n", 3),
        ("lead_id,funnel\na,b\n", 1),
        ("PK\u{3}\u{4}", 1),
    ] {
        let (owners, said) = import(text.as_bytes());
        assert!(owners.is_empty(), "{owners:?}");
        let (complaint, begin) = (said.first().unwrap(), format!("line {line}: "));
        let error = complaint["error"].as_str().unwrap();
        assert!(error.starts_with(&begin), "{error}");
        assert_eq!(complaint["line"], line);
        let house = House::new();
        house.write("owners.csv", text);
        let ran = house
            .run("lookup import owners.csv --create")
            .expect_code(1);
        let lines: Vec<_> = ran.out.lines().collect();
        assert!(lines[0].starts_with(&begin), "{lines:?}");
        assert!(
            lines.last().unwrap().contains("othing was written"),
            "{lines:?}"
        );
        assert!(!house.data().exists());
    }
}

#[test]
fn a_slip_in_the_data_folders_name_makes_no_folder() {
    let house = House::new();
    house.write("owners.csv", "lead_id,owner\na,Omar\n");
    for line in ["lookup put a --owner Omar", "lookup import owners.csv"] {
        house
            .run(&format!("{line} --data typo"))
            .expect_error(1, "there is no data folder at typo");
        assert!(!house.path().join("typo").exists());
    }
    for (line, folder) in [
        ("lookup put a --owner Omar", "one"),
        ("lookup import owners.csv", "two"),
    ] {
        house
            .run(&format!("{line} --create --data {folder}"))
            .expect_code(0);
        assert!(house.path().join(folder).join("lookup/a.json").exists());
    }
}

#[test]
fn an_address_is_taken_as_people_write_it_and_one_that_cannot_be_read_is_shown_where_people_look() {
    let house = House::new();
    house.json("lookup put --create a --owner Omar --owner-email <omar@example.com>");
    let files = house.json("lookup ls");
    assert_eq!(files[0]["problem"], Value::Null);
    house
        .run("lookup put b --owner Omar --owner-email omar@")
        .expect_error(2, "omar@");
    let file = r#"{"lead_id":"c","lead_owner":"Olga","owner_email":["olga@example.com","omar@example.com"]}"#;
    house.write("leadwire-data/lookup/c.json", file);
    let problem = "owner_email is no single e-mail address, so the owner gets no mail";
    let listed = house.json("lookup ls").pop().unwrap();
    assert_eq!(
        (&listed["owner"], &listed["problem"]),
        (&Value::from("Olga"), &Value::from(problem))
    );
    let up = house.up("--delay 0s --notify-owner");
    up.accept("c");
    up.wait_for("owner_email_invalid");
    up.wait_for("email_sent");
    assert_eq!(house.lead("c")["owner_file_problem"], problem);
    house.run("lead c").expect_out(0, problem);
    let page = agent().get(format!("{}/leads/c", up.base())).call();
    let page = page.unwrap().body_mut().read_to_string().unwrap();
    assert!(page.contains(problem), "{page}");
    assert_eq!(house.mails().len(), 1);
}

#[test]
fn an_owner_file_that_may_not_be_read_is_told_in_the_words_of_one_machine() {
    let house = House::new();
    // Whoever tests as root may read every file; a folder of that name is as unreadable.
    house.write("leadwire-data/lookup/a.json/x", "");
    let up = house.up("--delay 0s");
    up.accept("a");
    let told = up.wait_for("lookup_denied");
    let message = told["message"].as_str().unwrap();
    assert!(
        message.contains("denied") && !message.contains("bucket"),
        "{told}"
    );
    up.wait_for("lead_deferred");
    let lead = house.lead("a");
    let problem = lead["owner_file_problem"].as_str().unwrap();
    assert!(problem.contains("check its owner and mode"), "{lead}");
}

#[test]
fn the_owner_files_are_listed_as_a_lead_that_meets_them_finds_them() {
    let house = House::new();
    house
        .run("lookup put --create a --owner Omar")
        .expect_code(0);
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
    house
        .run("lookup put --create a --owner Omar")
        .expect_code(0);
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
        let too_wide = help.lines().find(|line| line.chars().count() > 100);
        assert_eq!(too_wide, None, "{command}");
    }
}
