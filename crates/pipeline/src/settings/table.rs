//! The settings that both homes have, and those of the stages.

use super::Function::{self, Enrich, Sweep};
use super::Preset::{Number, Required, Text};
use super::Template::{Literal, Parameter};
use super::policy::{AmbiguousPolicy, LEASE_SECONDS, OwnerMissingPolicy, ReplyTo};
use super::{Count, Parsed, Seconds, Setting, Words};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use leadwire_domain::limits::{
    EFFECTS_MAX, MAIL_WAIT_SECONDS_MAX, QUEUE_DELAY_SECONDS_MAX, WAIT_WINDOW_SECONDS_MAX,
};
use leadwire_domain::notice::{EmailAddress, LeadUrlTemplate};
use leadwire_domain::sender::Sender;
use std::borrow::Cow;

/// The longest visibility of a message, in seconds (Amazon SQS).
const VISIBILITY_SECONDS_MAX: u32 = 43_200;
/// The highest `maxReceiveCount` of a redrive policy (Amazon SQS).
const RECEIVES_MAX: u32 = 1_000;
/// More lost messages than this are a flood, and a person's business.
const SWEEP_MAX_MAX: u32 = 100_000;
/// A hundred years: everything.
const AGE_DAYS_MAX: u32 = 36_500;
/// Longest name of an environment: it becomes a dimension of metrics.
const ENVIRONMENT_CHARS_MAX: usize = 16;

const ALL: &[Function] = Function::ALL;
/// The functions that know how long an event may wait.
const WAITING: &[Function] = &[Enrich, Sweep];
const UP: &[&str] = &["up"];
/// The commands that know how long an event may wait.
const WAITERS: &[&str] = &["up", "sweep", "audit"];
/// The same, and `quarantine retry`, which takes a lead as `up` does.
const TAKERS: &[&str] = &["up", "sweep", "audit", "retry"];

