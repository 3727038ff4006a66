//! Reads variables and remembers every mistake.

use crate::vars;
use leadwire_domain::limits::{QUEUE_DELAY_SECONDS_MAX, WAIT_WINDOW_SECONDS_MAX};
use leadwire_domain::notice::{EmailAddress, LeadUrlTemplate};
use std::fmt;
use std::ops::RangeInclusive;

/// The highest `maxReceiveCount` of a redrive policy (Amazon SQS).
const RECEIVES_MAX: u32 = 1_000;
/// Longest name of an environment, as the template allows it.
const ENVIRONMENT_CHARS_MAX: usize = 16;

/// A variable that cannot be used. Its value is not shown: it may be an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Which one.
    pub variable: &'static str,
    /// What is wrong with it.
    pub problem: &'static str,
    /// What would be right.
    pub expected: String,
}

impl From<leadwire_telemetry::config::Mistake> for Mistake {
    fn from(mistake: leadwire_telemetry::config::Mistake) -> Self {
        Self {
            variable: mistake.variable,
            problem: mistake.problem,
            expected: mistake.expected.to_owned(),
        }
    }
}

impl Mistake {
    /// A variable of the platform that is not there.
    pub(crate) fn of_platform(variable: &'static str) -> Self {
        let expected =
            "to be set by Lambda, where alone this binary runs; on one machine it is `leadwire up`"
                .to_owned();
        Self {
            variable,
            problem: "is not set",
            expected,
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}; expected: {}",
            self.variable, self.problem, self.expected
        )
    }
}

