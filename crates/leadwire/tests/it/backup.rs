use crate::house::{House, agent, post, wait_until};
use serde_json::Value;
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

const LEADS: usize = 120;
/// Flags of an `up` that mails leads which nobody owns, soon.
const SOON: [&str; 6] = [
    "--delay",
    "1s",
    "--owner-missing",
    "mail",
    "--owner-wait",
    "0s",
];

fn account(house: &House) -> Value {
    let ran = house.run(&["audit", "--json"]).expect_code(0);
    ran.documents().pop().unwrap()["account"].clone()
}

#[test]
fn a_backup_made_while_leads_flow_is_restored_and_every_lead_in_it_is_mailed() {
    let house = House::new();
    let up = house.up(&SOON);
    let taken = AtomicUsize::new(0);
    let backup = std::thread::scope(|scope| {
        scope.spawn(|| {
            let agent = agent();
            for number in 0..LEADS {
                assert_eq!(post(&agent, &up.url, &format!("lead-{number}")), Some(202));
                taken.fetch_add(1, Ordering::SeqCst);
            }
        });
        wait_until("some leads are taken", || {
            taken.load(Ordering::SeqCst) >= LEADS / 4
        });
        let ran = house.run(&["backup", "copy.db", "--json"]).expect_code(0);
        ran.documents().remove(0)
    });
    let events = backup["events"].as_u64().unwrap();
    assert!(events >= u64::try_from(LEADS / 4).unwrap(), "{backup}");

    let before = fs::read(house.path().join("copy.db")).unwrap();
    let taken = house.run(&["backup", "copy.db"]).expect_code(1);
    assert!(
        taken.err.contains("there is a file of that name"),
        "{}",
        taken.err
    );
    assert_eq!(fs::read(house.path().join("copy.db")).unwrap(), before);
    wait_until("every lead is mailed", || house.mails().len() == LEADS);
    drop(up);

    let restored = House::new();
    fs::create_dir(restored.data()).unwrap();
    fs::write(restored.data().join("leadwire.db"), before).unwrap();
    let account_before = account(&restored);
    assert_eq!(account_before["received"], events);
    // The one that was being accepted at that moment may be stored and not queued: the sweep's.
    let unqueued = account_before["without_message"].as_u64().unwrap();
    assert!(unqueued <= 1, "{account_before}");
    let mailed = events - unqueued;
    let up = restored.up(&SOON);
    wait_until("every lead in the backup has its end", || {
        account(&restored)["mailed"] == mailed
    });
    assert_eq!(post(&agent(), &up.url, "after"), Some(202));
    wait_until("it takes new leads", || {
        account(&restored)["mailed"] == mailed + 1
    });
    assert_eq!(up.stop(), Some(0));
}

#[test]
fn a_stack_is_told_what_its_backup_is() {
    let house = House::new();
    let ran = house
        .run(&["backup", "copy.db", "--stack", "crm"])
        .expect_code(2);
    assert!(ran.err.contains("every version"), "{}", ran.err);
    assert!(!house.path().join("copy.db").exists());
}
