//! A mail went out: it says what the stored document says, to a receiver of it, by who may send it, and there is none too many.

use super::{Breach, Documents, End, Ledger, Seen, name_of_tag, split};
use crate::MAIL;
use jiff::tz::TimeZone;
use leadwire_domain::effect::{EffectId, EffectState};
use leadwire_domain::lead::document::Enriched;
use leadwire_domain::message::Notify;
use leadwire_domain::notice::Content;
use leadwire_pipeline::port::Mail;

/// How a mail met its fate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The service took it and said so.
    Clean,
    /// The service took it, and whoever sent it does not know.
    ReplyLost,
    /// The service took it long after whoever sent it had given up, and whoever came then may have sent it.
    Late,
}

impl Ledger {
    /// The mail service took a mail (P3, P4).
    pub fn mailed(
        &mut self,
        mail: &Mail,
        documents: &Documents,
        (delivery, process): (Delivery, u32),
    ) -> Result<(), Breach> {
        let name = &name_of_tag(&mail.event);
        if self.forgotten.contains(split(name).0) {
            return Err(format!("forget: {name} is mailed"));
        }
        self.check_order(name, documents)?;
        // Who was sending when the lead was forgotten is not called back, though its document may be gone.
        let lead = documents.lead();
        let lead = lead.ok_or_else(|| format!("P3: {name} is mailed without document"))?;
        check_text(name, mail, &lead)?;
        if delivery != Delivery::Late {
            self.check_log(name, &mail.effect)?;
            self.check_claim(name, &mail.effect, &lead, process)?;
        }
        let count = self
            .mails
            .entry(super::effect::key(name, &mail.effect))
            .or_default();
        *count += 1;
        match delivery {
            Delivery::Clean => self.sent_clean(process, name, &mail.effect),
            // A doubt allows the next mail, never its own.
            Delivery::ReplyLost => self.doubt(name, &mail.effect),
            // Its doubt began when it was sent.
            Delivery::Late => {}
        }
        self.check_count(name, &mail.effect)
    }

    fn check_order(&self, name: &str, documents: &Documents) -> Result<(), Breach> {
        let (_, is_new) = documents.is_old_and_new();
        match self.orders.get(name) {
            Some(Notify::Never) => Err(format!("replay: {name} mails, and was not to")),
            Some(Notify::IfChanged) if !is_new => {
                Err(format!("replay: {name} mails, and nothing changed"))
            }
            Some(Notify::IfChanged | Notify::Force) | None => Ok(()),
        }
    }

    /// Its process holds the claim, and the claim says that the effect is being sent.
    fn check_claim(
        &self,
        name: &str,
        effect: &EffectId,
        lead: &Enriched,
        process: u32,
    ) -> Result<(), Breach> {
        let held = match self.seen.get(name) {
            Some(Seen::Claim(held)) if held.process == process => held,
            Some(Seen::Marker) if self.end(name) == Some(End::Forgotten) => return Ok(()),
            Some(Seen::Marker) => return Err(format!("P4: {name} is mailed after its end")),
            Some(Seen::Claim(_)) | None => {
                return Err(format!("P4: {name} is mailed without a claim"));
            }
        };
        let listed = match &lead.provenance.notify {
            Some(notify) => notify.clone(),
            None => held.claim.named(),
        };
        if !listed.contains(effect) {
            return Err(format!(
                "P3: {effect} is no effect of the document of {name}"
            ));
        }
        let said = held.claim.effects_of(&listed);
        let is_sending = said
            .get(effect)
            .is_some_and(|said| said.state == EffectState::Sending);
        if !is_sending {
            return Err(format!("P4: {effect} of {name} is sent against its claim"));
        }
        Ok(())
    }
}

fn check_text(name: &str, mail: &Mail, lead: &Enriched) -> Result<(), Breach> {
    let content = Content::new(lead, lead.provenance.enriched_at, &TimeZone::UTC, None);
    let text = MAIL.render(&content, "");
    if text.subject != mail.text.subject {
        let (stored, said) = (&text.subject, &mail.text.subject);
        return Err(format!(
            "P3: {name} is stored as {stored:?}, mailed as {said:?}"
        ));
    }
    if EffectId::of_mail(mail.effect.channel(), &mail.to) != mail.effect {
        let effect = &mail.effect;
        return Err(format!("P4: {effect} of {name} goes to another receiver"));
    }
    Ok(())
}
