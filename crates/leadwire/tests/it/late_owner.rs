//! Owner files that come late: a lead that waits for one is mailed within seconds of it.

use crate::house::{House, Up, wait_until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Promise P9: 99 of 100 leads are mailed so soon after the file.
const SOON: Duration = Duration::from_secs(5);

fn owner_file(lead_id: &str) -> String {
    format!(r#"{{"lead_id":"{lead_id}","lead_owner":"Omar"}}"#)
}

/// Writes an owner file as a person's program would, not by the command.
fn put(house: &House, lead_id: &str) {
    let name = format!("leadwire-data/lookup/{lead_id}.json");
    house.write(&name, &owner_file(lead_id));
}

/// The next such event, of whichever lead.
fn next(up: &Up, event: &str) -> String {
    let told: Value = up.wait_for(event);
    told["lead_id"].as_str().unwrap().to_owned()
}

#[test]
fn of_200_leads_whose_owners_come_late_among_100_000_foreign_files_99_in_100_are_mailed_within_five_seconds()
 {
    let house = House::new();
    let up = house.up("--delay 0s --owner-wait 30m");
    let leads: Vec<String> = (0..200).map(|number| format!("l{number}")).collect();
    for lead in &leads {
        up.accept(lead);
    }
    for _ in &leads {
        next(&up, "lead_deferred");
    }
    // Pauses as of chance, in milliseconds.
    let pauses = std::iter::successors(Some(13_u64), |n| Some((n * 8121 + 28411) % 134_456));
    let mut pauses = pauses.map(|n| Duration::from_millis(n % 150));
    let (mut came, mut mailed) = (BTreeMap::new(), BTreeMap::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..100_000 {
                put(&house, &format!("foreign{number}"));
            }
        });
        let (came, pauses) = (&mut came, &mut pauses);
        let (house, leads) = (&house, &leads);
        scope.spawn(move || {
            for lead in leads {
                std::thread::park_timeout(pauses.next().unwrap());
                put(house, lead);
                came.insert(lead.clone(), Instant::now());
            }
        });
        for _ in leads {
            mailed.insert(next(&up, "email_sent"), Instant::now());
        }
    });
    assert_eq!(mailed.len(), leads.len(), "each is mailed once");
    let mut waits: Vec<Duration> = came.iter().map(|(lead, at)| mailed[lead] - *at).collect();
    waits.sort_unstable();
    assert!(waits[leads.len() * 99 / 100] <= SOON, "{waits:?}");
}

#[test]
fn a_lead_that_waited_when_its_process_died_is_woken_by_the_next_one() {
    let house = House::new();
    let up = house.up("--delay 0s --owner-wait 30m");
    up.accept("late-1");
    up.wait_for("lead_deferred");
    up.kill();
    let up = house.up("--delay 0s --owner-wait 30m");
    let began = Instant::now();
    put(&house, "late-1");
    up.wait_for("email_sent");
    assert!(
        began.elapsed() < Duration::from_secs(25),
        "its own message comes after 30 s"
    );
}

#[test]
fn an_owner_file_that_another_version_replaces_wakes_its_lead_again() {
    let house = House::new();
    let up = house.up("--delay 0s --owner-wait 30m");
    up.accept("late-2");
    up.wait_for("lead_deferred");
    house.write("leadwire-data/lookup/late-2.json", r#"{"lead_id":"other"}"#);
    up.wait_for("lead_woken");
    let began = Instant::now();
    put(&house, "late-2");
    up.wait_for("email_sent");
    assert!(began.elapsed() < Duration::from_secs(25));
    wait_until("it is settled", || {
        house.lead("late-2")["stage"] == "mailed"
    });
    assert!(house.mails().len() == 1);
}
