//! What one sees of the demo: a table that is redrawn where a person watches, lines where not, one document for a program.

use super::{FOLDER, Progress};
use crate::duration::render;
use crate::output::{BAD, BOLD, Cell, DIM, GOOD, Output, render_table, style_of, width};
use crate::status::separator;
use leadwire_pipeline::ledger::history::{EventStatus, LeadState};
use serde_json::json;
use std::collections::BTreeMap;
use tokio::time::Instant;

/// The demo's screen.
pub(super) struct Screen<'a> {
    output: &'a mut Output,
    started: Instant,
    url: String,
    drawn: usize,
    reported: BTreeMap<&'static str, String>,
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
            reported: BTreeMap::new(),
        })
    }

    /// Something happened to a lead from outside.
    pub(super) fn report(&mut self, lead_id: &str, text: &str) -> anyhow::Result<()> {
        // The table moves down.
        self.redraw(&[])?;
        let clock = self.clock();
        let line = format!("{DIM}{clock}{DIM:#}  {lead_id:<10}  {text}");
        Ok(self.output.line(line)?)
    }

    /// Draws lines in the place of the table.
    fn redraw(&mut self, lines: &[String]) -> anyhow::Result<()> {
        if self.drawn > 0 || !lines.is_empty() {
            self.output.redraw(lines, self.drawn)?;
            self.drawn = lines.len();
        }
        Ok(())
    }

    /// Draws where every lead stands; without a terminal, a line for each that stands elsewhere than before.
    pub(super) fn draw(&mut self, leads: &[Progress]) -> anyhow::Result<()> {
        if self.output.is_live() {
            return self.redraw(&self.frame(leads));
        }
        for lead in leads {
            let Some(text) = stands(lead) else { continue };
            if self.reported.get(lead.story.lead_id) != Some(&text) {
                self.report(lead.story.lead_id, &text)?;
                self.reported.insert(lead.story.lead_id, text);
            }
        }
        Ok(())
    }

    fn frame(&self, leads: &[Progress]) -> Vec<String> {
        let row = |lead: &Progress| {
            let (stage, why) = match &lead.status {
                None => (Cell::styled("posted", DIM), String::new()),
                Some(status) if status.state == LeadState::Mailed => (state(status), took(lead)),
                Some(status) => (state(status), status.why.clone()),
            };
            let title = Cell::styled(lead.story.title, DIM);
            vec![
                Cell::plain(lead.story.lead_id),
                stage,
                Cell::plain(why),
                title,
            ]
        };
        let rows: Vec<Vec<Cell>> = leads.iter().map(row).collect();
        let mut lines = vec![String::new(), format!("{DIM}{}{DIM:#}", self.clock())];
        lines.extend(render_table(&["LEAD", "STAGE", "", ""], &rows, width()));
        lines
    }

    fn clock(&self) -> String {
        format!("{:4.1} s", self.started.elapsed().as_secs_f64())
    }

    /// The summary.
    pub(super) fn finish(mut self, leads: &[Progress], good: bool) -> anyhow::Result<()> {
        self.redraw(&[])?;
        let seconds = (self.started.elapsed().as_secs_f64() * 10.0).round() / 10.0;
        self.output.json(&json!({
            "ok": good, "seconds": seconds, "url": self.url, "folder": FOLDER,
            "leads": leads.iter().map(document).collect::<Vec<_>>(),
        }))?;
        self.output.line("")?;
        let rows: Vec<Vec<Cell>> = leads.iter().map(summary).collect();
        self.output
            .table(&["LEAD", "STORY", "END", "AFTER", "MAILS", ""], &rows)?;
        let (style, verdict) = if good {
            let text = "Every lead came to its end, none was lost, none was mailed twice.";
            (GOOD, text)
        } else {
            (BAD, "Not every lead came to the end that it must.")
        };
        let line = format!("\n{style}{verdict}{style:#} ({seconds} s)\n");
        self.output.line(line)?;
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
    let name = std::env::args().next();
    let name = name.filter(|name| !name.contains(char::is_whitespace));
    name.unwrap_or_else(|| "leadwire".to_owned())
}

fn stands(lead: &Progress) -> Option<String> {
    let status = lead.status.as_ref()?;
    let (style, state) = (style_of(status.state), status.state.as_str());
    let (separator, why) = (separator(status), &status.why);
    Some(format!("{style}{state}{style:#}{separator}{why}"))
}

fn state(status: &EventStatus) -> Cell {
    Cell::styled(status.state.as_str(), style_of(status.state))
}

fn took(lead: &Progress) -> String {
    let took = lead.took.map(|took| format!("{:.1} s", took.as_secs_f64()));
    took.unwrap_or_default()
}

fn summary(lead: &Progress) -> Vec<Cell> {
    let end = match &lead.status {
        Some(status) if status.state == LeadState::Dead => {
            let text = format!("dead letter: {}", status.why);
            Cell::styled(text, style_of(status.state))
        }
        Some(status) => state(status),
        None => Cell::styled("unknown", BAD),
    };
    let (verdict, style) = if lead.is_right() {
        ("as it must", GOOD)
    } else {
        ("WRONG", BAD)
    };
    vec![
        Cell::plain(lead.story.lead_id),
        Cell::plain(lead.story.title),
        end,
        Cell::plain(took(lead)),
        Cell::plain(lead.mails.to_string()),
        Cell::styled(verdict, style),
    ]
}

fn document(lead: &Progress) -> serde_json::Value {
    json!({
        "lead_id": lead.story.lead_id,
        "story": lead.story.title,
        "stage": lead.state(),
        "why": lead.status.as_ref().map(|status| status.why.as_str()),
        "expected": lead.story.end,
        "mails": lead.mails,
        "seconds": lead.took.map(render),
        "ok": lead.is_right(),
    })
}
