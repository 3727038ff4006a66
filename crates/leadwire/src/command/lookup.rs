//! `lookup`: the owner files, put, imported and listed.

mod heading;
mod import;
mod sheet;

use crate::duration::render_relative;
use crate::home::{HomeArgs, Operated};
use crate::output::{BAD, Cell, DIM, Ended, Output, WAIT};
use crate::owner_file::OwnerFileLine;
use crate::usage::Usage;
use clap::{Args, Subcommand};
use heading::LEAD_ID;
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::lead::owner::{LEAD_OWNER, OWNER_EMAIL, read_address};
use leadwire_domain::limits::LOOKUP_BYTES_MAX;
use leadwire_local::Mode;
use leadwire_pipeline::ledger::Ledger;
use leadwire_pipeline::port::Clock as _;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

pub(super) use import::{import, read_rows};

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
    /// Make the data folder where there is none
    #[arg(long)]
    pub(crate) create: bool,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

#[derive(Clone, Debug, Args)]
#[command(after_help = "\
The first row names the columns: lead_id and lead_owner (or id and owner) must be there;
owner_email (or email), lead_email, funnel and any other become fields. Commas, semicolons and tabs
part the cells, UTF-8 and UTF-16 are read, and anything else is taken for Latin-1, which is said.
Where a row is bad, all bad rows are listed and nothing is written, unless --skip-bad is given.

Examples:
  leadwire lookup import owners.csv
  leadwire lookup import --skip-bad owners.csv")]
pub(crate) struct LookupImportArgs {
    /// The CSV file; - reads standard input
    pub(crate) file: PathBuf,
    /// Import the good rows although there are bad ones
    #[arg(long)]
    pub(crate) skip_bad: bool,
    /// Make the data folder where there is none
    #[arg(long)]
    pub(crate) create: bool,
    #[command(flatten)]
    pub(crate) home: HomeArgs,
}

/// How a home is opened to write owner files into it: a slip in `--data` makes no folder.
pub(super) fn mode(create: bool) -> Mode {
    if create { Mode::Prepare } else { Mode::Operate }
}

/// An owner file that is ready to be written.
#[derive(Debug)]
pub(super) struct OwnerFile {
    lead_id: LeadId,
    json: Vec<u8>,
}

impl OwnerFile {
    /// Checks the fields of one owner file. All that is wrong is said at once.
    fn new(mut fields: BTreeMap<String, String>) -> Result<Self, Vec<String>> {
        let mut wrong = Vec::new();
        fields.retain(|_, value| !value.trim().is_empty());
        let id = fields.get(LEAD_ID).map_or("", String::as_str);
        let lead_id = LeadId::from_text(id);
        if id.is_empty() {
            wrong.push(format!("{LEAD_ID} is empty"));
        } else if is_rounded(id) {
            wrong.push(format!("{LEAD_ID} {id:?} was rounded by a spreadsheet: give the column the format Text, and fill it anew"));
        } else if let Err(error) = &lead_id {
            wrong.push(format!("{LEAD_ID} {id:?}: {error}"));
        }
        if !fields.contains_key(LEAD_OWNER) {
            wrong.push(format!("{LEAD_OWNER} is empty"));
        }
        if let Some(address) = fields.get_mut(OWNER_EMAIL) {
            match read_address(address) {
                Some(read) => read.expose().clone_into(address),
                None => wrong.push(format!(
                    "{OWNER_EMAIL} {address:?} is no single e-mail address"
                )),
            }
        }
        let mut json = serde_json::to_vec_pretty(&fields).unwrap_or_default();
        json.push(b'\n');
        if json.len() > LOOKUP_BYTES_MAX {
            wrong.push("larger than 1 MiB".to_owned());
        }
        match lead_id {
            Ok(lead_id) if wrong.is_empty() => Ok(Self { lead_id, json }),
            Ok(_) | Err(_) => Err(wrong),
        }
    }
}

/// Whether an id is what spreadsheets make of long numbers: `1.23457E+17`, `1,23457E+17`.
fn is_rounded(id: &str) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let parts = id.split_once("E+").or_else(|| id.split_once("e+"));
    parts.is_some_and(|(digits, exponent)| {
        is_number(exponent) && is_number(&digits.replacen(['.', ','], "", 1))
    })
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
    OwnerFile::new(fields).map_err(Usage::each)
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

/// `lookup ls`.
pub(super) async fn ls<O: Operated>(home: &O, output: &mut Output) -> anyhow::Result<Ended> {
    let now = home.clock().now();
    let mut rows = Vec::new();
    for entry in Ledger::new(home.store()).list_owners().all().await? {
        let lead = entry.key.strip_suffix(".json").unwrap_or(&entry.key);
        let line = match LeadId::parse(lead) {
            Ok(lead_id) => OwnerFileLine::look(home, &lead_id).await?,
            Err(_not_an_id) => OwnerFileLine::unusable("its name is not <lead_id>.json"),
        };
        output.json(&json!({ "key": entry.key, "owner": line.owner, "problem": line.problem, "written_at": entry.last_modified }))?;
        let written = Cell::styled(render_relative(entry.last_modified, now), DIM);
        let style = if line.owner.is_some() { WAIT } else { BAD };
        let problem = Cell::styled(line.problem.unwrap_or_default(), style);
        let owner = Cell::plain(line.owner.unwrap_or_default());
        rows.push(vec![Cell::plain(lead), owner, written, problem]);
    }
    if rows.is_empty() {
        output.line("No owner files yet. Write one:  leadwire lookup put LEAD --owner NAME")?;
        return Ok(Ended::Done);
    }
    output.table(&["LEAD", "OWNER", "WRITTEN", "PROBLEM"], &rows)?;
    Ok(Ended::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_wrong_with_an_owner_file_is_said_at_once() {
        let fields = |text: &str| {
            let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
            pairs
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        };
        for (text, expected) in [
            ("lead_id=a;lead_owner=Omar", &[][..]),
            ("lead_id=a;lead_owner=Omar;owner_email= ", &[]),
            ("lead_id=a;lead_owner= ", &["lead_owner is empty"]),
            (
                "lead_id=a b;owner_email=nobody",
                &[
                    "lead_id \"a b\": ",
                    "lead_owner is empty",
                    "owner_email \"nobody\" is no single",
                ],
            ),
            ("lead_owner=x", &["lead_id is empty"]),
            (
                "lead_id=1.23457E+17;lead_owner=x",
                &["was rounded by a spreadsheet"],
            ),
            (
                "lead_id=1,23457e+17;lead_owner=x",
                &["was rounded by a spreadsheet"],
            ),
        ] {
            let wrong = OwnerFile::new(fields(text)).err().unwrap_or_default();
            assert_eq!(wrong.len(), expected.len(), "{text}: {wrong:?}");
            for (wrong, part) in wrong.iter().zip(expected) {
                assert!(wrong.contains(part), "{text}: {wrong}");
            }
        }
    }

    #[test]
    fn an_address_is_written_without_its_name_and_an_empty_field_not_at_all() {
        let fields = [
            ("lead_id", "a"),
            ("lead_owner", "Omar"),
            ("funnel", " "),
            (OWNER_EMAIL, "Omar <omar@example.com> "),
        ];
        let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let file = OwnerFile::new(fields.into()).unwrap();
        let json: serde_json::Value = serde_json::from_slice(&file.json).unwrap();
        let expected =
            json!({ "lead_id": "a", "lead_owner": "Omar", OWNER_EMAIL: "omar@example.com" });
        assert_eq!(json, expected);
    }
}
