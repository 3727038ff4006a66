//! What the columns of a CSV file are called, and what is meant.

use super::sheet::{Complaint, Row};
use leadwire_domain::lead::owner::{LEAD_OWNER, OWNER_EMAIL};
use std::collections::BTreeMap;

/// The lead's id.
pub(super) const LEAD_ID: &str = "lead_id";

/// Columns that something here reads, each with what people call it otherwise, without regard to case, blanks and punctuation.
const COLUMNS: &[(&str, &[&str])] = &[
    (
        LEAD_ID,
        &["lead", "id", "leadno", "leadnumber", "leadnr", "recordid"],
    ),
    (
        LEAD_OWNER,
        &[
            "owner",
            "ownername",
            "leadownername",
            "assignedto",
            "assignee",
            "salesperson",
            "salesrep",
            "rep",
            "agent",
            "contactowner",
            "accountowner",
        ],
    ),
    (
        OWNER_EMAIL,
        &[
            "email",
            "mail",
            "emailaddress",
            "ownersemail",
            "owneremailaddress",
            "ownermail",
            "leadowneremail",
            "salesrepemail",
        ],
    ),
    (
        "lead_email",
        &[
            "leadmail",
            "leademailaddress",
            "customeremail",
            "contactemail",
        ],
    ),
    (
        "display_name",
        &["leadname", "fullname", "contactname", "customername"],
    ),
    ("funnel", &[]),
    ("status_label", &[]),
    ("date_created", &[]),
    ("phone", &["telephone", "tel"]),
    ("phone_number", &[]),
    ("mobile", &[]),
    ("company", &[]),
    ("company_name", &[]),
    ("organization", &[]),
    ("message", &[]),
    ("note", &[]),
    ("description", &[]),
];

/// As alike as this, of 1, a name is taken for a slip of the pen.
const ALIKE: f64 = 0.8;

/// The columns of a file.
#[derive(Debug)]
pub(super) struct Headings {
    /// The field of each column; none where it has no name.
    pub(super) fields: Vec<Option<String>>,
    /// What a person should know about them.
    pub(super) notes: Vec<String>,
}

/// Whether a heading is one of those without which a file cannot be read.
pub(super) fn is_needed(heading: &str) -> bool {
    matches!(known(heading), Some(LEAD_ID | LEAD_OWNER))
}

/// Reads the first row. All that is wrong with it is said at once.
pub(super) fn parse(row: &Row) -> Result<Headings, Vec<Complaint>> {
    let mut fields: Vec<Option<String>> = Vec::new();
    let mut notes = Vec::new();
    let mut unknown = Vec::new();
    let mut by_field: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for heading in &row.cells {
        if heading.is_empty() {
            fields.push(None);
            continue;
        }
        let own = heading.to_lowercase().replace(char::is_whitespace, "_");
        let field = if let Some(field) = known(heading) {
            if own != field {
                notes.push(format!("column {heading:?} is read as {field}"));
            }
            field.to_owned()
        } else {
            unknown.push(describe_unknown(heading));
            own
        };
        by_field.entry(field.clone()).or_default().push(heading);
        fields.push(Some(field));
    }
    if !unknown.is_empty() {
        let columns = unknown.join(", ");
        notes.push(format!(
            "kept as fields of the lead, since nothing here reads them: {columns}"
        ));
    }
    let complaints = complaints(row, &by_field);
    if complaints.is_empty() {
        Ok(Headings { fields, notes })
    } else {
        Err(complaints)
    }
}

fn complaints(row: &Row, by_field: &BTreeMap<String, Vec<&str>>) -> Vec<Complaint> {
    let mut wrong = Vec::new();
    for (needed, example) in [(LEAD_ID, "id"), (LEAD_OWNER, "owner")] {
        if !by_field.contains_key(needed) {
            let named: Vec<&str> = row.cells.iter().map(String::as_str).collect();
            let named = named.join(", ");
            wrong.push(format!("this row must name the columns, and none is {needed} (or {example}); it has: {named}"));
        }
    }
    for (field, headings) in by_field {
        if field == "_leadwire" {
            wrong.push("no column may be called _leadwire".to_owned());
        }
        if headings.len() > 1 {
            let headings = headings.join(", ");
            wrong.push(format!("more than one column is {field}: {headings}"));
        }
    }
    let complaint = |what| Complaint::new(row.line, what);
    wrong.into_iter().map(complaint).collect()
}

