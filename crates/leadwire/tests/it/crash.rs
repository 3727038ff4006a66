use crate::house::{House, agent, post, wait_until};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const LEADS: usize = 200;
const SENDERS: usize = 8;
/// Who is mailed about each lead.
const RECEIVERS: [&str; 2] = ["team@example.com", "desk@example.com"];
const MAILS: usize = LEADS * RECEIVERS.len();

fn lead(number: usize) -> String {
    format!("lead-{number:03}")
}

/// How far the posting is, and whether its server has been killed.
#[derive(Default)]
struct Progress {
    taken: AtomicUsize,
    killed: AtomicBool,
}

/// Posts all leads as a CRM does: each by its own event id. Gives those that were answered with 202. The last quarter waits for the kill, so
/// that a kill that comes late on a busy machine does not find everything done.
fn post_all(url: &str, progress: &Progress) -> Vec<usize> {
    let Progress { taken, killed } = progress;
    std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                scope.spawn(move || {
                    let agent = agent();
                    let mine = (sender..LEADS).step_by(SENDERS);
                    mine.filter(|number| {
                        let is_late = taken.load(Ordering::SeqCst) >= LEADS * 3 / 4;
                        wait_until("the server is killed", || {
                            !is_late || killed.load(Ordering::SeqCst)
                        });
                        let accepted = post(&agent, url, &lead(*number)) == Some(202);
                        taken.fetch_add(usize::from(accepted), Ordering::SeqCst);
                        accepted
                    })
                    .collect::<Vec<usize>>()
                })
            })
            .collect();
        let accepted = senders.into_iter().map(|sender| sender.join().unwrap());
        accepted.flatten().collect()
    })
}

fn owners() -> String {
    (0..LEADS).fold("lead_id,owner\n".to_owned(), |mut csv, number| {
        writeln!(csv, "{},Omar", lead(number)).unwrap();
        csv
    })
}

#[test]
fn up_killed_twice_among_200_leads_loses_none_and_mails_none_twice() {
    let house = House::new();
    house.write("owners.csv", &owners());
    house
        .run("lookup import --create owners.csv")
        .expect_code(0);

    let up = |delay| house.up(&format!("--delay {delay} --to {}", RECEIVERS.join(",")));

    // The first death: while leads come in. Those that were not answered with 202 are sent again, as a CRM does.
    let first = up("3s");
    let url = first.url.clone();
    let progress = Progress::default();
    let accepted = std::thread::scope(|scope| {
        let posting = scope.spawn(|| post_all(&url, &progress));
        wait_until("half of the leads are taken", || {
            progress.taken.load(Ordering::SeqCst) >= LEADS / 2
        });
        first.kill_now();
        progress.killed.store(true, Ordering::SeqCst);
        posting.join().unwrap()
    });
    drop(first);
    assert!(
        (LEADS / 2..LEADS).contains(&accepted.len()),
        "the kill did not hit while leads came in: {} were taken",
        accepted.len()
    );

    // The second death: while mails go out.
    let second = up("1s");
    wait_until("a mail is out", || !house.mails().is_empty());
    second.kill();
    let mailed = house.mails().len();
    assert!(
        mailed < accepted.len() * RECEIVERS.len(),
        "the kill did not hit while mails went out: all {mailed} were out"
    );

    let third = up("1s");
    for number in (0..LEADS).filter(|number| !accepted.contains(number)) {
        third.accept(&lead(number));
    }
    wait_until("every lead is mailed", || {
        house.json("leads --limit 1000 --stage mailed").len() == LEADS
    });
    assert_eq!(third.stop(), Some(0));

    let mails = house.mails();
    assert_eq!(mails.len(), MAILS, "{mails:#?}");
    for number in 0..LEADS {
        let tag = format!("crm_event_{}_", lead(number));
        let found = mails.iter().filter(|mail| mail.contains(&tag)).count();
        assert_eq!(found, RECEIVERS.len(), "{tag}");
    }

    let account = house.account();
    let counts = ["received", "mailed", "inconsistent"].map(|name| account[name].as_u64());
    let leads = u64::try_from(LEADS).ok();
    assert_eq!(counts, [leads, leads, Some(0)], "{account}");
}
