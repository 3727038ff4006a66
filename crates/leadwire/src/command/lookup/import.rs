//! `lookup import`: an owner file for each row of a CSV file.

use super::heading::{self, Headings};
use super::sheet::{self, Complaint, Row};
use super::{LookupImportArgs, OwnerFile};
use crate::home::Operated;
use crate::output::{BAD, Ended, Output, WAIT, plural, printable};
use anyhow::Context as _;
use leadwire_domain::lead::id::LeadId;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::Path;

/// What is to be imported.
pub(in super::super) struct Rows {
    files: Vec<OwnerFile>,
    bad: usize,
}

/// What a CSV file says.
struct Table {
    files: Vec<OwnerFile>,
    /// The rows that cannot be imported.
    bad: Vec<Complaint>,
    /// What a person should know about how it was read.
    notes: Vec<String>,
}

/// Reads and checks all rows before the first is written. Absent where bad ones forbid it.
pub(in super::super) fn read_rows(
    args: &LookupImportArgs,
    output: &mut Output,
) -> anyhow::Result<Option<Rows>> {
    let table = match parse(&read_input(&args.file)?) {
        Ok(table) => table,
        Err(complaints) => {
            complain(&complaints, output)?;
            output.json(&json!({ "written": 0, "bad": complaints.len() }))?;
            output.line("Nothing was written.")?;
            return Ok(None);
        }
    };
    for note in &table.notes {
        output.json(&json!({ "note": note }))?;
        output.line(format!("{WAIT}note:{WAIT:#} {}", printable(note)))?;
    }
    complain(&table.bad, output)?;
    let Table { files, bad, .. } = table;
    if bad.is_empty() || args.skip_bad {
        let bad = bad.len();
        return Ok(Some(Rows { files, bad }));
    }
    output.json(&json!({ "written": 0, "bad": bad.len() }))?;
    let (bad, all) = (bad.len(), plural(bad.len() + files.len(), "row"));
    output.line(format!(
        "{bad} of {all} cannot be imported; nothing was written. Correct the file, or give --skip-bad to import the others."
    ))?;
    Ok(None)
}

fn complain(complaints: &[Complaint], output: &mut Output) -> io::Result<()> {
    for complaint in complaints {
        output.json(&json!({ "line": complaint.line, "error": complaint.to_string() }))?;
        let (line, what) = (complaint.line, printable(&complaint.what));
        output.line(format!("{BAD}line {line}:{BAD:#} {what}"))?;
    }
    Ok(())
}

/// `lookup import`. Done only when no row was left out.
pub(in super::super) async fn import<O: Operated>(
    home: &O,
    rows: Rows,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let Rows { files, bad } = rows;
    let all = files.len();
    for (number, file) in files.into_iter().enumerate() {
        let lead_id = file.lead_id;
        let put = home.put_owner(&lead_id, file.json).await;
        put.with_context(|| format!("stopped at {lead_id} after {number} of {all} files"))?;
        output.progress("written", number + 1, all)?;
    }
    output.json(&json!({ "written": all, "bad": bad }))?;
    let (files, rows) = (plural(all, "owner file"), plural(bad, "row"));
    output.line(format!("{files} written, {rows} left out"))?;
    Ok(Ended::when(bad == 0))
}

fn read_input(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut text = Vec::new();
        let read = io::stdin().read_to_end(&mut text);
        read.context("could not read standard input")?;
        return Ok(text);
    }
    std::fs::read(file).with_context(|| format!("could not read {}", file.display()))
}

/// The owner files of a CSV file, and its bad rows; an error where the file as a whole cannot be read.
fn parse(bytes: &[u8]) -> Result<Table, Vec<Complaint>> {
    let sheet = sheet::read(bytes, heading::is_needed).map_err(|complaint| vec![complaint])?;
    let Headings { fields, mut notes } = heading::parse(&sheet.heading)?;
    if let Some(encoding) = sheet.guessed {
        notes.push(format!(
            "the file is not UTF-8 and was read as {encoding}: look at a name with an accent"
        ));
    }
    let (mut files, mut bad) = (Vec::new(), Vec::new());
    let mut seen: BTreeMap<LeadId, u64> = BTreeMap::new();
    for row in &sheet.rows {
        match owner_file(&fields, row).and_then(|file| only_one(&mut seen, row.line, file)) {
            Ok(file) => files.push(file),
            Err(wrong) => bad.push(Complaint::new(row.line, wrong.join("; "))),
        }
    }
    Ok(Table { files, bad, notes })
}

