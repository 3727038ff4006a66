//! Many leads through the functions in several environments at once, small; large: `cargo run --release -p leadwire-load --features aws -- lambda`.

use anyhow::Result;
use leadwire_load::flood::{self, Flood};
use leadwire_load::functions::Functions;

#[tokio::test]
async fn two_hundred_leads_in_four_environments_at_once_are_each_mailed_once_with_their_own_owner()
-> Result<()> {
    let flood = Flood {
        leads: 200,
        events: 0,
        senders: 4,
    };
    let report = flood::run(flood, &Functions::warm(4).await?).await?;
    assert!(report.holds(), "{}", report.table());
    assert_eq!(report.value("mailed"), Some(200.0));
    Ok(())
}
