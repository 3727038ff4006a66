//! `source check`: why a saved request does not verify.

use crate::duration::{parse_time, render, render_time};
use crate::home::{self, HomeArgs};
use crate::output::{BAD, BOLD, DIM, Ended, GOOD, Output, WAIT, plural, printable};
use crate::usage::Usage;
use anyhow::Context as _;
use clap::Args;
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::limits::OBJECT_BYTES_MAX;
use leadwire_domain::source::check::{
    Diagnosis, Mistake, SAVED_BYTES_MAX, SavedRequest, Verdict, check,
};
use leadwire_domain::source::{SourceName, Sources, Unverified};
use serde_json::{Value, json};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The file is a raw HTTP request, as a sender's delivery log shows it: the line
\"POST /ingest/close HTTP/1.1\", the headers, a blank line, and the body byte for byte. It is held
against the sources document. Nothing is sent, and no secret or signature is shown.

Whether a signature is stale is only known with the time of receipt: --at, or a header
leadwire-received-at in the file.

Exit codes: 0 verified, 1 not verified, 2 the file or a document cannot be used.

Examples:
  leadwire source check close --request refused.http
  leadwire source check close --request refused.http --at 2026-11-23T06:50:00Z
  leadwire source check close --request - --previous sources.json.old < refused.http
  leadwire source check close --request refused.http --stack crm-ingestion-prod")]
