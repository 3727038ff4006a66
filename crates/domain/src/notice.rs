//! The mail to the people who must call: text and HTML that hostile values cannot break out of.

mod age;
mod html;
mod link;
mod safe;

pub use crate::address::{EmailAddress, EmailAddressError};
pub use link::{LeadUrlTemplate, LeadUrlTemplateError};

use crate::lead::document::Enriched;
use crate::limits::{MAIL_FIELD_CHARS_MAX, SUBJECT_CHARS_MAX};
use jiff::Timestamp;
use std::fmt;

/// The texts of a mail. Their `Debug` shows lengths only.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailText {
    /// One line without control characters.
    pub subject: String,
    /// The plain part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

impl fmt::Debug for EmailText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [subject, text, html] = [&self.subject, &self.text, &self.html].map(String::len);
        write!(f, "EmailText({subject} + {text} + {html} bytes)")
    }
}

/// What stands where a lead has no owner.
const UNASSIGNED: &str = "unassigned";
/// What stands where a field is absent.
const ABSENT: &str = "–";
/// What the subject says besides the names: its words and the arrow.
const SUBJECT_FRAME_CHARS: usize = "New lead: ".len() + 3;
/// The most of the subject that the owner's name takes, so that a long name leaves room for it.
const SUBJECT_OWNER_CHARS_MAX: usize = 60;

const _: () = assert!(SUBJECT_FRAME_CHARS + SUBJECT_OWNER_CHARS_MAX < SUBJECT_CHARS_MAX);

/// Renders the mail from the stored document alone. `now` gives the time since it was received.
pub fn render_email(lead: &Enriched, now: Timestamp, link: Option<&LeadUrlTemplate>) -> EmailText {
    let view = View::new(lead, now, link);
    EmailText {
        subject: render_subject(lead),
        text: render_text(&view),
        html: html::render(&view),
    }
}

/// What a mail shows, made safe for one line; the HTML part escapes it besides.
struct View {
    title: String,
    rows: Vec<(&'static str, String)>,
    link: Option<String>,
}

impl View {
    fn new(lead: &Enriched, now: Timestamp, link: Option<&LeadUrlTemplate>) -> Self {
        let name = value(lead.display_name.as_deref());
        let received = format!(
            "{} ({})",
            age::render(lead.provenance.accepted_at, now),
            lead.provenance.accepted_at.strftime("%Y-%m-%d %H:%M UTC")
        );
        let or_absent = |value: Option<String>| value.unwrap_or_else(|| ABSENT.to_owned());
        let shown = |field: &Option<String>| or_absent(value(field.as_deref()));
        let owner = value(lead.lead_owner.as_deref());
        Self {
            title: name.clone().unwrap_or_else(|| lead.lead_id.to_string()),
            rows: vec![
                ("Name", or_absent(name)),
                ("Lead ID", lead.lead_id.to_string()),
                ("Email", or_absent(address(lead.lead_email.as_deref()))),
                ("Owner", owner.unwrap_or_else(|| UNASSIGNED.to_owned())),
                ("Funnel", shown(&lead.funnel)),
                ("Status", shown(&lead.status_label)),
                ("Created", shown(&lead.date_created)),
                ("Received", received),
            ],
            link: link.map(|template| template.render(&lead.lead_id)),
        }
    }
}

/// A field as one line that no mail client turns into a link.
fn value(field: Option<&str>) -> Option<String> {
    safe::line(field?, MAIL_FIELD_CHARS_MAX).map(|line| safe::defuse_links(&line))
}

/// The lead's address, which a client may turn into a link only where it is one.
fn address(field: Option<&str>) -> Option<String> {
    let line = safe::line(field?, MAIL_FIELD_CHARS_MAX)?;
    let is_address = EmailAddress::parse(&line).is_ok();
    Some(if is_address {
        line
    } else {
        safe::defuse_links(&line)
    })
}

fn render_subject(lead: &Enriched) -> String {
    let owner = lead.lead_owner.as_deref();
    let owner = owner.and_then(|owner| safe::line(owner, SUBJECT_OWNER_CHARS_MAX));
    let owner = owner.unwrap_or_else(|| UNASSIGNED.to_owned());
    let room = SUBJECT_CHARS_MAX - SUBJECT_FRAME_CHARS - owner.chars().count();
    let name = lead.display_name.as_deref();
    let name = name.and_then(|name| safe::line(name, room));
    let name = name.unwrap_or_else(|| lead.lead_id.as_str().chars().take(room).collect());
    format!("New lead: {name} → {owner}")
}

fn render_text(view: &View) -> String {
    let rows = view.rows.iter().map(|(label, value)| {
        let label = format!("{label}:");
        format!("{label:<10}{value}\n")
    });
    let link = view.link.iter();
    let link = link.map(|link| format!("\nOpen in the CRM: {link}\n"));
    let head = format!("New lead: {}\n\n", view.title);
    [head].into_iter().chain(rows).chain(link).collect()
}

#[cfg(test)]
mod tests;
