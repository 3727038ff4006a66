//! Why a mail server did not take a mail.

use super::super::ACTION;
use leadwire_pipeline::port::{MailOutcome, PortError};
use lettre::transport::smtp;
use std::error::Error;
use std::io;

/// Why the server did not take a mail. It shows the server's code, never its words: they repeat addresses.
#[derive(Debug, thiserror::Error)]
pub(super) enum SmtpFailure {
    #[error("the mail server's name could not be looked up")]
    Lookup(#[source] io::Error),
    #[error("no connection to the mail server, at any of its addresses")]
    Connect(#[source] io::Error),
    #[error("the mail server answered {code} to {step}")]
    Answered {
        step: &'static str,
        code: u16,
        enhanced: Option<String>,
    },
    #[error("the mail server offers no STARTTLS, and nothing is sent without")]
    NoTls,
    #[error("the mail server takes no user and password{}", if *.is_oauth { ": it offers only OAuth2" } else { "" })]
    NoLogin { is_oauth: bool },
    #[error("an address is none that SMTP takes")]
    Address(#[source] lettre::address::AddressError),
    #[error("no answer from the mail server to {step} in time")]
    Late { step: &'static str },
    #[error("the mail server took too long for everything before the final dot")]
    Slow,
    #[error("the connection to the mail server failed at {step}")]
    Broken {
        step: &'static str,
        #[source]
        source: Option<smtp::Error>,
    },
    #[error("leadwire was stopped before the mail server had answered to the message")]
    StoppedWaiting,
}

impl SmtpFailure {
    pub(super) fn at(step: &'static str) -> impl FnOnce(smtp::Error) -> Self {
        move |source| match source.status() {
            Some(code) => Self::Answered {
                step,
                code: code.into(),
                enhanced: source.source().and_then(enhanced_code),
            },
            None if source.is_timeout() => Self::Late { step },
            // An answer that is none of SMTP's may repeat an address too.
            None if source.is_response() => Self::Broken { step, source: None },
            None => Self::Broken {
                step,
                source: Some(source),
            },
        }
    }

    fn is_refusal(&self) -> bool {
        match self {
            Self::Answered { code, .. } => *code >= 500,
            Self::Address(_) | Self::NoLogin { .. } => true,
            Self::Lookup(_)
            | Self::Connect(_)
            | Self::NoTls
            | Self::Late { .. }
            | Self::Slow
            | Self::Broken { .. }
            | Self::StoppedWaiting => false,
        }
    }

    /// The server's codes, where it answered: `550 5.1.1`. Else what it was, in a few words.
    fn detail(&self) -> String {
        match self {
            Self::Answered { code, enhanced, .. } => match enhanced {
                Some(enhanced) => format!("{code} {enhanced}"),
                None => code.to_string(),
            },
            Self::Lookup(_) => "its name could not be looked up".to_owned(),
            Self::Connect(_) => "no connection".to_owned(),
            Self::NoTls => "no STARTTLS".to_owned(),
            Self::NoLogin { is_oauth: true } => "it offers only OAuth2".to_owned(),
            Self::NoLogin { is_oauth: false } => "it takes no user and password".to_owned(),
            Self::Address(_) => "an address that SMTP does not take".to_owned(),
            Self::Late { step } => format!("no answer to {step} in time"),
            Self::Slow => "over 15 min before the final dot".to_owned(),
            Self::Broken { step, .. } => format!("the connection failed at {step}"),
            Self::StoppedWaiting => "stopped before the answer".to_owned(),
        }
    }

    /// The outcome where the server cannot have the whole message.
    pub(super) fn before_message(self) -> MailOutcome {
        let detail = self.detail();
        let detail = Some(detail.as_str());
        if self.is_refusal() {
            MailOutcome::Refused(PortError::permanent(ACTION, self).with_detail(detail))
        } else {
            MailOutcome::Busy(PortError::transient(ACTION, self).with_detail(detail))
        }
    }

    /// The outcome where it may have it.
    pub(super) fn after_message(self) -> MailOutcome {
        if matches!(self, Self::Answered { .. }) {
            return self.before_message();
        }
        let detail = self.detail();
        MailOutcome::Ambiguous(PortError::transient(ACTION, self).with_detail(Some(&detail)))
    }
}

/// The enhanced code that a server's words begin with (RFC 3463): `5.1.1`. Of the words nothing else is read.
fn enhanced_code(words: &(dyn Error + 'static)) -> Option<String> {
    let words = words.to_string();
    let code = words.split_ascii_whitespace().next()?;
    let mut numbers = code.split('.');
    let is_class = matches!(numbers.next(), Some("4" | "5"));
    let is_number =
        |text: &str| (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    let has_two_more = numbers.clone().count() == 2 && numbers.all(is_number);
    (is_class && has_two_more).then(|| code.to_owned())
}
