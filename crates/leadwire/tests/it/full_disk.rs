//! A disk that is full: a real one where this user may mount one, else a limit on the size of files.

use crate::house::{House, UNOWNED, agent, wait_until};
use crate::trouble::Disk;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::Command;

/// Of a lead's body, so that a small disk is full soon.
const FILLER: usize = 60_000;
/// More leads than fit.
const LEADS: usize = 200;

/// What takes the room away and gives it back.
enum Room {
    /// A disk that a file fills.
    Disk(Disk, PathBuf),
    /// No disk can be mounted: no file of the process may grow beyond a limit, as on a disk of that size.
    Limit(u32),
}

impl Room {
    fn take(disk: Option<Disk>, pid: u32) -> Self {
        let Some(disk) = disk else {
            limit(pid, "1000000:unlimited");
            return Self::Limit(pid);
        };
        let filler = disk.path().join("filler");
        // Down to the last page: what does not fit is refused, and the file keeps what did.
        let full = fs::write(&filler, vec![0; 64 * 1024 * 1024]).unwrap_err();
        assert_eq!(full.kind(), ErrorKind::StorageFull);
        Self::Disk(disk, filler)
    }

    fn give_back(&self) {
        match self {
            Self::Disk(_disk, filler) => fs::remove_file(filler).unwrap(),
            Self::Limit(pid) => limit(*pid, "unlimited:unlimited"),
        }
    }
}

fn limit(pid: u32, most: &str) {
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--pid", &pid.to_string(), &format!("--fsize={most}")]);
    assert!(prlimit.status().unwrap().success(), "{most}");
}

/// Posts a large lead. Gives the status and whether it was told when to come back.
fn post(url: &str, number: usize) -> (u16, bool) {
    let body =
        serde_json::json!({"lead_id": format!("lead-{number}"), "filler": "x".repeat(FILLER)});
    let request = agent().post(url).header("content-type", "application/json");
    let request = request.header("idempotency-key", format!("lead-{number}"));
    let answer = request.send(&body.to_string()).unwrap();
    let told = answer.headers().contains_key("retry-after");
    (answer.status().as_u16(), told)
}

#[test]
fn a_full_disk_answers_503_loses_nothing_accepted_and_goes_on_by_itself_when_there_is_room() {
    let house = House::new();
    // Unmounted after the house's own folder is done with, hence before it is removed.
    let disk = Disk::mount(&house.data(), "size=24m,mode=700");
    // A signal at the limit would end the process, where a full disk does not.
    let up = house.up_after("trap '' XFSZ", &format!("--delay 5s {UNOWNED}"));
    assert_eq!(post(&up.url, 0), (202, false));
    let room = Room::take(disk, up.pid());
    let mut accepted = 1;
    let refused = loop {
        let (status, told) = post(&up.url, accepted);
        if status != 202 {
            assert_eq!((status, told), (503, true));
            break accepted;
        }
        accepted += 1;
        assert!(accepted < LEADS, "the disk is never full");
    };
    for number in refused..refused + 3 {
        assert_eq!(post(&up.url, number), (503, true));
    }
    room.give_back();
    for number in refused..refused + 5 {
        assert_eq!(post(&up.url, number), (202, false));
    }
    let all = refused + 5;
    wait_until("every lead is mailed", || house.mails().len() >= all);
    assert_eq!(up.stop(), Some(0));
    let mails = house.mails();
    assert_eq!(mails.len(), all, "{mails:#?}");
    for number in 0..all {
        let tag = format!("crm_event_lead-{number}_");
        assert!(mails.iter().any(|mail| mail.starts_with(&tag)), "{tag}");
    }
}
