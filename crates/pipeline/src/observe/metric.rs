//! The metrics: one entry each, with its name, unit, services, dimension and help. The EMF writer, the page `/metrics`, dashboards, alarms and
//! docs/TELEMETRY.md follow from it, or are held to it.

pub use super::dimension::{Dimension, Further, Rejection};

use jiff::SignedDuration;
use strum::IntoStaticStr;

/// The namespace of every metric in `CloudWatch`.
pub const NAMESPACE: &str = "Leadwire";

/// Declares the metrics. The doc comment is the help; values are kept by the minute.
macro_rules! metrics {
    ($(
        #[doc = $about:literal]
        $metric:ident: $unit:ident of [$($service:ident),+] $(by $dimension:ident)?;
    )+) => {
        /// A metric, by its name in `CloudWatch`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Metric {
            $(#[doc = $about] $metric,)+
        }

        impl Metric {
            /// Every metric.
            pub const ALL: [Self; [$(stringify!($metric)),+].len()] = [$(Self::$metric),+];

            /// Its entry in the catalogue.
            pub const fn facts(self) -> Facts {
                match self {
                    $(Self::$metric => Facts {
                        name: stringify!($metric),
                        unit: Unit::$unit,
                        further: metrics!(@further $($dimension)?),
                        services: &[$(Service::$service),+],
                        about: $about.trim_ascii(),
                    },)+
                }
            }
        }
    };
    (@further) => { None };
    (@further $dimension:ident) => { Some(Dimension::$dimension) };
}

metrics! {
    /// Webhook accepted until the mail service took the mail.
    EndToEndLatency: Milliseconds of [Enrich] by Source;
    /// Webhook accepted until enrichment began, at the first attempt.
    EnrichmentDelay: Milliseconds of [Enrich] by Source;
    /// `EnrichmentDelay` beyond the configured delay.
    EnrichmentLag: Milliseconds of [Enrich];
    /// Request in until answer ready.
    IngestLatency: Milliseconds of [Ingest] by Source;
    /// Events accepted for the first time.
    LeadsAccepted: Count of [Ingest] by Source;
    /// Events that were there already.
    LeadsDuplicate: Count of [Ingest] by Source;
    /// Events that were there already with other bytes.
    LeadsConflicting: Count of [Ingest] by Source;
    /// Requests, or single events of requests, rejected.
    LeadsRejected: Count of [Ingest] by Reason;
    /// What a source signed, is no event, and was kept for a person.
    Quarantined: Count of [Ingest];
    /// Events of a request that was accepted: one value a request.
    EventsPerRequest: Count of [Ingest];
    /// Enriched documents made.
    LeadsEnriched: Count of [Enrich];
    /// Leads of which nothing but their id is known: their fields have names that are not known here.
    LeadsEmpty: Count of [Enrich];
    /// Mails that the mail service took.
    EmailsSent: Count of [Enrich];
    /// Effects that a service took: one message to one receiver each.
    EffectsSent: Count of [Enrich] by Channel;
    /// Effects whose receiver is no longer configured.
    EffectsDropped: Count of [Enrich];
    /// Mails whose delivery could not be confirmed.
    EmailsAmbiguous: Count of [Enrich];
    /// Mails parked for a person.
    EmailsParked: Count of [Enrich];
    /// Mailed within 60 s of the later of `not_before` and the owner file.
    MailedInTime: Count of [Enrich];
    /// Mailed later than that.
    MailedLate: Count of [Enrich];
    /// Owner file written until the first effect was taken, where the file came while its lead waited for it.
    OwnerToMail: Milliseconds of [Enrich];
    /// Failed for good, or parked.
    NotMailed: Count of [Enrich];
    /// Reads of an owner file that is not there yet.
    OwnerPending: Count of [Enrich];
    /// Reads of an owner file that were denied.
    LookupDenied: Count of [Enrich];
    /// Owner files whose `owner_email` is no single address, where owners are mailed.
    OwnerEmailInvalid: Count of [Enrich];
    /// Mails put off because the mail service is busy.
    MailDeferred: Count of [Enrich];
    /// Records reported as failed.
    BatchItemFailures: Count of [Enrich];
    /// Records that failed on their last receive.
    FinalAttemptFailed: Count of [Enrich];
    /// Events that had lost their trigger: queued again, or given up.
    SweptEvents: Count of [Sweep];
    /// Sweeps that ended without an error, at their end or because their time was over.
    SweepRuns: Count of [Sweep];
    /// Sweeps that found more than they may send, and sent none.
    SweepRefused: Count of [Sweep];
    /// Sources from which nothing verified has come for longer than their `silence_hours`, at each sweep. Without such sources there is no value.
    SourcesSilent: Count of [Sweep];
    /// Canary leads that were mailed. The canary is counted here and nowhere else.
    CanaryMailed: Count of [Enrich];
    /// First invocations of a process.
    ColdStart: Count of [Ingest, Enrich, Sweep];
    /// Spans and metric values that could not be delivered.
    TelemetryDropped: Count of [Ingest, Enrich, Sweep];
}