crate::settings! {
    /// Time between a webhook and its enrichment.
    DELAY: Seconds = Setting::new(Seconds(0..=QUEUE_DELAY_SECONDS_MAX)).default(Number(600))
        .aws("DELAY_SECONDS", ALL, Parameter("DelaySeconds")).flag("--delay", TAKERS).env("LEADWIRE_DELAY");

    /// How long a missing owner file is waited for, after the delay.
    OWNER_WAIT: Seconds = Setting::new(Seconds(0..=WAIT_WINDOW_SECONDS_MAX)).default(Number(1800))
        .aws("OWNER_WAIT_SECONDS", WAITING, Parameter("OwnerWaitSeconds")).flag("--owner-wait", WAITERS).env("LEADWIRE_OWNER_WAIT");

    /// How long a busy mail service is waited for.
    MAIL_WAIT: Seconds = Setting::new(Seconds(0..=MAIL_WAIT_SECONDS_MAX)).default(Number(3600))
        .aws("MAIL_WAIT_SECONDS", WAITING, Parameter("MailWaitSeconds")).flag("--mail-wait", WAITERS).env("LEADWIRE_MAIL_WAIT");

    /// Who sends the mails; on one machine only needed with `--smtp`.
    FROM: Parsed<Sender> = Setting::new(Parsed::new("ADDRESS", "one address, name@example.com or Name <name@example.com>", sender)).default(Required)
        .aws("SES_FROM_ADDRESS", &[Enrich], Parameter("SesFromAddress")).flag("--from", UP).env("LEADWIRE_FROM");

    /// Who gets the mails, separated by commas; on one machine only needed with `--smtp`.
    TO: Parsed<Vec<EmailAddress>> = Setting::new(Parsed::new("ADDRESSES", "1 to 50 addresses, separated by commas", addresses)).default(Required)
        .aws("SES_TO_ADDRESS", &[Enrich], Parameter("SesToAddress")).flag("--to", UP).env("LEADWIRE_TO");

    /// Mail the owner file's `owner_email` too.
    NOTIFY_OWNER: Words<bool> = Setting::new(BOOL).default(Text("false"))
        .aws("NOTIFY_OWNER", &[Enrich], Parameter("NotifyOwner")).flag("--notify-owner", UP).env("LEADWIRE_NOTIFY_OWNER");

    /// Link to a lead in the CRM, such as `https://app.close.com/lead/{lead_id}/`.
    LEAD_URL: Parsed<LeadUrlTemplate> = Setting::new(Parsed::new("URL", "an https URL with {lead_id} in it once, such as https://app.close.com/lead/{lead_id}/", lead_url))
        .aws("LEAD_URL_TEMPLATE", &[Enrich], Parameter("LeadUrlTemplate")).flag("--lead-url", UP).env("LEADWIRE_LEAD_URL");

    /// Where a reply to a mail goes: to the sender, or to the lead where its address is strictly one.
    REPLY_TO: Words<ReplyTo> = Setting::new(Words(&[("none", ReplyTo::None), ("lead", ReplyTo::Lead)])).default(Text("none"))
        .aws("REPLY_TO", &[Enrich], Parameter("ReplyTo")).flag("--reply-to", UP).env("LEADWIRE_REPLY_TO");

    /// The time zone of the times in mails, by its IANA name, such as `Europe/Berlin`.
    TIME_ZONE: Parsed<TimeZone> = Setting::new(Parsed::new("ZONE", "the IANA name of a time zone, such as Europe/Berlin or UTC", time_zone)).default(Text("UTC"))
        .aws("TIME_ZONE", &[Enrich], Parameter("TimeZone")).flag("--time-zone", UP).env("LEADWIRE_TIME_ZONE");

    /// When delivery of a mail could not be confirmed: send it again, or park it for a person.
    AMBIGUOUS: Words<AmbiguousPolicy> = Setting::new(Words(&[("resend", AmbiguousPolicy::Resend), ("park", AmbiguousPolicy::Park)])).default(Text("resend"))
        .aws("EMAIL_AMBIGUOUS", &[Enrich], Parameter("EmailAmbiguous")).flag("--ambiguous", UP).env("LEADWIRE_AMBIGUOUS");

    /// When no owner file came in time: fail into the DLQ, or mail the lead as unassigned.
    OWNER_MISSING: Words<OwnerMissingPolicy> = Setting::new(Words(&[("dlq", OwnerMissingPolicy::Dlq), ("mail", OwnerMissingPolicy::Mail)])).default(Text("dlq"))
        .aws("OWNER_MISSING", &[Enrich], Parameter("OwnerMissing")).flag("--owner-missing", UP).env("LEADWIRE_OWNER_MISSING");

    /// Life of a mail claim, longer than the timeout of enrich. `forget` waits for so long before it deletes anything.
    LEASE: Seconds = Setting::new(Seconds(1..=VISIBILITY_SECONDS_MAX)).default(Number(LEASE_SECONDS))
        .aws("LEASE_SECONDS", &[Enrich], Literal).flag("--lease", &["forget"]).env("LEADWIRE_LEASE").details("\
On one machine a claim lives for 30 minutes, and forget waits no longer than for the leads that were being worked on.");

    /// Visibility of a message after its first transient failure; 0 leaves the queue's.
    RETRY: Seconds = Setting::new(Seconds(0..=VISIBILITY_SECONDS_MAX)).default(Number(15))
        .aws("RETRY_SECONDS", &[Enrich], Literal);

    /// Receives before the DLQ, as the redrive policy has them.
    MAX_RECEIVES: Count = Setting::new(Count(1..=RECEIVES_MAX)).default(Number(3))
        .aws("MAX_RECEIVE_COUNT", WAITING, Literal);

    /// Where a sweep finds more lost leads, it sends none.
    SWEEP_MAX: Count = Setting::new(Count(0..=SWEEP_MAX_MAX)).default(Number(100))
        .aws("SWEEP_MAX", &[Sweep], Literal).flag("--max", &["sweep"]);

    /// Leads that are older than so many days are left alone by a sweep.
    SWEEP_MAX_AGE: Count = Setting::new(Count(1..=AGE_DAYS_MAX)).default(Number(14))
        .aws("SWEEP_MAX_AGE_DAYS", &[Sweep], Literal).flag("--max-age-days", &["sweep"]);

    /// The environment's name, a dimension of every metric; any but dev demands signed requests.
    ENVIRONMENT: Parsed<String> = Setting::new(Parsed::new("NAME", "at most 16 of a-z, 0-9 and '-', beginning with a letter", environment)).default(Text(DEV))
        .aws("ENVIRONMENT", ALL, Parameter("Environment")).flag("--environment", &["up", "alarms", "slo"]).env("LEADWIRE_ENVIRONMENT");

    /// Which lines are logged: `info`, `debug`, or a filter in the form of `RUST_LOG`.
    RUST_LOG: Parsed<String> = Setting::new(Parsed::text("FILTER", "a level, or a filter in the form of RUST_LOG")).default(Text("info"))
        .aws("RUST_LOG", ALL, Parameter("LogLevel")).flag("--rust-log", UP).env("RUST_LOG");
}

/// The environment by default, and the only one in which unsigned requests may be taken.
pub const DEV: &str = "dev";

/// Yes or no. Its flag may stand alone.
pub const BOOL: Words<bool> = Words(&[("true", true), ("false", false)]);

const _: () = assert!(EFFECTS_MAX == 50, "as the entry of TO says");

type Problem = Cow<'static, str>;

fn sender(text: &str) -> Result<Sender, Problem> {
    Sender::parse(text).map_err(|error| error.to_string().into())
}

/// By the database that is built in: a function has no other.
fn time_zone(name: &str) -> Result<TimeZone, Problem> {
    TimeZoneDatabase::bundled()
        .get(name)
        .or(Err("is not the name of a time zone".into()))
}

fn address(text: &str) -> Result<EmailAddress, Problem> {
    EmailAddress::parse(text.trim()).or(Err("has an address that is none".into()))
}

fn addresses(list: &str) -> Result<Vec<EmailAddress>, Problem> {
    let mut addresses: Vec<EmailAddress> = Vec::new();
    for text in list.split(',') {
        let address = address(text)?;
        // Equal addresses count once.
        if !addresses.iter().any(|one| one.is_same(&address)) {
            addresses.push(address);
        }
    }
    if addresses.len() > EFFECTS_MAX {
        return Err("has too many addresses".into());
    }
    Ok(addresses)
}

fn lead_url(text: &str) -> Result<LeadUrlTemplate, Problem> {
    LeadUrlTemplate::parse(text).or(Err("is not a template".into()))
}

fn environment(name: &str) -> Result<String, Problem> {
    let valid = name.len() <= ENVIRONMENT_CHARS_MAX
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    valid
        .then(|| name.to_owned())
        .ok_or("cannot be used".into())
}
