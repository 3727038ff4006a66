//! `doctor`: whether a data folder and its configuration are sound, and what to do where not.

use crate::cli::FolderArgs;
use crate::duration::render_relative;
use crate::home;
use crate::output::{BAD, Cell, Ended, GOOD, Output, WAIT};
use crate::settings::typed::{Doctor, Typed};
use clap::Args;
use jiff::SignedDuration;
use leadwire_domain::source::{Source, Sources};
use leadwire_local::{DataFolder, LocalHome, Mode, SmtpUrl, probe_smtp};
use leadwire_pipeline::ledger::Ledger;
use leadwire_pipeline::port::NoMailer;
use serde_json::json;
use std::fs;
use std::path::Path;

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire doctor
  leadwire doctor --smtp smtp://mail.example.com:587     Also whether the mail server lets us in")]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
    #[command(flatten)]
    pub(crate) settings: Typed<Doctor>,
}

/// Less free space than this is a failure: a full disk answers 503.
const FREE_BYTES_FAIL: u64 = 100 * 1024 * 1024;
/// Less free space than this is worth a warning.
const FREE_BYTES_WARN: u64 = 1024 * 1024 * 1024;
/// A message that has been due for longer than this is not worked on.
const OVERDUE: SignedDuration = SignedDuration::from_mins(5);

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// One check.
struct Check {
    verdict: Verdict,
    what: &'static str,
    found: String,
}

fn check(verdict: Verdict, what: &'static str, found: impl Into<String>) -> Check {
    Check {
        verdict,
        what,
        found: found.into(),
    }
}

/// Checks everything, whatever the first finding is.
pub(super) async fn run(args: &DoctorArgs, output: &mut Output) -> anyhow::Result<Ended> {
    let folder = DataFolder::new(&args.folder.data);
    let mut checks = Vec::new();
    match LocalHome::open(folder.path(), Mode::Operate) {
        Err(error) => checks.push(check(
            Verdict::Fail,
            "data folder",
            format!("{:#}", anyhow::Error::new(error)),
        )),
        Ok(home) => {
            checks.push(check(
                Verdict::Ok,
                "data folder",
                folder.path().display().to_string(),
            ));
            for warning in &home.report().warnings {
                checks.push(check(Verdict::Warn, "data folder", warning.to_string()));
            }
            checks.extend(check_home(&home).await);
        }
    }
    checks.push(check_lock(&folder));
    checks.push(check_space(folder.path()));
    checks.push(check_sources(folder.path()));
    checks.push(check_mail(&folder, args.settings.text("--smtp").as_deref()).await);
    tell(&checks, output)?;
    Ok(Ended::when(
        checks.iter().all(|check| check.verdict != Verdict::Fail),
    ))
}

fn tell(checks: &[Check], output: &mut Output) -> anyhow::Result<()> {
    for check in checks {
        let verdict = word(check.verdict).0;
        output.json(&json!({ "check": check.what, "verdict": verdict, "found": check.found }))?;
    }
    let rows: Vec<Vec<Cell>> = checks
        .iter()
        .map(|check| {
            let (word, style) = word(check.verdict);
            vec![
                Cell::styled(word, style),
                Cell::plain(check.what),
                Cell::plain(check.found.as_str()),
            ]
        })
        .collect();
    output.table(&["STATE", "CHECK", "FOUND"], &rows)?;
    Ok(())
}

fn word(verdict: Verdict) -> (&'static str, anstyle::Style) {
    match verdict {
        Verdict::Ok => ("ok", GOOD),
        Verdict::Warn => ("warn", WAIT),
        Verdict::Fail => ("FAIL", BAD),
    }
}

/// The database and what is in it.
async fn check_home(home: &LocalHome) -> Vec<Check> {
    let database = match home.check().await {
        Ok(damage) if damage.is_empty() => check(Verdict::Ok, "database", "no damage"),
        Ok(damage) => check(
            Verdict::Fail,
            "database",
            format!(
                "damaged: {}; stop `up`, keep a copy of the folder, and restore a backup",
                damage.join("; ")
            ),
        ),
        Err(error) => check(
            Verdict::Fail,
            "database",
            format!("{:#}", anyhow::Error::new(error)),
        ),
    };
    let queue = match check_queue(home).await {
        Ok(checks) => checks,
        Err(error) => vec![check(Verdict::Fail, "queue", format!("{error:#}"))],
    };
    [vec![database], queue].into_iter().flatten().collect()
}

