//! How long ago, in words.

use jiff::Timestamp;

/// How long `then` is before `now`: the two largest units that are not zero. A clock that went back says "just now".
pub(super) fn render(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(then).as_secs().max(0);
    let parts = [
        (seconds / 86_400, "day"),
        (seconds / 3600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
    ];
    let largest = parts.iter().position(|(count, _)| *count > 0);
    let Some(largest) = largest else {
        return "just now".to_owned();
    };
    let words: Vec<String> = parts
        .iter()
        .skip(largest)
        .take(2)
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| plural(*count, unit))
        .collect();
    format!("{} ago", words.join(" "))
}

fn plural(count: i64, unit: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(seconds: i64, expected: &str) {
        let then = Timestamp::from_second(1_000_000).unwrap();
        let now = Timestamp::from_second(1_000_000 + seconds).unwrap();
        assert_eq!(render(then, now), expected);
    }

    #[test]
    fn an_age_is_told_in_its_two_largest_units() {
        check(0, "just now");
        check(-5, "just now");
        check(1, "1 second ago");
        check(600, "10 minutes ago");
        check(601, "10 minutes 1 second ago");
        check(3600, "1 hour ago");
        check(3661, "1 hour 1 minute ago");
        check(86_400 * 3 + 7200, "3 days 2 hours ago");
        check(86_400 + 59, "1 day ago");
    }

    #[test]
    fn the_longest_age_there_is_does_not_overflow() {
        assert!(render(Timestamp::MIN, Timestamp::MAX).ends_with("ago"));
        assert_eq!(render(Timestamp::MAX, Timestamp::MIN), "just now");
    }
}
