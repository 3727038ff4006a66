//! Faults, kills and double posts for seconds; for minutes: `cargo run --release -p leadwire-load --features aws -- lambda-soak --minutes 10`.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::Result;
use leadwire_tests::soak::{self, Soak};

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
    let mut processes = BTreeSet::new();
    let look = |process| {
        processes.insert(process);
    };
    let soaked = soak::run(soak, look).await?;
    for broken in [&soaked.lost, &soaked.mixed, &soaked.twice] {
        assert!(broken.is_empty(), "{soaked:#?}");
    }
    assert_eq!(soaked.accepted, 72, "{soaked:?}");
    assert!(soaked.faults > 0 && soaked.kills > 0, "{soaked:?}");
    assert!(soaked.mails >= 72, "{soaked:?}");
    assert!(processes.len() > soaked.kills, "{processes:?}");
    Ok(())
}
