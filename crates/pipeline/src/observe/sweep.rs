//! The events of `sweep`.

use super::entry::events;
use super::event::{Subject, chain};
use super::metric::Metric;
use super::words::{Tone, Words, said};
use jiff::{SignedDuration, Timestamp};
use leadwire_domain::source::Source;
use std::error::Error;

events! {
    /// An event that had lost its trigger was enqueued again, or given up.
    EventSwept<'a> [subject: Subject<'a>] {
        /// The raw object.
        s3_key: &'a str,
        /// Which time this is.
        times: u32,
        /// Whether it was given up.
        given_up: bool,
    } => e, "event_swept" {
        line: ERROR "an event had lost its trigger";
        fields: { s3_key: e.s3_key, times: e.times, given_up: e.given_up }
        metered(m): { m.count(Metric::SweptEvents); }
        console: if e.given_up {
            said(Tone::Bad, "given up", "its trigger was lost three times")
        } else {
            said(Tone::Wait, "swept", "its trigger was lost; enqueued again")
        };
    }

    /// A sweep ended.
    SweepFinished {
        /// Raw objects that were examined.
        examined: u64,
        /// Events that had lost their trigger.
        found: u64,
        /// Events that were enqueued again.
        sent: u64,
        /// Events that were given up.
        given_up: u64,
        /// Whether nothing was sent because too many were found.
        refused: bool,
        /// Whether it came to its end; else the next run goes on.
        complete: bool,
        /// Ranges of names that were listed side by side.
        ranges: usize,
        /// Calls that failed.
        errors: usize,
    } => e, "sweep_finished" {
        line: INFO "sweep finished", if e.complete, else WARN "the sweep stopped before its end; the next one goes on";
        fields: {
            examined: e.examined,
            found: e.found,
            sent: e.sent,
            given_up: e.given_up,
            refused: e.refused,
            complete: e.complete,
            ranges: e.ranges,
            errors: e.errors,
        }
        metrics(m): {
            if e.errors == 0 {
                m.count(Metric::SweepRuns);
            }
            if e.refused {
                m.count(Metric::SweepRefused);
            }
        }
        console: if e.found == 0 && e.complete { Words::Quiet } else { Words::Generic };
        then: {
            if e.refused {
                SweepRefused { found: e.found }.emit();
            }
        }
    }

    /// A sweep found more than `SWEEP_MAX`, and sent none.
    SweepRefused {
        /// Events that had lost their trigger.
        found: u64,
    } => e, "sweep_refused" {
        line: ERROR "more lost triggers than SWEEP_MAX: none was sent; see the runbook";
        fields: { found: e.found }
    }

    /// Nothing verified has come from a source for longer than its `silence_hours`.
    SourceSilent {
        /// Which one.
        source: Source,
        /// When something was recorded last, or the sources document began to ask for it.
        since: Timestamp,
        /// Its `silence_hours`.
        limit: SignedDuration,
    } => e, "source_silent" {
        line: ERROR "nothing verified has come from a source for longer than its silence_hours";
        fields: {
            source: e.source.as_str(),
            since: e.since.to_string(),
            silence_hours: e.limit.as_hours().unsigned_abs(),
        }
        console: said(
            Tone::Bad,
            "silent",
            format!("nothing has come from {} since {:.0} UTC; see source ls", e.source.as_str(), e.since),
        );
    }

    /// A sweep looked at the sources that have `silence_hours`.
    SourcesChecked {
        /// How many there are.
        watched: usize,
        /// How many of them are silent.
        silent: usize,
    } => e, "sources_checked" {
        line: INFO "sources that are to be heard from were looked at";
        fields: { watched: e.watched, silent: e.silent }
        metrics(m): { m.add(Metric::SourcesSilent, u64::try_from(e.silent).unwrap_or(u64::MAX)); }
        console: Words::Quiet;
    }

    /// A sweep could not finish; the next one goes on.
    SweepFailed<'a> {
        /// Why.
        error: &'a (dyn Error + 'static),
    } => e, "sweep_failed" {
        line: ERROR "the sweep could not be finished; the next one goes on";
        fields: { error: chain(e.error) }
    }

    /// What the last sweep stored of its progress could not be used; this one looks at everything.
    SweepProgressIgnored<'a> {
        /// Why.
        error: &'a (dyn Error + 'static),
    } => e, "sweep_progress_ignored" {
        line: WARN "what the last sweep stored of its progress could not be used; this one looks at everything";
        fields: { error: chain(e.error) }
    }

    /// A sweep could not store its progress; the next one looks at everything.
    SweepProgressNotStored<'a> {
        /// Why.
        error: &'a (dyn Error + 'static),
    } => e, "sweep_progress_not_stored" {
        line: WARN "a sweep could not store its progress; the next one looks at everything";
        fields: { error: chain(e.error) }
    }
}
