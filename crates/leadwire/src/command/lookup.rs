//! `lookup`: the owner files, put, imported and listed.

use crate::duration::render_relative;
use crate::home::{HomeArgs, Operated};
use crate::output::{BAD, Cell, DIM, Ended, Output, printable};
use crate::usage::Usage;
use anyhow::Context as _;
use clap::{Args, Subcommand};
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::lead::owner::OwnerFileError;
use leadwire_domain::limits::LOOKUP_BYTES_MAX;
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::ledger::{Ledger, OwnerState};
use leadwire_pipeline::port::Clock as _;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;
use std::path::{Path, PathBuf};

#[derive(Debug, Subcommand)]
pub(crate) enum LookupCommand {
    /// Write one owner file
    Put(LookupPutArgs),
    /// Write an owner file for each row of a CSV file
    Import(LookupImportArgs),
    /// List the owner files
    #[command(after_help = "Example:\n  leadwire lookup ls")]
    Ls(HomeArgs),
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  leadwire lookup put test-1 --owner Omar --owner-email omar@example.com
  leadwire lookup put test-1 --owner Omar --field funnel='Direct VSL' --field lead_email=alice@example.com")]
pub(crate) struct LookupPutArgs {
    /// The lead's id
    pub(crate) lead_id: String,
    #[arg(help = "The owner's name (lead_owner)", long, value_name = "NAME")]
    pub(crate) owner: String,
    #[arg(
        help = "The owner's address (owner_email)",
        long,
        value_name = "ADDRESS"
    )]
    pub(crate) owner_email: Option<String>,
    /// A further field
    #[arg(long = "field", value_name = "KEY=VALUE")]
    pub(crate) fields: Vec<String>,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The first row names the columns: lead_id and lead_owner (or owner) must be there; owner_email,
lead_email, funnel and any other become fields. Where a row is bad, all bad rows are listed and
nothing is written, unless --skip-bad is given.

Examples:
  leadwire lookup import owners.csv
  leadwire lookup import --skip-bad owners.csv")]