/// Spreadsheets leave out the separators behind the last cell that is filled, so that a row may be shorter than the first one.
fn owner_file(fields: &[Option<String>], row: &Row) -> Result<OwnerFile, Vec<String>> {
    let mut members = BTreeMap::new();
    for (number, cell) in row.cells.iter().enumerate() {
        match fields.get(number).and_then(Option::as_ref) {
            Some(field) => {
                members.insert(field.clone(), cell.clone());
            }
            None if cell.is_empty() => {}
            None => {
                let column = number + 1;
                return Err(vec![format!(
                    "has {cell:?} in column {column}, which has no name in the first row"
                )]);
            }
        }
    }
    OwnerFile::new(members)
}

/// Two rows of one lead are a mistake: it is not known which one counts.
fn only_one(
    seen: &mut BTreeMap<LeadId, u64>,
    line: u64,
    file: OwnerFile,
) -> Result<OwnerFile, Vec<String>> {
    if let Some(first) = seen.get(&file.lead_id) {
        let lead_id = &file.lead_id;
        return Err(vec![format!("{lead_id} stands in line {first} already")]);
    }
    seen.insert(file.lead_id.clone(), line);
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> (Vec<String>, Vec<String>) {
        let table = parse(text.as_bytes()).ok().unwrap();
        let leads = table.files.iter().map(|file| file.lead_id.to_string());
        let bad = table.bad.iter().map(Complaint::to_string);
        (leads.collect(), bad.collect())
    }

    #[test]
    fn every_bad_row_is_found_with_its_line() {
        let text = "Lead_ID,Owner,owner_email\r\na,Omar,omar@example.com\r\nb b,Omar,\r\nc,,\r\nd,Dora,nobody\r\na,Ann,\r\n\r\nf,\"Fay\r\nF\",\r\ng,Gus,,x\r\nh,Hal,hal@example.com,,\r\n";
        let (leads, bad) = said(text);
        assert_eq!(leads, ["a", "f", "h"]);
        let begins = [
            "line 3: lead_id \"b b\"",
            "line 4: lead_owner is empty",
            "line 5: owner_email \"nobody\"",
            "line 6: a stands in line 2 already",
            "line 10: has \"x\" in column 4",
        ];
        assert_eq!(bad.len(), begins.len(), "{bad:?}");
        for (complaint, begin) in bad.iter().zip(begins) {
            assert!(complaint.starts_with(begin), "{complaint}");
        }
    }

    #[test]
    fn a_file_as_excel_writes_it_is_read() {
        let text = "sep=;\r\nLead ID;Owner;E-Mail;;\r\na;Omar;omar@example.com ;;\r\nb;Olga\r\n;;;;\r\n;;;;\r\n";
        let (leads, bad) = said(text);
        assert_eq!(
            (leads.join(" "), bad.len()),
            ("a b".to_owned(), 0),
            "{bad:?}"
        );
    }

    #[test]
    fn a_first_row_without_the_needed_columns_refuses_the_file() {
        for text in [
            "",
            "lead_id,funnel\na,b\n",
            "lead_id,lead_owner,owner\na,b,c\n",
        ] {
            let complaints = parse(text.as_bytes()).err().unwrap();
            assert!(
                complaints[0].to_string().starts_with("line 1: "),
                "{text:?}"
            );
        }
    }

    #[test]
    fn what_was_guessed_is_said() {
        let table = parse(b"id,owner,region\na,Zo\xeb,x\n").ok().unwrap();
        let notes = table.notes.join("; ");
        for part in [
            "\"id\" is read as lead_id",
            "\"owner\" is read as lead_owner",
            "\"region\"",
            "Windows-1252",
        ] {
            assert!(notes.contains(part), "{part}: {notes}");
        }
    }
}