async fn check_queue(home: &LocalHome) -> anyhow::Result<Vec<Check>> {
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
        Some(message) => check(
            Verdict::Fail,
            "queue",
            format!(
                "{counts}; the oldest was due {}: nobody works on it, start `leadwire up`",
                render_relative(message.due_at, now)
            ),
        ),
        None => check(Verdict::Ok, "queue", counts),
    };
    let failures = Ledger::new(&home.ports(NoMailer).store).failures().await?;
    let dead = match (failures.len(), depth.dead) {
        (0, 0) => check(Verdict::Ok, "dead letters", "none"),
        (failed, dead) => check(
            Verdict::Warn,
            "dead letters",
            format!(
                "messages: {dead}, leads that failed or wait for a person: {failed}; see `leadwire dlq ls`"
            ),
        ),
    };
    Ok(vec![queue, dead])
}

/// Who serves the folder: the lock says so.
fn check_lock(folder: &DataFolder) -> Check {
    let what = "served";
    match home::served_by(folder) {
        Err(error) => check(Verdict::Fail, what, format!("{error:#}")),
        Ok(Some(holder)) => check(Verdict::Ok, what, holder),
        Ok(None) => check(
            Verdict::Warn,
            what,
            "nobody serves this folder; what waits, waits until `leadwire up` runs",
        ),
    }
}

fn check_space(dir: &Path) -> Check {
    let what = "disk";
    let Some(there) = dir.ancestors().find(|dir| dir.exists()) else {
        return check(Verdict::Fail, what, "no such disk");
    };
    let there = if there == Path::new("") {
        Path::new(".")
    } else {
        there
    };
    match rustix::fs::statvfs(there) {
        Err(error) => check(
            Verdict::Warn,
            what,
            format!("free space cannot be told: {error}"),
        ),
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let text = format!("{} MiB free", free / (1024 * 1024));
            if free < FREE_BYTES_FAIL {
                check(
                    Verdict::Fail,
                    what,
                    format!("{text}; leads are refused with 503 when it is full: make room"),
                )
            } else if free < FREE_BYTES_WARN {
                check(Verdict::Warn, what, format!("{text}; make room"))
            } else {
                check(Verdict::Ok, what, text)
            }
        }
    }
}

fn check_sources(dir: &Path) -> Check {
    let what = "sources.json";
    match home::read_sources(dir) {
        Err(error) => check(Verdict::Fail, what, format!("{error:#}")),
        Ok(None) => check(
            Verdict::Warn,
            what,
            "not there: only unsigned leads from this machine are taken",
        ),
        Ok(Some(text)) => match Sources::parse(&text) {
            Err(error) => check(
                Verdict::Fail,
                what,
                format!("{error}; every request is refused until it is corrected"),
            ),
            Ok(sources) => {
                let names: Vec<String> = Source::configurable()
                    .filter_map(|source| {
                        Some(format!(
                            "{source} ({} secrets)",
                            sources.get(source)?.keys.len()
                        ))
                    })
                    .collect();
                if names.is_empty() {
                    check(
                        Verdict::Warn,
                        what,
                        "names no source; every request is refused",
                    )
                } else {
                    check(Verdict::Ok, what, names.join(", "))
                }
            }
        },
    }
}

/// Whether mails can leave: the mail server answers and lets us in, or the outbox can be written to.
async fn check_mail(folder: &DataFolder, smtp: Option<&str>) -> Check {
    let what = "mail";
    let Some(url) = smtp else {
        let outbox = folder.outbox();
        return match fs::metadata(&outbox) {
            Ok(there) if there.is_dir() && !there.permissions().readonly() => check(
                Verdict::Ok,
                what,
                format!("into {} (no --smtp given)", outbox.display()),
            ),
            Ok(_) => check(
                Verdict::Fail,
                what,
                format!("{} cannot be written to", outbox.display()),
            ),
            Err(_absent) => check(Verdict::Warn, what, "no outbox yet; `leadwire up` makes it"),
        };
    };
    let url = match SmtpUrl::parse(url) {
        Ok(url) => url,
        Err(error) => return check(Verdict::Fail, what, format!("--smtp: {error}")),
    };
    match probe_smtp(&url).await {
        Ok(()) => check(
            Verdict::Ok,
            what,
            "the mail server answers and takes our login, if we have one",
        ),
        Err(error) => check(
            Verdict::Fail,
            what,
            format!("{:#}", anyhow::Error::new(error)),
        ),
    }
}
