//! The runbook's commands of ours: each is one that the command takes. Those of the AWS CLI are walked in the integration suite, `it/runbook`.

use crate::house::House;
use crate::source_check::{BODY, OLD, saved, sources};
use leadwire_local::Mode;
use std::path::Path;
use std::process::{Command, Stdio};

const RUNBOOK: &str = include_str!("../../../../docs/RUNBOOK.md");

/// What stands for something of the moment, or of another home.
const FILLED: [(&str, &str); 7] = [
    (" --stack NAME", ""),
    ("--data DIR", "--data leadwire-data"),
    ("<URL>", "smtp://127.0.0.1:1"),
    ("<id>", "test-1"),
    ("/backup/", ""),
    ("check NAME", "check close-eu"),
    ("--request FILE", "--request refused.http"),
];

/// Every command of ours in the runbook, in a shell block or within a sentence.
fn commands() -> Vec<String> {
    let mut found = Vec::new();
    for (place, part) in RUNBOOK.split("```").enumerate() {
        let lines: Vec<String> = if place % 2 == 1 {
            part.lines().map(str::to_owned).collect()
        } else {
            let prose = part.split_whitespace().collect::<Vec<_>>().join(" ");
            prose
                .split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        found.extend(
            lines
                .into_iter()
                .filter(|line| line.starts_with("leadwire ")),
        );
    }
    found.retain(|command| !command.starts_with("leadwire up"));
    found
}

fn filled(command: &str) -> String {
    let command = format!("{} ", command.split(" #").next().unwrap_or_default().trim());
    let fill = |text: String, (name, value): &(&str, &str)| text.replace(name, value);
    let command = FILLED.iter().fold(command, fill);
    // A person is there to answer; here nobody is.
    let begins = |verb: &str| command.starts_with(verb);
    let asks = begins("leadwire replay ") || begins("leadwire forget test-1 ");
    if asks && !command.contains("--dry-run") {
        return format!("{command} --yes");
    }
    command
}

/// The exit code of a line, and what it said.
fn ran(house: &House, line: &str) -> (Option<i32>, String) {
    let program = Path::new(env!("CARGO_BIN_EXE_leadwire")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", program.display());
    let shell = Command::new("sh")
        .args(["-c", line])
        .current_dir(house.path())
        .env("PATH", path)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (
        shell.status.code(),
        String::from_utf8_lossy(&shell.stderr).into_owned(),
    )
}

#[test]
fn every_command_of_the_runbook_is_one_that_we_take() {
    let house = House::new();
    drop(house.open(Mode::Serve));
    // What a person has at hand who asks why a request was refused.
    house.write("leadwire-data/sources.json", &sources().to_string());
    house.write("refused.http", &saved(OLD, BODY));
    let commands = commands();
    assert!(commands.len() > 40, "{commands:?}");
    let wrong = commands.iter().filter_map(|command| {
        let (code, said) = ran(&house, &filled(command));
        // 2 is wrong usage; 1 that there is no such lead, or that something is wrong, as on a bad day there is.
        (code != Some(0) && code != Some(1)).then(|| format!("{command}: {code:?} {said}"))
    });
    let wrong: Vec<String> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (code, _) = ran(&house, "leadwire dlq redrive --everything");
    assert_eq!(code, Some(2));
}
