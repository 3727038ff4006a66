use crate::house::{House, UNOWNED, agent, post, wait_until};
use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

const LEADS: usize = 120;
#[test]
fn a_backup_made_while_leads_flow_is_restored_and_every_lead_in_it_is_mailed() {
    let house = House::new();
    let soon = format!("--delay 1s {UNOWNED}");
    let up = house.up(&soon);
    let (url, taken) = (&up.url, AtomicUsize::new(0));
    let backup = std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0..LEADS {
                assert_eq!(post(&agent(), url, &format!("lead-{number}")), Some(202));
                taken.fetch_add(1, Ordering::SeqCst);
            }
        });
        wait_until("some leads are taken", || {
            taken.load(Ordering::SeqCst) >= LEADS / 4
        });
        house.json("backup copy.db").remove(0)
    });
    let events = backup["events"].as_u64().unwrap();
    assert!(events >= u64::try_from(LEADS / 4).unwrap(), "{backup}");

    let before = fs::read(house.path().join("copy.db")).unwrap();
    let again = house.run("backup copy.db");
    again.expect_error(1, "there is a file of that name");
    assert_eq!(fs::read(house.path().join("copy.db")).unwrap(), before);
    wait_until("every lead is mailed", || house.mails().len() == LEADS);
    drop(up);

    let restored = House::new();
    fs::create_dir(restored.data()).unwrap();
    fs::write(restored.data().join("leadwire.db"), before).unwrap();
    let account_before = restored.account();
    assert_eq!(account_before["received"], events);
    // The one that was being accepted at that moment may be stored and not queued: the sweep's.
    let unqueued = account_before["without_message"].as_u64().unwrap();
    assert!(unqueued <= 1, "{account_before}");
    let mailed = events - unqueued;
    let up = restored.up(&soon);
    wait_until("every lead in the backup has its end", || {
        restored.account()["mailed"] == mailed
    });
    up.accept("after");
    wait_until("it takes new leads", || {
        restored.account()["mailed"] == mailed + 1
    });
    assert_eq!(up.stop(), Some(0));
}

#[test]
fn a_stack_is_told_what_its_backup_is() {
    let house = House::new();
    let ran = house.run("backup copy.db --stack crm");
    ran.expect_error(2, "every version");
    assert!(!house.path().join("copy.db").exists());
}
