//! A folder that nobody may write, a clock that went back.

use crate::house::{House, block_on, wait_until};
use jiff::{SignedDuration, Timestamp};
use leadwire_local::{LocalHome, Mode, OpenOptions, SystemClock};
use leadwire_pipeline::port::{Bucket, Clock, NewObject, ObjectStore as _};
use serde_json::Value;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// A disk of its own, where this user may mount one.
pub(crate) struct Disk(PathBuf);

impl Disk {
    pub(crate) fn mount(path: &Path, options: &str) -> Option<Self> {
        fs::create_dir_all(path).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(path);
        let mounted = mount.output().is_ok_and(|output| output.status.success());
        mounted.then(|| Self(path.to_owned()))
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("--lazy").arg(&self.0).status());
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_told_by_its_name_with_what_to_look_at() {
    let house = House::new();
    let _disk = Disk::mount(&house.data(), "ro,size=1m").or_else(|| {
        fs::set_permissions(house.data(), Permissions::from_mode(0o555)).unwrap();
        None
    });
    let ran = house.run("up --bind 127.0.0.1:0").expect_code(1);
    for words in ["leadwire-data", "cannot be written", "permissions"] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}

/// The clock as it stood before it was put right.
struct Ahead;

impl Clock for Ahead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_hours(1)
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
    let (store, object) = (home.store(), NewObject::of(b"{}".to_vec()));
    block_on(store.put(Bucket::Enriched, "swept/x.json", object)).unwrap();
    drop((store, home));

    house
        .run("lookup put --create a --owner Omar")
        .expect_code(0);
    let checks = house.run("doctor --json").documents();
    let told = |check: &Value| {
        let found = check["found"].as_str().unwrap();
        check["verdict"] == "warn" && found.contains("the clock went back")
    };
    assert!(checks.iter().any(told), "{checks:#?}");
    let up = house.up("--delay 1s");
    up.accept("a");
    wait_until("the lead is mailed", || house.mails().len() == 1);
}
