//! The mail to the people who must call: text and HTML that hostile values cannot break out of.

use crate::enriched::Enriched;
use jiff::Timestamp;
use std::fmt;

/// An e-mail address. Its `Debug` and `Display` are masked; `expose` shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress(String);

/// A text that is not an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address of the form name@example.com (visible ASCII, at most 254 characters)")]
pub struct EmailAddressError;

impl EmailAddress {
    /// Takes one plain address: no display name, no comment, no control character.
    pub fn parse(_text: &str) -> Result<Self, EmailAddressError> {
        todo!()
    }

    /// The address itself, for the one who sends.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress({self})")
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let domain = self.0.rsplit_once('@').map_or("", |(_, domain)| domain);
        write!(f, "***@{domain}")
    }
}

/// A link into the CRM, made from configuration only: `https://app.close.com/lead/{lead_id}/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadUrlTemplate(String);

/// A text that is not such a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an https URL that contains {{lead_id}} once, for example https://app.close.com/lead/{{lead_id}}/")]
pub struct LeadUrlTemplateError;

impl LeadUrlTemplate {
    /// Takes an https URL that contains `{lead_id}`.
    pub fn parse(_text: &str) -> Result<Self, LeadUrlTemplateError> {
        todo!()
    }
}

/// The texts of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmailText {
    /// One line without control characters.
    pub subject: String,
    /// The plain part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

/// Renders the mail from the stored document alone. `now` tells how long since it was received.
pub fn render_email(_lead: &Enriched, _now: Timestamp, _link: Option<&LeadUrlTemplate>) -> EmailText {
    todo!()
}