/// Each of its readers gives a value, or `None` after noting a mistake.
pub(crate) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    mistakes: Vec<Mistake>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self {
            lookup,
            mistakes: Vec::new(),
        }
    }

    /// The whole, where there was no mistake.
    pub(crate) fn finish<T>(self, whole: impl FnOnce() -> Option<T>) -> Result<T, Vec<Mistake>> {
        match whole() {
            Some(config) if self.mistakes.is_empty() => Ok(config),
            _ => Err(self.mistakes),
        }
    }

    /// A text that may be left out, but not be empty: nothing defaults to "".
    pub(crate) fn optional(&mut self, variable: &'static str) -> Option<String> {
        let value = (self.lookup)(variable)?;
        if value.trim().is_empty() {
            return self.mistake(variable, "is empty", "a value, or no such variable");
        }
        Some(value.trim().to_owned())
    }

    pub(crate) fn environment(&mut self) -> Option<String> {
        let expected = "at most 16 of a-z, 0-9 and '-', beginning with a letter";
        self.checked(vars::ENVIRONMENT, expected, Some("dev"), |name| {
            name.len() <= ENVIRONMENT_CHARS_MAX
                && name.starts_with(|first: char| first.is_ascii_lowercase())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        })
    }

    pub(crate) fn bucket(&mut self, variable: &'static str) -> Option<String> {
        self.checked(variable, "the name of an S3 bucket", None, |name| {
            (3..=63).contains(&name.len())
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        })
    }

    /// The name of a bucket that may be left out.
    pub(crate) fn optional_bucket(&mut self, variable: &'static str) -> Option<String> {
        self.is_set(variable).then(|| self.bucket(variable))?
    }

    /// The stack's own address of the canary, if it has one.
    pub(crate) fn canary_url(&mut self) -> Option<String> {
        let expected = "the stack's own address, https://<API_ID>.execute-api.<REGION>.amazonaws.com/Prod/ingest/canary";
        if !self.is_set(vars::CANARY_URL) {
            return None;
        }
        self.checked(vars::CANARY_URL, expected, None, |url| {
            is_url(url) && url.ends_with("/ingest/canary")
        })
    }

    pub(crate) fn is_set(&self, variable: &str) -> bool {
        (self.lookup)(variable).is_some()
    }

    /// Notes a mistake where a variable is not set.
    pub(crate) fn demand(&mut self, variable: &'static str, expected: &'static str) {
        if !self.is_set(variable) {
            let _none: Option<()> = self.mistake(variable, "is not set", expected);
        }
    }

    pub(crate) fn queue(&mut self) -> Option<String> {
        let expected = "the URL of an SQS queue, for example https://sqs.us-east-1.amazonaws.com/123456789012/name";
        self.checked(vars::DELAY_QUEUE_URL, expected, None, is_url)
    }

    pub(crate) fn number(
        &mut self,
        variable: &'static str,
        default: u32,
        range: RangeInclusive<u32>,
    ) -> Option<u32> {
        let Some(text) = (self.lookup)(variable) else {
            return Some(default);
        };
        let value = text
            .trim()
            .parse::<u32>()
            .ok()
            .filter(|number| range.contains(number));
        if value.is_none() {
            return self.mistake(
                variable,
                "is not a number within its bounds",
                format!("{} to {}", range.start(), range.end()),
            );
        }
        value
    }

    pub(crate) fn delay(&mut self) -> Option<u32> {
        self.number(vars::DELAY_SECONDS, 600, 0..=QUEUE_DELAY_SECONDS_MAX)
    }

    pub(crate) fn owner_wait(&mut self) -> Option<u32> {
        self.number(vars::OWNER_WAIT_SECONDS, 1800, 0..=WAIT_WINDOW_SECONDS_MAX)
    }

    pub(crate) fn mail_wait(&mut self) -> Option<u32> {
        self.number(vars::MAIL_WAIT_SECONDS, 3600, 0..=WAIT_WINDOW_SECONDS_MAX)
    }

    pub(crate) fn receives(&mut self) -> Option<u32> {
        self.number(vars::MAX_RECEIVE_COUNT, 3, 1..=RECEIVES_MAX)
    }

    /// One of several words; the first is the default.
    pub(crate) fn choice<T: Copy>(
        &mut self,
        variable: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let Some(text) = (self.lookup)(variable) else {
            return choices.first().map(|(_, value)| *value);
        };
        let chosen = choices
            .iter()
            .find(|(word, _)| *word == text.trim())
            .map(|(_, value)| *value);
        if chosen.is_none() {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            return self.mistake(variable, "is none of its words", words.join(" or "));
        }
        chosen
    }

    /// A comma list of at least one and at most `max` addresses.
    pub(crate) fn addresses(
        &mut self,
        variable: &'static str,
        max: usize,
    ) -> Option<Vec<EmailAddress>> {
        let expected = if max == 1 {
            "one address, name@example.com".to_owned()
        } else {
            format!("1 to {max} addresses, separated by commas")
        };
        let Some(text) = (self.lookup)(variable) else {
            return self.mistake(variable, "is not set", expected);
        };
        let addresses: Result<Vec<_>, _> = text
            .split(',')
            .map(|address| EmailAddress::parse(address.trim()))
            .collect();
        match addresses {
            Ok(addresses) if addresses.len() <= max => Some(addresses),
            Ok(_) => self.mistake(variable, "has too many addresses", expected),
            Err(_) if text.trim().is_empty() => self.mistake(variable, "is empty", expected),
            Err(_) => self.mistake(variable, "has an address that is none", expected),
        }
    }

    /// Where a lead can be seen in the CRM, if anywhere.
    pub(crate) fn lead_url(&mut self) -> Option<LeadUrlTemplate> {
        let text = self.optional(vars::LEAD_URL_TEMPLATE)?;
        match LeadUrlTemplate::parse(&text) {
            Ok(template) => Some(template),
            Err(_) => self.mistake(
                vars::LEAD_URL_TEMPLATE,
                "is not a template",
                "an https URL with {lead_id} in it once, for example https://app.close.com/lead/{lead_id}/",
            ),
        }
    }

    fn checked(
        &mut self,
        variable: &'static str,
        expected: &'static str,
        default: Option<&str>,
        is_valid: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let value = (self.lookup)(variable).or_else(|| default.map(ToOwned::to_owned));
        match value {
            None => self.mistake(variable, "is not set", expected),
            Some(value) if value.trim().is_empty() => self.mistake(variable, "is empty", expected),
            Some(value) if is_valid(value.trim()) => Some(value.trim().to_owned()),
            Some(_) => self.mistake(variable, "cannot be used", expected),
        }
    }

    fn mistake<T>(
        &mut self,
        variable: &'static str,
        problem: &'static str,
        expected: impl Into<String>,
    ) -> Option<T> {
        self.mistakes.push(Mistake {
            variable,
            problem,
            expected: expected.into(),
        });
        None
    }
}

/// An absolute URL with a path.
fn is_url(url: &str) -> bool {
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    rest.is_some_and(|rest| rest.contains('/') && rest.bytes().all(|b| b.is_ascii_graphic()))
}
