//! Looks for events that have lost their trigger, in one range of names: four listings are merged on the event's name, so that no object is
//! read but for what has failed and is not settled.

use super::range::Marker;
use super::{Sweep, open, report_failed_call};
use crate::ledger::{Kind, Mark, Pages, Span, fill, is_mark};
use crate::port::{Clock as _, Home, Listed, ObjectStore, PortError};
use futures_util::future::join_all;
use jiff::Timestamp;
use leadwire_domain::key::{EventName, RAW};
use std::time::Duration;
use tokio::time::Instant;

/// The listings that are merged: `raw/` first.
const KINDS: [Kind; 4] = [Kind::Raw, Kind::Claim, Kind::Failure, Kind::Swept];
/// Events of one range that failed and are read at once.
const READS_AT_ONCE: usize = 8;

/// What was seen of a range.
#[derive(Debug)]
pub(super) struct Look {
    span: Span,
    /// The last name about which everything is known.
    at: Option<String>,
    is_over: bool,
    marker: Marker,
    /// How long it took.
    pub(super) took: Duration,
    /// Raw objects that were looked at.
    pub(super) examined: u64,
    /// Events that had lost their trigger.
    pub(super) found: u64,
    /// The first of them.
    pub(super) names: Vec<EventName>,
    /// Calls that failed.
    pub(super) errors: Vec<PortError>,
}

/// What the listings say of an event.
struct Traces {
    /// Its claim, or the marker that it ended as.
    claim: Option<Listed>,
    has_failed: bool,
    swept: Option<Listed>,
}

/// Events that failed, and may have an effect that is open all the same.
#[derive(Default)]
struct Doubtful {
    names: Vec<EventName>,
    /// The last name that was listed.
    last: Option<String>,
}

impl Look {
    fn new(span: Span) -> Self {
        Self {
            span,
            at: None,
            is_over: false,
            marker: Marker::default(),
            took: Duration::ZERO,
            examined: 0,
            found: 0,
            names: Vec::new(),
            errors: Vec::new(),
        }
    }

    /// What was looked at.
    pub(super) fn seen(&self) -> Option<Span> {
        if self.is_over {
            return Some(self.span.clone());
        }
        let until = self.at.clone();
        let after = self.span.after.clone();
        until.is_some().then_some(Span { after, until })
    }

    /// What was not.
    pub(super) fn left(&self) -> Option<Span> {
        let after = self.at.clone().or_else(|| self.span.after.clone());
        let until = self.span.until.clone();
        (!self.is_over).then_some(Span { after, until })
    }

    /// Where its pages ended.
    pub(super) fn take_marks(&mut self) -> Vec<Mark> {
        std::mem::take(&mut self.marker).into_marks()
    }

    fn fail(&mut self, error: PortError) {
        report_failed_call(&error);
        self.errors.push(error);
    }

    fn find(&mut self, name: EventName, keep: usize) {
        self.found += 1;
        if self.names.len() < keep {
            self.names.push(name);
        }
    }
}

impl<H: Home, S> Sweep<H, S> {
    /// Looks at a range, until it is over, the time is, or a listing fails. Of what is found, `keep` names are remembered.
    pub(super) async fn look_at(&self, span: Span, keep: usize, until: Option<Instant>) -> Look {
        let begun = Instant::now();
        let mut look = Look::new(span);
        match super::within(until, self.walk(&mut look, keep)).await {
            Some(Ok(())) => look.is_over = true,
            Some(Err(error)) => look.fail(error),
            None => {}
        }
        look.took = begun.elapsed();
        look
    }

    async fn walk(&self, look: &mut Look, keep: usize) -> Result<(), PortError> {
        let ledger = self.ledger();
        let mut listings = KINDS.map(|kind| ledger.pages(kind, &look.span));
        let mut doubtful = Doubtful::default();
        loop {
            fill(&mut listings).await?;
            self.judge(&mut listings, look, &mut doubtful, keep);
            let is_over = listings[0].is_over();
            if is_over || doubtful.names.len() >= READS_AT_ONCE {
                self.resolve(&mut doubtful, look, keep).await;
            }
            if doubtful.names.is_empty() && doubtful.last.is_some() {
                look.at.clone_from(&doubtful.last);
            }
            if is_over {
                return Ok(());
            }
        }
    }

    /// Judges what can be judged without waiting.
    fn judge(
        &self,
        listings: &mut [Pages<'_, H::Store>; 4],
        look: &mut Look,
        doubtful: &mut Doubtful,
        keep: usize,
    ) {
        let now = self.home.clock().now();
        let [raw, others @ ..] = listings;
        while doubtful.names.len() < READS_AT_ONCE {
            let Some(name) = raw.name() else { return };
            let mut ready = true;
            for other in &mut *others {
                ready &= other.pass(name);
            }
            if !ready {
                return;
            }
            let Some(object) = raw.take() else { return };
            let name = object.key.strip_prefix(RAW).unwrap_or_default();
            if raw.is_page_over() {
                look.marker.page_ended(name);
            }
            let traces = Traces::take(others, name);
            doubtful.last.get_or_insert_default().clear();
            doubtful.last.get_or_insert_default().push_str(name);
            // A tombstone: the event is forgotten.
            if is_mark(&object) {
                continue;
            }
            look.examined += 1;
            if !self.may_be_lost(now, &object, &traces) {
                continue;
            }
            match EventName::parse_raw_key(&object.key) {
                Ok(name) if traces.has_failed => doubtful.names.push(name),
                Ok(name) => look.find(name, keep),
                Err(_of_no_event) => {}
            }
        }
    }

    /// Neither settled nor failed nor under way, old enough to have lost its trigger, and young enough to matter. What has failed beside a
    /// claim is to be read.
    fn may_be_lost(&self, now: Timestamp, object: &Listed, traces: &Traces) -> bool {
        let is_claimed = traces.claim.is_some();
        let is_lost = |enqueued_at| self.is_lost(now, enqueued_at, is_claimed);
        let is_settled = traces.claim.as_ref().is_some_and(is_mark);
        // What was enqueued again a while ago may wait as long as a new event may: its trigger is not lost yet.
        let swept = traces.swept.as_ref();
        let is_under_way = swept.is_some_and(|count| !is_lost(count.last_modified));
        !is_settled
            && (is_claimed || !traces.has_failed)
            && !is_under_way
            && is_lost(object.last_modified)
            && !self.is_too_old(now, object.last_modified)
    }

    /// Reads what has failed: an open effect is not failed. What cannot be read is left alone this time.
    async fn resolve(&self, doubtful: &mut Doubtful, look: &mut Look, keep: usize) {
        let names = &doubtful.names;
        let reads = names.iter();
        let reads = reads.map(|name| open::is_open_beside_failure(self.ledger(), name));
        let read = join_all(reads).await;
        for (name, is_open) in std::mem::take(&mut doubtful.names).into_iter().zip(read) {
            match is_open {
                Ok(true) => look.find(name, keep),
                Ok(false) => {}
                Err(error) => look.fail(error),
            }
        }
    }
}

impl Traces {
    fn take<S: ObjectStore>(listings: &mut [Pages<'_, S>; 3], name: &str) -> Self {
        let [mail, failed, swept] = listings;
        Self {
            claim: mail.take_at(name),
            has_failed: failed.take_at(name).is_some(),
            swept: swept.take_at(name),
        }
    }
}
