//! A sweep that is cut off and goes on, ranges side by side, and what is forgotten meanwhile.

use super::prelude::*;
use leadwire_domain::key::SWEEP_PROGRESS;
use leadwire_pipeline::stage::sweep::{Sweep, SweepReport};
use leadwire_pipeline::testkit::{Course, Memory, MemoryHome, Script, sweep_config};
use proptest::prelude::*;
use std::sync::Mutex;

/// The time that the schedule gives a run on AWS.
const TIME: Duration = Duration::from_mins(15);

/// Each call takes this long, and listings may fail.
#[derive(Debug, Default)]
struct Slow {
    millis: u64,
    /// Which of the next calls fail.
    faults: Mutex<Vec<bool>>,
    lists: Mutex<Vec<Instant>>,
}

impl Script for Slow {
    fn course(&self, call: &Call) -> Course {
        let fails = self.faults.lock().unwrap().pop().unwrap_or_default();
        if matches!(call, Call::List(..)) {
            self.lists.lock().unwrap().push(Instant::now());
        }
        Course {
            fault: fails.then_some(Fault::Fails),
            there: Duration::from_millis(self.millis),
            back: Duration::ZERO,
        }
    }
}

/// What is kept: events that were mailed, and every `nth` of them lost.
struct Kept {
    memory: Arc<Memory>,
    lost: BTreeSet<String>,
}