pub(crate) struct LookupImportArgs {
    /// The CSV file; - reads standard input
    pub(crate) file: PathBuf,
    /// Import the good rows although there are bad ones
    #[arg(long)]
    pub(crate) skip_bad: bool,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

/// The names of the columns and fields that mean something here.
const LEAD_ID: &str = "lead_id";
const LEAD_OWNER: &str = "lead_owner";
const OWNER_EMAIL: &str = "owner_email";
/// Other names that people give these columns.
const ALIASES: [(&str, &str); 3] = [("lead", LEAD_ID), ("id", LEAD_ID), ("owner", LEAD_OWNER)];

/// An owner file that is ready to be written.
#[derive(Debug)]
pub(super) struct OwnerFile {
    lead_id: LeadId,
    json: Vec<u8>,
}

impl OwnerFile {
    /// Checks the fields of one owner file. The error says what is wrong.
    fn new(fields: &BTreeMap<String, String>) -> Result<Self, String> {
        let field = |name: &str| fields.get(name).map_or("", String::as_str);
        let id = field(LEAD_ID);
        let lead_id = LeadId::parse(id).map_err(|error| format!("{LEAD_ID} {id:?}: {error}"))?;
        if field(LEAD_OWNER).trim().is_empty() {
            return Err(format!("{LEAD_OWNER} is empty"));
        }
        let address = field(OWNER_EMAIL);
        if !address.is_empty() {
            let parsed = EmailAddress::parse(address);
            parsed.map_err(|error| format!("{OWNER_EMAIL} {address:?}: {error}"))?;
        }
        let filled = fields.iter().filter(|(_, value)| !value.is_empty());
        let members: BTreeMap<&String, &String> = filled.collect();
        let mut json = serde_json::to_vec_pretty(&members).map_err(|error| error.to_string())?;
        json.push(b'\n');
        if json.len() > LOOKUP_BYTES_MAX {
            return Err("larger than 1 MiB".to_owned());
        }
        Ok(Self { lead_id, json })
    }
}

/// The owner file that the flags of `lookup put` describe.
pub(super) fn owner_file(args: &LookupPutArgs) -> Result<OwnerFile, Usage> {
    let mut fields = BTreeMap::from([
        (LEAD_ID.to_owned(), args.lead_id.clone()),
        (LEAD_OWNER.to_owned(), args.owner.clone()),
    ]);
    if let Some(address) = &args.owner_email {
        fields.insert(OWNER_EMAIL.to_owned(), address.clone());
    }
    for field in &args.fields {
        let (name, value) = field
            .split_once('=')
            .filter(|(name, _)| !name.is_empty() && *name != "_leadwire" && *name != LEAD_ID)
            .ok_or_else(|| Usage::of(format!("--field {field:?}: give NAME=VALUE, with a name other than {LEAD_ID} and _leadwire")))?;
        fields.insert(name.to_owned(), value.to_owned());
    }
    OwnerFile::new(&fields).map_err(Usage::of)
}

/// `lookup put`.
pub(super) async fn put<O: Operated>(
    home: &O,
    file: OwnerFile,
    output: &mut Output,
) -> anyhow::Result<Ended> {
    let path = home.put_owner(&file.lead_id, file.json).await?;
    output.json(&json!({ "lead_id": file.lead_id, "path": path }))?;
    output.line(format!("{}  {path}", file.lead_id))?;
    Ok(Ended::Done)
}

/// A row that cannot be imported: its line, and why.
type BadRow = (u64, String);

/// What is to be imported.
pub(super) struct Rows {
    files: Vec<OwnerFile>,
    bad: usize,
}

/// Reads and checks all rows before the first is written. Absent where bad rows forbid it.
pub(super) fn read_rows(
    args: &LookupImportArgs,
    output: &mut Output,
) -> anyhow::Result<Option<Rows>> {
    let (files, bad) = parse_rows(&read_input(&args.file)?)?;
    for (line, why) in &bad {
        output.json(&json!({ "line": line, "error": why }))?;
        let why = printable(why);
        output.line(format!("{BAD}line {line}:{BAD:#} {why}"))?;
    }
    let bad = bad.len();
    if bad == 0 || args.skip_bad {
        return Ok(Some(Rows { files, bad }));
    }
    output.json(&json!({ "written": 0, "bad": bad }))?;
    let all = bad + files.len();
    output.line(format!(
        "{bad} of {all} rows are bad; nothing was written. Correct them, or give --skip-bad to import the others."
    ))?;
    Ok(None)
}

/// `lookup import`. Done only when no row was left out.
pub(super) async fn import<O: Operated>(
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
    output.line(format!("{all} owner files written, {bad} rows left out"))?;
    Ok(Ended::when(bad == 0))
}

fn read_input(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut text = Vec::new();
        let read = std::io::stdin().read_to_end(&mut text);
        read.context("could not read standard input")?;
        return Ok(text);
    }
    std::fs::read(file).with_context(|| format!("could not read {}", file.display()))
}

/// The owner files of a CSV text, and its bad rows. Two rows of one lead are a mistake: it is not known which one counts.
fn parse_rows(text: &[u8]) -> anyhow::Result<(Vec<OwnerFile>, Vec<BadRow>)> {
    let text = text.strip_prefix("\u{feff}".as_bytes()).unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text);
    let headings = reader.byte_headers();
    let columns = parse_headings(headings.context("could not read the first row")?)?;
    let mut files = Vec::new();
    let mut bad = Vec::new();
    let mut seen: BTreeMap<LeadId, u64> = BTreeMap::new();
    for record in reader.byte_records() {
        let record = record.context("could not read a row")?;
        let line = record.position().map_or(0, csv::Position::line);
        let file = parse_row(&columns, &record).and_then(|file| {
            let lead_id = &file.lead_id;
            match seen.insert(lead_id.clone(), line) {
                Some(first) => Err(format!("{lead_id} stands in line {first} already")),
                None => Ok(file),
            }
        });
        match file {
            Ok(file) => files.push(file),
            Err(why) => bad.push((line, why)),
        }
    }
    Ok((files, bad))
}

fn parse_headings(headings: &csv::ByteRecord) -> anyhow::Result<Vec<String>> {
    let column = |heading| {
        let name = String::from_utf8_lossy(heading);
        let name = name.to_lowercase().replace(' ', "_");
        let mut aliases = ALIASES.iter();
        let alias = aliases.find(|(alias, _)| *alias == name);
        alias.map_or(name, |(_, column)| (*column).to_owned())
    };
    let columns: Vec<String> = headings.iter().map(column).collect();
    for needed in [LEAD_ID, LEAD_OWNER] {
        anyhow::ensure!(
            columns.iter().any(|column| column == needed),
            "the first row must name the columns, and {needed} is missing"
        );
    }
    let different: BTreeSet<&String> = columns.iter().collect();
    let is_double = different.len() < columns.len();
    let mut reserved = columns.iter();
    let is_reserved = reserved.any(|column| column.is_empty() || column == "_leadwire");
    anyhow::ensure!(
        !is_double && !is_reserved,
        "the columns of the first row must have different names, none empty and none _leadwire"
    );
    Ok(columns)
}

