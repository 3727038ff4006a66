//! What is said of a lead: chosen once from the stored document, and rendered by each form.

use super::link::LeadUrlTemplate;
use super::{phone, safe, time};
use crate::address::EmailAddress;
use crate::json::{is_plain, shown};
use crate::lead::document::Enriched;
use crate::lead::field::{KNOWN, LEAD_ID, OURS, OWNER_EMAIL};
use crate::limits::{
    FIELD_NAME_CHARS_MAX, FURTHER_FIELD_CHARS_MAX, FURTHER_FIELDS_MAX, MAIL_FIELD_CHARS_MAX,
    MESSAGE_CHARS_MAX, MESSAGE_LINES_MAX, PHONES_MAX, PREVIEW_CHARS_MAX, SUBJECT_CHARS_MAX,
};
use crate::source::Source;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// Fields that hold telephone numbers: one, or a list.
const PHONES: [&str; 4] = ["phone", "phone_number", "mobile", "phones"];
/// Where a list has objects, their members that hold a number.
const PHONE_MEMBERS: [&str; 2] = ["phone", "value"];
/// Fields that hold the lead's company. The first that is there counts.
const COMPANIES: [&str; 3] = ["company", "company_name", "organization"];
/// Fields that hold what the lead wrote. The first that is there counts.
const MESSAGES: [&str; 3] = ["message", "note", "description"];
/// What stands where a lead has no owner.
const UNASSIGNED: &str = "unassigned";
/// What the subject says besides the names: its words, the arrow, and what isolates the two names.
const SUBJECT_FRAME_CHARS: usize = "New lead: ".len() + 3 + 4;
/// The most of the subject that the owner's name takes, so that a long name leaves room for it.
const SUBJECT_OWNER_CHARS_MAX: usize = 60;
/// Names of fields that are said where a lead has no value to show.
const NESTED_MAX: usize = 10;
/// What a link may hold of an address as it is (RFC 6068): nothing that ends the address or begins a header.
const MAILTO: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'@')
    .remove(b'.')
    .remove(b'-')
    .remove(b'_')
    .remove(b'~')
    .remove(b'+');

const _: () = assert!(SUBJECT_FRAME_CHARS + SUBJECT_OWNER_CHARS_MAX < SUBJECT_CHARS_MAX);

/// What a mail says of a lead. Every text is bounded, of one line, and without what steers; each form escapes it besides.
pub struct Content {
    /// The name, or what stands for it.
    pub(super) title: String,
    pub(super) subject: String,
    /// What a list of mails shows beside the subject.
    pub(super) preview: String,
    /// Said where nothing is known but the id.
    pub(super) note: Option<String>,
    /// How the lead is reached; whose it is; when it came; everything else. None is empty.
    pub(super) groups: Vec<Vec<Row>>,
    /// Fields that found no room.
    pub(super) left_out: usize,
    pub(super) link: Option<String>,
    /// What a template may name.
    pub(super) values: Values,
    reply_to: Option<EmailAddress>,
}

/// A value with its label.
#[derive(Clone)]
pub(super) struct Row {
    pub(super) label: Cow<'static, str>,
    pub(super) lines: Vec<String>,
    /// `tel:` or `mailto:`.
    pub(super) href: Option<String>,
    pub(super) kind: RowKind,
}

/// How a row is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    /// It is what people act on.
    Call,
    /// It may have several lines.
    Text,
    Plain,
}

/// The values by the names that a template has for them; one that a lead lacks is empty.
#[derive(Default)]
pub(super) struct Values {
    pub(super) lead_id: String,
    pub(super) display_name: String,
    pub(super) lead_email: String,
    pub(super) phone: String,
    pub(super) company: String,
    pub(super) message: String,
    pub(super) lead_owner: String,
    pub(super) funnel: String,
    pub(super) status_label: String,
    pub(super) created: String,
    pub(super) received: String,
    pub(super) fields: Vec<(String, String)>,
}

