//! `up --save-refused`: what a source refuses lies in a file, and the doctor says from it which mistake it is.

use crate::house::{House, Up, agent, wait_until};
use crate::source_check::{BODY, OLD, signature_at, sources};
use leadwire_local::SystemClock;
use leadwire_pipeline::port::Clock as _;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

const FLAG: &str = "--save-refused refused";

fn house() -> House {
    let house = House::new();
    house.write("leadwire-data/sources.json", &sources().to_string());
    house
}

fn saved(house: &House) -> Vec<PathBuf> {
    let entries = fs::read_dir(house.path().join("refused")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Posts a body that is signed with this secret, and tells the answer's status.
fn post(up: &Up, path: &str, secret: &str) -> u16 {
    let now = SystemClock.now();
    let request = agent()
        .post(format!("{}{path}", up.base()))
        .header("close-sig-timestamp", now.as_second().to_string())
        .header("close-sig-hash", signature_at(secret, now));
    request.send(BODY).unwrap().status().as_u16()
}

fn mode(path: &PathBuf) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_refused_request_is_saved_for_its_owner_alone_and_the_doctor_names_its_mistake() {
    let house = house();
    let secrets = sources();
    let secret = |name: &str| secrets[name]["secrets"][0].as_str().unwrap().to_owned();
    let up = house.up(FLAG);
    assert_eq!(mode(&house.path().join("refused")), 0o700);
    // Neither what is verified and no event, nor what comes to nobody.
    assert_eq!(post(&up, "/ingest/close-eu", &secret("close-eu")), 400);
    assert_eq!(post(&up, "/ingest/nobody", OLD), 401);
    assert_eq!(post(&up, "/nowhere", OLD), 404);
    assert_eq!(post(&up, "/ingest/close-eu", &secret("close-us")), 401);
    let told = up.wait_for("refused_saved");
    assert_eq!(told["source"], "close-eu");
    let files = saved(&house);
    let [file] = files.as_slice() else {
        panic!("one file: {files:?}");
    };
    assert_eq!(mode(file), 0o600);
    let path = told["path"].as_str().unwrap();
    assert_eq!(house.path().join(path), *file);
    assert!(fs::read(file).unwrap().ends_with(BODY.as_bytes()));
    // With the time at which it came: nothing else is asked for.
    let line = format!("source check close-eu --request {path}");
    let told = &house.json_with(1, &line)[0];
    assert_eq!(told["mistakes"][0]["code"], "secret_of_another", "{told:#}");
    assert!(told["received_at"].is_string(), "{told:#}");
    assert_eq!(up.stop(), Some(0));
}

#[test]
fn without_the_flag_nothing_is_saved() {
    let house = house();
    let up = house.up("");
    assert_eq!(post(&up, "/ingest/close-eu", OLD), 401);
    up.wait_for("request_rejected");
    assert_eq!(up.stop(), Some(0));
    let names = fs::read_dir(house.path()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["leadwire-data"]);
}

#[test]
fn a_full_folder_is_told_once_and_takes_more_when_there_is_room() {
    let house = house();
    for number in 0..100 {
        house.write(&format!("refused/refused-{number}.http"), "");
    }
    let up = house.up(FLAG);
    for _ in 0..3 {
        assert_eq!(post(&up, "/ingest/close-eu", OLD), 401);
    }
    let told = up.wait_for("refused_not_saved");
    assert_eq!(told["folder"], "refused");
    let cause = told["cause"].as_str().unwrap();
    assert!(cause.contains("100 refused requests"), "{cause}");
    fs::remove_file(house.path().join("refused/refused-7.http")).unwrap();
    // A request that waits to be written when the file goes may take its room.
    wait_until("another one is saved", || {
        post(&up, "/ingest/close-eu", OLD);
        saved(&house).len() == 100
    });
    let told = up.told_until("refused_saved");
    assert!(told.iter().all(|told| told["event"] != "refused_not_saved"));
    assert_eq!(up.stop(), Some(0));
}

#[test]
fn a_folder_that_cannot_be_written_is_a_mistake_at_the_start() {
    let house = house();
    house.write("refused", "a file");
    let ran = house.run("up --save-refused refused --delay nonsense");
    let ran = ran.expect_error(2, "--save-refused \"refused\" cannot be used");
    assert!(ran.err.contains("--delay"), "{}", ran.err);
}
