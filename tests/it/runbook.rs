//! The runbook, walked: every command of the AWS CLI under every heading, as it stands there. What the emulators know runs against the emulated
//! stack; of the rest the CLI itself says whether AWS would take it, by the service's own model.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use leadwire_tests::cli;
use leadwire_tests::clients::{Clients, REGION};
use leadwire_tests::emulator::Emulators;
use leadwire_tests::function::environment;
use leadwire_tests::stack::{Stack, StackOptions};
use tokio::process::Command;

const RUNBOOK: &str = include_str!("../../docs/RUNBOOK.md");
const X: &str = "crm_event_test-1_20261123T065000123456Z";

/// What is only checked, by a part of it, and why it does not run.
const CHECKED: [(&str, &str); 9] = [
    (
        "LogGroup",
        "no function runs in the emulated stack, so it has no log groups",
    ),
    ("errors ", "as well"),
    (
        "resource SweepFunction",
        "no function runs in the emulated stack",
    ),
    (
        "update-event-source-mapping",
        "as well, so there is no mapping",
    ),
    ("aws events ", "the emulated stack has no rule"),
    (
        "suppressed-destination",
        "suppression lists are not emulated",
    ),
    ("get-account\n", "an account's limits are not emulated"),
    ("--version-id", "LocalStack has no such version"),
    (
        "start-message-move-task",
        "it runs in the background, and moves what other commands look at",
    ),
];

/// What stands for something of the moment.
const PLACEHOLDERS: [(&str, &str); 6] = [
    ("X.json", "crm_event_test-1_20261123T065000123456Z.json"),
    ("<id>", "7d6f0ce9-3ff4-4b1c-9c5c-7f0d3c1a2b3c"),
    ("<address>", "omar@example.com"),
    ("<sender>", "crm@example.com"),
    ("<rule>", "crm-SweepFunctionEverySweepMinutes-1"),
    ("<bad version>", "v2"),
];

/// Commands as the runbook shows them, each with its heading: the lines of shell blocks, and code within a sentence.
fn commands() -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut heading = "";
    let (mut block, mut prose) = (None::<String>, String::new());
    for line in RUNBOOK.lines() {
        match (&mut block, line.trim()) {
            (None, "```bash") => block = Some(String::new()),
            (Some(lines), "```") => {
                let lines = lines.replace("\\\n", " ");
                found.extend(
                    lines
                        .lines()
                        .map(|line| (heading.to_owned(), line.to_owned())),
                );
                block = None;
            }
            (Some(lines), _) => {
                lines.push_str(line);
                lines.push('\n');
            }
            (None, text) if text.starts_with('#') => {
                found.extend(spans(heading, &std::mem::take(&mut prose)));
                heading = text;
            }
            (None, text) => {
                prose.push_str(text);
                prose.push(' ');
            }
        }
    }
    found.extend(spans(heading, &prose));
    found.retain(|(_, command)| {
        ["aws ", "errors ", "echo "]
            .iter()
            .any(|word| command.starts_with(word))
    });
    found
}

fn spans(heading: &str, prose: &str) -> Vec<(String, String)> {
    let spans = prose.split('`').skip(1).step_by(2);
    spans
        .map(|span| (heading.to_owned(), span.to_owned()))
        .collect()
}

/// The runbook's own shell functions and variables: its blocks before the first heading.
fn prelude() -> Result<String> {
    let head = RUNBOOK.split("\n## ").next().unwrap_or_default();
    let blocks = head.split("```bash\n").skip(1);
    let blocks = blocks.filter_map(|block| block.split("```").next());
    let prelude: String = blocks
        .filter(|block| !block.contains("export LEADWIRE_STACK"))
        .collect();
    ensure!(
        prelude.contains("errors()") && prelude.contains("output()"),
        "{prelude}"
    );
    Ok(prelude)
}

fn filled(command: &str) -> String {
    let fill = |text: String, (name, value): &(&str, &str)| text.replace(name, value);
    PLACEHOLDERS.iter().fold(command.to_owned(), fill)
}

fn is_only_checked(command: &str) -> bool {
    let command = format!("{command}\n");
    CHECKED.iter().any(|(part, _)| command.contains(part))
}

/// Runs a script with the AWS CLI in its path; gives back what it wrote to standard error where it failed.
async fn failure(
    script: &str,
    folder: &Path,
    variables: &[(&str, &str)],
) -> Result<Option<String>> {
    let path = format!("{}:/usr/bin:/bin", cli::folder().await?.display());
    let mut command = Command::new("bash");
    command
        .args(["-euo", "pipefail", "-c", script])
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .env("HOME", folder)
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_DEFAULT_REGION", REGION)
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_MAX_ATTEMPTS", "1")
        .envs(variables.iter().copied());
    let output = command.output().await.context("bash")?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok((!output.status.success()).then_some(errors))
}

