//! `doctor`: whether a data folder and its configuration are sound, or what a stack stores, and what to do where not.

#[cfg(feature = "aws")]
mod account;

use super::forget::{count_missing, missing};
use crate::activity::{self, Activity};
use crate::duration::render_relative;
use crate::home::{self, HomeArgs, Operated, with_home};
use crate::output::{BAD, Cell, Ended, GOOD, Output, WAIT, printable};
use crate::settings::read_smtp;
use crate::settings::typed::Typed;
use crate::usage::Usage;
use anstyle::Style;
use clap::Args;
use jiff::SignedDuration;
use leadwire_domain::source::{SourceConfig, Sources};
use leadwire_local::{DataFolder, LocalHome, Mode, SmtpServer, probe_smtp};
use leadwire_pipeline::ledger::Ledger;
use leadwire_pipeline::operate::quarantine;
use leadwire_pipeline::port::NoMailer;
use serde_json::json;
use std::fs;
use std::path::Path;

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire doctor
  leadwire doctor --smtp smtp://mail.example.com:587     Also whether the mail server lets us in
  leadwire doctor --stack crm-ingestion-prod             What the stack stores, and what SES lets the account do")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    #[command(flatten)]
    pub(crate) settings: Typed,
}

/// Less free space than this is a failure: a full disk answers 503.
const FREE_BYTES_FAIL: u64 = 100 * 1024 * 1024;
/// Less free space than this is worth a warning.
const FREE_BYTES_WARN: u64 = 1024 * 1024 * 1024;
/// A message that has been due for longer than this is not worked on.
const OVERDUE: SignedDuration = SignedDuration::from_mins(5);