impl Row {
    fn plain(label: impl Into<Cow<'static, str>>, line: String) -> Self {
        Self {
            label: label.into(),
            lines: vec![line],
            href: None,
            kind: RowKind::Plain,
        }
    }

    fn call(label: &'static str, line: String, href: Option<String>) -> Self {
        let kind = RowKind::Call;
        Self {
            href,
            kind,
            ..Self::plain(label, line)
        }
    }
}

impl Content {
    /// Chooses what is said. `now` gives how long the lead has waited.
    pub fn new(
        lead: &Enriched,
        now: Timestamp,
        zone: &TimeZone,
        link: Option<&LeadUrlTemplate>,
    ) -> Self {
        let mut reach = Reach::of(lead);
        let further = Further::of(lead, &reach.taken);
        let name = value(lead.display_name.as_deref());
        let owner = value(lead.lead_owner.as_deref());
        let [funnel, status] =
            [&lead.funnel, &lead.status_label].map(|field| value(field.as_deref()));
        let created = created(lead, zone);
        let received = received(lead, now, zone);
        let title = name.clone().unwrap_or_else(|| lead.lead_id.to_string());
        let whose = [
            Some(Row::plain(
                "Owner",
                owner.clone().unwrap_or_else(|| UNASSIGNED.to_owned()),
            )),
            funnel.clone().map(|funnel| Row::plain("Funnel", funnel)),
            status.clone().map(|status| Row::plain("Status", status)),
        ];
        let when = [
            created
                .clone()
                .map(|created| Row::plain("Created", created)),
            Some(Row::plain("Received", received.clone())),
        ];
        let says_nothing = says_nothing(lead, &reach, &further);
        let values = Values {
            lead_id: lead.lead_id.to_string(),
            display_name: name.unwrap_or_default(),
            lead_email: first_line(reach.email.as_ref()),
            phone: first_line(reach.phones.first()),
            company: first_line(reach.company.as_ref()),
            message: reach
                .message
                .as_ref()
                .map(|row| row.lines.join("\n"))
                .unwrap_or_default(),
            lead_owner: owner.unwrap_or_default(),
            funnel: funnel.unwrap_or_default(),
            status_label: status.unwrap_or_default(),
            created: created.unwrap_or_default(),
            received,
            fields: further.pairs(),
        };
        let reply_to = reach.reply_to.take();
        let groups = [
            reach.rows(),
            whose.into_iter().flatten().collect(),
            when.into_iter().flatten().collect(),
            further.rows,
        ];
        Self {
            title,
            subject: subject(lead),
            preview: preview(&values),
            note: says_nothing.then(|| note(lead)),
            groups: groups
                .into_iter()
                .filter(|group| !group.is_empty())
                .collect(),
            left_out: further.left_out,
            link: link.map(|template| template.render(&lead.lead_id)),
            values,
            reply_to,
        }
    }

    /// The lead's own address, where it is strictly one.
    pub fn reply_to(&self) -> Option<&EmailAddress> {
        self.reply_to.as_ref()
    }
}

/// Whether nothing is known of a lead but its id: no name, no way to reach it, and no other field that can be shown. Where it stands in the
/// CRM, and whose it is, says nothing of the lead.
pub fn is_empty_lead(lead: &Enriched) -> bool {
    let reach = Reach::of(lead);
    let further = Further::of(lead, &reach.taken);
    says_nothing(lead, &reach, &further)
}

fn says_nothing(lead: &Enriched, reach: &Reach, further: &Further) -> bool {
    value(lead.display_name.as_deref()).is_none()
        && reach.is_empty()
        && further.rows.iter().all(|row| row.label == OWNER_EMAIL)
}

/// A field as one line.
fn value(field: Option<&str>) -> Option<String> {
    safe::line(field?, MAIL_FIELD_CHARS_MAX)
}

fn first_line(row: Option<&Row>) -> String {
    let line = row.and_then(|row| row.lines.first());
    line.cloned().unwrap_or_default()
}

/// How a lead is reached, and what it wants.
#[derive(Default)]
struct Reach {
    phones: Vec<Row>,
    email: Option<Row>,
    company: Option<Row>,
    message: Option<Row>,
    reply_to: Option<EmailAddress>,
    /// The fields that these stand in.
    taken: BTreeSet<&'static str>,
}

