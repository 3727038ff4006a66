//! Steps e and f: send once, settle.

use super::claim::{Held, report_doubt};
use super::context::{Context, Failed};
use super::record::{Done, Outcome};
use crate::ledger::{ClaimState, Document, Marker};
use crate::observe::{EmailSent, IN_TIME, OwnerEmailInvalid, Subject, Timeliness};
use crate::port::{Entropy, Home, Mail, MailOutcome, Mailer};
use jiff::Timestamp;
use leadwire_domain::claim::{Claim, Sending, Settled};
use leadwire_domain::effect::EffectId;
use leadwire_domain::failure::FailureReason;
use leadwire_domain::limits::RECIPIENTS_MAX;
use leadwire_domain::notice::{EmailAddress, render_email};
use leadwire_domain::source::canary;
use leadwire_domain::wait::{DeferReason, decide_mail_wait};
use std::time::Duration;

/// The first pause before the settling write is tried again; it doubles. The record's deadline ends it.
const SETTLE_PAUSE: Duration = Duration::from_millis(200);

/// Sends the mail of the stored document.
pub(super) async fn send<H: Home>(
    cx: &mut Context<'_, H>,
    document: &Document,
    held: Held,
) -> Result<Outcome, Failed> {
    // One after the other until the effects have their claim.
    let mails = compose(cx, document, held.claim.attempt);
    cx.progress.sending();
    let mut outcome = MailOutcome::Accepted(String::new());
    for mail in &mails {
        outcome = cx.home.mailer().send(mail).await;
        if !matches!(outcome, MailOutcome::Accepted(_)) {
            break;
        }
    }
    let mail = &mails[0];
    match outcome {
        MailOutcome::Accepted(message_id) => {
            let sent_at = cx.now();
            settle(cx, &held, &message_id, sent_at).await;
            report_sent(cx, document, mail, (&message_id, sent_at));
            Ok(Outcome::Done(Done::Mailed))
        }
        MailOutcome::Busy(error) => {
            cx.progress.not_taken();
            cx.report_failed_call(&error);
            release(cx, &held).await;
            wait_for_mail(cx).await
        }
        MailOutcome::Refused(error) => {
            cx.progress.not_taken();
            cx.report_failed_call(&error);
            release(cx, &held).await;
            Err(FailureReason::MailRefused.into())
        }
        MailOutcome::Ambiguous(error) => {
            doubt(cx, held).await;
            Err(Failed::call(FailureReason::MailAmbiguous, error))
        }
    }
}

fn compose<H: Home>(cx: &Context<'_, H>, document: &Document, attempt: u32) -> Vec<Mail> {
    let is_canary = document.source().is_synthetic();
    // There is no such lead in the CRM.
    let link = cx.config.lead_url.as_ref().filter(|_| !is_canary);
    let to = if is_canary {
        vec![canary::recipient()]
    } else {
        recipients(cx, document)
    };
    let mail = |to| Mail {
        event: cx.name().tag(),
        effect: EffectId::of_mail("team", &to),
        attempt,
        environment: cx.config.environment.clone(),
        from: cx.config.from.clone(),
        to,
        text: render_email(&document.lead, cx.now(), link),
        is_canary,
    };
    to.into_iter().map(mail).collect()
}

fn recipients<H: Home>(cx: &Context<'_, H>, document: &Document) -> Vec<EmailAddress> {
    let mut to = cx.config.to.clone();
    if cx.config.notify_owner
        && let Some(owner) = &document.lead.owner_email
    {
        match EmailAddress::parse(owner) {
            Ok(owner) if !to.contains(&owner) && to.len() < RECIPIENTS_MAX => to.push(owner),
            Ok(_) => {}
            Err(_not_an_address) => {
                let subject = cx.subject();
                OwnerEmailInvalid { subject }.emit();
            }
        }
    }
    to
}