impl Kept {
    async fn new(events: usize, nth: usize, page: usize) -> Self {
        let memory = Arc::new(Memory::default());
        let mut lost = BTreeSet::new();
        for number in 0..events {
            let name = format!("crm_event_lead-{number:05}_20261123T064959123456Z.json");
            let body = format!(r#"{{"lead_id":"lead-{number:05}"}}"#);
            let body = NewObject::of(body.into_bytes());
            memory.plant(Bucket::Raw, &format!("raw/{name}"), body);
            if number % nth == 0 {
                lost.insert(name);
            } else {
                let key = format!("mail/{name}");
                memory.plant(Bucket::Enriched, &key, NewObject::default());
            }
        }
        memory.set_page(page);
        sleep(LONG).await;
        Self { memory, lost }
    }

    fn sweep(&self, millis: u64, faults: Vec<bool>) -> (Sweep<MemoryHome<Slow>>, Arc<Slow>) {
        let script = Arc::new(Slow {
            millis,
            faults: Mutex::new(faults),
            ..Slow::default()
        });
        let home = MemoryHome::new(Arc::clone(&self.memory), Arc::clone(&script));
        let mut config = sweep_config();
        config.max = 10_000;
        (Sweep::new(Arc::new(home), config), script)
    }

    /// Those that were counted and enqueued.
    fn swept(&self) -> BTreeSet<String> {
        let keys = self.memory.keys(Bucket::Enriched, "swept/").into_iter();
        keys.map(|key| key.replace("swept/", "")).collect()
    }

    fn progress(&self) -> Option<Value> {
        let stored = self.memory.peek(Bucket::Enriched, SWEEP_PROGRESS)?;
        Some(serde_json::from_slice(&stored.bytes).unwrap())
    }

    fn put_progress(&self, text: &str) {
        let object = NewObject::of(text.as_bytes().to_vec());
        self.memory.plant(Bucket::Enriched, SWEEP_PROGRESS, object);
    }
}

#[tokio::test(start_paused = true)]
async fn a_short_run_stores_nothing() {
    let kept = Kept::new(50, 10, 10).await;
    let (sweep, _) = kept.sweep(20, Vec::new());
    let report = sweep.run_within(TIME).await.unwrap();
    assert!(report.complete);
    assert_eq!((report.examined, report.sent, report.ranges), (50, 5, 1));
    assert_eq!(kept.progress(), None);
}

#[tokio::test(start_paused = true)]
async fn four_listings_are_read_at_once_and_a_page_ahead() {
    let kept = Kept::new(100, 1_000, 10).await;
    let (sweep, script) = kept.sweep(1_000, Vec::new());
    let begun = Instant::now();
    sweep.run(SweepMode::DryRun).await.unwrap();
    // After the read of the progress, ten pages of the two long listings, one after the other.
    assert!(
        begun.elapsed() <= Duration::from_secs(12),
        "{:?}",
        begun.elapsed()
    );
    let lists = script.lists.lock().unwrap();
    assert_eq!(lists.len(), 10 + 10 + 2);
    let first = lists.iter().filter(|at| **at == lists[0]).count();
    assert_eq!(first, 4);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_took_over_a_minute_divides_what_the_next_one_looks_at() {
    let kept = Kept::new(1_000, 100, 10).await;
    let (sweep, _) = kept.sweep(1_000, Vec::new());
    let begun = Instant::now();
    let first = sweep.run_within(TIME).await.unwrap();
    let took = begun.elapsed();
    assert_eq!((first.ranges, first.complete, first.sent), (1, true, 10));
    let begun = Instant::now();
    let second = sweep.run_within(TIME).await.unwrap();
    assert_eq!((second.ranges, second.examined), (8, 1_000));
    assert!(begun.elapsed() < took / 4, "{:?}", begun.elapsed());
    // All ranges together still take long.
    assert_eq!(sweep.run(SweepMode::DryRun).await.unwrap().ranges, 8);
    let (quick, _) = kept.sweep(1, Vec::new());
    quick.run_within(TIME).await.unwrap();
    assert_eq!(quick.run_within(TIME).await.unwrap().ranges, 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_whose_time_is_over_stops_in_order_and_the_next_one_goes_on() {
    let kept = Kept::new(1_000, 100, 10).await;
    let (sweep, script) = kept.sweep(1_000, Vec::new());
    let begun = Instant::now();
    let time = Duration::from_secs(80);
    let first = sweep.run_within(time).await.unwrap();
    assert!(!first.complete && begun.elapsed() <= time, "{first:?}");
    assert_eq!(
        kept.progress().unwrap()["left"].as_array().unwrap().len(),
        1
    );
    // An operator's run looks at everything, and leaves the schedule's alone.
    let stored = kept.progress();
    let all = sweep.run(SweepMode::DryRun).await.unwrap();
    assert_eq!((all.examined, all.complete), (1_000, true));
    assert_eq!(kept.progress(), stored);

    let before = script.lists.lock().unwrap().len();
    let second = sweep.run_within(time).await.unwrap();
    assert!(second.complete);
    assert_eq!(first.examined + second.examined, 1_000);
    assert_eq!(kept.swept(), kept.lost);
    assert!(script.lists.lock().unwrap().len() - before < 160);
    assert_eq!(kept.progress().unwrap()["left"], Value::Array(Vec::new()));
    let third = sweep.run_within(time).await.unwrap();
    assert_eq!((third.examined, third.found), (1_000, 0));
}

#[tokio::test(start_paused = true)]
async fn what_the_runs_of_one_round_find_is_counted_together() {
    let kept = Kept::new(1_000, 100, 10).await;
    let script = Arc::new(Slow {
        millis: 1_000,
        ..Slow::default()
    });
    let home = MemoryHome::new(Arc::clone(&kept.memory), script);
    let mut config = sweep_config();
    config.max = 9;
    let sweep = Sweep::new(Arc::new(home), config);
    let time = Duration::from_secs(80);
    let first = sweep.run_within(time).await.unwrap();
    assert!(first.found <= 9 && first.sent == first.found);
    let second = sweep.run_within(time).await.unwrap();
    assert_eq!((second.refused, second.sent), (true, 0));
    assert_eq!(first.found + second.found, 10);
}

#[tokio::test(start_paused = true)]
async fn a_record_of_progress_that_no_sweep_wrote_is_ignored_and_replaced() {
    for stored in [
        "",
        "nonsense",
        r#"{"v":2,"left":[],"marks":[],"found":0}"#,
        r#"{"v":1,"left":[{"after":"b","until":"a"}],"marks":[],"found":0}"#,
        r#"{"v":1,"left":[{"after":null,"until":null},{"after":"a","until":null}],"marks":[],"found":0}"#,
        r#"{"v":1,"left":[],"marks":[{"name":"b","pages":1},{"name":"a","pages":1}],"found":0}"#,
    ] {
        let kept = Kept::new(20, 10, 10).await;
        kept.put_progress(stored);
        let (sweep, _) = kept.sweep(1, Vec::new());
        let report = sweep.run_within(TIME).await.unwrap();
        assert_eq!((report.examined, report.complete), (20, true), "{stored}");
        assert_eq!(kept.progress().unwrap()["v"], 1, "{stored}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_progress_can_be_read_and_not_stored_every_run_looks_at_everything() {
    let world = World::new();
    post_leads(&world, 3).await;
    let left = r#"{"v":1,"left":[{"after":"z","until":null}],"marks":[],"found":0}"#;
    world.put(SWEEP_PROGRESS, left);
    world.spoil(Fault::Denied, |call| {
        matches!(call, Call::Put(..)) && call.is_on("sweep/")
    });
    for _ in 0..2 {
        let report = world.observed(world.sweep.run_within(TIME)).await.unwrap();
        assert_eq!((report.examined, report.complete), (3, true));
    }
    world.home.clear_script();
    let report = world.sweep.run_within(TIME).await.unwrap();
    assert_eq!(report.examined, 0, "what is left is looked at once");
    assert_eq!(world.sweep.run_within(TIME).await.unwrap().examined, 3);
}

/// What happens to one run.
#[derive(Clone, Debug)]
enum Fate {
    /// It has so many seconds.
    Seconds(u64),
    /// Of its calls these fail.
    Faults(Vec<bool>),
    /// It is killed after so many seconds.
    Killed(u64),
    /// Somebody writes over its record.
    Foreign(&'static str),
}

fn fate() -> impl Strategy<Value = Fate> {
    let foreign = [
        "",
        r#"{"v":1,"left":[{"after":"crm_event_lead-00090","until":"crm_event_lead-00100"}],"marks":[],"found":3}"#,
    ];
    prop_oneof![
        4 => (1..120_u64).prop_map(Fate::Seconds),
        2 => proptest::collection::vec(proptest::bool::weighted(0.1), 0..60).prop_map(Fate::Faults),
        1 => (1..60_u64).prop_map(Fate::Killed),
        1 => proptest::sample::select(foreign.to_vec()).prop_map(Fate::Foreign),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn whatever_cuts_runs_off_two_whole_ones_look_at_everything(
        events in 1..300_usize,
        nth in 1..20_usize,
        page in 1..12_usize,
        fates in proptest::collection::vec(fate(), 0..8),
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let kept = Kept::new(events, nth, page).await;
            for fate in fates {
                let faults = if let Fate::Faults(faults) = &fate { faults.clone() } else { Vec::new() };
                let (sweep, _) = kept.sweep(1_000, faults);
                match fate {
                    Fate::Seconds(seconds) => {
                        let time = Duration::from_secs(seconds);
                        let begun = Instant::now();
                        drop(sweep.run_within(time).await);
                        // The record of progress, and what was begun, are not cut off.
                        assert!(begun.elapsed() <= time + Duration::from_secs(12));
                    }
                    Fate::Faults(_) => drop(sweep.run_within(TIME).await),
                    Fate::Killed(seconds) => {
                        let time = Duration::from_secs(seconds);
                        drop(tokio::time::timeout(time, sweep.run_within(TIME)).await);
                    }
                    Fate::Foreign(text) => kept.put_progress(text),
                }
            }
            // What was counted by a run that was killed before it sent is found again once its time is over.
            sleep(LONG).await;
            let (sweep, _) = kept.sweep(1, Vec::new());
            for _ in 0..2 {
                assert!(sweep.run_within(TIME).await.unwrap().complete);
            }
            assert_eq!(kept.swept(), kept.lost);
        });
    }

    #[test]
    fn however_short_its_runs_are_a_round_comes_to_its_end(
        events in 1..300_usize,
        page in 1..12_usize,
        seconds in 8..60_u64,
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let kept = Kept::new(events, 1_000, page).await;
            let (sweep, _) = kept.sweep(1_000, Vec::new());
            let mut examined = 0;
            for _ in 0..=events {
                let report = sweep.run_within(Duration::from_secs(seconds)).await.unwrap();
                examined += report.examined;
                if report.complete {
                    break;
                }
            }
            assert_eq!(examined, u64::try_from(events).unwrap());
        });
    }
}

/// Forgets a lead by another process, with a lease of so many seconds.
async fn forget_meanwhile(world: &World, lead: &str, lease: i64) {
    let other = Arc::new(world.home.of_other_process());
    let config = ForgetConfig {
        lease: SignedDuration::from_secs(lease),
        owner_file: true,
    };
    let forget = Forget::new(other, config);
    let found = forget.find(&lead_id(lead)).await.unwrap();
    let idle = std::future::pending();
    forget.run(&found, idle, &mut |_step| ()).await.unwrap();
}

/// A lead that has lost its trigger.
async fn lost_lead() -> (World, EventName) {
    let world = World::new();
    let name = name_of(&world.post(ALICE).await);
    world.queue().purge();
    sleep(LONG).await;
    (world, name)
}

/// What is left of a forgotten event is its tombstone and its marker.
#[track_caller]
fn check_forgotten(world: &World, name: &EventName) {
    assert_eq!(all_keys(world), [name.raw_key(), name.mail_key()]);
    assert_eq!(world.queue().depth(), 0);
}

async fn swept_while_forgotten(world: &World) -> SweepReport {
    let forgetting = forget_meanwhile(world, "test-1", 1);
    let (report, ()) = tokio::join!(world.sweep.run(SweepMode::Send), forgetting);
    report.unwrap()
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_forgotten_after_it_was_listed_is_not_counted() {
    let (world, name) = lost_lead().await;
    world.spoil(Fault::Late, |call| {
        matches!(call, Call::List(..)) && call.is_on("swept/")
    });
    let report = swept_while_forgotten(&world).await;
    assert_eq!((report.found, report.sent), (1, 0));
    check_forgotten(&world, &name);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_forgotten_while_it_is_given_up_leaves_no_failure() {
    let (world, name) = lost_lead().await;
    world.put(&name.raw_key().replace("raw/", "swept/"), r#"{"count":2}"#);
    sleep(LONG).await;
    world.spoil(Fault::Late, |call| {
        matches!(call, Call::Get(..)) && call.is_on("failed/")
    });
    let report = swept_while_forgotten(&world).await;
    assert_eq!((report.found, report.given_up), (1, 0));
    check_forgotten(&world, &name);
}

#[tokio::test(start_paused = true)]
async fn what_was_on_its_way_when_an_event_was_forgotten_is_there_before_its_lease_is_over() {
    let (world, name) = lost_lead().await;
    world.spoil(Fault::Late, |call| {
        matches!(call, Call::Put(..)) && call.is_on("swept/")
    });
    let forgetting = async {
        // The sweep has looked for the tombstone.
        sleep(Duration::from_secs(1)).await;
        forget_meanwhile(&world, "test-1", 90).await;
    };
    let (report, ()) = tokio::join!(world.sweep.run(SweepMode::Send), forgetting);
    assert_eq!(report.unwrap().sent, 1);
    world.home.clear_script();
    assert_eq!(world.work_until_idle().await, [ended(Done::Forgotten)]);
    check_forgotten(&world, &name);
}
