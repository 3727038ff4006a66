//! What would change, shown to the operator. Values go to the terminal and nowhere else.

use crate::output::{BAD, BOLD, Cell, DIM, Output, WAIT, printable, shorten};
use leadwire_domain::key::EventName;
use leadwire_domain::lead::change::Change;
use leadwire_pipeline::operate::replay::{Ready, Refusal};
use serde::Serialize;
use serde_json::json;
use serde_json::value::RawValue;

/// Characters of a value that the table shows; `--json` shows all.
const VALUE_CHARS_SHOWN: usize = 48;

/// What was shown so far.
#[derive(Default, Serialize)]
pub(super) struct Shown {
    changed: usize,
    left_out: usize,
    ready: usize,
    /// What was asked for and cannot be replayed.
    pub(super) refused: usize,
}

impl Shown {
    /// Shows how many there are.
    pub(super) fn sum_up(&self, output: &mut Output) -> anyhow::Result<()> {
        output.json(self)?;
        let Self {
            ready,
            changed,
            left_out,
            refused,
        } = self;
        let mut text = format!("{ready} can be replayed, of which {changed} would change");
        if *left_out > 0 {
            text = format!("{text}; {left_out} left out, which have no document yet");
        }
        if *refused > 0 {
            text = format!("{text}; {BAD}{refused} cannot be replayed{BAD:#}");
        }
        output.line(text)?;
        Ok(())
    }
}

#[derive(Serialize)]
struct Changed<'a> {
    event: String,
    lead_id: &'a str,
    compared_with: Option<u32>,
    changes: Vec<Difference<'a>>,
}

/// Verbatim, so that digits survive.
#[derive(Serialize)]
struct Difference<'a> {
    field: &'a str,
    before: Option<&'a RawValue>,
    after: Option<&'a RawValue>,
}

/// Shows what a replay would change. In a span of time what stays as it is would only hide the rest from a person.
pub(super) fn show_changes(
    event: &Ready,
    is_range: bool,
    shown: &mut Shown,
    output: &mut Output,
) -> anyhow::Result<()> {
    shown.ready += 1;
    shown.changed += usize::from(!event.changes.is_empty());
    output.json(&Changed {
        event: event.name.to_string(),
        lead_id: event.lead_id().as_str(),
        compared_with: event.compared_with,
        changes: event.changes.iter().map(difference).collect(),
    })?;
    let heading = format!("{BOLD}{}{BOLD:#}  {}", event.lead_id(), event.name);
    if event.changes.is_empty() {
        if !is_range {
            output.line(format!("{heading}  {DIM}nothing would change{DIM:#}"))?;
        }
        return Ok(());
    }
    let with = match event.compared_with {
        None => "no document is left to compare with".to_owned(),
        Some(0) => "compared with its document".to_owned(),
        Some(revision) => format!("compared with replay {revision}"),
    };
    output.line(format!("{heading}  {DIM}{with}{DIM:#}"))?;
    let rows: Vec<Vec<Cell>> = event.changes.iter().map(row).collect();
    Ok(output.table(&["  FIELD", "STORED", "NEW"], &rows)?)
}

fn difference(change: &Change) -> Difference<'_> {
    Difference {
        field: &change.field,
        before: change.before.as_deref(),
        after: change.after.as_deref(),
    }
}

fn row(change: &Change) -> Vec<Cell> {
    vec![
        Cell::plain(format!("  {}", change.field)),
        Cell::styled(beginning(change.before.as_deref()), DIM),
        Cell::styled(beginning(change.after.as_deref()), WAIT),
    ]
}

/// A value as it is stored, its beginning where it is long.
fn beginning(value: Option<&RawValue>) -> String {
    let Some(value) = value else {
        return "(absent)".to_owned();
    };
    shorten(&printable(value.get()), VALUE_CHARS_SHOWN)
}

/// Shows why an event cannot be replayed. In a span of time there are leads on their way, and canaries: they are no trouble.
pub(super) fn show_refusal(
    name: &EventName,
    refusal: Refusal,
    is_range: bool,
    shown: &mut Shown,
    output: &mut Output,
) -> anyhow::Result<()> {
    match refusal {
        Refusal::Canary if is_range => return Ok(()),
        Refusal::NotEnriched if is_range => {
            shown.left_out += 1;
            return Ok(());
        }
        Refusal::Forgotten
        | Refusal::RawMissing
        | Refusal::RawInvalid
        | Refusal::NotEnriched
        | Refusal::OwnerMissing
        | Refusal::OwnerInvalid
        | Refusal::OwnerOfOther
        | Refusal::DocumentInvalid
        | Refusal::Canary => shown.refused += 1,
    }
    output.json(&json!({
        "event": name.to_string(), "key": name.raw_key(), "refused": refusal.code(), "why": refusal.to_string(),
    }))?;
    Ok(output.line(format!("{BAD}{}{BAD:#}  {refusal}", name.raw_key()))?)
}
