//! What becomes of one machine while a mail server keeps it waiting: it stops in good order, or is killed.

use crate::state::{Life, Shared, State};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How long a machine that stops waits for replies: less than a server that is late takes, and more than a mail is on its way.
const PATIENCE: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(50)];

/// A machine that has not ended so long after that is killed.
const KILLED_AFTER: Duration = Duration::from_secs(10);

/// A machine that is stopped by a person is so after so many seconds at least, and so many more at most.
const EARLIEST_STOP_SECONDS: u64 = 600;
const STOP_SECONDS: u64 = 1200;

/// Before a late reply comes the machine may die or stop.
pub(crate) fn interrupt(shared: &Shared, life: &Arc<Life>, wait: Duration) {
    let Some((after, dies)) = shared.with(|state| state.interruption(wait)) else {
        return;
    };
    let (shared, life) = (shared.clone(), Arc::clone(life));
    tokio::spawn(async move {
        sleep(after).await;
        if dies {
            shared.with(|state| state.die(&life));
            shared.changed();
        } else {
            stop(&shared, life.boot).await;
        }
    });
}

/// Stops the machine once, in the middle of whatever it does: what outlasts its patience is a doubt.
pub(crate) async fn stop_once(shared: Shared) {
    let after = shared.with(|state| EARLIEST_STOP_SECONDS + state.chance.below(STOP_SECONDS));
    sleep(Duration::from_secs(after)).await;
    let boot = shared.with(|state| {
        state.report.faults += 1;
        state.boot
    });
    stop(&shared, boot).await;
    shared.with(|state| state.busy -= 1);
    shared.changed();
}

/// A run begins nothing new from now on, and what is under way comes to its end within its patience. Then the next one begins.
async fn stop(shared: &Shared, boot: u32) {
    let patience = shared.with(|state| {
        if state.heals || state.boot != boot || state.stops.is_some() {
            return None;
        }
        let [short, long] = PATIENCE;
        let patience = state.chance.pick(short, &[long]);
        state.tell(format!("      boot-{boot} stops, within {patience:?}"));
        state.stops = Some(state.memory.age() + patience);
        Some(patience)
    });
    let Some(patience) = patience else {
        return;
    };
    shared.changed();
    let is_over = |state: &mut State| (state.working == 0 || state.boot != boot).then_some(());
    drop(timeout(patience + KILLED_AFTER, shared.until(is_over)).await);
    shared.with(|state| {
        if state.boot == boot {
            state.end_boot();
        }
    });
    shared.changed();
}
