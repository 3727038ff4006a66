//! The only place that prints: lines and tables for a person, JSON lines for a program.

use crate::usage::Usage;
use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use leadwire_pipeline::ledger::history::LeadState;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use unicode_width::UnicodeWidthStr as _;

/// Good news.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default();
/// Something waits.
pub(crate) const WAIT: Style = AnsiColor::Yellow.on_default();
/// Someone must act.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// Less important.
pub(crate) const DIM: Style = Style::new().dimmed();
/// A heading.
pub(crate) const BOLD: Style = Style::new().bold();
/// Nothing special.
pub(crate) const PLAIN: Style = Style::new();

/// The width of lines in a file or a pipe.
const WIDTH: usize = 120;

/// The style of a state.
pub(crate) fn style_of(state: LeadState) -> Style {
    match state {
        LeadState::Waiting | LeadState::Retrying => WAIT,
        LeadState::Ready => PLAIN,
        LeadState::Mailed => GOOD,
        LeadState::Parked | LeadState::Dead | LeadState::Lost => BAD,
        LeadState::Forgotten | LeadState::Silent => DIM,
    }
}

/// How wide a line may be. Without a terminal, or where it does not say: [`WIDTH`].
pub(crate) fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok();
    let columns = size.map(|size| usize::from(size.ws_col));
    columns.filter(|columns| *columns > 0).unwrap_or(WIDTH)
}

/// How a command ended, where it could be carried out at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Exit code 0.
    Done,
    /// Exit code 1: what was asked for is not so. The command has said what.
    Failed,
}

impl Ended {
    /// Done where `good` holds.
    pub(crate) fn when(good: bool) -> Self {
        if good { Self::Done } else { Self::Failed }
    }
}

/// Where output goes, and in which form.
pub(crate) struct Output {
    json: bool,
    /// Whether the cursor stands behind a line that does not stay.
    is_passing: bool,
    out: AutoStream<io::Stdout>,
}

/// A cell of a table.
pub(crate) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    /// A cell that looks like `style`.
    pub(crate) fn styled(text: impl Into<String>, style: Style) -> Self {
        Self {
            text: printable(&text.into()),
            style,
        }
    }

    /// A plain cell.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self::styled(text, PLAIN)
    }

    fn width(&self) -> usize {
        self.text.width()
    }
}

impl Output {
    /// Output on standard output; colour only where it is a terminal.
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            is_passing: false,
            out: anstream::stdout(),
        }
    }

    /// Whether a program reads it.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Switches to JSON for the rest of the command.
    pub(crate) fn use_json(&mut self) {
        self.json = true;
    }

    /// Whether a person watches it, so that lines can be redrawn.
    pub(crate) fn is_live(&self) -> bool {
        !self.json && io::stdout().is_terminal()
    }

    /// Whether there is a person who can answer.
    pub(crate) fn can_ask(&self) -> bool {
        self.is_live() && io::stdin().is_terminal()
    }

    /// Asks a person. Only a plain yes is one.
    pub(crate) fn ask(&mut self, question: &str) -> io::Result<bool> {
        write!(self.out, "{question} [y/N] ")?;
        self.out.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
    }

    /// A line for a person.
    pub(crate) fn line(&mut self, text: impl Display) -> io::Result<()> {
        if self.json {
            return Ok(());
        }
        if std::mem::take(&mut self.is_passing) {
            write!(self.out, "\r\x1b[K")?;
        }
        writeln!(self.out, "{text}")
    }

    /// A line that the next one takes the place of; nothing without a terminal.
    pub(crate) fn passing(&mut self, text: impl Display) -> io::Result<()> {
        if !self.is_live() {
            return Ok(());
        }
        self.is_passing = true;
        write!(self.out, "\r\x1b[K{text}")?;
        self.out.flush()
    }

    /// A document for a program, on one line.
    pub(crate) fn json(&mut self, document: &impl Serialize) -> io::Result<()> {
        if !self.json {
            return Ok(());
        }
        let text = serde_json::to_string(document).map_err(io::Error::other)?;
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// Bytes as they are, in either form: a completion script, a stored document.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// A table for a person: on a terminal no wider than that.
    pub(crate) fn table(&mut self, headings: &[&str], rows: &[Vec<Cell>]) -> io::Result<()> {
        let width_max = if self.is_live() { width() } else { usize::MAX };
        for line in render_table(headings, rows, width_max) {
            self.line(line)?;
        }
        Ok(())
    }

    /// Draws lines over the ones that were drawn before. Only where [`Output::is_live`].
    pub(crate) fn redraw(&mut self, lines: &[String], above: usize) -> io::Result<()> {
        if above > 0 {
            write!(self.out, "\x1b[{above}A\x1b[J")?;
        }
        for line in lines {
            writeln!(self.out, "{line}")?;
        }
        self.out.flush()
    }

    /// How far long work has come, on one line that is written over; nothing without a terminal.
    pub(crate) fn progress(&mut self, what: &str, done: usize, all: usize) -> io::Result<()> {
        if !self.is_live() || (done != all && !done.is_multiple_of(100)) {
            return Ok(());
        }
        self.passing(format!("{what} {done} of {all}"))?;
        if done == all {
            // The last one stays.
            self.is_passing = false;
            writeln!(self.out)?;
        }
        Ok(())
    }

    /// Reports how the command ended and returns the exit code: 0 done, 1 failed, 2 wrong usage.
    pub(crate) fn end(mut self, ended: anyhow::Result<Ended>) -> ExitCode {
        let error = match ended {
            Ok(ended) if self.out.flush().is_ok() && ended == Ended::Done => {
                return ExitCode::SUCCESS;
            }
            Ok(Ended::Done | Ended::Failed) => return ExitCode::FAILURE,
            Err(error) => error,
        };
        if is_broken_pipe(&error) {
            // The reader has closed the pipe: `leadwire leads | head`.
            return ExitCode::SUCCESS;
        }
        let usage = error.downcast_ref::<Usage>();
        match write_error(&error, usage, self.json) {
            Ok(()) if usage.is_some() => ExitCode::from(2),
            Ok(()) | Err(_) => ExitCode::FAILURE,
        }
    }
}

