//! Any sequence of faults and answers over one to four receivers, with takeovers, ends with each of them told or parked: never a third
//! time, and without a doubt exactly once.

use super::prelude::*;
use super::several::*;
use leadwire_pipeline::settings::EnrichConfig;
use leadwire_pipeline::stage::enrich::Enrich;
use leadwire_pipeline::testkit::enrich_config;
use proptest::prelude::*;

/// What happens to a home.
#[derive(Clone, Debug)]
enum Happening {
    /// A worker of its own receives what is visible; these of its calls meet faults.
    Worked(Vec<(usize, Fault)>),
    /// Two workers at once, of whom the second has the same message once more.
    Raced(Vec<(usize, Fault)>, Vec<(usize, Fault)>),
    /// The queue delivers early, or again.
    Delivered,
    TimePassed(u64),
    Redriven,
    Swept,
    OwnerChanged(bool),
}

/// What may go wrong with a call. What is asked of a mail service means nothing to a store, and fails there.
fn fault() -> impl Strategy<Value = Fault> {
    prop::sample::select(vec![
        Fault::Fails,
        Fault::ReplyLost,
        Fault::MeetsItself,
        Fault::Conflict,
        Fault::Denied,
        Fault::Busy,
        Fault::Throttled,
        Fault::Refused,
        Fault::Late,
        Fault::Hangs,
        Fault::DiesBefore,
        Fault::DiesAfter,
        Fault::Panics,
    ])
}

fn faults() -> impl Strategy<Value = Vec<(usize, Fault)>> {
    prop::collection::vec((0..14_usize, fault()), 0..4)
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => faults().prop_map(Happening::Worked),
        2 => (faults(), faults()).prop_map(|(a, b)| Happening::Raced(a, b)),
        2 => Just(Happening::Delivered),
        3 => (0..400_u64).prop_map(Happening::TimePassed),
        1 => Just(Happening::Redriven),
        1 => Just(Happening::Swept),
        1 => any::<bool>().prop_map(Happening::OwnerChanged),
    ]
}

/// A world, and whether anything happened in it after which nobody can tell what became of a mail.
struct Life {
    world: World,
    config: EnrichConfig,
    body: String,
    may_doubt: bool,
}

impl Life {
    async fn begun(count: usize, ambiguous: AmbiguousPolicy) -> Self {
        let world = due_in(world_of(count, ambiguous)).await;
        let config = EnrichConfig {
            to: team(count),
            ambiguous,
            ..enrich_config()
        };
        Self {
            body: world.queue().bodies().remove(0),
            world,
            config,
            may_doubt: false,
        }
    }

    /// A process with a script of its own receives what is visible, and works on it until it dies.
    async fn worker(&self, faults: &[(usize, Fault)]) {
        let home = Arc::new(self.world.home.of_other_process());
        let faults: BTreeMap<usize, Fault> = faults.iter().copied().collect();
        let mut calls = 0..;
        home.set_script(move |_call| faults.get(&calls.next()?).copied());
        let enrich = Enrich::new(Arc::clone(&home), self.config.clone());
        let records = home.receive(10);
        let handles: BTreeMap<_, _> = records
            .iter()
            .map(|record| (record.message_id.clone(), record.receipt_handle.clone()))
            .collect();
        let work = enrich.handle_batch(records, Duration::from_mins(1));
        tokio::select! {
            biased;
            () = home.died() => {}
            outcomes = work => for (id, outcome) in outcomes {
                if !outcome.is_failed() {
                    home.delete(&handles[&id]);
                }
            }
        }
    }

    async fn happens(&mut self, happening: &Happening) {
        let world = &self.world;
        match happening {
            Happening::Worked(faults) => {
                self.may_doubt |= leaves_doubts(faults);
                self.worker(faults).await;
            }
            Happening::Raced(first, second) => {
                self.may_doubt |= leaves_doubts(first) || leaves_doubts(second);
                let other = async {
                    world.send(&self.body).await;
                    self.worker(second).await;
                };
                tokio::join!(self.worker(first), other);
            }
            Happening::Delivered => world.queue().deliver_now(),
            Happening::TimePassed(seconds) => sleep(Duration::from_secs(*seconds)).await,
            Happening::Redriven => drop(world.redrive().await.unwrap()),
            Happening::Swept => drop(swept(world).await),
            Happening::OwnerChanged(is_there) => {
                if *is_there {
                    world.put_owner("test-1", &OMAR.replace("Omar", "Nadia"));
                } else {
                    world.remove("test-1.json");
                }
            }
        }
    }

    /// Everything is healthy, and time, sweep and operator do their part.
    async fn ended(&self) {
        self.world.put_owner("test-1", OMAR);
        for _ in 0..5 {
            self.world.work_until_idle().await;
            self.world.redrive().await.unwrap();
            self.world.work_until_idle().await;
            sleep(LONG).await;
            swept(&self.world).await;
        }
    }

    async fn check(&self) {
        let (world, count) = (&self.world, self.config.to.len());
        let mail = world.peek(&world.keys("mail/").remove(0)).unwrap();
        let states = if mail.bytes.is_empty() {
            assert_eq!(told(world), "s".repeat(count));
            vec!["sent".to_owned(); count]
        } else {
            states(world, count)
        };
        let resends = self.config.ambiguous == AmbiguousPolicy::Resend;
        let copies_max = if self.may_doubt && resends { 2 } else { 1 };
        for (number, state) in states.iter().enumerate() {
            let copies = copies(world, number).len();
            assert!(copies <= copies_max, "{copies} copies of {number}");
            match state.as_str() {
                "sent" => assert!(copies >= 1, "{number} is sent and was not"),
                "parked" => assert!(self.may_doubt, "{number} is parked without a doubt"),
                other => panic!("{number} ends as {other}"),
            }
        }
        let parked: Vec<usize> = (0..count).filter(|n| states[*n] == "parked").collect();
        if !parked.is_empty() {
            assert_eq!(
                failure(world),
                ("mail_ambiguous".to_owned(), parked.clone())
            );
        }
        let (report, flaws) = audited(world).await;
        assert!(report.is_sound(), "{flaws:?}");
        let ended = (report.account.mailed, report.account.parked);
        let is_parked = !parked.is_empty();
        assert_eq!(ended, (u64::from(!is_parked), u64::from(is_parked)));
        assert_eq!(world.keys("enriched/").len(), 1);
    }
}

/// Whether a worker that meets these may leave something of which nobody can tell what became of it.
fn leaves_doubts(faults: &[(usize, Fault)]) -> bool {
    let is_definite = |fault: &Fault| {
        matches!(
            fault,
            Fault::Busy | Fault::Throttled | Fault::Refused | Fault::Late
        )
    };
    !faults.iter().all(|(_, fault)| is_definite(fault))
}

fn live(count: usize, ambiguous: AmbiguousPolicy, history: &[Happening]) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut life = Life::begun(count, ambiguous).await;
        for happening in history {
            life.happens(happening).await;
        }
        life.ended().await;
        life.check().await;
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_each_receiver_is_told_or_parked_and_none_a_third_time(
        count in 1..=4_usize,
        parks in any::<bool>(),
        history in prop::collection::vec(happening(), 1..16),
    ) {
        let ambiguous = if parks { AmbiguousPolicy::Park } else { AmbiguousPolicy::Resend };
        live(count, ambiguous, &history);
    }
}
