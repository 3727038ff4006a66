//! `quarantine`: what a source signed and is no event: listed, shown, and taken once more.

use crate::duration::{render_relative, render_time};
use crate::home::{HomeArgs, Operated};
use crate::output::{BAD, Cell, DIM, Ended, GOOD, Output, plural, printable};
use crate::settings::typed::Typed;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use clap::{ArgGroup, Args, Subcommand};
use leadwire_domain::hint;
use leadwire_domain::problem::Problem;
use leadwire_pipeline::ledger::{Ledger, Quarantined};
use leadwire_pipeline::observe::short;
use leadwire_pipeline::operate::quarantine::{self, Retried};
use leadwire_pipeline::port::Clock as _;
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::settings::IngestConfig;
use leadwire_pipeline::stage::ingest::{Again, Ingest};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Debug, Subcommand)]
pub(crate) enum QuarantineCommand {
    /// List what was signed and is no event
    #[command(after_help = "Example:\n  leadwire quarantine ls")]
    Ls(HomeArgs),
    /// Show one: how it came, why it was refused, and its bytes
    Show(ShowArgs),
    /// Read it again, and take it as an event that comes now
    Retry(RetryArgs),
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Its bytes may hold personal data. What a terminal must not be sent is escaped.

Examples:
  leadwire quarantine show 1f2e3d4c5b6a
  leadwire quarantine show 1f2e3d4c5b6a --json")]
pub(crate) struct ShowArgs {
    /// Its key, or the first digits of it
    pub(crate) key: String,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

#[derive(Clone, Debug, Args)]
#[command(override_usage = "leadwire quarantine retry [OPTIONS] <KEY…|--all>")]
#[command(after_help = "\
Each is read by this version and today's sources. What can be taken is stored and queued, waits for its owner and is mailed
like any lead, and leaves the quarantine; what cannot stays. It is safe to repeat.

Examples:
  leadwire quarantine retry 1f2e3d4c5b6a
  leadwire quarantine retry --all")]
#[command(group = ArgGroup::new("which").required(true).args(["keys", "all"]))]
pub(crate) struct RetryArgs {
    /// Its key, or the first digits of it
    #[arg(value_name = "KEY")]
    pub(crate) keys: Vec<String>,
    /// Everything that `quarantine ls` lists
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
    #[command(flatten)]
    pub(crate) settings: Typed,
}

/// Bytes that are shown at most. `--json` has them all.
const SHOWN_MAX: usize = 16 * 1024;

/// `quarantine ls`.
pub(super) async fn ls<O: Operated>(home: &O, output: &mut Output) -> anyhow::Result<Ended> {
    let now = home.clock().now();
    let mut rows = Vec::new();
    for found in quarantine::list(home).await? {
        output.json(&document(&found))?;
        rows.push(vec![
            Cell::plain(short(&found.key)),
            Cell::plain(printable(found.source().unwrap_or("?"))),
            Cell::plain(render_relative(found.received_at(), now)),
            Cell::styled(code(&found), BAD),
            Cell::plain(found.bytes.len().to_string()),
        ]);
    }
    if rows.is_empty() {
        output.line(format!("{GOOD}Nothing is in quarantine.{GOOD:#}"))?;
        return Ok(Ended::Done);
    }
    output.table(&["KEY", "SOURCE", "CAME", "REASON", "BYTES"], &rows)?;
    output.line(format!(
        "\n{DIM}More: quarantine show KEY    Again: quarantine retry KEY, or --all{DIM:#}"
    ))?;
    Ok(Ended::Done)
}

/// `quarantine show`.
pub(super) async fn show<O: Operated>(
    home: &O,
    args: &ShowArgs,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let key = only(home, &args.key).await?;
    let found = Ledger::new(home.store()).quarantined(&key).await?;
    let Some(found) = found else {
        anyhow::bail!("{key} is not in quarantine any more");
    };
    let mut shown = document(&found);
    let (name, text) = match std::str::from_utf8(&found.bytes) {
        Ok(text) => ("body", text.to_owned()),
        Err(_not_text) => ("body_base64", BASE64_STANDARD.encode(&found.bytes)),
    };
    if let Some(members) = shown.as_object_mut() {
        members.insert(name.to_owned(), text.into());
    }
    output.json(&shown)?;
    output.line(&found.key)?;
    let source = printable(
        found
            .source()
            .unwrap_or("unknown: an older version kept it"),
    );
    let kind = found.kind().filter(|kind| Some(*kind) != found.source());
    let kind = kind.map(|kind| format!(" ({})", printable(kind)));
    output.line(format!("  Source   {source}{}", kind.unwrap_or_default()))?;
    output.line(format!("  Came     {}", render_time(found.received_at())))?;
    if let Some(place) = found.place().filter(|place| place.has_others) {
        output.line(format!(
            "  Place    number {} of its request, from 0",
            place.index
        ))?;
    }
    output.line(format!("  Reason   {BAD}{}{BAD:#}", code(&found)))?;
    if let Some(problem) = found.problem() {
        let hint = hint::of(problem, &found.bytes).unwrap_or_default();
        output.line(format!("           {} {hint}", problem.detail()))?;
    }
    output.line(format!("  Bytes    {}\n", found.bytes.len()))?;
    output.line(escaped(&found.bytes))?;
    Ok(Ended::Done)
}

/// `quarantine retry`. Done only when nothing of what was named is left.
pub(super) async fn retry<O: Operated>(
    home: Arc<O>,
    args: &RetryArgs,
    config: IngestConfig,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    // Whatever is kept was signed, so that a home without a document has no source for it.
    let secrets = SecretCache::new(home.sources(), "signed");
    let ingest = Ingest::new(Arc::clone(&home), secrets, config);
    let keys = if args.all {
        let found = quarantine::list(&*home).await?;
        found.into_iter().map(|found| found.key).collect()
    } else {
        let mut keys = BTreeSet::new();
        for text in &args.keys {
            keys.insert(only(&*home, text).await?);
        }
        keys.into_iter().collect::<Vec<_>>()
    };
    if keys.is_empty() {
        output.line(format!("{GOOD}Nothing is in quarantine.{GOOD:#}"))?;
    }
    let mut is_whole = true;
    for key in keys {
        let Some(found) = Ledger::new(home.store()).quarantined(&key).await? else {
            continue;
        };
        is_whole &= match quarantine::retry(&*home, &ingest, &found).await {
            Ok(retried) => report(&key, retried, output)?,
            Err(error) => {
                let why = format!("{:#}", anyhow::Error::from(error));
                output.json(&json!({ "key": key, "result": "failed", "error": why }))?;
                output.line(format!(
                    "{BAD}{}{BAD:#}  kept: {}",
                    short(&key),
                    printable(&why)
                ))?;
                false
            }
        };
    }
    Ok(Ended::when(is_whole))
}

fn report(key: &str, retried: Retried, output: &mut Output) -> anyhow::Result<bool> {
    let (result, again, error) = match retried {
        Retried::Taken(again) => ("taken", again, None),
        Retried::NotRemoved(again, error) => ("not_removed", again, Some(error)),
        Retried::Refused(again) => ("refused", again, None),
    };
    let error = error.map(|error| format!("{:#}", anyhow::Error::from(error)));
    output.json(&json!({
        "key": key, "result": result, "events": again.accepted, "ignored": again.ignored,
        "refused": again.refused, "error": error,
    }))?;
    let name = short(key);
    for event in &again.accepted {
        let twice = if event.duplicate {
            " (it was there already)"
        } else {
            ""
        };
        output.line(format!(
            "{GOOD}{name}{GOOD:#}  taken: lead {}, event {}{twice}",
            event.lead_id,
            printable(event.event_id.as_str())
        ))?;
    }
    for why in refusals(&again) {
        output.line(format!("{BAD}{name}{BAD:#}  {why}"))?;
    }
    if let Some(error) = error {
        output.line(format!(
            "{BAD}{name}{BAD:#}  it is still in quarantine: {}",
            printable(&error)
        ))?;
    }
    Ok(result == "taken")
}

/// What could not be taken, in words.
fn refusals(again: &Again) -> Vec<String> {
    let ignored = again.ignored.iter().map(|event_type| {
        format!(
            "kept: its source is not configured to take {}",
            printable(event_type)
        )
    });
    let refused = again.refused.iter().map(|refused| {
        let hint = refused.hint.as_deref().unwrap_or_default();
        format!(
            "kept: {}. {} {hint}",
            refused.problem.code(),
            refused.problem.detail()
        )
    });
    ignored.chain(refused).collect()
}

/// The one object that a text names.
async fn only<O: Operated>(home: &O, text: &str) -> anyhow::Result<String> {
    let mut found = quarantine::find(home, text).await?;
    match (found.pop(), found.len()) {
        (Some(key), 0) => Ok(key),
        (Some(_), others) => {
            let all = plural(others + 1, "object");
            anyhow::bail!("{text:?} begins the keys of {all}; give more digits")
        }
        (None, _) => anyhow::bail!(
            "nothing in quarantine has the key {text:?}; `quarantine ls` lists the keys"
        ),
    }
}

fn code(found: &Quarantined) -> &'static str {
    found.problem().map_or("unknown", Problem::code)
}

fn document(found: &Quarantined) -> Value {
    json!({
        "key": found.key, "source": found.source(), "kind": found.kind(), "received_at": found.received_at(),
        "code": found.problem().map(Problem::code), "index": found.place().map(|place| place.index),
        "size": found.bytes.len(),
    })
}

/// Bytes as text, without anything that a terminal would obey.
fn escaped(bytes: &[u8]) -> String {
    let shown = bytes.get(..SHOWN_MAX).unwrap_or(bytes);
    let mut text = String::new();
    for chunk in shown.utf8_chunks() {
        for c in chunk.valid().chars() {
            let is_plain =
                c == '\n' || c == '\t' || printable(c.encode_utf8(&mut [0; 4])) != "\u{fffd}";
            if is_plain {
                text.push(c);
            } else {
                text.extend(c.escape_unicode());
            }
        }
        for byte in chunk.invalid() {
            text.extend(std::ascii::escape_default(*byte).map(char::from));
        }
    }
    if shown.len() < bytes.len() {
        let left = bytes.len() - shown.len();
        let left = left.to_string();
        text.extend(["\n… and ", &left, " bytes more; --json has them all"]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn bytes_are_shown_without_what_a_terminal_would_obey() {
        for (bytes, expected) in [
            (&b"{\"a\":1,\n\t\"b\":2}"[..], "{\"a\":1,\n\t\"b\":2}"),
            (b"\x1b[31mred\x07", "\\u{1b}[31mred\\u{7}"),
            (b"a\rb\0", "a\\u{d}b\\u{0}"),
            ("é\u{9b}1m\u{202e}x".as_bytes(), "é\\u{9b}1m\\u{202e}x"),
            (b"\x1f\x8b\x08", "\\u{1f}\\x8b\\u{8}"),
            (b"caf\xe9", "caf\\xe9"),
        ] {
            assert_eq!(escaped(bytes), expected, "{bytes:?}");
        }
        let long = escaped(&vec![b'x'; 20_000]);
        assert!(long.len() < 17_000 && long.ends_with("3616 bytes more; --json has them all"));
    }
}
