//! Times as a person writes them.

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// A day with its time, of a 24-hour clock, and the name of the zone: `Mon 23 Nov 2026, 07:50 CET`.
const MOMENT: &str = "%a %-d %b %Y, %H:%M %Z";
const DAY: &str = "%a %-d %b %Y";
/// Digits of a number of seconds since the epoch from September 2001 until 2286, and of milliseconds in the same time.
const SECONDS_DIGITS: usize = 10;
const MILLIS_DIGITS: usize = 13;

/// A moment in a zone.
pub(super) fn render(moment: Timestamp, zone: &TimeZone) -> String {
    moment
        .to_zoned_datetime(zone.clone())
        .strftime(MOMENT)
        .to_string()
}

/// A CRM's own text of a time, where it can be read: RFC 3339; without an offset in UTC, as Close writes it; a day; seconds or milliseconds
/// since the epoch.
pub(super) fn render_text(text: &str, zone: &TimeZone) -> Option<String> {
    if let Some(moment) = moment(text) {
        return Some(render(moment, zone));
    }
    let day: Date = text.parse().ok()?;
    Some(day.strftime(DAY).to_string())
}

fn moment(text: &str) -> Option<Timestamp> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        let number: i64 = text.parse().ok()?;
        return match text.len() {
            SECONDS_DIGITS => Timestamp::from_second(number).ok(),
            MILLIS_DIGITS => Timestamp::from_millisecond(number).ok(),
            _ => None,
        };
    }
    if let Ok(moment) = text.parse() {
        return Some(moment);
    }
    // A day alone is none of midnight's.
    let has_time = text.contains(':');
    let naive: DateTime = text.parse().ok().filter(|_| has_time)?;
    Offset::UTC.to_timestamp(naive).ok()
}

/// How long a lead has waited, in its two largest units: `10 min`, `1 h 5 min`. Nothing where it is no time at all, or a clock went back.
pub(super) fn render_wait(wait: SignedDuration) -> Option<String> {
    let seconds = wait.as_secs().max(0);
    if seconds < 60 {
        return (seconds > 0).then(|| format!("{seconds} s"));
    }
    let parts = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
    ];
    let largest = parts.iter().position(|(count, _)| *count > 0)?;
    let words: Vec<String> = parts
        .iter()
        .skip(largest)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    Some(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn berlin() -> TimeZone {
        TimeZone::get("Europe/Berlin").unwrap()
    }

    #[track_caller]
    fn check(text: &str, zone: &TimeZone, expected: Option<&str>) {
        assert_eq!(render_text(text, zone).as_deref(), expected, "{text:?}");
    }

    #[test]
    fn a_crms_time_is_written_as_a_person_does_in_the_zone_of_the_reader() {
        for (text, expected) in [
            (
                "2026-11-23T06:49:58.642000+00:00",
                "Mon 23 Nov 2026, 07:49 CET",
            ),
            ("2026-07-01T22:30:00Z", "Thu 2 Jul 2026, 00:30 CEST"),
            // Close writes no offset, and means UTC.
            ("2026-11-23T06:49:58.642000", "Mon 23 Nov 2026, 07:49 CET"),
            ("2026-11-23 06:49:58", "Mon 23 Nov 2026, 07:49 CET"),
            ("2026-11-23", "Mon 23 Nov 2026"),
            ("1795416598", "Mon 23 Nov 2026, 07:49 CET"),
            ("1795416598642", "Mon 23 Nov 2026, 07:49 CET"),
        ] {
            check(text, &berlin(), Some(expected));
        }
        let seconds = "2026-11-23T06:49:58Z";
        check(seconds, &TimeZone::UTC, Some("Mon 23 Nov 2026, 06:49 UTC"));
        let tokyo = TimeZone::get("Asia/Tokyo").unwrap();
        check(seconds, &tokyo, Some("Mon 23 Nov 2026, 15:49 JST"));
        // A zone without a name of its own.
        let dubai = TimeZone::get("Asia/Dubai").unwrap();
        check(seconds, &dubai, Some("Mon 23 Nov 2026, 10:49 +04"));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "soon",
            "2026",
            "12345",
            "0049301234567890",
            "23.11.2026",
            "2026-13-01",
            "99999999999999999999",
        ] {
            check(text, &TimeZone::UTC, None);
        }
    }

    #[test]
    fn a_wait_is_said_in_its_two_largest_units_and_never_ages() {
        for (seconds, expected) in [
            (-5, None),
            (0, None),
            (1, Some("1 s")),
            (59, Some("59 s")),
            (602, Some("10 min")),
            (3600, Some("1 h")),
            (3900, Some("1 h 5 min")),
            (86_400 * 3 + 7200, Some("3 d 2 h")),
            (86_400 + 59, Some("1 d")),
        ] {
            let wait = SignedDuration::from_secs(seconds);
            assert_eq!(render_wait(wait).as_deref(), expected, "{seconds}");
        }
        assert!(render_wait(SignedDuration::MAX).is_some());
        assert_eq!(render_wait(SignedDuration::MIN), None);
    }
}
