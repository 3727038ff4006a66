//! Whatever happens, every event is in one place; and when time and the sweep have done their part, in one that is an end.

use super::audit::{audit, see};
use super::close_event;
use jiff::SignedDuration;
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::operate::audit::{AuditReport, AuditStep, Flaw};
use leadwire_pipeline::operate::forget::{Forget, ForgetConfig};
use leadwire_pipeline::port::Bucket;
use leadwire_pipeline::settings::AmbiguousPolicy;
use leadwire_pipeline::stage::sweep::SweepMode;
use leadwire_pipeline::testkit::{Fault, World, WorldBuilder};
use proptest::prelude::*;
use std::sync::Arc;
use std::time::Duration;

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
            world
                .post(&close_event(&lead, &event, "2026-11-23T06:49:59.123456"))
                .await;
        }
        Happening::OwnerPut(lead) => {
            let lead = lead_id(lead);
            let file = format!(r#"{{"lead_id":"{lead}","lead_owner":"Omar"}}"#);
            world.put_owner(&lead, &file);
        }
        Happening::OwnerPoisoned(lead) => {
            world.put_owner(&lead_id(lead), r#"{"lead_id":"another"}"#);
        }
        Happening::BatchWorked => drop(world.work_next().await),
        Happening::AllWorked => drop(world.work_until_idle().await),
        Happening::TimePassed => tokio::time::sleep(Duration::from_mins(50)).await,
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
            world.store().clear_script();
        }
        Happening::SendFailed => world.queue().fail_sends(1),
        Happening::Forgotten(lead) => {
            let config = ForgetConfig {
                lease: SignedDuration::from_secs(90),
                owner_file: true,
            };
            let forget = Forget::new(Arc::clone(&world.home), config);
            let found = forget.find(&LeadId::parse(&lead_id(lead)).unwrap()).await;
            forget
                .run(&found.unwrap(), || false, &mut |_step| ())
                .await
                .expect("nobody else is at work");
        }
    }
}

async fn report(world: &World) -> (AuditReport, Vec<Flaw>) {
    let mut flaws = Vec::new();
    let mut told = |step: AuditStep<'_>| {
        if let AuditStep::Found(finding) = step {
            flaws.push(finding.flaw);
        }
    };
    let report = audit(world, false)
        .run(async || see(world).await, &mut told)
        .await
        .expect("no fault is scripted");
    (report, flaws)
}

/// Counted in another way: by keys alone.
fn received(world: &World) -> usize {
    let store = world.store();
    let raw = store.keys(Bucket::Raw, "raw/");
    let is_gone = |mail: &&String| {
        let marker = store.peek(Bucket::Enriched, mail).unwrap();
        let is_forgotten = marker
            .metadata
            .get("state")
            .is_some_and(|s| s == "forgotten");
        is_forgotten && !raw.contains(&mail.replace("mail/", "raw/"))
    };
    let mail = store.keys(Bucket::Enriched, "mail/");
    raw.len() + mail.iter().filter(is_gone).count()
}

fn live(history: &[Happening], ambiguous: AmbiguousPolicy) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut builder = WorldBuilder::default();
        builder.enrich.ambiguous = ambiguous;
        let world = builder.build();
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
            tokio::time::sleep(Duration::from_hours(3)).await;
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
    ) {
        let ambiguous = if parks { AmbiguousPolicy::Park } else { AmbiguousPolicy::Resend };
        live(&history, ambiguous);
    }
}
