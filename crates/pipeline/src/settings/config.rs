//! The configurations of the stages, read from their settings.

use super::SettingsReader;
use super::policy::{AmbiguousPolicy, LEASE_SECONDS, OwnerMissingPolicy, ReplyTo};
use super::table::{
    AMBIGUOUS, DELAY, ENVIRONMENT, FROM, LEAD_URL, LEASE, MAIL_WAIT, MAX_RECEIVES, NOTIFY_OWNER,
    OWNER_MISSING, OWNER_WAIT, REPLY_TO, RETRY, SWEEP_MAX, SWEEP_MAX_AGE, TIME_ZONE, TO,
};
use jiff::SignedDuration;
use jiff::tz::TimeZone;
use leadwire_domain::channel::Receivers;
use leadwire_domain::limits::EFFECTS_MAX;
use leadwire_domain::notice::{EmailAddress, LeadUrlTemplate, MailTemplate};
use leadwire_domain::sender::Sender;
use std::time::Duration;

/// How long a record may take in a function (docs/PROTOCOL.md, Enrich).
pub const RECORD_DEADLINE: Duration = Duration::from_secs(20);
const RECORD_SECONDS: u32 = 20;

/// How long the records of a home take (docs/PROTOCOL.md, Timing).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// How long a record may take, and how much of the invocation must be left to start one.
    pub record: Duration,
    /// With less than this left of a record's time nothing is sent any more: its answer could not be waited for and recorded.
    pub send: Duration,
}

impl Pace {
    /// In a function: the mail service answers within a second, or its answer is lost.
    pub const FUNCTION: Self = Self {
        record: RECORD_DEADLINE,
        send: Duration::from_secs(5),
    };
}

/// How long storing and queueing of a webhook may take before the CRM is asked to come back (docs/PROTOCOL.md, Ingest).
pub const INGEST_DEADLINE: Duration = Duration::from_secs(4);
/// The visibility timeout of the queue, in seconds, as the template has it.
pub const VISIBILITY_SECONDS: u32 = 360;
/// The timeout of the enrich function, in seconds, as the template has it.
pub const ENRICH_TIMEOUT_SECONDS: u32 = 60;

// A lease outlives its worker by more than a record's reads take, and ends before the message comes back (docs/PROTOCOL.md, Timing).
const _: () = assert!(
    LEASE_SECONDS - ENRICH_TIMEOUT_SECONDS > RECORD_SECONDS && LEASE_SECONDS < VISIBILITY_SECONDS
);
const _: () = assert!(VISIBILITY_SECONDS >= 6 * ENRICH_TIMEOUT_SECONDS);

/// The configuration of `ingest`.
#[derive(Clone, Debug)]
pub struct IngestConfig {
    /// The delay before enrichment, in seconds, 0 to 900.
    pub delay_seconds: u32,
}

impl IngestConfig {
    /// Reads it.
    pub fn read(settings: &mut SettingsReader<'_>) -> Self {
        Self {
            delay_seconds: settings.get(&DELAY),
        }
    }
}

/// The configuration of `enrich`.
#[derive(Clone, Debug)]
pub struct EnrichConfig {
    /// The delay before enrichment, in seconds: the window for the owner begins after it, also for an operator's bare message.
    pub delay_seconds: u32,
    /// The sender.
    pub from: Sender,
    /// Where a reply to a mail goes.
    pub reply_to: ReplyTo,
    /// The zone of times that a person reads.
    pub time_zone: TimeZone,
    /// The forms of the mail.
    pub template: MailTemplate,
    /// The people who must call.
    pub to: Vec<EmailAddress>,
    /// Whether the owner file's `owner_email` is mailed too.
    pub notify_owner: bool,
    /// What to do when it is not known whether an effect was taken.
    pub ambiguous: AmbiguousPolicy,
    /// Life of a mail claim, in seconds.
    pub lease_seconds: u32,
    /// How long the owner file is waited for, in seconds.
    pub owner_wait_seconds: u32,
    /// What then.
    pub owner_missing: OwnerMissingPolicy,
    /// How long a busy mail service is waited for, in seconds.
    pub mail_wait_seconds: u32,
    /// Visibility after the first transient failure, in seconds; 0 leaves the queue's.
    pub retry_seconds: u32,
    /// Receives before the DLQ.
    pub max_receive_count: u32,
    /// Where a lead can be seen in the CRM.
    pub lead_url: Option<LeadUrlTemplate>,
    /// The environment's name.
    pub environment: String,
    /// This run of the one-machine home; absent on AWS.
    pub boot: Option<String>,
    /// How long records take in this home.
    pub pace: Pace,
}