/// Step f. The mail is out: recording that is all that is left to do, so it is tried until the record's deadline.
async fn settle<H: Home>(cx: &Context<'_, H>, held: &Held, message_id: &str, sent_at: Timestamp) {
    let (ledger, name) = (cx.ledger(), cx.name());
    let marker = Marker {
        message_id: Some(message_id.to_owned()),
        ..Marker::new(Settled::Sent, sent_at)
    };
    let mut etag = held.etag.clone();
    let mut pause = SETTLE_PAUSE;
    loop {
        match ledger.settle(name, Some(&etag), &marker).await {
            Ok(Some(_)) => return,
            Ok(None) => {}
            Err(error) => cx.report_failed_call(&error),
        }
        match ledger.claim(name).await.and_then(ClaimState::readable) {
            Ok(ClaimState::Claimed(Claim::Sending(sending), current))
                if sending.token == cx.token =>
            {
                etag = current;
            }
            // Settled by this attempt's lost write; or no longer this attempt's, and then not its to write.
            Ok(_) => return,
            Err(error) => cx.report_failed_call(&error),
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

fn report_sent<H: Home>(
    cx: &Context<'_, H>,
    document: &Document,
    mail: &Mail,
    (message_id, sent_at): (&str, Timestamp),
) {
    let provenance = &document.lead.provenance;
    let source = document.source();
    EmailSent {
        // A bare message does not say whom it is about; the document does.
        subject: Subject::of(&document.lead.lead_id, &provenance.event_id, source),
        source,
        message_id,
        attempt: mail.attempt,
        latency: sent_at.duration_since(provenance.accepted_at),
        timeliness: timeliness(cx, provenance.lookup_modified_at, sent_at),
    }
    .emit();
}

fn timeliness<H: Home>(
    cx: &Context<'_, H>,
    owner_since: Option<Timestamp>,
    sent_at: Timestamp,
) -> Timeliness {
    if cx.name().revision() > 0 {
        return Timeliness::Replayed;
    }
    let Some(facts) = &cx.trigger.facts else {
        return Timeliness::NotCounted;
    };
    let ready = owner_since.map_or(facts.not_before, |since| since.max(facts.not_before));
    if sent_at.duration_since(ready) <= IN_TIME {
        Timeliness::InTime
    } else {
        Timeliness::Late
    }
}

/// Gives a claim back after a definite refusal. Where that fails it stays SENDING, and is decided on when its lease is over.
async fn release<H: Home>(cx: &Context<'_, H>, held: &Held) {
    let idle = Claim::Idle {
        attempt: held.claim.attempt,
    };
    rewrite(cx, held, &idle).await;
}

/// Writes over the claim that this attempt holds. A write that fails is only reported: the claim is decided on when its lease is over.
async fn rewrite<H: Home>(cx: &Context<'_, H>, held: &Held, claim: &Claim) {
    let ledger = cx.ledger();
    let written = ledger.write_claim(cx.name(), Some(&held.etag), claim);
    if let Err(error) = written.await {
        cx.report_failed_call(&error);
    }
}

async fn wait_for_mail<H: Home>(cx: &Context<'_, H>) -> Result<Outcome, Failed> {
    let [jitter, ..] = cx.home.entropy().bits();
    let window = cx.config.mail_wait_seconds;
    match decide_mail_wait(cx.now(), window, &cx.trigger.waiting, jitter) {
        Some(seconds) => cx.defer(DeferReason::MailUnavailable, seconds).await,
        None => Err(FailureReason::MailUnavailable.into()),
    }
}

/// Reports that it is not known whether the mail went out, and records on the claim that this was reported. The claim stays SENDING until
/// its lease is over; where the record fails, the doubt is reported again by the attempt that takes over.
async fn doubt<H: Home>(cx: &mut Context<'_, H>, held: Held) {
    report_doubt(cx);
    cx.progress.doubt_reported();
    let doubted = Claim::Sending(Sending {
        doubted: true,
        ..held.claim.clone()
    });
    rewrite(cx, &held, &doubted).await;
}
