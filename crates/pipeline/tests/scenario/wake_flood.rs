//! A hundred thousand owner files of others, written at once: no lead is mailed later for them, under virtual time. Here every call takes its
//! time, and both queues are read as the template has it, by two batches at once each.

use super::prelude::*;
use leadwire_pipeline::testkit::{Chance, OWNER_BUCKET};
use std::collections::VecDeque;
use std::sync::Mutex;

/// Of each kind: those whose owners are known in time, and those that wait for them.
const LEADS: usize = 100;
const FOREIGN: usize = 100_000;
/// Records in a batch.
const BATCH: usize = 10;
/// What a call of S3, SQS or SES takes.
const LATENCY: Duration = Duration::from_millis(15);
/// How long an empty queue is left alone.
const POLL: Duration = Duration::from_millis(200);
/// The flood comes while leads come, and others are due.
const FLOOD_AT: Duration = Duration::from_mins(15);
/// The last lead comes by 20 minutes, and has waited for its delay and its owner then.
const OVER_AT: Duration = Duration::from_mins(20 + 10 + 31);

#[derive(Clone, Debug)]
enum Happens {
    Posted(String),
    Owned(String),
    Flooded,
}

/// Each lead of a seed comes at a moment of its own. The owner of a prompt one is known before, that of a late one comes at any moment of the
/// wait.
fn course(seed: u64) -> Vec<(Duration, Happens)> {
    let mut chance = Chance::new(seed);
    let mut course = vec![(FLOOD_AT, Happens::Flooded)];
    for number in 0..LEADS {
        let (prompt, late) = (format!("prompt{number}"), format!("late{number}"));
        let at = chance.millis(20 * 60_000);
        course.push((at, Happens::Owned(prompt.clone())));
        course.push((at, Happens::Posted(prompt)));
        let at = chance.millis(20 * 60_000);
        course.push((at, Happens::Posted(late.clone())));
        let wait = Duration::from_mins(10) + chance.millis(29 * 60_000);
        course.push((at + wait, Happens::Owned(late)));
    }
    course.sort_by_key(|(at, _)| *at);
    course
}

/// A world in which time passes, and what was seen of it.
struct Run {
    world: World,
    begin: Instant,
    /// The files that S3 spoke of and that nobody received yet, oldest first.
    notified: Mutex<VecDeque<String>>,
    /// When the last foreign one had been worked on.
    flood_over: Mutex<Duration>,
    /// When each lead's owner came.
    owned: Mutex<BTreeMap<String, Duration>>,
    /// When each lead was mailed.
    mailed: Mutex<BTreeMap<String, Duration>>,
}

impl Run {
    async fn of(seed: u64, foreign: usize) -> Self {
        let run = Self {
            world: World::new(),
            begin: Instant::now(),
            notified: Mutex::default(),
            flood_over: Mutex::default(),
            owned: Mutex::default(),
            mailed: Mutex::default(),
        };
        run.world.home.set_latency(LATENCY);
        tokio::select! {
            () = run.happen(seed, foreign) => {}
            () = run.work() => {}
            () = run.work() => {}
            () = run.listen() => {}
            () = run.listen() => {}
        }
        run
    }

    async fn happen(&self, seed: u64, foreign: usize) {
        for (at, what) in course(seed) {
            tokio::time::sleep_until(self.begin + at).await;
            match what {
                Happens::Posted(lead) => drop(self.world.post_lead(&lead).await),
                Happens::Owned(lead) => {
                    self.world.own(&lead);
                    let mut notified = self.notified.lock().unwrap();
                    notified.push_back(format!("{lead}.json"));
                    self.owned.lock().unwrap().insert(lead, at);
                }
                Happens::Flooded => {
                    let files = (0..foreign).map(|number| format!("foreign{number}.json"));
                    self.notified.lock().unwrap().extend(files);
                }
            }
        }
        tokio::time::sleep_until(self.begin + OVER_AT).await;
    }

    /// Reads the delay queue for ever.
    async fn work(&self) {
        loop {
            if self.world.work().await.is_empty() {
                sleep(POLL).await;
                continue;
            }
            let mut mailed = self.mailed.lock().unwrap();
            let mails = self.world.mailer().sent();
            for mail in mails.into_iter().skip(mailed.len()) {
                let lead = mail.event.split('_').nth(2).unwrap();
                mailed.insert(lead.to_owned(), self.begin.elapsed());
            }
        }
    }

    /// Reads the owners' queue for ever.
    async fn listen(&self) {
        loop {
            let batch: Vec<String> = {
                let mut notified = self.notified.lock().unwrap();
                let count = notified.len().min(BATCH);
                notified.drain(..count).collect()
            };
            if batch.is_empty() {
                sleep(POLL).await;
                continue;
            }
            let files = batch.iter().map(|file| (OWNER_BUCKET, &**file));
            self.world.notify(&files.collect::<Vec<_>>()).await;
            if batch.iter().any(|file| file.starts_with("foreign")) {
                *self.flood_over.lock().unwrap() = self.begin.elapsed();
            }
        }
    }
}

/// Hints wait behind each other, so a late lead whose own comes behind the flood's waits for their end, or for its own message.
#[tokio::test(start_paused = true)]
async fn a_hundred_thousand_owner_files_of_others_make_no_lead_a_second_later_but_those_whose_own_come_behind_them()
 {
    let second = Duration::from_secs(1);
    let [calm, flooded] = [Run::of(13, 0).await, Run::of(13, FOREIGN).await];
    let flood = FLOOD_AT..*flooded.flood_over.lock().unwrap();
    assert!(flood.end > flood.start, "it was read");
    let (calm, owned) = (calm.mailed.lock().unwrap(), flooded.owned.lock().unwrap());
    let flooded = flooded.mailed.lock().unwrap();
    assert_eq!((calm.len(), flooded.len()), (2 * LEADS, 2 * LEADS));
    let mut behind = 0;
    for (lead, at) in &*flooded {
        let is_behind = lead.starts_with("late") && flood.contains(&owned[lead]);
        behind += usize::from(is_behind);
        let limit = if is_behind {
            flood.end.max(calm[lead]) + second
        } else {
            calm[lead] + second
        };
        assert!(*at < limit, "{lead}: {at:?}, else {:?}", calm[lead]);
    }
    assert!(behind < LEADS / 10, "{behind} of {flood:?}");
}
