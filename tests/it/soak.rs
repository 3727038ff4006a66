//! Faults, kills and double posts for seconds; for minutes: `cargo run --release -p leadwire-load --features aws -- lambda-soak --minutes 10`.

use std::time::Duration;

use anyhow::Result;
use leadwire_load::functions::Functions;
use leadwire_load::soak::{self, Soak};

#[tokio::test]
async fn faults_kills_and_double_posts_lose_nothing_mix_nothing_and_mail_twice_only_in_doubt()
-> Result<()> {
    let soak = Soak {
        lasts: Duration::from_secs(6),
        kill_every: Duration::from_secs(2),
        rate: 12,
        percent: 5,
        seed: 3,
    };
    let report = soak::run(soak, Functions::failing(3, 5, 3).await?).await?;
    assert!(report.holds(), "{}", report.table());
    assert_eq!(report.value("events_accepted"), Some(72.0));
    let at_least = |name: &str, least: f64| {
        let is_enough = report.value(name) >= Some(least);
        assert!(is_enough, "{name}: {}", report.table());
    };
    at_least("calls_failed", 1.0);
    at_least("kills", 1.0);
    // To both receivers of nearly every event: twice in doubt, it may be parked unsent.
    at_least("mails", 130.0);
    let killed = report.value("kills").unwrap_or_default();
    at_least("processes", killed + 1.0);
    Ok(())
}