fn parse_row(columns: &[String], record: &csv::ByteRecord) -> Result<OwnerFile, String> {
    if record.len() != columns.len() {
        let (here, first) = (record.len(), columns.len());
        return Err(format!("has {here} columns, and the first row {first}"));
    }
    let mut fields = BTreeMap::new();
    for (column, value) in columns.iter().zip(record) {
        let value = std::str::from_utf8(value);
        let value = value.map_err(|_not_utf8| format!("{column} is not UTF-8"))?;
        fields.insert(column.clone(), value.to_owned());
    }
    OwnerFile::new(&fields)
}

/// `lookup ls`.
pub(super) async fn ls<O: Operated>(home: &O, output: &mut Output) -> anyhow::Result<Ended> {
    let now = home.clock().now();
    let mut rows = Vec::new();
    for entry in Ledger::new(home.store()).list_owners().all().await? {
        let owner = owner_of(home, &entry.key).await?;
        let lead = entry.key.strip_suffix(".json").unwrap_or(&entry.key);
        output.json(&json!({ "key": entry.key, "owner": owner.as_ref().ok(), "problem": owner.as_ref().err(), "written_at": entry.last_modified }))?;
        let written = Cell::styled(render_relative(entry.last_modified, now), DIM);
        let owner = match owner {
            Ok(owner) => Cell::plain(owner),
            Err(problem) => Cell::styled(problem, BAD),
        };
        rows.push(vec![Cell::plain(lead), owner, written]);
    }
    if rows.is_empty() {
        output.line("No owner files yet. Write one:  leadwire lookup put LEAD --owner NAME")?;
        return Ok(Ended::Done);
    }
    output.table(&["LEAD", "OWNER", "WRITTEN"], &rows)?;
    Ok(Ended::Done)
}

/// The owner's name in a file, or what is wrong with it: what a lead that meets it makes of it.
async fn owner_of<O: Operated>(home: &O, key: &str) -> anyhow::Result<Result<String, String>> {
    let lead_id = key.strip_suffix(".json").map(LeadId::parse);
    let Some(Ok(lead_id)) = lead_id else {
        return Ok(Err("its name is not <lead_id>.json".to_owned()));
    };
    let fields = match Ledger::new(home.store()).owner(&lead_id).await? {
        OwnerState::Stored(owner) => owner.fields(),
        OwnerState::TooLarge => Err(OwnerFileError::TooLarge),
        OwnerState::Absent | OwnerState::Denied => return Ok(Err("cannot be read".to_owned())),
    };
    let owner = fields.map(|fields| fields.text(LEAD_OWNER).unwrap_or_default());
    Ok(owner.map_err(|error| error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_bad_row_is_found_with_its_line() {
        let text = "Lead_ID,Owner,owner_email\na,Omar,omar@example.com\n../b,Omar,\nc,,\nd,Dora,nobody\na,Ann,\ne,Eve\nf,\"Fay\nF\",\ng,Gus,\n";
        let (files, bad) = parse_rows(text.as_bytes()).unwrap();
        let leads: Vec<&str> = files.iter().map(|file| file.lead_id.as_str()).collect();
        let lines: Vec<u64> = bad.iter().map(|(line, _)| *line).collect();
        assert_eq!(leads, ["a", "f", "g"]);
        assert_eq!(lines, [3, 4, 5, 6, 7]);
    }

    #[test]
    fn a_first_row_without_the_needed_columns_is_refused() {
        for text in [
            "",
            "lead_id,funnel\na,b\n",
            "lead_id,lead_owner,owner\na,b,c\n",
        ] {
            assert!(parse_rows(text.as_bytes()).is_err(), "{text:?}");
        }
    }

    #[test]
    fn empty_cells_are_left_out() {
        let (files, bad) = parse_rows(b"lead_id,lead_owner,funnel\na,Omar,\n").unwrap();
        assert!(bad.is_empty());
        let json: Value = serde_json::from_slice(&files[0].json).unwrap();
        assert_eq!(json, json!({ "lead_id": "a", "lead_owner": "Omar" }));
    }
}
