//! A disk that is full, a folder that nobody may write, a clock that went back.

use crate::house::{House, agent, wait_until};
use jiff::{SignedDuration, Timestamp};
use leadwire_local::{LocalHome, Mode, OpenOptions, SystemClock};
use leadwire_pipeline::port::{Bucket, Clock, NewObject, ObjectStore as _};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// Of a lead's body, so that a small disk is full soon.
const FILLER: usize = 60_000;
/// More leads than fit.
const LEADS: usize = 200;

/// A disk of its own, where this user may mount one.
struct Disk(PathBuf);

impl Disk {
    fn mount(path: &Path, options: &str) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(path);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self(path.to_owned()))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

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
        let filler = disk.0.join("filler");
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
    let up = house.up_after(
        "trap '' XFSZ",
        &[
            "--delay",
            "5s",
            "--owner-missing",
            "mail",
            "--owner-wait",
            "0s",
        ],
    );
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

#[test]
fn a_folder_that_cannot_be_written_is_told_by_its_name_with_what_to_look_at() {
    let house = House::new();
    let _disk = Disk::mount(&house.data(), "ro,size=1m").or_else(|| {
        fs::set_permissions(
            house.data(),
            std::os::unix::fs::PermissionsExt::from_mode(0o555),
        )
        .unwrap();
        None
    });
    let ran = house.run(&["up", "--bind", "127.0.0.1:0"]).expect_code(1);
    for words in ["leadwire-data", "cannot be written", "permissions"] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}

/// The clock as it stood before it was put right.
struct Ahead;

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock
            .now()
            .checked_add(SignedDuration::from_hours(1))
            .unwrap()
    }
}

#[test]
fn a_clock_that_went_back_is_told_by_up_and_by_doctor_and_leads_go_out_all_the_same() {
    let house = House::new();
    let options = OpenOptions {
        clock: Arc::new(Ahead),
        ..OpenOptions::default()
    };
    let home = LocalHome::open_with(&house.data(), Mode::Prepare, options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let object = NewObject::of(b"{}".to_vec());
        let put = home
            .store()
            .put(Bucket::Enriched, "swept/x.json", object)
            .await;
        assert!(put.is_ok(), "{put:?}");
    });
    drop(home);

    house
        .run(&["lookup", "put", "a", "--owner", "Omar"])
        .expect_code(0);
    let checks = house.run(&["doctor", "--json"]).documents();
    let told = |check: &serde_json::Value| {
        check["verdict"] == "warn"
            && check["found"]
                .as_str()
                .unwrap()
                .contains("the clock went back")
    };
    assert!(checks.iter().any(told), "{checks:#?}");
    let up = house.up(&["--delay", "1s"]);
    assert_eq!(crate::house::post(&agent(), &up.url, "a"), Some(202));
    wait_until("the lead is mailed", || house.mails().len() == 1);
}
