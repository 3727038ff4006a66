//! What the mail log of one machine says: who takes over the claim of a run that is gone asks it. Only what has an unfinished row may be out.

use super::effect::{Answer, key};
use super::{Breach, Ledger, name_of_tag};
use leadwire_domain::claim::Claim;
use leadwire_domain::effect::{EffectId, EffectState, Effects};
use leadwire_pipeline::testkit::{Logged, Row};

impl Ledger {
    /// A run of the machine begins, which writes rows.
    pub fn boot_began(&mut self, boot: &str) {
        self.boots.insert(boot.to_owned());
    }

    /// A row was written.
    pub fn logged(&mut self, row: &Row, logged: &Logged) {
        let effect = key(&name_of_tag(&row.event), &row.effect);
        let rows = self.rows.entry(effect).or_default();
        rows.insert(row.attempt, logged.clone());
    }

    /// What the log knows as sent is not sent again (P4).
    pub(super) fn check_log(&self, name: &str, effect: &EffectId) -> Result<(), Breach> {
        let rows = self.rows.get(&key(name, effect));
        let mut rows = rows.into_iter().flat_map(|rows| rows.values());
        if rows.any(|logged| matches!(logged, Logged::Accepted(_))) {
            return Err(format!(
                "P4: {effect} of {name} is known as sent, and is sent"
            ));
        }
        Ok(())
    }

    /// What a claim says, for the next one, less what a run that is gone had not begun to hand over when it died, or knew the end of: there
    /// is no doubt about that (P4).
    pub(super) fn without_unsent(
        &self,
        name: &str,
        mut said: Effects,
        (before, claim): (&Claim, &Claim),
    ) -> Result<Effects, Breach> {
        let dead = before.dead_boot(claim.boot.as_deref());
        if dead.is_none_or(|boot| !self.boots.contains(boot)) {
            return Ok(said);
        }
        for (id, effect) in &mut said {
            let rows = self.rows.get(&key(name, id));
            let row = rows.and_then(|rows| rows.get(&effect.attempt));
            if effect.state != EffectState::Sending || row.is_some_and(Logged::may_be_out) {
                continue;
            }
            let is_known = matches!(row, Some(Logged::Accepted(_)));
            let answer = self.answer(name, id, &before.token);
            if !is_known && matches!(answer, Some(Answer::Taken | Answer::Lost)) {
                return Err(format!("P4: {id} of {name} may be out, and no row says it"));
            }
            *effect = effect.clone().given_back();
        }
        Ok(said)
    }
}