/// Objects and identities that the headings speak of.
async fn furnish(clients: &Clients, stack: &Stack) -> Result<()> {
    let (raw, enriched) = (
        stack.output("RawBucketName")?,
        stack.output("EnrichedBucketName")?,
    );
    clients
        .put(raw, &format!("raw/{X}.json"), "{\"lead_id\":\"test-1\"}")
        .await?;
    for folder in ["enriched", "mail", "failed"] {
        clients
            .put(enriched, &format!("{folder}/{X}.json"), "{}")
            .await?;
    }
    for identity in ["crm@example.com", "omar@example.com"] {
        let create = clients.ses.create_email_identity();
        create.email_identity(identity).send().await?;
    }
    Ok(())
}

/// A call within another's arguments fails as loudly as one by itself.
const CALLING: &str = "aws() {
  local endpoint=$AWS
  if [ \"$1\" = sesv2 ]; then endpoint=$MAIL; fi
  command aws \"$@\" --endpoint-url \"$endpoint\" || { touch failed; return 1; }
}
";

/// Every command in one shell, after the runbook's own functions and variables: it says which failed, and why.
fn script(commands: &[(String, String)]) -> Result<String> {
    let mut script = format!("{CALLING}{}", prelude()?);
    for (heading, command) in commands {
        let title = format!("{heading}: {command}").replace('\'', "'\\''");
        let command = filled(command);
        script.extend([
            format!("rm -f failed\n( {command}\n) > said 2>&1 || touch failed\n"),
            format!("if [ -e failed ]; then echo '{title}' >> wrong; cat said >> wrong; fi\n"),
        ]);
    }
    script.push_str("if [ -e wrong ]; then cat wrong >&2; exit 1; fi\n");
    Ok(script)
}

#[tokio::test]
async fn every_command_of_the_runbook_runs_against_the_emulated_stack() -> Result<()> {
    let emulators = Emulators::shared().await?;
    let clients = emulators.clients();
    let parameters = environment([
        ("SesFromAddress", "crm@example.com"),
        ("SesToAddress", "omar@example.com"),
        ("PagerEndpoint", "https://127.0.0.1:9/pager"),
    ]);
    let options = StackOptions {
        parameters,
        ..StackOptions::default()
    };
    let stack = Stack::deploy(&clients, &options).await?;
    furnish(&clients, &stack).await?;
    let folder = tempfile::tempdir()?;
    std::fs::write(
        folder.path().join("corrected.json"),
        "{\"lead_id\":\"test-1\"}",
    )?;
    let variables = [
        ("AWS", emulators.aws.as_str()),
        ("MAIL", emulators.mail.as_str()),
        ("LEADWIRE_STACK", stack.name.as_str()),
    ];
    let commands = commands().into_iter();
    let commands: Vec<_> = commands
        .filter(|(_, command)| !is_only_checked(command))
        .collect();
    ensure!(commands.len() > 15, "{commands:?}");
    let wrong = failure(&script(&commands)?, folder.path(), &variables).await?;
    ensure!(wrong.is_none(), "{}", wrong.unwrap_or_default());
    Ok(())
}

/// The CLI checks a call by the service's model before it asks for a connection, and here nobody listens.
const WITHOUT_CALLING: &str = "aws() {
  if [ \"$1\" = s3 ]; then return; fi
  local said
  said=$(command aws \"$@\" --endpoint-url http://127.0.0.1:1 2>&1) || true
  case \"$said\" in
    *'Could not connect to the endpoint'*) echo arn:aws:lambda:us-east-1:000000000000:function:crm ;;
    *) echo \"$said\" >&2; return 1 ;;
  esac
}
output() { echo arn:aws:sns:us-east-1:000000000000:an-output; }
resource() { echo a-resource; }
RAW_BUCKET=raw-bucket; ENRICHED_BUCKET=enriched-bucket; LOOKUP_BUCKET=lookup-bucket
DELAY_QUEUE_URL=https://sqs.us-east-1.amazonaws.com/000000000000/delay; DEAD_LETTER_QUEUE_URL=$DELAY_QUEUE_URL
";

#[tokio::test]
async fn aws_would_take_each_command_that_no_emulator_knows() -> Result<()> {
    let prelude = prelude()?;
    let errors = prelude.lines().find(|line| line.starts_with("errors()"));
    let prelude = format!("{WITHOUT_CALLING}{}", errors.context("errors()")?);
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("corrected.json"), "{}")?;
    let commands = commands();
    for (part, _) in CHECKED {
        let is_there = commands
            .iter()
            .any(|(_, command)| format!("{command}\n").contains(part));
        ensure!(is_there, "no command has {part:?} any more");
    }
    let mut wrong = Vec::new();
    for (heading, command) in &commands {
        let script = format!("{prelude}\n{}", filled(command));
        if let Some(why) = failure(&script, folder.path(), &[]).await? {
            wrong.push(format!("{heading}: {command}: {why}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    // A call that AWS has not, and a member that a call has not.
    for mistaken in [
        "aws sesv2 get-accounts",
        "aws s3api put-object --bucket b --key k --only-new '*'",
    ] {
        let script = format!("{prelude}\n{mistaken}");
        let told = failure(&script, folder.path(), &[]).await?;
        ensure!(told.is_some(), "{mistaken} was taken");
    }
    Ok(())
}
