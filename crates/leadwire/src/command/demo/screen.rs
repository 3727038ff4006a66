//! What one sees of the demo: a table that is redrawn where a person watches, lines where not, one document for a program.

use super::{FOLDER, Progress};
use crate::duration::render;
use crate::output::{BAD, BOLD, Cell, DIM, GOOD, Output, render_table, style_of};
use crate::status::separator;
use jiff::SignedDuration;
use leadwire_pipeline::ledger::history::LeadState;
use serde_json::json;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// The demo's screen.
pub(super) struct Screen<'a> {
    output: &'a mut Output,
    started: Instant,
    url: String,
    drawn: usize,
    told: BTreeMap<&'static str, String>,
}

impl<'a> Screen<'a> {
    /// Says what is about to happen.
    pub(super) fn new(output: &'a mut Output, started: Instant, url: &str) -> anyhow::Result<Self> {
        output.line(format!("{BOLD}leadwire demo{BOLD:#}  the real pipeline at {url}, ten minutes scaled down to two seconds\n"))?;
        Ok(Self {
            output,
            started,
            url: url.to_owned(),
            drawn: 0,
            told: BTreeMap::new(),
        })
    }

    /// Something happened to a lead from outside.
    pub(super) fn tell(&mut self, lead_id: &str, text: &str) -> anyhow::Result<()> {
        // The table moves down.
        if self.drawn > 0 {
            self.output.redraw(&[], self.drawn)?;
            self.drawn = 0;
        }
        let clock = self.clock();
        self.output
            .line(format!("{DIM}{clock}{DIM:#}  {lead_id:<10}  {text}"))?;
        Ok(())
    }

    /// Draws where every lead stands; without a terminal, a line for each that stands elsewhere than before.
    pub(super) fn draw(&mut self, leads: &[Progress]) -> anyhow::Result<()> {
        if self.output.is_live() {
            let lines = self.frame(leads);
            self.output.redraw(&lines, self.drawn)?;
            self.drawn = lines.len();
            return Ok(());
        }
        for lead in leads {
            let Some(text) = stands(lead) else { continue };
            if self.told.get(lead.story.lead_id) != Some(&text) {
                self.tell(lead.story.lead_id, &text)?;
                self.told.insert(lead.story.lead_id, text);
            }
        }
        Ok(())
    }

    fn frame(&self, leads: &[Progress]) -> Vec<String> {
        let row = |lead: &Progress| {
            vec![
                Cell::plain(lead.story.lead_id),
                stage_cell(lead),
                Cell::plain(why(lead)),
                Cell::styled(lead.story.title, DIM),
            ]
        };
        let rows: Vec<Vec<Cell>> = leads.iter().map(row).collect();
        let mut lines = vec![String::new(), format!("{DIM}{}{DIM:#}", self.clock())];
        lines.extend(render_table(&["LEAD", "STAGE", "", ""], &rows));
        lines
    }

    fn clock(&self) -> String {
        format!("{:4.1} s", self.started.elapsed().as_secs_f64())
    }

    /// The summary.
    pub(super) fn finish(mut self, leads: &[Progress], good: bool) -> anyhow::Result<()> {
        if self.drawn > 0 {
            self.output.redraw(&[], self.drawn)?;
            self.drawn = 0;
        }
        let seconds = (self.started.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        self.output.json(&json!({
            "ok": good, "seconds": seconds, "url": self.url, "folder": FOLDER,
            "leads": leads.iter().map(document).collect::<Vec<_>>(),
        }))?;
        self.output.line("")?;
        let rows: Vec<Vec<Cell>> = leads.iter().map(summary).collect();
        self.output
            .table(&["LEAD", "STORY", "END", "AFTER", "MAILS", ""], &rows)?;
        let verdict = if good {
            format!(
                "{GOOD}Every lead came to its end, none was lost, none was mailed twice.{GOOD:#}"
            )
        } else {
            format!("{BAD}Not every lead came to the end that it must.{BAD:#}")
        };
        self.output.line(format!("\n{verdict} ({seconds} s)\n"))?;
        self.pointers()
    }

    /// Where to look.
    fn pointers(&mut self) -> anyhow::Result<()> {
        let command = command_name();
        let lines = [
            format!("The mails       {FOLDER}/outbox/*.eml"),
            format!("What came in    {FOLDER}/raw/"),
            format!("What it became  {FOLDER}/enriched/"),
            format!("Every lead      {command} leads --data {FOLDER}"),
            format!("One lead        {command} lead demo-carol --data {FOLDER}"),
            format!("The poisoned    {command} dlq ls --data {FOLDER}"),
            format!("For real        {command} up --help"),
        ];
        for line in lines {
            self.output.line(line)?;
        }
        Ok(())
    }
}

/// The command as it was typed, so that a line can be pasted.
fn command_name() -> String {
    std::env::args()
        .next()
        .filter(|name| !name.contains(char::is_whitespace))
        .unwrap_or_else(|| "leadwire".to_owned())
}

fn stands(lead: &Progress) -> Option<String> {
    let status = lead.status.as_ref()?;
    let style = style_of(status.state);
    Some(format!(
        "{style}{}{style:#}{}{}",
        status.state.as_str(),
        separator(status),
        status.why
    ))
}

fn stage_cell(lead: &Progress) -> Cell {
    match &lead.status {
        None => Cell::styled("posted", DIM),
        Some(status) => Cell::styled(status.state.as_str(), style_of(status.state)),
    }
}

fn why(lead: &Progress) -> String {
    match &lead.status {
        Some(status) if status.state == LeadState::Mailed => took(lead),
        Some(status) => status.why.clone(),
        None => String::new(),
    }
}

fn took(lead: &Progress) -> String {
    lead.took.map_or_else(String::new, |took| {
        format!("{:.1} s", SignedDuration::as_secs_f64(&took))
    })
}

fn summary(lead: &Progress) -> Vec<Cell> {
    let end = match &lead.status {
        Some(status) if status.state == LeadState::Dead => format!("dead letter: {}", status.why),
        Some(status) => status.state.as_str().to_owned(),
        None => "unknown".to_owned(),
    };
    let style = if lead.is_right() { GOOD } else { BAD };
    let verdict = if lead.is_right() {
        "as it must"
    } else {
        "WRONG"
    };
    vec![
        Cell::plain(lead.story.lead_id),
        Cell::plain(lead.story.title),
        Cell::styled(
            end,
            lead.status
                .as_ref()
                .map_or(BAD, |status| style_of(status.state)),
        ),
        Cell::plain(took(lead)),
        Cell::plain(lead.mails.to_string()),
        Cell::styled(verdict, style),
    ]
}

fn document(lead: &Progress) -> serde_json::Value {
    json!({
        "lead_id": lead.story.lead_id,
        "story": lead.story.title,
        "stage": lead.status.as_ref().map(|status| status.state),
        "why": lead.status.as_ref().map(|status| status.why.as_str()),
        "expected": lead.story.end,
        "mails": lead.mails,
        "seconds": lead.took.map(render),
        "ok": lead.is_right(),
    })
}
