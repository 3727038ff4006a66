//! The sweeper of a world.

use crate::actor::{begin, end, home_of};
use crate::mistake::Stage;
use crate::state::Shared;
use leadwire_pipeline::stage::sweep::Sweep;
use leadwire_pipeline::testkit;
use std::time::Duration;

/// Its own timeout, the template's: it looks at every event that failed.
const TIMEOUT: Duration = Duration::from_mins(15);
/// Seconds that a run has which is cut off sooner or later.
const SHORT_SECONDS: u64 = 20;

/// Sweeps once. Until everything heals, some runs have so little time that they are cut off.
pub(crate) async fn sweep(shared: &Shared) {
    let time = shared.with(|state| {
        if state.heals || state.chance.happens(500) {
            TIMEOUT
        } else {
            Duration::from_secs(1 + state.chance.below(SHORT_SECONDS))
        }
    });
    let process = begin(shared, None);
    let home = home_of(shared, &process, Stage::Sweep);
    let sweep = Sweep::new(home, testkit::sweep_config());
    // A sweep that fails is told by an alarm; the next one goes on.
    drop(process.run(TIMEOUT, sweep.run_within(time)).await);
    end(shared, &process);
}
