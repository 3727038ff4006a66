//! Spans of time as people write and read them.

pub(crate) use leadwire_pipeline::observe::words::{render, render_seconds};

use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

pub(crate) use leadwire_pipeline::settings::parse_seconds;

/// Takes what [`parse_seconds`] takes, and whole days: `3d`.
pub(crate) fn parse_age(text: &str) -> Option<SignedDuration> {
    let days = text.trim().strip_suffix('d').map(str::trim);
    match days.and_then(|days| days.parse::<u32>().ok()) {
        Some(days) => Some(SignedDuration::from_hours(24 * i64::from(days))),
        None => Some(SignedDuration::from_secs(parse_seconds(text)?.into())),
    }
}

/// Takes a time: `2026-11-23` (in UTC), `2026-11-23T06:50:00Z`, or a span before `now` such as `12h`.
pub(crate) fn parse_time(text: &str, now: Timestamp) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = text.parse() {
        return Some(time);
    }
    if let Ok(date) = text.parse::<Date>() {
        let midnight = date.to_datetime(Time::midnight());
        return Offset::UTC.to_timestamp(midnight).ok();
    }
    now.checked_sub(parse_age(text)?).ok()
}

/// How a time lies to now: `2 min ago`, `in 8 min`, `now`.
pub(crate) fn render_relative(time: Timestamp, now: Timestamp) -> String {
    let seconds = time.duration_since(now).as_secs();
    let span = render(SignedDuration::from_secs(seconds));
    match seconds {
        0 => "now".to_owned(),
        1.. => format!("in {span}"),
        _ => format!("{span} ago"),
    }
}

/// A time to the second, in UTC: `2026-11-23 06:50:00Z`.
pub(crate) fn render_time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("10m", 600),
            ("600", 600),
            ("1h30m", 5400),
            ("90 s", 90),
            ("0s", 0),
            ("15 minutes", 900),
        ] {
            assert_eq!(parse_seconds(text), Some(seconds), "{text}");
        }
        for text in ["", "soon", "-5s", "10x", "1.5s", "500ms"] {
            assert_eq!(parse_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_time_is_read_as_a_date_an_instant_or_a_while_ago() {
        let now: Timestamp = "2026-11-23T06:50:00Z".parse().unwrap();
        for (text, time) in [
            ("2026-11-20", "2026-11-20T00:00:00Z"),
            ("2026-11-20T08:00:00+01:00", "2026-11-20T07:00:00Z"),
            ("90m", "2026-11-23T05:20:00Z"),
            ("2d", "2026-11-21T06:50:00Z"),
        ] {
            assert_eq!(parse_time(text, now), time.parse().ok(), "{text}");
        }
        for text in ["", "yesterday", "2026-13-01", "d", "-2d"] {
            assert_eq!(parse_time(text, now), None, "{text}");
        }
    }

    #[test]
    fn spans_are_shown_in_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (600, "10 min"),
            (605, "10 min 5 s"),
            (3900, "1 h 5 min"),
            (100_000, "1 d 3 h"),
        ] {
            assert_eq!(render_seconds(seconds), text);
        }
    }

    #[test]
    fn a_time_is_told_from_now() {
        let now: Timestamp = "2026-11-23T06:50:00Z".parse().unwrap();
        for (time, text) in [
            ("2026-11-23T06:48:00Z", "2 min ago"),
            ("2026-11-23T06:50:08Z", "in 8 s"),
            ("2026-11-23T06:50:00Z", "now"),
        ] {
            assert_eq!(render_relative(time.parse().unwrap(), now), text);
        }
    }
}
