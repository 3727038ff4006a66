//! The link into the CRM: from configuration only, never from a payload.

use crate::lead::id::LeadId;
use crate::limits::LEAD_URL_CHARS_MAX;

/// A link into the CRM, made from configuration only: `https://app.close.com/lead/{lead_id}/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeadUrlTemplate(String);

/// A text that is not such a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be an https URL that contains {{lead_id}} once, for example https://app.close.com/lead/{{lead_id}}/"
)]
pub struct LeadUrlTemplateError;

const PLACEHOLDER: &str = "{lead_id}";
const SCHEME: &str = "https://";

impl LeadUrlTemplate {
    /// Takes an https URL that contains `{lead_id}` once, after its host.
    pub fn parse(text: &str) -> Result<Self, LeadUrlTemplateError> {
        let rest = text.strip_prefix(SCHEME).ok_or(LeadUrlTemplateError)?;
        let (before, after) = rest.split_once(PLACEHOLDER).ok_or(LeadUrlTemplateError)?;
        let host = before.split_once('/').ok_or(LeadUrlTemplateError)?.0;
        let valid = text.len() <= LEAD_URL_CHARS_MAX
            && is_host(host)
            && is_url_text(before)
            && is_url_text(after);
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(LeadUrlTemplateError)
        }
    }

    /// The link to one lead. A lead id needs no escape in a URL.
    pub fn render(&self, lead_id: &LeadId) -> String {
        self.0.replace(PLACEHOLDER, lead_id.as_str())
    }
}

/// A host name, with a port perhaps: no user, no password.
fn is_host(host: &str) -> bool {
    host.starts_with(|c: char| c.is_ascii_alphanumeric())
        && host
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':'))
}

/// Characters of RFC 3986, without the apostrophe: none of them ends an attribute.
fn is_url_text(text: &str) -> bool {
    text.chars()
        .all(|c| c.is_ascii_alphanumeric() || "-._~:/?#[]@!$&()*+,;=%".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_gives_the_link_of_a_lead() {
        let template = "https://app.close.com/lead/{lead_id}/?a=1&b=2#x";
        let template = LeadUrlTemplate::parse(template).unwrap();
        let link = template.render(&LeadId::parse("lead_1Test").unwrap());
        assert_eq!(link, "https://app.close.com/lead/lead_1Test/?a=1&b=2#x");
    }

    #[test]
    fn what_is_no_https_template_is_refused() {
        let bad = [
            "",
            "{lead_id}",
            "https://{lead_id}",
            "https://{lead_id}/",
            "https://a.com",
            "https://a.com/",
            "http://a.com/{lead_id}",
            "javascript:{lead_id}",
            "https://a.com/{lead_id}/{lead_id}",
            "https://u@a.com/{lead_id}",
            "https://u:p@a.com/{lead_id}",
            "https:///{lead_id}",
            "https://a.com/{lead_id}\"",
            "https://a.com/'{lead_id}",
            "https://a.com/<{lead_id}>",
            "https://a.com/ {lead_id}",
            "https://a.com/{lead_id}\n",
            "https://a.com/{id}/{lead_id}",
            "https://é.com/{lead_id}",
            "HTTPS://a.com/{lead_id}",
            " https://a.com/{lead_id}",
        ];
        let long = "x".repeat(LEAD_URL_CHARS_MAX);
        let long = format!("https://a.com/{long}{{lead_id}}");
        for bad in bad.into_iter().chain([&*long]) {
            let parsed = LeadUrlTemplate::parse(bad);
            assert_eq!(parsed, Err(LeadUrlTemplateError), "{bad:?}");
        }
    }
}