impl EnrichConfig {
    /// Who is notified.
    pub fn receivers(&self) -> Receivers<'_> {
        Receivers {
            team: &self.to,
            notify_owner: self.notify_owner,
        }
    }

    /// Reads it.
    pub fn read(settings: &mut SettingsReader<'_>) -> Option<Self> {
        let (from, notify_owner) = (settings.take(&FROM), settings.get(&NOTIFY_OWNER));
        let to = settings.take_as(&TO, |to| leave_room_for_owner(to, notify_owner));
        Some(Self {
            delay_seconds: settings.get(&DELAY),
            notify_owner,
            ambiguous: settings.get(&AMBIGUOUS),
            lease_seconds: settings.get(&LEASE),
            owner_wait_seconds: settings.get(&OWNER_WAIT),
            owner_missing: settings.get(&OWNER_MISSING),
            mail_wait_seconds: settings.get(&MAIL_WAIT),
            retry_seconds: settings.get(&RETRY),
            max_receive_count: settings.get(&MAX_RECEIVES),
            lead_url: settings.take(&LEAD_URL),
            reply_to: settings.get(&REPLY_TO),
            time_zone: settings.get(&TIME_ZONE),
            template: MailTemplate::builtin(),
            environment: settings.get(&ENVIRONMENT),
            boot: None,
            pace: Pace::FUNCTION,
            // Last, so that a `?` hides no other mistake.
            from: from?,
            to: to?,
        })
    }
}

/// The owner is one effect more, and an event has no more than [`EFFECTS_MAX`]: the owner must not be the one who is left out.
fn leave_room_for_owner(
    to: Vec<EmailAddress>,
    notify_owner: bool,
) -> Result<Vec<EmailAddress>, String> {
    if notify_owner && to.len() == EFFECTS_MAX {
        return Err(format!(
            "has {EFFECTS_MAX} addresses, which leaves no room for the owner, who is to be notified too"
        ));
    }
    Ok(to)
}

/// The configuration of `sweep`.
#[derive(Clone, Copy, Debug)]
pub struct SweepConfig {
    /// The delay before enrichment, in seconds.
    pub delay_seconds: u32,
    /// How long the owner file is waited for, in seconds.
    pub owner_wait_seconds: u32,
    /// How long a busy mail service is waited for, in seconds.
    pub mail_wait_seconds: u32,
    /// The queue's visibility, in seconds.
    pub visibility_seconds: u32,
    /// More lost triggers than this: none is sent.
    pub max: usize,
    /// Older events than this are left alone, in days.
    pub max_age_days: u32,
}

impl SweepConfig {
    /// Reads it.
    pub fn read(settings: &mut SettingsReader<'_>) -> Self {
        Self {
            delay_seconds: settings.get(&DELAY),
            owner_wait_seconds: settings.get(&OWNER_WAIT),
            mail_wait_seconds: settings.get(&MAIL_WAIT),
            visibility_seconds: VISIBILITY_SECONDS,
            max: usize::try_from(settings.get(&SWEEP_MAX)).unwrap_or(usize::MAX),
            max_age_days: settings.get(&SWEEP_MAX_AGE),
        }
    }

    /// The age from which an event without an end has lost its trigger: everything that it may wait for, three visibilities, and a margin
    /// of 15 minutes for clocks and slow queues. An event without a claim never waited for a busy mail service.
    pub fn lost_after(&self, is_claimed: bool) -> SignedDuration {
        let mail_wait_seconds = if is_claimed {
            self.mail_wait_seconds
        } else {
            0
        };
        let seconds = i64::from(self.delay_seconds)
            + i64::from(self.owner_wait_seconds)
            + i64::from(mail_wait_seconds)
            + 3 * i64::from(self.visibility_seconds)
            + 15 * 60;
        SignedDuration::from_secs(seconds)
    }
}
