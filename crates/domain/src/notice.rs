//! The mail to the people who must call: what it says of a lead, chosen once, and its forms, which hostile values cannot break out of.

mod content;
mod header;
mod link;
mod phone;
mod safe;
mod sample;
mod template;
mod time;

pub use crate::address::{EmailAddress, EmailAddressError};
pub use content::{Content, is_empty_lead};
pub use header::encode_header;
pub use link::{LeadUrlTemplate, LeadUrlTemplateError};
pub use template::{MailTemplate, TEMPLATE_NAMES, TemplateError, TemplateSource};

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

#[cfg(test)]
mod tests;