fn write_error(error: &anyhow::Error, usage: Option<&Usage>, json: bool) -> io::Result<()> {
    let mut err = anstream::stderr();
    if json {
        let mistakes: Vec<String> = match usage {
            Some(usage) => usage.mistakes().to_vec(),
            None => vec![format!("{error:#}")],
        };
        return writeln!(err, "{}", serde_json::json!({ "errors": mistakes }));
    }
    match usage {
        None => writeln!(err, "{BAD}error:{BAD:#} {error:#}"),
        Some(usage) => {
            for mistake in usage.mistakes() {
                writeln!(err, "{BAD}error:{BAD:#} {mistake}")?;
            }
            writeln!(err, "\nFor more information, try '--help'.")
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The least width of a last column that is broken into lines: below that nobody could read it.
const WRAPPED_MIN: usize = 24;
/// Between columns.
const GAP: usize = 2;

/// The lines of a table: columns as wide as they must be, two spaces between, no space at the end. Where it is wider than `width_max`, the
/// last column, which holds sentences, is broken between words.
pub(crate) fn render_table(headings: &[&str], rows: &[Vec<Cell>], width_max: usize) -> Vec<String> {
    let head = headings.iter().map(|heading| Cell::styled(*heading, BOLD));
    let head: Vec<Cell> = head.collect();
    let rows = || [&head].into_iter().chain(rows);
    let width = |column| {
        let cells = rows().filter_map(|row: &Vec<Cell>| row.get(column));
        cells.map(Cell::width).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let left: usize = widths.iter().rev().skip(1).map(|width| width + GAP).sum();
    if let Some(last) = widths.last_mut() {
        *last = (*last).min(width_max.saturating_sub(left).max(WRAPPED_MIN));
    }
    rows().flat_map(|row| render_row(row, &widths)).collect()
}

/// The lines of a row.
fn render_row(row: &[Cell], widths: &[usize]) -> Vec<String> {
    let mut line = String::new();
    let mut below = Vec::new();
    let last = row.iter().rposition(|cell| !cell.text.is_empty());
    let last = last.unwrap_or(0);
    let mut left = 0;
    for (column, (cell, width)) in row.iter().zip(widths).enumerate().take(last + 1) {
        let style = cell.style;
        if column < last {
            line = format!("{line}{style}{}{style:#}", pad(&cell.text, width + GAP));
            left += width + GAP;
            continue;
        }
        let mut parts = textwrap::wrap(&cell.text, *width).into_iter();
        let first = parts.next().unwrap_or_default();
        line = format!("{line}{style}{first}{style:#}");
        let indent = " ".repeat(left);
        below.extend(parts.map(|part| format!("{indent}{style}{part}{style:#}")));
    }
    [line].into_iter().chain(below).collect()
}

/// A text with spaces behind it, up to so many columns of a terminal.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let spaces = columns.saturating_sub(text.width());
    format!("{text}{}", " ".repeat(spaces))
}

/// A count and what is counted: `1 event`, `2 events`.
pub(crate) fn plural<N: Copy + Display + From<u8> + PartialEq>(count: N, one: &str) -> String {
    let s = if count == N::from(1) { "" } else { "s" };
    format!("{count} {one}{s}")
}

/// The beginning of a text that is wider than so many columns of a terminal.
pub(crate) fn shorten(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    // What has no width could go on for ever.
    for c in text.chars().take(4 * columns) {
        kept.push(c);
        if kept.width() >= columns {
            kept.pop();
            break;
        }
    }
    format!("{}…", kept.trim_end_matches('\u{200d}'))
}

/// Text without what could steer a terminal or hide in it. The joiners U+200C and U+200D stay, as in the mail: Persian and emoji need them.
pub(crate) fn printable(text: &str) -> String {
    let is_hidden = |c: char| {
        c.is_control()
            || matches!(c,
                '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
    };
    text.chars()
        .map(|c| if is_hidden(c) { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(rows: &[[&str; 3]], width_max: usize) -> Vec<String> {
        let row = |row: &[&str; 3]| row.iter().map(|cell| Cell::plain(*cell)).collect();
        let rows: Vec<Vec<Cell>> = rows.iter().map(row).collect();
        let lines = render_table(&["N", "M", "O"], &rows, width_max).into_iter();
        let plain = lines.map(|line| anstream::adapter::strip_str(&line).to_string());
        plain.collect()
    }

    #[test]
    fn columns_line_up_and_lines_end_without_spaces() {
        let lines = table(&[["a", "long", ""], ["bcd", "", "x"]], 80);
        assert_eq!(lines, ["N    M     O", "a    long", "bcd        x"]);
    }

    #[test]
    fn columns_line_up_whatever_is_in_them() {
        let lines = table(
            &[
                ["田中太郎", "x", "1"],
                ["علی\u{200c}رضا", "x", "2"],
                ["👩\u{200d}🚀", "x", "3"],
                ["Zoe\u{308}", "x", "4"],
            ],
            80,
        );
        let expected = [
            "N         M  O",
            "田中太郎  x  1",
            "علی\u{200c}رضا    x  2",
            "👩\u{200d}🚀        x  3",
            "Zoe\u{308}       x  4",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_line_is_no_wider_than_the_terminal() {
        let why = "the mail server takes no password and offers only OAuth2";
        let lines = table(&[["田中", "b", why], ["c", "d", "short"]], 40);
        let expected = [
            "N     M  O",
            "田中  b  the mail server takes no",
            "         password and offers only OAuth2",
            "c     d  short",
        ];
        assert_eq!(lines, expected);
        assert_eq!(table(&[["a", "b", why]], usize::MAX).len(), 2);
        let narrow = table(&[["a", "b", why]], 10);
        assert!(
            narrow.iter().all(|line| line.width() <= 6 + WRAPPED_MIN),
            "{narrow:?}"
        );
    }

    #[test]
    fn a_text_is_cut_by_what_it_takes_on_the_screen() {
        for (text, expected) in [
            ("12345678", "12345678"),
            ("123456789", "1234567…"),
            ("田中太郎", "田中太郎"),
            ("田中太郎x", "田中太…"),
            ("田中太郎太郎", "田中太…"),
            ("علی\u{200c}رضا", "علی\u{200c}رضا"),
        ] {
            assert_eq!(shorten(text, 8), expected);
        }
        let endless = "a\u{300}".repeat(1_000_000);
        assert!(shorten(&endless, 8).width() <= 8);
    }

    #[test]
    fn what_could_steer_a_terminal_is_not_printed() {
        let shown = printable("a\x1b[2Jb\u{202e}\n\u{200b}");
        assert_eq!(shown, "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}");
        for name in ["علی\u{200c}رضا", "👩\u{200d}🚀"] {
            assert_eq!(printable(name), name);
        }
    }
}