impl Metric {
    /// The metric of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.name() == name)
    }

    /// Its name in `CloudWatch`.
    pub const fn name(self) -> &'static str {
        self.facts().name
    }
}

/// A metric's entry in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its name in `CloudWatch`.
    pub name: &'static str,
    /// What its values are.
    pub unit: Unit,
    /// Its further dimension.
    pub further: Option<Dimension>,
    /// Which services emit it.
    pub services: &'static [Service],
    /// What it means, a sentence.
    pub about: &'static str,
}

/// What a metric's values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
pub enum Unit {
    /// How many.
    Count,
    /// A duration.
    Milliseconds,
}

impl Unit {
    /// Its name in `CloudWatch`.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// The value of the dimension `service`: which program emits. It stands on every line, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Service {
    /// The function that takes webhooks.
    Ingest,
    /// The function that enriches and mails.
    Enrich,
    /// The function that finds lost triggers.
    Sweep,
    /// The command.
    Leadwire,
}

impl Service {
    /// Its name on lines and in metrics.
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A number that a metric takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// How many.
    Count(u64),
    /// How long. Finite, and not negative.
    Millis(f64),
}

/// One value of one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    /// The metric.
    pub metric: Metric,
    /// The value of its further dimension, where it has one.
    pub further: Option<Further>,
    /// The number.
    pub amount: Amount,
}

/// The most values that one event has.
const VALUES_MAX: usize = 5;

/// The values of one event. They are on the stack: every lead has several of these.
#[derive(Clone, Copy, Debug, Default)]
pub struct Metrics([Option<Measured>; VALUES_MAX]);

impl Metrics {
    /// One more.
    pub fn count(&mut self, metric: Metric) {
        self.add(metric, 1);
    }

    /// So many more.
    pub fn add(&mut self, metric: Metric, many: u64) {
        self.push(metric, None, Amount::Count(many));
    }

    /// One more, by its further dimension.
    pub fn count_by(&mut self, metric: Metric, further: impl Into<Further>) {
        self.add_by(metric, 1, further);
    }

    /// So many more, by its further dimension.
    pub fn add_by(&mut self, metric: Metric, many: u64, further: impl Into<Further>) {
        self.push(metric, Some(further.into()), Amount::Count(many));
    }

    /// A duration.
    pub fn time(&mut self, metric: Metric, time: SignedDuration) {
        self.push(metric, None, millis(time));
    }

    /// A duration, by its further dimension.
    pub fn time_by(&mut self, metric: Metric, time: SignedDuration, further: impl Into<Further>) {
        self.push(metric, Some(further.into()), millis(time));
    }

    /// The values, in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = Measured> + '_ {
        self.0.iter().map_while(|value| *value)
    }

    fn push(&mut self, metric: Metric, further: Option<Further>, amount: Amount) {
        debug_assert_eq!(
            metric.facts().further,
            further.map(Further::dimension),
            "{metric:?}"
        );
        let free = self.0.iter_mut().find(|value| value.is_none());
        debug_assert!(free.is_some(), "{metric:?} is one value too many");
        if let Some(free) = free {
            *free = Some(Measured {
                metric,
                further,
                amount,
            });
        }
    }
}

/// Milliseconds, never below zero: clocks differ.
fn millis(time: SignedDuration) -> Amount {
    Amount::Millis(time.as_secs_f64().max(0.0) * 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_found_by_its_name() {
        for metric in Metric::ALL {
            assert_eq!(Metric::from_name(metric.name()), Some(metric));
        }
        assert_eq!(Metric::from_name("LeadsLost"), None);
    }

    #[test]
    fn a_duration_is_never_below_zero() {
        let mut metrics = Metrics::default();
        metrics.time(Metric::EnrichmentLag, SignedDuration::from_millis(-5));
        metrics.time(Metric::EnrichmentLag, SignedDuration::from_micros(1500));
        let values: Vec<Amount> = metrics.iter().map(|value| value.amount).collect();
        assert_eq!(values, [Amount::Millis(0.0), Amount::Millis(1.5)]);
    }
}