impl Reach {
    fn of(lead: &Enriched) -> Self {
        let mut reach = Self::default();
        let contact = Source::of_document(lead).kind().contact(&lead.fields);
        for name in PHONES {
            let numbers = numbers(lead, name);
            if numbers
                .into_iter()
                .filter(|number| reach.add_phone(number))
                .count()
                > 0
            {
                reach.taken.insert(name);
            }
        }
        if let Some(number) = &contact.phone {
            reach.add_phone(number);
        }
        let email = lead.lead_email.as_deref().or(contact.email.as_deref());
        reach.reply_to = email.and_then(|email| EmailAddress::parse(email.trim()).ok());
        reach.email = email.and_then(email_row);
        reach.company = reach.first(lead, &COMPANIES, |text| {
            Some(Row::plain("Company", value(Some(text))?))
        });
        reach.message = reach.first(lead, &MESSAGES, |text| {
            let lines = safe::lines(text, MESSAGE_CHARS_MAX, MESSAGE_LINES_MAX);
            let row = Row {
                kind: RowKind::Text,
                ..Row::plain("Message", String::new())
            };
            (!lines.is_empty()).then_some(Row { lines, ..row })
        });
        reach
    }

    /// Whether it can be shown. One that is there already, however it is written, is shown once.
    fn add_phone(&mut self, number: &str) -> bool {
        let Some(line) = value(Some(number)) else {
            return false;
        };
        let href = phone::tel(number);
        let mut known = self.phones.iter();
        let is_known = known
            .any(|row| row.lines.first() == Some(&line) || (href.is_some() && row.href == href));
        if !is_known && self.phones.len() < PHONES_MAX {
            self.phones.push(Row::call("Phone", line, href));
        }
        true
    }

    /// The first of these fields that can be shown.
    fn first(
        &mut self,
        lead: &Enriched,
        names: &[&'static str],
        row: impl Fn(&str) -> Option<Row>,
    ) -> Option<Row> {
        let mut found = names
            .iter()
            .filter_map(|name| Some((*name, row(&lead.fields.shown(name)?)?)));
        let (name, row) = found.next()?;
        self.taken.insert(name);
        Some(row)
    }

    fn is_empty(&self) -> bool {
        self.phones.is_empty()
            && self.email.is_none()
            && self.company.is_none()
            && self.message.is_none()
    }

    fn rows(self) -> Vec<Row> {
        let others = [self.email, self.company, self.message];
        self.phones
            .into_iter()
            .chain(others.into_iter().flatten())
            .collect()
    }
}

/// The numbers in a field: its own, or those of a list, as texts or in objects.
fn numbers(lead: &Enriched, name: &str) -> Vec<String> {
    if let Some(number) = lead.fields.shown(name) {
        return vec![number];
    }
    let items = lead.fields.items(name);
    let number = |item: &serde_json::value::RawValue| {
        shown(item).or_else(|| {
            let item = crate::json::Object::parse(item.get().as_bytes()).ok()?;
            PHONE_MEMBERS.iter().find_map(|member| item.shown(member))
        })
    };
    items
        .iter()
        .take(PHONES_MAX)
        .filter_map(|item| number(item))
        .collect()
}

fn email_row(email: &str) -> Option<Row> {
    Some(Row::call("Email", value(Some(email))?, mailto(email)))
}

/// The link that writes to an address, where a text is strictly one.
fn mailto(text: &str) -> Option<String> {
    let address = EmailAddress::parse(text.trim()).ok()?;
    let address = utf8_percent_encode(address.expose(), MAILTO);
    Some(format!("mailto:{address}"))
}

/// Every further field that is no list and no object.
struct Further {
    rows: Vec<Row>,
    left_out: usize,
}

impl Further {
    fn of(lead: &Enriched, taken: &BTreeSet<&str>) -> Self {
        let is_said = |name: &str| {
            let is_known = KNOWN.contains(&name) && name != OWNER_EMAIL;
            is_known || [LEAD_ID, OURS].contains(&name) || taken.contains(name)
        };
        let (mut rows, mut left_out) = (Vec::new(), 0);
        let further = lead
            .fields
            .iter()
            .filter(|(name, value)| !is_said(name) && is_plain(value));
        for (name, value) in further {
            if rows.len() == FURTHER_FIELDS_MAX {
                left_out += 1;
                continue;
            }
            let text = shown(value).unwrap_or_default();
            // Close repeats it so.
            let is_id = name == "id" && text == lead.lead_id.as_str();
            let line = safe::line(&text, FURTHER_FIELD_CHARS_MAX).filter(|_| !is_id);
            if let Some(line) = line {
                let label = safe::line(name, FIELD_NAME_CHARS_MAX);
                let label = label.unwrap_or_else(|| "–".to_owned());
                rows.push(Row {
                    href: mailto(&text),
                    ..Row::plain(label, line)
                });
            }
        }
        Self { rows, left_out }
    }

