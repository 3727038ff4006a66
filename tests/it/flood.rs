//! Many leads through the functions in several environments at once, small; large: `cargo run --release -p leadwire-load --features aws -- lambda`.

use anyhow::Result;
use leadwire_tests::flood::{self, Flood};

#[tokio::test]
async fn two_hundred_leads_in_four_environments_at_once_are_each_mailed_once_with_their_own_owner()
-> Result<()> {
    let flown = flood::run(Flood {
        leads: 200,
        environments: 4,
        batch: 10,
    })
    .await?;
    assert!(flown.broken.is_empty(), "{:#?}", flown.broken);
    assert_eq!(flown.answers.len(), 200);
    Ok(())
}