/// Without case, blanks and punctuation.
fn squash(name: &str) -> String {
    let kept = name.chars().filter(|c| c.is_alphanumeric());
    kept.flat_map(char::to_lowercase).collect()
}

/// The column that a heading means, where it is one that something here reads.
fn known(heading: &str) -> Option<&'static str> {
    let heading = squash(heading);
    let mut columns = COLUMNS.iter();
    let means = |names: &[&str]| names.contains(&heading.as_str());
    let found = columns.find(|(column, others)| squash(column) == heading || means(others));
    found.map(|(column, _)| *column)
}

/// A heading that nothing reads, with the name that was perhaps meant.
fn describe_unknown(heading: &str) -> String {
    let squashed = squash(heading);
    let likeness = |column: &str| strsim::jaro_winkler(&squashed, &squash(column));
    let columns = COLUMNS.iter().map(|(column, _)| *column);
    let meant = columns.max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    match meant.filter(|column| likeness(column) >= ALIKE) {
        Some(column) => format!("{heading:?} (did you mean {column}?)"),
        None => format!("{heading:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headings(names: &str) -> Result<Headings, Vec<String>> {
        let cells = names.split(',').map(str::to_owned).collect();
        let parsed = parse(&Row { line: 1, cells });
        parsed.map_err(|all| all.iter().map(Complaint::to_string).collect())
    }

    #[test]
    fn a_column_is_known_by_whatever_it_is_usually_called_and_that_is_said() {
        for (names, expected) in [
            ("lead_id,lead_owner,owner_email", ""),
            ("Lead ID,Lead Owner,Owner_Email", ""),
            (
                "LeadID,owner,E-Mail",
                "\"LeadID\" lead_id, \"owner\" lead_owner, \"E-Mail\" owner_email",
            ),
            (
                "Record ID,Contact owner,email",
                "\"Record ID\" lead_id, \"Contact owner\" lead_owner, \"email\" owner_email",
            ),
            (
                "id,Assigned To,mail",
                "\"id\" lead_id, \"Assigned To\" lead_owner, \"mail\" owner_email",
            ),
        ] {
            let headings = headings(names).unwrap();
            let fields: Vec<_> = headings.fields.iter().flatten().collect();
            assert_eq!(fields, ["lead_id", "lead_owner", "owner_email"], "{names}");
            let notes = headings.notes.join(", ");
            let notes = notes.replace("column ", "").replace(" is read as", "");
            assert_eq!(notes, expected, "{names}");
        }
    }

    #[test]
    fn a_column_that_nothing_reads_is_kept_and_said_with_what_was_perhaps_meant() {
        let headings = headings("lead_id,owner_emial,lead_owner,Region West,,funnel").unwrap();
        let fields: Vec<_> = headings.fields.iter().map(Option::as_deref).collect();
        let expected = [
            "lead_id",
            "owner_emial",
            "lead_owner",
            "region_west",
            "",
            "funnel",
        ];
        assert_eq!(
            fields,
            expected.map(|name| Some(name).filter(|name| !name.is_empty()))
        );
        let said = "kept as fields of the lead, since nothing here reads them: \"owner_emial\" (did you mean owner_email?), \"Region West\"";
        assert_eq!(headings.notes, [said]);
    }

    #[test]
    fn all_that_is_wrong_with_the_first_row_is_said_at_once() {
        let wrong = headings("funnel,_leadwire,Phone,phone").unwrap_err();
        let has = |part: &str| wrong.iter().any(|complaint| complaint.contains(part));
        assert_eq!(wrong.len(), 4, "{wrong:?}");
        assert!(
            wrong
                .iter()
                .all(|complaint| complaint.starts_with("line 1: "))
        );
        for part in [
            "none is lead_id",
            "none is lead_owner",
            "called _leadwire",
            "phone: Phone, phone",
        ] {
            assert!(has(part), "{part} is missing in {wrong:?}");
        }
        let twice = headings("id,owner,owner_email,email").unwrap_err();
        assert_eq!(
            twice,
            ["line 1: more than one column is owner_email: owner_email, email"]
        );
    }
}
