//! Whatever happens, every event is in one place; and when time and the sweep have done their part, in one that is an end.

use super::prelude::*;
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::operate::audit::AuditReport;
use proptest::prelude::*;

/// What happens to a home.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Post { lead: u8, event: u8 },
    OwnerPut(u8),
    OwnerPoisoned(u8),
    BatchWorked,
    AllWorked,
    TimePassed,
    QueuePurged,
    DeadLettersRedriven,
    Swept,
    MailRefused,
    MailBusy,
    MailReplyLost,
    StoreFaulty(u8),
    SendFailed,
    Forgotten(u8),
}

fn happening() -> impl Strategy<Value = Happening> {
    let lead = 0..4_u8;
    prop_oneof![
        6 => (lead.clone(), 0..3_u8).prop_map(|(lead, event)| Happening::Post { lead, event }),
        4 => lead.clone().prop_map(Happening::OwnerPut),
        1 => lead.clone().prop_map(Happening::OwnerPoisoned),
        4 => Just(Happening::BatchWorked),
        2 => Just(Happening::AllWorked),
        3 => Just(Happening::TimePassed),
        1 => Just(Happening::QueuePurged),
        1 => Just(Happening::DeadLettersRedriven),
        1 => Just(Happening::Swept),
        1 => Just(Happening::MailRefused),
        1 => Just(Happening::MailBusy),
        1 => Just(Happening::MailReplyLost),
        1 => any::<u8>().prop_map(Happening::StoreFaulty),
        1 => Just(Happening::SendFailed),
        1 => lead.prop_map(Happening::Forgotten),
    ]
}

fn lead_id(lead: u8) -> String {
    format!("lead_{}", "x".repeat(usize::from(lead)))
}

async fn happens(world: &World, happening: Happening) {
    match happening {
        Happening::Post { lead, event } => {
            // Events of one lead share an instant, so that they meet in their slots.
            let (lead, event) = (lead_id(lead), format!("ev_{lead}_{event}"));
            world.post(&close_event(&lead, &event, INSTANT)).await;
        }
        Happening::OwnerPut(lead) => world.own(&lead_id(lead)),
        Happening::OwnerPoisoned(lead) => {
            world.put_owner(&lead_id(lead), r#"{"lead_id":"another"}"#);
        }
        Happening::BatchWorked => drop(world.work_next().await),
        Happening::AllWorked => drop(world.work_until_idle().await),
        Happening::TimePassed => sleep(Duration::from_mins(50)).await,
        Happening::QueuePurged => world.queue().purge(),
        Happening::DeadLettersRedriven => drop(world.redrive().await),
        // A faulty store may stop it; the next one goes on.
        Happening::Swept => drop(world.sweep.run(SweepMode::Confirm).await),
        Happening::MailRefused => world.mailer().refuse(1),
        Happening::MailBusy => world.mailer().be_busy(1),
        Happening::MailReplyLost => world.mailer().lose_replies(1),
        Happening::StoreFaulty(turn) => {
            let mut left = turn;
            world.store().set_script(move |_call| {
                left = left.wrapping_sub(1);
                let fault = if left.is_multiple_of(2) {
                    Fault::Fails
                } else {
                    Fault::ReplyLost
                };
                left.is_multiple_of(7).then_some(fault)
            });
            world.work_next().await;
            world.home.clear_script();
        }
        Happening::SendFailed => world.queue().fail_sends(1),
        Happening::Forgotten(lead) => drop(forgotten(world, &lead_id(lead)).await),
    }
}

async fn report(world: &World) -> (AuditReport, Vec<Flaw>) {
    let (report, findings) = audited(world).await;
    let flaws = findings.iter().map(|finding| finding.flaw);
    (report, flaws.collect())
}

/// Counted in another way: by keys alone.
fn received(world: &World) -> usize {
    let raw = world.keys("raw/");
    let is_gone = |mail: &&String| {
        let marker = world.peek(mail).unwrap();
        let state = marker.metadata.get("state");
        let is_forgotten = state.is_some_and(|state| state == "forgotten");
        is_forgotten && !raw.contains(&mail.replace("mail/", "raw/"))
    };
    let mail = world.keys("mail/");
    raw.len() + mail.iter().filter(is_gone).count()
}

fn live(history: &[Happening], ambiguous: AmbiguousPolicy, receivers: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let world = World::with(|world| {
            let address = |n| EmailAddress::parse(&format!("team-{n}@example.com")).unwrap();
            world.enrich.to = (0..receivers).map(address).collect();
            world.enrich.ambiguous = ambiguous;
        });
        for happening in history {
            happens(&world, *happening).await;
            let (report, flaws) = report(&world).await;
            assert!(report.account.adds_up(), "{happening:?}: {report:?}");
            let received = u64::try_from(received(&world)).unwrap();
            assert_eq!(report.account.received, received, "{happening:?}");
            // Where nobody works, a worker's last claim grows old.
            let is_expected = |flaw: &Flaw| matches!(flaw, Flaw::Nowhere | Flaw::ClaimStale);
            assert!(flaws.iter().all(is_expected), "{happening:?}: {flaws:?}");
        }
        world.queue().fail_sends(0);
        for _ in 0..4 {
            sleep(Duration::from_hours(3)).await;
            world.sweep.run(SweepMode::Confirm).await.unwrap();
            world.work_until_idle().await;
        }
        let (report, flaws) = report(&world).await;
        let account = report.account;
        assert_eq!((account.in_flight, account.nowhere), (0, 0), "{account:?}");
        assert!(report.is_sound(), "{flaws:?}");
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_numbers_add_up_and_in_the_end_every_event_has_one(
        history in prop::collection::vec(happening(), 1..40),
        parks in any::<bool>(),
        receivers in 1..4_usize,
    ) {
        let ambiguous = if parks { AmbiguousPolicy::Park } else { AmbiguousPolicy::Resend };
        live(&history, ambiguous, receivers);
    }
}