pub(crate) struct CheckArgs {
    /// The source's name
    pub(crate) name: String,
    /// The request; - reads standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) request: PathBuf,
    /// When it came, where the file does not say: 2026-11-23T06:50:00Z, or an age such as 2h
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// A sources document from before a change, whose secrets are tried too; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) previous: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

/// What was asked for, read from the command line and its files.
struct Order {
    name: SourceName,
    request: SavedRequest,
    previous: Vec<String>,
}

/// What to do where nothing that was tried verifies.
const NEXT_STEPS: [&str; 3] = [
    "Copy the secret from the sender's settings into the sources document anew: most often it is another one. Where it was changed lately, give the older document with --previous.",
    "Unless `up --save-refused` wrote the file, get the request anew, byte for byte: a body that was copied from a screen or went through an editor is another one.",
    "Post a signed sample with `leadwire send --source NAME`: if that is taken, compare how the sender's documentation says that it signs.",
];

/// `source check`.
pub(crate) async fn run(args: &CheckArgs, output: &mut Output) -> anyhow::Result<Ended> {
    let now = home::now();
    let Order {
        name,
        request,
        mut previous,
    } = read(args, now)?;
    let documents = home::sources_documents(&args.home).await?;
    let Some(document) = documents.current else {
        let place = match &args.home.stack {
            Some(stack) => format!("the stack {stack}"),
            None => args.home.folder.data.display().to_string(),
        };
        return Err(Usage::of(format!("there is no sources document in {place}")).into());
    };
    match documents.previous {
        Ok(Some(before)) if Sources::parse(&before).is_ok() => previous.push(before),
        Ok(None) => {}
        Ok(Some(_)) => output.line(unread("it is no sources document"))?,
        Err(error) => output.line(unread(&format!("{:#}", anyhow::Error::from(error))))?,
    }
    let received_at = request.received_at;
    let diagnosis = check((&document, &previous), name, request, now)
        .map_err(|error| Usage::of(error.to_string()))?;
    output.json(&render_json(&diagnosis, received_at, previous.len()))?;
    for line in render_text(&diagnosis, received_at) {
        output.line(line)?;
    }
    Ok(Ended::when(matches!(
        diagnosis.verdict,
        Verdict::Verified(_)
    )))
}

fn unread(why: &str) -> String {
    format!(
        "{WAIT}The secret's version from before (AWSPREVIOUS) is not tried: {}.{WAIT:#}",
        printable(why)
    )
}

/// Everything that was typed, with every file; what cannot be used of it is a mistake of the caller.
fn read(args: &CheckArgs, now: Timestamp) -> anyhow::Result<Order> {
    let name = SourceName::parse(&args.name).map_err(|error| {
        let name = printable(&args.name);
        Usage::of(format!("{name}: {error}"))
    })?;
    let at = args.at.as_deref().map(|text| {
        let wrong = || Usage::of("--at: a time such as 2026-11-23T06:50:00Z, or an age such as 2h");
        parse_time(text, now).ok_or_else(wrong)
    });
    let at = at.transpose()?;
    let file = read_request(&args.request).map_err(|error| Usage::of(format!("{error:#}")))?;
    let mut request =
        SavedRequest::parse(&file).map_err(|error| Usage::of(format!("--request: {error}")))?;
    request.received_at = at.or(request.received_at);
    let previous = args
        .previous
        .iter()
        .map(|path| read_text(path).map_err(|error| Usage::of(format!("--previous: {error:#}"))));
    Ok(Order {
        name,
        request,
        previous: previous.collect::<Result<_, _>>()?,
    })
}

fn read_request(path: &Path) -> anyhow::Result<Vec<u8>> {
    if path == Path::new("-") {
        return read_bounded(io::stdin(), SAVED_BYTES_MAX).context("could not read standard input");
    }
    let could_not = || format!("could not read {}", path.display());
    let file = File::open(path).with_context(could_not)?;
    read_bounded(file, SAVED_BYTES_MAX).with_context(could_not)
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let could_not = || format!("could not read {}", path.display());
    let file = File::open(path).with_context(could_not)?;
    let bytes = read_bounded(file, OBJECT_BYTES_MAX).with_context(could_not)?;
    String::from_utf8(bytes).map_err(|_not_text| anyhow::anyhow!("{} is not UTF-8", path.display()))
}

/// One byte more than the limit at most, by which the reader of the bytes sees that there are too many.
fn read_bounded(from: impl Read, limit: usize) -> io::Result<Vec<u8>> {
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    from.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn render_json(diagnosis: &Diagnosis, received_at: Option<Timestamp>, previous: usize) -> Value {
    let source = diagnosis.source;
    let (age, why, mistakes, tried) = match &diagnosis.verdict {
        Verdict::Verified(age) => (*age, None, &[][..], &[][..]),
        Verdict::Refused {
            why,
            mistakes,
            tried,
        } => (None, *why, &mistakes[..], &tried[..]),
    };
    let mistakes = mistakes.iter().map(|mistake| {
        json!({ "code": mistake.code(), "text": mistake.text(), "advice": mistake.advice() })
    });
    json!({
        "source": source.as_str(), "kind": source.kind().name(), "received_at": received_at,
        "verified": matches!(diagnosis.verdict, Verdict::Verified(_)), "age_seconds": age,
        "why": why.map(Unverified::code), "header": why.and_then(Unverified::place),
        "mistakes": mistakes.collect::<Vec<_>>(), "tried": tried,
        "lacks_bytes": diagnosis.lacks, "previous_documents": previous,
    })
}

fn render_text(diagnosis: &Diagnosis, received_at: Option<Timestamp>) -> Vec<String> {
    let source = diagnosis.source;
    let mut lines = Vec::new();
    match &diagnosis.verdict {
        Verdict::Verified(age) => {
            lines.push(format!("{GOOD}verified{GOOD:#} by the source {source}"));
            lines.extend(age.map(render_age));
        }
        Verdict::Refused {
            why,
            mistakes,
            tried,
        } => {
            let why = why.map(|why| format!(": {why}")).unwrap_or_default();
            lines.push(format!(
                "{BAD}not verified{BAD:#} by the source {source}{}",
                printable(&why)
            ));
            lines.extend(render_mistakes(mistakes, tried));
        }
    }
    if diagnosis.lacks > 0 {
        let bytes = plural(diagnosis.lacks, "byte");
        lines.push(format!(
            "\n{WAIT}The file is cut off: {bytes} of the announced body are not in it. Save the whole request.{WAIT:#}"
        ));
    }
    if let Some(at) = received_at {
        lines.push(format!("\n{DIM}Held at {}.{DIM:#}", render_time(at)));
    }
    lines
}

/// Of a signature whose time is out of the tolerance by now.
fn render_age(age: i64) -> String {
    let span = render(SignedDuration::from_secs(age.saturating_abs()));
    let when = if age < 0 {
        format!("{span} ahead")
    } else {
        format!("{span} ago")
    };
    format!(
        "It was signed {when}. Whether it came in time is known with --at TIME, its time of receipt."
    )
}

fn render_mistakes(mistakes: &[Mistake], tried: &[&str]) -> Vec<String> {
    let mut lines = Vec::new();
    for mistake in mistakes {
        lines.push(format!("\n{BOLD}{}{BOLD:#}", printable(&mistake.text())));
        lines.push(format!("  {}", mistake.advice()));
    }
    match (mistakes.is_empty(), tried.is_empty()) {
        (true, _) => {
            lines.push(format!("\nTried, and not it: {}.", tried.join(", ")));
            lines.push("\nNext steps:".to_owned());
            let steps = (1..).zip(NEXT_STEPS);
            lines.extend(steps.map(|(number, step)| format!("  {number}. {step}")));
        }
        (false, false) => lines.push(format!(
            "\n{DIM}No change to the request or to the source that was tried makes it verify.{DIM:#}"
        )),
        (false, true) => {}
    }
    lines
}