    fn pairs(&self) -> Vec<(String, String)> {
        let pair = |row: &Row| (row.label.to_string(), first_line(Some(row)));
        self.rows.iter().map(pair).collect()
    }
}

fn created(lead: &Enriched, zone: &TimeZone) -> Option<String> {
    let text = value(lead.date_created.as_deref())?;
    Some(time::render_text(&text, zone).unwrap_or(text))
}

/// When it came, and how long it has waited since.
fn received(lead: &Enriched, now: Timestamp, zone: &TimeZone) -> String {
    let accepted_at = lead.provenance.accepted_at;
    let moment = time::render(accepted_at, zone);
    match time::render_wait(now.duration_since(accepted_at)) {
        Some(wait) => format!("{moment}, waited {wait}"),
        None => moment,
    }
}

fn subject(lead: &Enriched) -> String {
    let owner = lead.lead_owner.as_deref();
    let owner = owner.and_then(|owner| safe::line(owner, SUBJECT_OWNER_CHARS_MAX));
    let owner = owner.unwrap_or_else(|| UNASSIGNED.to_owned());
    let room = SUBJECT_CHARS_MAX - SUBJECT_FRAME_CHARS - owner.chars().count();
    let name = lead.display_name.as_deref();
    let name = name.and_then(|name| safe::line(name, room));
    let name = name.unwrap_or_else(|| lead.lead_id.as_str().chars().take(room).collect());
    if safe::is_right_to_left(&name) || safe::is_right_to_left(&owner) {
        return format!("New lead: \u{2068}{name}\u{2069} → \u{2068}{owner}\u{2069}");
    }
    format!("New lead: {name} → {owner}")
}

/// What a list of mails shows: the number, and what the lead wrote.
fn preview(values: &Values) -> String {
    let first = [&values.phone, &values.lead_email]
        .into_iter()
        .find(|text| !text.is_empty());
    let second = [&values.message, &values.company]
        .into_iter()
        .find(|text| !text.is_empty());
    let parts: Vec<&str> = [first, second]
        .into_iter()
        .flatten()
        .map(String::as_str)
        .collect();
    safe::line(&parts.join(" · "), PREVIEW_CHARS_MAX).unwrap_or_default()
}

/// Said of a lead of which nothing is known. The names of what it has help to set up its source.
fn note(lead: &Enriched) -> String {
    let note = "Nothing is known of this lead but its id: it came without a name, a phone number, an email address or any other plain field.";
    let nested = lead
        .fields
        .iter()
        .filter(|(name, value)| *name != OURS && value.get().starts_with(['{', '[']));
    let names: Vec<String> = nested
        .filter_map(|(name, _)| safe::line(name, FIELD_NAME_CHARS_MAX))
        .map(|name| safe::isolate(&name).into_owned())
        .take(NESTED_MAX)
        .collect();
    if names.is_empty() {
        return note.to_owned();
    }
    format!(
        "{note} What it has is nested, and not shown: {}.",
        names.join(", ")
    )
}
