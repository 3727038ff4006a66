//! The events of `enrich`.

use super::entry::events;
use super::event::{Subject, chain, whole_millis};
use super::metric::Metric;
use super::words::{Tone, Words, render, render_seconds, said};
use crate::port::{PortError, Unsent};
use jiff::SignedDuration;
use leadwire_domain::channel::ChannelKind;
use leadwire_domain::effect::EffectId;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::lead::owner::OwnerFileError;
use leadwire_domain::message::{Notify, TriggerError};
use leadwire_domain::source::Source;
use leadwire_domain::wait::DeferReason;

events! {
    /// The first attempt at an event began.
    EnrichmentBegan<'a> [subject: Subject<'a>] {
        /// Where it came from.
        source: Source,
        /// Since it was accepted.
        delay: SignedDuration,
        /// Beyond the configured delay.
        lag: SignedDuration,
    } => e, "enrichment_began" {
        line: DEBUG "enrichment began";
        fields: { delay_ms: whole_millis(e.delay), lag_ms: whole_millis(e.lag) }
        metrics(m): {
            if e.source.is_metered() {
                m.time_by(Metric::EnrichmentDelay, e.delay, e.source);
                m.time(Metric::EnrichmentLag, e.lag);
            }
        }
    }

    /// An enriched document was made and stored.
    LeadEnriched<'a> [subject: Subject<'a>] {
        /// Fields on which the sides disagree.
        conflicts: usize,
        /// Whether there was an owner file.
        owner_found: bool,
    } => e, "lead_enriched" {
        line: INFO "lead enriched";
        fields: { conflicts: e.conflicts, owner_found: e.owner_found }
        metered(m): { m.count(Metric::LeadsEnriched); }
        console: match e.owner_found {
            _ if e.subject.is_canary() => Words::Quiet,
            true => said(Tone::Plain, "enriched", "with its owner file"),
            false => said(Tone::Wait, "enriched", "without an owner file"),
        };
    }

    /// Nothing but its id is known of a lead: its event came without a name, a phone, an address or any other plain field.
    LeadEmpty<'a> [subject: Subject<'a>] {} => e, "lead_empty" {
        line: WARN "nothing but its id is known of a lead; its source may name its fields in another way";
        metered(m): { m.count(Metric::LeadsEmpty); }
        console: said(Tone::Wait, "empty", "nothing but its id is known; its source may name its fields in another way");
    }

    /// Access to the owner file is denied. From S3 that may be a file that is missing, where listing is not allowed.
    LookupDenied<'a> [subject: Subject<'a>] {} => e, "lookup_denied" {
        line: WARN "access to the owner file is denied";
        metered(m): { m.count(Metric::LookupDenied); }
        console: said(Tone::Bad, "denied", "this user may not read its owner file: check the file's owner and mode");
    }

    /// The owner file cannot be used, whatever is tried.
    OwnerFileUnusable<'a> [subject: Subject<'a>] {
        /// What is wrong with it.
        error: OwnerFileError,
    } => e, "owner_file_unusable" {
        line: WARN "the owner file cannot be used";
        fields: { error: e.error.to_string() }
        console: said(Tone::Bad, "unusable", format!("its owner file: {}", e.error));
    }

    /// A message was put back, at no cost in receives.
    LeadDeferred<'a> [subject: Subject<'a>] {
        /// Why.
        reason: DeferReason,
        /// For how long.
        seconds: u32,
        /// Which hop of its kind this is.
        hop: u8,
    } => e, "lead_deferred" {
        line: INFO "lead waits";
        fields: { reason: e.reason.code(), wait_seconds: e.seconds, hop: u32::from(e.hop) }
        metered(m): {
            match e.reason {
                DeferReason::OwnerAbsent | DeferReason::OwnerUnfinished => {
                    m.count(Metric::OwnerPending);
                }
                DeferReason::MailUnavailable => m.count(Metric::MailDeferred),
                DeferReason::TooEarly
                | DeferReason::InDoubt
                | DeferReason::ClaimLive
                | DeferReason::NoTimeLeft => {}
            }
        }
        console: {
            let is_canary = e.subject.is_canary();
            let what = match e.reason {
                DeferReason::TooEarly | DeferReason::NoTimeLeft if is_canary => return Words::Quiet,
                DeferReason::TooEarly => "until its delay is over",
                DeferReason::OwnerAbsent => "for its owner file",
                DeferReason::OwnerUnfinished => "for its owner file, which is empty or cut off",
                DeferReason::MailUnavailable => "for the mail service",
                DeferReason::InDoubt => "to be sent once more",
                DeferReason::ClaimLive => "for the worker that mails it",
                DeferReason::NoTimeLeft => "for free time",
            };
            said(Tone::Wait, "waiting", format!("{what}, next look in {}", render_seconds(e.seconds)))
        };
    }

    /// An owner file appeared that an event waited for, and a message of the event was sent that looks at once.
    LeadWoken<'a> [subject: Subject<'a>] {} => e, "lead_woken" {
        line: INFO "the owner file came; the lead is looked at again at once";
        console: if e.subject.is_canary() {
            Words::Quiet
        } else {
            said(Tone::Plain, "owner", "its owner file came")
        };
    }

    /// Whether an event waits for an owner file that appeared could not be found out. It is tried again; if in vain, the event's own message
    /// finds the file.
    WakeUpFailed<'a> [subject: Subject<'a>] {
        /// Why.
        reason: FailureReason,
        /// The call that failed, where it was one.
        error: Option<&'a PortError>,
    } => e, "wake_up_failed" {
        line: WARN "an owner file appeared, and its lead could not be woken";
        fields: {
            reason: e.reason.code(),
            error: e.error.map(|error| chain(error)),
        }
    }

    /// The mail service took a mail to one receiver.
    EmailSent<'a> [subject: Subject<'a>] {
        /// Where it came from.
        source: Source,
        /// Which effect it is.
        effect: &'a EffectId,
        /// The mail service's id.
        message_id: &'a str,
        /// Which attempt it was.
        attempt: u32,
        /// Since the webhook was accepted.
        latency: SignedDuration,
        /// Since the owner file came that the lead waited for, where this is its event's first effect.
        since_owner: Option<SignedDuration>,
        /// How it counts.
        timeliness: Timeliness,
    } => e, "email_sent" {
        line: INFO "lead mailed";
        fields: {
            effect: e.effect.as_str(),
            message_id: e.message_id,
            attempt: e.attempt,
            latency_ms: whole_millis(e.latency),
        }
        metrics(m): {
            if !e.source.is_metered() {
                return m.count(Metric::CanaryMailed);
            }
            m.count(Metric::EmailsSent);
            m.count_by(Metric::EffectsSent, ChannelKind::of(e.effect));
            if e.timeliness != Timeliness::Replayed {
                m.time_by(Metric::EndToEndLatency, e.latency, e.source);
            }
            if let Some(time) = e.since_owner {
                m.time(Metric::OwnerToMail, time);
            }
            match e.timeliness {
                Timeliness::InTime => m.count(Metric::MailedInTime),
                Timeliness::Late => m.count(Metric::MailedLate),
                Timeliness::NotLast | Timeliness::NotCounted | Timeliness::Replayed => {}
            }
        }
        console: if e.subject.is_canary() {
            said(Tone::Dim, "canary", format!("went the whole way in {}", render(e.latency)))
        } else {
            said(Tone::Good, "mailed", format!("{} after it came", render(e.latency)))
        };
    }

    /// A replay ended without a mail.
    ReplaySettled<'a> [subject: Subject<'a>] {
        /// Which revision it is.
        revision: u32,
        /// What it was to do.
        notify: Notify,
    } => e, "replay_settled" {
        line: INFO "replayed without a mail";
        fields: { revision: e.revision, notify: e.notify.code() }
        console: said(Tone::Dim, "replayed", "mailed nobody");
    }

    /// A message had nothing left to do: its event had ended before.
    RecordAcked<'a> [subject: Subject<'a>] {
        /// What the end was.
        state: &'static str,
    } => e, "record_acked" {
        line: INFO "nothing left to do";
        fields: { state: e.state }
        console: if e.subject.is_canary() {
            Words::Quiet
        } else {
            said(Tone::Dim, "done", format!("nothing left to do: {}", e.state))
        };
    }

    /// A record was reported as failed; an error on its last receive.
    RecordFailed<'a> [subject: Subject<'a>] {
        /// The queue's id of the message.
        message_id: &'a str,
        /// Why.
        reason: FailureReason,
        /// How often it had been received.
        receives: u32,
        /// Whether this was the last receive.
        is_final: bool,
        /// Whether it counts for the objective.
        counted: bool,
    } => e, "record_failed" {
        line: ERROR "the last receive failed; the message goes to the dead-letter queue", if e.is_final, else WARN "a receive failed";
        fields: {
            message_id: e.message_id,
            reason: e.reason.code(),
            receives: e.receives,
            advice: e.is_final.then(|| e.reason.advice()),
        }
        metered(m): {
            m.count(Metric::BatchItemFailures);
            if e.is_final {
                m.count(Metric::FinalAttemptFailed);
                if e.counted {
                    m.count(Metric::NotMailed);
                }
            }
        }
        console: if e.is_final {
            said(Tone::Bad, "DEAD", format!("{}: {}", e.reason.code(), e.reason.advice()))
        } else {
            let text = format!("{}, try {}; it will be tried again", e.reason.code(), e.receives);
            said(Tone::Wait, "failed", text)
        };
    }

    /// The reply to a send was lost, or its worker died: whether an effect was taken is not known.
    EmailAmbiguous<'a> [subject: Subject<'a>] {
        /// Which effect it is.
        effect: &'a EffectId,
    } => e, "email_ambiguous" {
        line: WARN "whether the mail went out is not known";
        fields: { effect: e.effect.as_str() }
        metered(m): { m.count(Metric::EmailsAmbiguous); }
        console: said(Tone::Wait, "unsure", "the mail server's reply was lost; it may have taken the mail");
    }

    /// An effect was parked for a person.
    EffectParked<'a> [subject: Subject<'a>] {
        /// Which effect it is.
        effect: &'a EffectId,
    } => e, "email_parked" {
        line: ERROR "parked for a person: whether the mail went out is not known";
        fields: { effect: e.effect.as_str() }
        metered(m): { m.count(Metric::EmailsParked); }
        console: said(Tone::Bad, "parked", "whether its mail went out is not known; a person must decide");
    }

    /// Nothing is left to do about an event but what a person must decide.
    LeadParked<'a> [subject: Subject<'a>] {
        /// Whether it counts for the objective.
        counted: bool,
    } => e, "lead_parked" {
        line: WARN "what is left of this event waits for a person";
        metered(m): {
            if e.counted {
                m.count(Metric::NotMailed);
            }
        }
    }

    /// An effect has no receiver any more, and so is not sent; it keeps nothing open.
    EffectDropped<'a> [subject: Subject<'a>] {
        /// Which effect it is.
        effect: &'a EffectId,
    } => e, "effect_dropped" {
        line: WARN "a receiver is no longer configured, and gets nothing";
        fields: { effect: e.effect.as_str() }
        metered(m): { m.count(Metric::EffectsDropped); }
        console: said(Tone::Wait, "dropped", "one of its receivers is no longer configured");
    }

    /// Nothing of an effect was handed to its service, for want of a turn or of time: it is given back, and sent by the next attempt.
    EffectUnsent<'a> [subject: Subject<'a>] {
        /// Which effect it is.
        effect: &'a EffectId,
        /// Why.
        why: Unsent,
    } => e, "effect_unsent" {
        line: INFO "a mail was not begun; it is sent by the next attempt";
        fields: { effect: e.effect.as_str(), reason: e.why.code() }
    }

    /// The owner file's `owner_email` is no address, so the owner is not mailed; the others are.
    OwnerEmailInvalid<'a> [subject: Subject<'a>] {} => e, "owner_email_invalid" {
        line: WARN "the owner file's owner_email is no address; the owner is not mailed";
        metered(m): { m.count(Metric::OwnerEmailInvalid); }
        console: said(Tone::Wait, "no owner", "owner_email in its owner file is no single address; the owner gets no mail");
    }

    /// A queue message is not one of ours.
    BadMessage<'a> {
        /// The queue's id of it.
        message_id: &'a str,
        /// Why it is not.
        error: &'a TriggerError,
    } => e, "bad_message" {
        line: WARN "not a message of ours";
        fields: { message_id: e.message_id, error: chain(e.error) }
    }

    /// A failure could not be written to `failed/`; it is reported to the queue all the same.
    FailureNotRecorded<'a> [subject: Subject<'a>] {
        /// The queue's id of the message.
        message_id: &'a str,
        /// Why it failed.
        reason: FailureReason,
    } => e, "failure_not_recorded" {
        line: ERROR "a failure could not be written down";
        fields: { message_id: e.message_id, reason: e.reason.code() }
    }
}

/// Whether a mail counts for the objective, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeliness {
    /// Within [`IN_TIME`](super::IN_TIME) of the later of `not_before` and the owner file.
    InTime,
    /// Later.
    Late,
    /// Others of its event are still to come, or came after it: the last one counts.
    NotLast,
    /// An operator's bare message.
    NotCounted,
    /// A replay: not even how long it took since the webhook says anything.
    Replayed,
}
