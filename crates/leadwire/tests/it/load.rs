//! Load and chaos, small: the same runs as `cargo run --release -p leadwire-load`, which are large.

use leadwire_load::flood::{self, Flood};
use leadwire_load::report::Report;
use leadwire_load::smtp::MailFault;
use leadwire_load::soak::{self, Soak};
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

#[track_caller]
fn check(report: &Report) {
    assert!(report.holds(), "{}", report.table());
}

fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_leadwire"))
}

#[test]
fn three_hundred_leads_at_once_and_a_hundred_events_of_one_are_each_mailed_once() {
    let folder = TempDir::new().unwrap();
    let report = flood::run(&Flood {
        binary: binary(),
        folder: folder.path().to_owned(),
        leads: 300,
        events: 100,
        connections: 32,
        delay: Duration::from_secs(2),
    });
    let report = report.unwrap();
    check(&report);
    assert_eq!(report.value("mailed"), Some(400.0));
}

#[test]
fn kills_lost_replies_and_senders_that_send_twice_lose_nothing_and_mix_nothing() {
    let folder = TempDir::new().unwrap();
    let report = soak::run(&Soak {
        binary: binary(),
        folder: folder.path().to_owned(),
        lasts: Duration::from_secs(6),
        kill_every: Duration::from_secs(2),
        rate: 40,
        delay: Duration::from_secs(1),
        // A busy server is asked again after 20 s: that is for the large run.
        faults: vec![MailFault::Refuse, MailFault::Close],
        percent: 8,
        seed: 11,
    });
    let report = report.unwrap();
    check(&report);
    let at_least = |name: &str, least: f64| {
        assert!(
            report.value(name) >= Some(least),
            "{name}: {}",
            report.table()
        );
    };
    at_least("kills", 3.0);
    at_least("events_accepted", 200.0);
    at_least("posted_again", 1.0);
    at_least("mail_server_closed_after_data", 1.0);
}
