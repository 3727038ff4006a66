//! Those who write owner files, and what says so: S3's notifications, which may be lost, come before the file can be read, and come twice.

use crate::actor::{begin, end, enrich_config, home_of};
use crate::mistake::Stage;
use crate::setting::Owner;
use crate::state::Shared;
use leadwire_pipeline::port::{Bucket, NewObject};
use leadwire_pipeline::stage::enrich::{Enrich, Outcome, Record};
use leadwire_pipeline::testkit::{OWNER_BUCKET, notified};
use std::time::Duration;
use tokio::time::sleep;

/// The function's own timeout.
const TIMEOUT: Duration = Duration::from_mins(1);
/// A notification that failed comes again after the queue's visibility, and is kept for 15 minutes.
const TRIES: u32 = 15;
/// A notification takes at most so many seconds.
const NOTIFIED_SECONDS: u64 = 20;

/// Writes a lead's owner file when its owner is assigned, and anew at some times after.
pub(crate) async fn assign(shared: Shared, lead: String, owner: Owner) {
    match owner {
        Owner::Never => return,
        Owner::There => {}
        Owner::After(time) => sleep(time).await,
    }
    write(&shared, &lead, 0);
    let changes = shared.with(|state| state.setting.lookup_changes);
    for version in 1..=changes {
        let pause = shared.with(|state| state.chance.below(1800));
        sleep(Duration::from_secs(pause)).await;
        write(&shared, &lead, version);
    }
}

fn write(shared: &Shared, lead: &str, version: u64) {
    // Another owner is another receiver: which it is, the stored document says.
    let owner = version % 2;
    let file = format!(
        r#"{{"lead_id":"{lead}","lead_owner":"Owner {version} of {lead}","owner_email":"owner{owner}@example.com"}}"#
    );
    let notifications = shared.with(|state| state.setting.notifications);
    if !notifications.are_sent {
        plant(shared, lead, file, version);
        return;
    }
    let (is_lost, is_early, is_doubled) = shared.with(|state| {
        let chance = &mut state.chance;
        (
            chance.happens(notifications.lost_per_mille),
            chance.happens(notifications.early_per_mille),
            chance.happens(notifications.doubled_per_mille),
        )
    });
    for _ in 0..u32::from(!is_lost) + u32::from(!is_lost && is_doubled) {
        shared.with(|state| state.busy += 1);
        tokio::spawn(notify(shared.clone(), lead.to_owned(), is_early));
    }
    plant(shared, lead, file, version);
}

fn plant(shared: &Shared, lead: &str, file: String, version: u64) {
    shared.with(|state| {
        let key = format!("{lead}.json");
        let object = NewObject::of(file.into_bytes());
        state.memory.plant(Bucket::Lookup, &key, object);
        state.tell(format!("      owner {version} of {lead}"));
    });
}

/// One notification, as often as its queue gives it. An early one comes at once, whatever the worker then finds.
async fn notify(shared: Shared, lead: String, is_early: bool) {
    if !is_early {
        let after = shared.with(|state| state.chance.below(NOTIFIED_SECONDS));
        sleep(Duration::from_secs(after)).await;
    }
    for tries in 1..=TRIES {
        if receive(&shared, &lead, tries).await {
            break;
        }
        sleep(TIMEOUT).await;
    }
    shared.with(|state| state.busy -= 1);
    shared.changed();
}

/// Whether the worker took it.
async fn receive(shared: &Shared, lead: &str, receive_count: u32) -> bool {
    let process = begin(shared, None);
    let home = home_of(shared, &process, Stage::Wake);
    let enrich = Enrich::new(home, shared.with(|state| enrich_config(state)))
        .with_owner_bucket(Some(OWNER_BUCKET.to_owned()));
    let file = format!("{lead}.json");
    let record = Record {
        receive_count,
        ..notified("s3", (OWNER_BUCKET, &file))
    };
    let work = enrich.handle_batch(vec![record], TIMEOUT);
    let outcomes = process.run(TIMEOUT, work).await;
    end(shared, &process);
    let is_taken = |(_, outcome): &(String, Outcome)| !outcome.is_failed();
    outcomes.is_some_and(|outcomes| outcomes.iter().all(is_taken))
}