/// How a check came out: its word, in its style.
type Verdict = (&'static str, Style);
const OK: Verdict = ("ok", GOOD);
const WARN: Verdict = ("warn", WAIT);
const FAIL: Verdict = ("FAIL", BAD);

/// What was found, and how bad it is.
type Found = (Verdict, String);

fn ok(found: impl Into<String>) -> Found {
    (OK, found.into())
}

fn warn(found: impl Into<String>) -> Found {
    (WARN, found.into())
}

fn fail(found: impl Into<String>) -> Found {
    (FAIL, found.into())
}

/// An error with everything that led to it.
fn failed(error: impl Into<anyhow::Error>) -> Found {
    fail(format!("{:#}", error.into()))
}

/// What was looked at, and what was found.
type Check = (&'static str, Found);

/// Checks everything, whatever the first finding is.
pub(super) async fn run(args: &DoctorArgs, output: &mut Output) -> anyhow::Result<Ended> {
    let checks = match &args.home.stack {
        None => check_machine(args).await,
        Some(name) => {
            let stored = with_home!(&args.home, home => check_stack(&home, name));
            [stored, check_account(name).await].concat()
        }
    };
    let mut rows = Vec::new();
    for (what, ((word, style), found)) in &checks {
        output.json(&json!({ "check": what, "verdict": word, "found": found }))?;
        let word = Cell::styled(*word, *style);
        rows.push(vec![word, Cell::plain(*what), Cell::plain(found)]);
    }
    output.table(&["STATE", "CHECK", "FOUND"], &rows)?;
    let is_well = checks.iter().all(|(_, (verdict, _))| *verdict != FAIL);
    Ok(Ended::when(is_well))
}

async fn check_machine(args: &DoctorArgs) -> Vec<Check> {
    let folder = DataFolder::new(&args.home.folder.data);
    let mut checks = Vec::new();
    match LocalHome::open(folder.path(), Mode::Operate) {
        Err(error) => checks.push(("data folder", failed(error))),
        Ok(home) => {
            checks.push(("data folder", ok(folder.path().display().to_string())));
            let warnings = home.report().warnings.iter();
            checks.extend(warnings.map(|warning| ("data folder", warn(warning.to_string()))));
            checks.push(("database", check_database(&home).await));
            checks.push(("tombstones", check_tombstones(&home).await));
            let stored = home::desk(&home);
            checks.push((
                "quarantine",
                check_quarantine(&stored, "leadwire quarantine ls").await,
            ));
            checks.extend(check_ignored(&stored).await);
            match check_queue(&home).await {
                Ok((queue, dead)) => checks.extend([("queue", queue), ("dead letters", dead)]),
                Err(error) => checks.push(("queue", failed(error))),
            }
        }
    }
    let smtp = args.settings.read(|settings| read_smtp(settings, None));
    checks.push(("served", check_lock(&folder)));
    checks.push(("disk", check_space(folder.path())));
    checks.push(("sources.json", check_sources(folder.path())));
    checks.push(("mail", check_mail(&folder, smtp).await));
    checks
}

/// What a stack stores. Its queues, functions and alarms are `CloudWatch`'s to watch.
async fn check_stack<O: Operated>(home: &O, name: &str) -> Vec<Check> {
    let tombstones = match count_missing(home).await {
        Ok(count) => tombstones(
            count,
            &format!("run `leadwire forget --tombstones --stack {name}` as its operator's role"),
        ),
        Err(error) => failed(error),
    };
    let dead = match Ledger::new(home.store()).failures().await {
        Ok(failures) if failures.is_empty() => ok("none"),
        Ok(failures) => {
            let count = failures.len();
            let see = format!("see `leadwire dlq ls --stack {name}`");
            warn(format!(
                "leads that failed or wait for a person: {count}; {see}"
            ))
        }
        Err(error) => failed(error),
    };
    let see = format!("leadwire quarantine ls --stack {name}");
    let quarantine = check_quarantine(home, &see).await;
    let mut checks = vec![
        ("tombstones", tombstones),
        ("quarantine", quarantine),
        ("dead letters", dead),
    ];
    checks.extend(check_ignored(home).await);
    checks
}

#[cfg(feature = "aws")]
async fn check_account(name: &str) -> Vec<Check> {
    account::check(name).await
}

/// Without the feature a stack was refused before.
#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "the other home's asks AWS")]
async fn check_account(_name: &str) -> Vec<Check> {
    Vec::new()
}

async fn check_database(home: &LocalHome) -> Found {
    match home.check().await {
        Ok(damage) if damage.is_empty() => ok("no damage"),
        Ok(damage) => fail(format!(
            "damaged: {}; stop `up`, keep a copy of the folder, and restore a backup",
            damage.join("; ")
        )),
        Err(error) => failed(error),
    }
}

/// Whether those whom the first edition forgot stay forgotten.
async fn check_tombstones(home: &LocalHome) -> Found {
    let remedy = "`leadwire up` makes them when it starts, or run `leadwire forget --tombstones`";
    match missing(home).await {
        Ok(count) => tombstones(count, remedy),
        Err(error) => failed(error),
    }
}

/// Whether a source sends what is no event.
async fn check_quarantine<O: Operated>(home: &O, see: &str) -> Found {
    match quarantine::count(home).await {
        Ok(0) => ok("empty"),
        Ok(count) => warn(format!(
            "signed, and no event: {count}; see `{see}`, and `quarantine retry`"
        )),
        Err(error) => failed(error),
    }
}

fn tombstones(missing: u64, remedy: &str) -> Found {
    match missing {
        0 => ok("none is missing"),
        count => fail(format!(
            "{count} missing: leads that an earlier version forgot come back with a retry; {remedy}"
        )),
    }
}

/// The queue, and the dead letters.
async fn check_queue(home: &LocalHome) -> anyhow::Result<(Found, Found)> {
    let now = home::now();
    let depth = home.queue().depth().await?;
    let counts = format!(
        "{} waiting, {} due, {} under way",
        depth.delayed, depth.due, depth.in_flight
    );
    let oldest = home.queue().waiting(1).await?.into_iter().next();
    let overdue =
        oldest.filter(|message| !message.in_flight && now.duration_since(message.due_at) > OVERDUE);
    let queue = match overdue {
        Some(message) => fail(format!(
            "{counts}; the oldest was due {}: nothing works on it, start `leadwire up`",
            render_relative(message.due_at, now)
        )),
        None => ok(counts),
    };
    let failures = Ledger::new(&home.ports(NoMailer).store).failures().await?;
    let dead = match (failures.len(), depth.dead) {
        (0, 0) => ok("none"),
        (failed, dead) => warn(format!(
            "messages: {dead}, leads that failed or wait for a person: {failed}; see `leadwire dlq ls`"
        )),
    };
    Ok((queue, dead))
}

/// Who serves the folder: the lock says so.
fn check_lock(folder: &DataFolder) -> Found {
    match home::served_by(folder) {
        Err(error) => failed(error),
        Ok(Some(holder)) => ok(holder),
        Ok(None) => warn("nothing serves this folder; what waits, waits until `leadwire up` runs"),
    }
}

fn check_space(dir: &Path) -> Found {
    let Some(there) = dir.ancestors().find(|dir| dir.exists()) else {
        return fail("no such disk");
    };
    let is_here = there == Path::new("");
    match rustix::fs::statvfs(if is_here { Path::new(".") } else { there }) {
        Err(error) => warn(format!("free space cannot be read: {error}")),
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let text = format!("{} MiB free", free / (1024 * 1024));
            if free < FREE_BYTES_FAIL {
                let why = "leads are refused with 503 when it is full";
                fail(format!("{text}; {why}: make room"))
            } else if free < FREE_BYTES_WARN {
                warn(format!("{text}; make room"))
            } else {
                ok(text)
            }
        }
    }
}

/// The types that came and that no source is configured to take: nothing else would tell that a lead is never made of them.
async fn check_ignored<O: Operated>(home: &O) -> Vec<Check> {
    let day = SignedDuration::from_hours(24);
    let came = match activity::see(home, home::now(), day).await {
        Ok(came) => came,
        Err(error) => return vec![("ignored types", warn(format!("not known: {error:#}")))],
    };
    let ignored = came.iter().filter(|(_, came)| !came.ignored.is_empty());
    let of_source = |(source, came): (&String, &Activity)| {
        let types = printable(&activity::list(&came.ignored));
        let found = format!("{source}: {types} ignored in 24 h; `events` names what is taken");
        ("ignored types", warn(found))
    };
    ignored.map(of_source).collect()
}

fn check_sources(dir: &Path) -> Found {
    let sources = match home::read_sources(dir) {
        Err(error) => return failed(error),
        Ok(None) => return warn("not there: only unsigned leads from this machine are taken"),
        Ok(Some(text)) => Sources::parse(&text),
    };
    let sources = match sources {
        Ok(sources) => sources,
        Err(error) => {
            return fail(format!(
                "{error}; every request is refused until it is corrected"
            ));
        }
    };
    let secrets = |config: &SourceConfig| {
        let source = config.source();
        let kind = source.kind_label().map(|kind| format!("{kind}, "));
        let kind = kind.unwrap_or_default();
        format!("{source} ({kind}{} secrets)", config.secrets())
    };
    let names: Vec<String> = sources.iter().map(secrets).collect();
    if names.is_empty() {
        return warn("names no source; every request is refused");
    }
    ok(names.join(", "))
}

/// Whether mails can leave: the mail server answers and lets us in, or the outbox can be written to.
async fn check_mail(folder: &DataFolder, smtp: Result<Option<SmtpServer>, Usage>) -> Found {
    let smtp = match smtp {
        Ok(smtp) => smtp,
        Err(mistakes) => return fail(mistakes.to_string()),
    };
    let Some(server) = smtp else {
        let outbox = folder.outbox();
        let path = outbox.display();
        return match fs::metadata(&outbox) {
            Ok(there) if there.is_dir() && !there.permissions().readonly() => {
                ok(format!("into {path} (no --smtp given)"))
            }
            Ok(_) => fail(format!("{path} cannot be written to")),
            Err(_absent) => warn("no outbox yet; `leadwire up` makes it"),
        };
    };
    match probe_smtp(&server).await {
        Ok(()) => ok("the mail server answers and takes our login, if we have one"),
        Err(error) => failed(error),
    }
}
