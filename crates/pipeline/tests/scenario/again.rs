//! Verbs that may be begun again: broken off after each of their steps, with two events, and begun once more.

use super::prelude::*;
use std::sync::Mutex;

const LEASE: Duration = Duration::from_secs(90);
const TIMES: [&str; 2] = ["2026-11-23T06:49:58.1", "2026-11-23T06:49:59.1"];

/// Faults that break a verb off at a call: before it takes effect, and after.
const BREAKS: [Fault; 2] = [Fault::Fails, Fault::ReplyLost];

/// Two events of one lead that has an owner.
async fn two_posted(world: &World) -> [String; 2] {
    world.own("a");
    let mut keys = Vec::new();
    for (number, time) in TIMES.into_iter().enumerate() {
        let body = close_event("a", &format!("ev_{number}"), time);
        keys.push(key_of(&world.post(&body).await));
    }
    keys.try_into().unwrap()
}

/// Both mailed.
async fn two_events(world: &World) -> [String; 2] {
    let keys = two_posted(world).await;
    world.work_until_idle().await;
    keys
}

/// Calls that change something, with the time of each.
type Log = Arc<Mutex<Vec<(Instant, Call)>>>;

fn is_change(call: &Call) -> bool {
    is_on_store(call) && !matches!(call, Call::Get(..) | Call::List(..))
}

/// Notes every change, and breaks off at the one of this number.
fn note(world: &World, broken: Option<(usize, Fault)>) -> Log {
    let log = Log::default();
    let noted = Arc::clone(&log);
    world.home.set_script(move |call| {
        if !is_change(call) {
            return None;
        }
        let mut noted = noted.lock().unwrap();
        let (at, fault) = broken.unwrap_or((usize::MAX, Fault::Fails));
        let number = noted.len();
        noted.push((Instant::now(), call.clone()));
        (number == at).then_some(fault)
    });
    log
}

