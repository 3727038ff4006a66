//! One run: it looks at its ranges side by side, stores what it leaves, and deals with what was found.

use super::look::Look;
use super::requeue::Dealt;
use super::round::Round;
use super::{Sweep, SweepMode, SweepReport, within};
use crate::observe::SweepFinished;
use crate::port::{Home, PortError, SecretStore};
use futures_util::future::join_all;
use leadwire_domain::key::EventName;
use std::time::Duration;
use tokio::time::Instant;

/// Until when a run may look, and until when it may begin to send a few events. The rest is for what has begun, and for what it reports.
#[derive(Clone, Copy, Debug, Default)]
struct Hours {
    look: Option<Instant>,
    send: Option<Instant>,
}

impl Hours {
    fn of(time: Duration) -> Self {
        let now = Instant::now();
        Self {
            look: now.checked_add(time / 4 * 3),
            send: now.checked_add(time / 16 * 15),
        }
    }
}

impl<H: Home, S: SecretStore> Sweep<H, S> {
    /// Sweeps once, over everything, however long that takes. What was done before an error is done.
    pub async fn run(&self, mode: SweepMode) -> Result<SweepReport, PortError> {
        let round = Round::of_everything(self.ledger()).await;
        self.sweep(mode, round, Hours::default()).await
    }

    /// Sweeps once, as the schedule does, within this time: it begins where the last run of the schedule stopped, and where it stops itself,
    /// the next one goes on.
    pub async fn run_within(&self, time: Duration) -> Result<SweepReport, PortError> {
        let hours = Hours::of(time);
        let round = Round::resumed(self.ledger()).await;
        self.sweep(SweepMode::Send, round, hours).await
    }

    async fn sweep(
        &self,
        mode: SweepMode,
        mut round: Round,
        hours: Hours,
    ) -> Result<SweepReport, PortError> {
        // One more than may be sent is enough to remember.
        let keep = match mode {
            SweepMode::Confirm => usize::MAX,
            SweepMode::Send | SweepMode::DryRun => self.config.max.saturating_add(1),
        };
        let spans = round.take_spans().into_iter();
        let looks = spans.map(|span| self.look_at(span, keep, hours.look));
        let checks = async {
            if mode == SweepMode::Send {
                within(hours.look, self.check_sources()).await;
            }
        };
        let (mut looks, ()) = tokio::join!(join_all(looks), checks);
        let mut report = self.report(mode, &looks, round.found_before());
        round.end(self.ledger(), &mut looks).await;
        let mut errors: Vec<_> = looks.iter_mut().flat_map(|l| l.errors.drain(..)).collect();
        if mode == SweepMode::DryRun {
            return errors.into_iter().next().map_or(Ok(report), Err);
        }
        if !report.refused {
            let names = looks.into_iter().flat_map(|look| look.names);
            let names: Vec<EventName> = names.collect();
            let dealt = self.deal_with(&names, hours.send).await;
            report.add(&dealt);
            errors.extend(dealt.errors);
        }
        report.emit(errors.len());
        errors.into_iter().next().map_or(Ok(report), Err)
    }

    fn report(&self, mode: SweepMode, looks: &[Look], found_before: u64) -> SweepReport {
        let found = looks.iter().map(|look| look.found).sum();
        let max = u64::try_from(self.config.max).unwrap_or(u64::MAX);
        let names = looks.iter().flat_map(|look| &look.names);
        SweepReport {
            examined: looks.iter().map(|look| look.examined).sum(),
            found,
            refused: mode == SweepMode::Send && found > 0 && found_before + found > max,
            complete: looks.iter().all(|look| look.left().is_none()),
            ranges: looks.len(),
            keys: names
                .take(self.config.max)
                .map(EventName::raw_key)
                .collect(),
            ..SweepReport::default()
        }
    }
}

impl SweepReport {
    fn add(&mut self, dealt: &Dealt) {
        self.sent = dealt.sent;
        self.given_up = dealt.given_up;
        self.complete &= !dealt.is_cut_off;
    }

    fn emit(&self, errors: usize) {
        SweepFinished {
            examined: self.examined,
            found: self.found,
            sent: self.sent,
            given_up: self.given_up,
            refused: self.refused,
            complete: self.complete,
            ranges: self.ranges,
            errors,
        }
        .emit();
    }
}
