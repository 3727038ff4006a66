//! Mail.

use super::PortError;
use leadwire_domain::effect::EffectId;
use leadwire_domain::notice::{EmailAddress, EmailText};
use leadwire_domain::sender::Sender;
use std::future::{Future, ready};
use strum::IntoStaticStr;

/// A mail to be sent: one effect, to one receiver.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The tag of the event, or of its revision, within A-Z, a-z, 0-9, '_' and '-'. With the effect it names the mail: one machine derives
    /// the Message-ID and the outbox file's name from both.
    pub event: String,
    /// Which of the event's effects it is.
    pub effect: EffectId,
    /// Which attempt at this effect this is, from 1.
    pub attempt: u32,
    /// The environment's name.
    pub environment: String,
    /// The sender.
    pub from: Sender,
    /// Where a reply goes, where that is not the sender.
    pub reply_to: Option<EmailAddress>,
    /// The one recipient.
    pub to: EmailAddress,
    /// Subject and parts.
    pub text: EmailText,
    /// Whether it is the canary's. Where there is no simulator to take it, the home checks the way out and sends no mail.
    pub is_canary: bool,
}

/// Headers that every mail has: no holiday notice and no other machine answers it (RFC 3834, and what Exchange heeds).
pub const MAIL_HEADERS: [(&str, &str); 2] = [
    ("Auto-Submitted", "auto-generated"),
    ("X-Auto-Response-Suppress", "OOF, AutoReply"),
];

/// The header that names the event a mail is about, by its tag.
pub const EVENT_HEADER: &str = "X-Leadwire-Event";

/// Why nothing of a mail was handed to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Unsent {
    /// Others are being sent, as many as may be at once.
    NoTurn,
    /// An earlier attempt of this process is still at it.
    InHand,
    /// The process stops.
    Stopping,
}

impl Unsent {
    /// The code in logs.
    pub fn code(self) -> &'static str {
        self.into()
    }
}

/// What became of a mail. The adapter never retries by itself: a retry could mail twice.
#[derive(Debug)]
pub enum MailOutcome {
    /// The service took it, under this id.
    Accepted(String),
    /// The service definitely did not take it: too many came at this moment. It may be asked again at once.
    Throttled(PortError),
    /// The service definitely did not take it, and may later: over its quota, paused, out of reach.
    Busy(PortError),
    /// Nothing was handed to the service, for a reason of this home: it is as if the mail had not been tried.
    Unsent(Unsent),
    /// The service definitely did not take it and never will.
    Refused(PortError),
    /// It is not known whether the service took it: a server error, a timeout, a reset.
    Ambiguous(PortError),
}

impl MailOutcome {
    /// What the service answered, by its codes, where it did not take the mail and said why: `550 5.1.1`, `MessageRejected`.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Accepted(_) | Self::Unsent(_) => None,
            Self::Throttled(error)
            | Self::Busy(error)
            | Self::Refused(error)
            | Self::Ambiguous(error) => error.detail.as_deref(),
        }
    }
}

/// A mail that a worker had begun when its process died: its claim says that it was being sent.
#[derive(Clone, Copy, Debug)]
pub struct BegunMail<'a> {
    /// The tag of the event, or of its revision.
    pub event: &'a str,
    /// Which of the event's effects it is.
    pub effect: &'a EffectId,
    /// Which attempt at it this was.
    pub attempt: u32,
    /// The run of the home that made the attempt.
    pub boot: &'a str,
}

/// Sends mails.
pub trait Mailer: Send + Sync {
    /// Sends one mail, once.
    fn send(&self, mail: &Mail) -> impl Future<Output = MailOutcome> + Send;

    /// Whether a mail of a process that is dead may have been taken without anybody's knowing it. A home that cannot tell says yes.
    fn may_be_out(
        &self,
        _mail: BegunMail<'_>,
    ) -> impl Future<Output = Result<bool, PortError>> + Send {
        ready(Ok(true))
    }
}

/// No mail can be sent: for the homes of stages that send none. Sending is refused, in words.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoMailer;

impl Mailer for NoMailer {
    async fn send(&self, _mail: &Mail) -> MailOutcome {
        MailOutcome::Refused(PortError::permanent(
            "send mail",
            "this stage sends no mail",
        ))
    }
}