#[tokio::test(start_paused = true)]
async fn forgetting_that_was_broken_off_waits_one_lease_from_the_last_mark_and_ends_as_if_it_was_not()
 {
    // Four marks, four deletions, and the owner file.
    for broken in 0..9 {
        for fault in BREAKS {
            let world = World::new();
            let keys = two_events(&world).await;
            let first = note(&world, Some((broken, fault)));
            assert!(try_to_forget(&world, "a").await.is_err(), "{broken}");
            let first = first.lock().unwrap().clone();
            assert_eq!(first.len(), broken + 1);
            // A worker that began after the first run could be at it by now.
            sleep(Duration::from_mins(1)).await;
            let second = note(&world, None);
            try_to_forget(&world, "a").await.unwrap();
            let second = second.lock().unwrap().clone();
            let is_mark = |call: &Call| matches!(call, Call::Replace(..));
            let is_erase = |call: &Call| matches!(call, Call::Erase(..));
            let all = || first.iter().chain(&second);
            let last_mark = all().rfind(|(_, call)| is_mark(call)).unwrap();
            let first_erase = all().find(|(_, call)| is_erase(call)).unwrap();
            let waited = first_erase.0.duration_since(last_mark.0);
            let expected = LEASE..LEASE + Duration::from_secs(2);
            assert!(expected.contains(&waited), "{broken} {fault:?}: {waited:?}");

            let left = world.home.keys(Bucket::Enriched, "");
            let marks = keys.each_ref().map(|key| key.replace("raw/", "mail/"));
            assert_eq!(left, marks, "{broken} {fault:?}");
            for mark in keys.iter().chain(&marks) {
                assert_eq!(world.state(mark), "forgotten", "{broken} {fault:?}");
            }
            assert!(world.keys("").is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_forgetting_that_is_killed_while_it_waits_waits_for_what_is_left_of_the_later_mark() {
    for killed_after in [1, 45, 89] {
        let world = World::new();
        two_events(&world).await;
        // Only the first event is marked when the first run ends.
        note(&world, Some((2, Fault::Fails)));
        try_to_forget(&world, "a").await.unwrap_err();
        sleep(Duration::from_secs(30)).await;
        let marked = Instant::now();
        note(&world, None);
        let killed = Duration::from_secs(killed_after);
        let second = tokio::time::timeout(killed, try_to_forget(&world, "a")).await;
        assert!(second.is_err(), "it waits still");
        let third = note(&world, None);
        try_to_forget(&world, "a").await.unwrap();
        let third = third.lock().unwrap();
        let (erased, call) = &third[0];
        let is_erase = matches!(call, Call::Erase(..));
        assert!(is_erase, "{call:?}: both have their marks");
        assert_eq!(erased.duration_since(marked), LEASE, "{killed_after}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_came_between_two_forgettings_is_waited_for_like_the_first() {
    let world = World::new();
    world.own("a");
    world.post(&close_event("a", "ev_0", TIMES[0])).await;
    note(&world, Some((1, Fault::Fails)));
    try_to_forget(&world, "a").await.unwrap_err();
    world.home.clear_script();
    world.post(&close_event("a", "ev_1", TIMES[1])).await;
    let log = note(&world, None);
    try_to_forget(&world, "a").await.unwrap();
    let log = log.lock().unwrap();
    // The first event's claim, and both marks of the second.
    assert!(
        log[0].1.is_on("mail/") && log[2].1.is_on("mail/"),
        "{log:?}"
    );
    assert_eq!(log[3].0.duration_since(log[2].0), LEASE, "{log:?}");
    let raw = world.keys("raw/");
    assert_eq!(raw.len(), 2);
    for key in raw {
        assert_eq!(world.state(&key), "forgotten", "{key}");
    }
}

/// Replays both events, as one run of the command does: it stops at the first that fails.
async fn replay_both(world: &World, keys: &[String; 2], resumed: bool) -> Vec<Option<Replayed>> {
    let order = order(Notify::Force, "run-1", resumed);
    let mut done = Vec::new();
    for key in keys {
        let ready = ready(world, &EventName::parse_raw_key(key).unwrap()).await;
        done.push(replay(&*world.home, &ready, &order).await.ok());
        if done.ends_with(&[None]) {
            break;
        }
    }
    done
}

#[tokio::test(start_paused = true)]
async fn a_replay_of_two_events_that_was_broken_off_anywhere_goes_on_and_mails_each_once() {
    for broken in 0..2 {
        for fault in [Some(Fault::Fails), Some(Fault::ReplyLost), None] {
            for is_worked_on in [false, true] {
                let world = World::new();
                let keys = two_events(&world).await;
                match fault {
                    // The number is not taken, or taken and the process ends.
                    Some(fault) => drop(note(&world, Some((broken, fault)))),
                    None if broken == 0 => world.queue().fail_sends(1),
                    None => world.queue().lose_send_replies(1),
                }
                let first = replay_both(&world, &keys, false).await;
                world.home.clear_script();
                world.queue().lose_send_replies(0);
                let waiting = world.queue().depth();
                if is_worked_on {
                    world.work_until_idle().await;
                }
                let second = replay_both(&world, &keys, true).await;
                assert_eq!(second.len(), 2, "{first:?} {second:?}");
                for replayed in second.iter().flatten() {
                    // One number each.
                    let is_done = *replayed == Replayed::DoneBefore { revision: 1 };
                    assert!(is_done || *replayed == queued(1), "{first:?} {second:?}");
                    assert!(!is_done || (is_worked_on && waiting > 0), "{second:?}");
                }
                world.work_until_idle().await;
                let mails = world.mailer().sent();
                let replays = mails.iter().filter(|mail| mail.event.ends_with("-r1"));
                assert_eq!(replays.count(), 2, "{fault:?}: {first:?} {second:?}");
                assert_eq!(mails.len(), 4, "{broken} {fault:?}");
            }
        }
    }
}

/// Two events whose mails are parked.
async fn two_parked() -> (World, [EventName; 2]) {
    let world = World::parking();
    world.put_owner("test-1", OMAR);
    let mut names = Vec::new();
    for _ in 0..2 {
        names.push(name_of(&world.post(ALICE).await));
    }
    world.mailer().drop_silently(2);
    world.work_until_idle().await;
    names.sort();
    (world, names.try_into().unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_resolution_that_was_broken_off_anywhere_is_said_again_and_touches_no_other() {
    // A read of the claim and of its document, its change, a read of it where the reply was lost, a read of the raw object, the message.
    for broken in 0..6 {
        for fault in BREAKS {
            for resolution in [Resolution::Resend, Resolution::Sent] {
                let (world, [name, other]) = two_parked().await;
                let untouched = world.peek(&other.mail_key());
                world.spoil_some(broken..broken + 1, fault, is_on_store);
                world.queue().fail_sends(usize::from(broken == 5));
                let first = resolve(&*world.home, &name, resolution).await;
                world.home.clear_script();
                world.queue().fail_sends(0);
                let second = resolve(&*world.home, &name, resolution).await.unwrap();
                let context = format!("{broken} {fault:?} {resolution:?}: {first:?} {second:?}");
                match resolution {
                    Resolution::Resend => assert_eq!(second, Resolved::Queued, "{context}"),
                    Resolution::Sent => {
                        let ends = [Resolved::MarkedSent, Resolved::SettledBefore(Settled::Sent)];
                        assert!(ends.contains(&second), "{context}");
                    }
                }
                world.work_until_idle().await;
                let mails = usize::from(resolution == Resolution::Resend);
                assert_eq!(world.mailer().sent().len(), mails, "{context}");
                assert_eq!(world.state(&name.mail_key()), "sent", "{context}");
                let after = world.peek(&other.mail_key());
                assert_eq!(after.unwrap().etag, untouched.unwrap().etag, "{context}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_redrive_whose_copy_went_and_whose_letter_stayed_mails_once() {
    let world = World::new();
    let keys = two_posted(&world).await;
    world.spoil(Fault::Fails, is_on_store);
    world.work_until_idle().await;
    world.home.clear_script();
    let letters = world.queue().dead_letters();
    assert_eq!(letters.len(), 2);
    // The copy of the first was sent before it was broken off; then all are redriven, and the first once more by its bare form.
    world.send(&letters[0].body).await;
    world.redrive().await.unwrap();
    world.send_bare(&keys[0]);
    let outcomes = world.work_until_idle().await;
    assert_eq!(count(&outcomes, MAILED), 2, "{outcomes:?}");
    assert_eq!(world.mailer().sent().len(), 2);
    assert!(!has_failed(&outcomes));
}

#[tokio::test(start_paused = true)]
async fn a_sweep_that_was_broken_off_anywhere_goes_on_and_loses_none() {
    for broken in 0..6 {
        for fault in BREAKS {
            let world = World::new();
            for lead in ["a", "b"] {
                world.own(lead);
                let body = format!(r#"{{"lead_id":"{lead}"}}"#);
                world.put(&format!("raw/{lead}.json"), &body);
            }
            sleep(LONG).await;
            world.spoil_some(broken..broken + 1, fault, |call| {
                is_on_store(call) && !matches!(call, Call::List(..))
            });
            drop(world.sweep.run(SweepMode::Send).await);
            world.home.clear_script();
            for _ in 0..2 {
                world.work_until_idle().await;
                sleep(LONG).await;
                swept(&world).await;
            }
            assert_eq!(world.mailer().sent().len(), 2, "{broken} {fault:?}");
        }
    }
}
