//! The story of the day: leads come by day more than by night, most at lunch; from 10:20 to 10:45 the mail service throttles; at 11:05 storage
//! is unavailable for a moment; a lead of 12:50 never gets an owner; and at night somebody tries addresses.

use super::chance::Chance;
use super::gauge::Messages;
use super::mail::{self, Fate, Lead};
use super::{Day, NOW, clock};
use leadwire_pipeline::observe::metric::Metric;

/// How long before the day the story begins, so that the day begins with leads that wait.
const BEFORE: i64 = 7_200;
/// Minute of the clock and leads a minute at it; between them the rate goes straight.
const RATES: [(i64, f64); 10] = [
    (0, 0.2),
    (360, 0.2),
    (540, 1.5),
    (690, 1.7),
    (735, 6.5),
    (780, 2.0),
    (1020, 1.6),
    (1200, 0.8),
    (1380, 0.3),
    (1440, 0.2),
];
/// Leads that are special: the first one after this second of the day, at 08:48 and at 12:50.
const FATES: [(i64, Fate); 2] = [
    (NOW - 22_320, Fate::Doubtful),
    (NOW - 7_800, Fate::Ownerless),
];
const HICCUP: i64 = 11 * 60 + 5;
const FUNCTIONS: [(&str, &str); 3] = [
    ("ingest", "IngestionFunction"),
    ("enrich", "EnrichmentFunction"),
    ("sweep", "SweepFunction"),
];

/// Tells the whole day.
pub(super) fn tell() -> Day {
    let mut day = Day::default();
    let mut messages = Messages::default();
    let mut chance = Chance::new(4);
    let mut fates = FATES.into_iter().peekable();
    let mut number = 0;
    for second in -BEFORE..NOW {
        if chance.happens(rate(clock(second)) / 60.0) {
            number += 1;
            let fate = fates.next_if(|(from, _)| second >= *from);
            let lead = Lead {
                number,
                source: accept(&mut day, &mut chance, second),
                accepted: second,
                fate: fate.map_or(Fate::Plain, |(_, fate)| fate),
            };
            mail::follow(&mut day, &mut messages, &mut chance, &lead);
        }
        if second.rem_euclid(900) == 0 {
            every_quarter(&mut day, &mut chance, second);
        }
        refuse(&mut day, &mut chance, second);
    }
    messages.tell(&mut day);
    day
}

fn rate(minute: i64) -> f64 {
    let between = RATES.windows(2).find_map(|pair| match pair {
        [(from, low), (to, high)] if (*from..*to).contains(&minute) => {
            let part = i32::try_from(minute - from).map_or(0.0, f64::from);
            let whole = i32::try_from(to - from).map_or(1.0, f64::from);
            Some(low + (high - low) * part / whole)
        }
        _ => None,
    });
    between.unwrap_or_default()
}

/// A webhook that is a lead, and what its CRM may send again.
fn accept(day: &mut Day, chance: &mut Chance, second: i64) -> &'static str {
    let which = chance.unit();
    let source = if which < 0.6 {
        "close"
    } else if which < 0.85 {
        "standard"
    } else {
        "generic"
    };
    day.tell(second, Metric::LeadsAccepted, Some(source), 1.0);
    answer(day, chance, second, source);
    if chance.happens(0.03) {
        let again = second + 20 + chance.seconds(40);
        let conflicting = chance.happens(0.1);
        day.tell(again, Metric::LeadsDuplicate, Some(source), 1.0);
        if conflicting {
            day.tell(again, Metric::LeadsConflicting, Some(source), 1.0);
        }
        answer(day, chance, again, source);
    }
    source
}

/// A request that was answered with 202.
fn answer(day: &mut Day, chance: &mut Chance, second: i64, source: &str) {
    let cold = chance.happens(0.012);
    let latency = chance.skewed(28.0, 140.0) + if cold { 260.0 } else { 0.0 };
    day.tell(second, Metric::IngestLatency, Some(source), latency);
    request(day, second, latency, 202);
    if cold {
        day.tell_as(second, (Metric::ColdStart, "ingest"), None, 1.0);
    }
}

/// A request, as API Gateway and Lambda see it.
fn request(day: &mut Day, second: i64, latency: f64, status: u16) {
    let is = |holds: bool| f64::from(u8::from(holds));
    day.tell_api(second, "Count", 1.0);
    day.tell_api(second, "4XXError", is((400..500).contains(&status)));
    day.tell_api(second, "5XXError", is(status >= 500));
    day.tell_api(second, "Latency", latency + 12.0);
    day.tell_function(second, "Duration", "IngestionFunction", latency);
    day.tell_function(second, "Errors", "IngestionFunction", 0.0);
    day.tell_function(second, "Throttles", "IngestionFunction", 0.0);
}

/// The sweep and the canary.
fn every_quarter(day: &mut Day, chance: &mut Chance, second: i64) {
    day.tell(second + 612, Metric::CanaryMailed, None, 1.0);
    let (_, sweep) = FUNCTIONS[2];
    day.tell_function(second, "Duration", sweep, chance.skewed(3_800.0, 6_500.0));
    day.tell_function(second, "Errors", sweep, 0.0);
    day.tell_function(second, "Throttles", sweep, 0.0);
    if chance.happens(0.3) {
        day.tell_as(second, (Metric::ColdStart, "sweep"), None, 1.0);
    }
}

/// Requests that are no leads.
fn refuse(day: &mut Day, chance: &mut Chance, second: i64) {
    let minute = clock(second);
    let mut reject = |reason: &str, latency: f64, status: u16| {
        day.tell(second, Metric::LeadsRejected, Some(reason), 1.0);
        request(day, second, latency, status);
    };
    if chance.happens(1.0 / 2_400.0) {
        reject("not_found", 3.0, 404);
    }
    if chance.happens(1.0 / 9_000.0) {
        reject("unverified", 6.0, 401);
    }
    let stranger = (130..155).contains(&minute) && chance.happens(1.0 / 30.0);
    if stranger || chance.happens(1.0 / 20_000.0) {
        reject("not_configured", 5.0, 401);
    }
    if minute == HICCUP && second.rem_euclid(20) == 0 {
        reject("unavailable", 4_004.0, 503);
        let trace = chance.trace();
        day.write(
            second,
            &[
                ("service", "ingest"),
                ("event", "call_failed"),
                ("trace_id", &trace),
            ],
        );
    }
}
