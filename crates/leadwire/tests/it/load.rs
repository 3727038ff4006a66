//! Load and chaos, small: the same runs as `cargo run --release -p leadwire-load`, which are large.

use leadwire_load::flood::{self, Flood};
use leadwire_load::machine::Machine;
use leadwire_load::million::{self, Million};
use leadwire_load::report::Report;
use leadwire_load::smtp::{MailFault, MailServer};
use leadwire_load::soak::{self, Soak};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

#[track_caller]
fn check(report: &Report) {
    assert!(report.holds(), "{}", report.table());
}

async fn machine(folder: &TempDir, delay: u64, mail: Option<MailServer>) -> Machine {
    let binary = Path::new(env!("CARGO_BIN_EXE_leadwire"));
    let delay = Duration::from_secs(delay);
    let machine = Machine::start(binary, folder.path(), delay, mail).await;
    machine.unwrap()
}

#[tokio::test]
async fn three_hundred_leads_at_once_and_a_hundred_events_of_one_are_each_mailed_once() {
    let folder = TempDir::new().unwrap();
    let machine = machine(&folder, 2, None).await;
    let flood = Flood {
        leads: 300,
        events: 100,
        senders: 32,
    };
    let report = flood::run(flood, &machine).await.unwrap();
    check(&report);
    assert_eq!(report.value("mailed"), Some(400.0));
}

/// How quick they are is for the large run, of a release build.
#[tokio::test]
async fn leads_that_were_stored_before_a_start_can_be_looked_at_in_every_way() {
    let folder = TempDir::new().unwrap();
    let machine = machine(&folder, 900, None).await;
    let million = Million {
        leads: 200,
        senders: 8,
    };
    let mut report = million::run(million, &machine).await.unwrap();
    million::hold(&mut report);
    assert_eq!(report.value("leads_stored"), Some(200.0));
    let unknown = report.json()["promises"].to_string().contains("inf");
    assert!(!unknown, "every limit is of a figure: {}", report.table());
}

/// One kind of fault: a busy server is asked again after 20 s, and where one receiver's mail is refused beside a doubt about the other's,
/// the lead comes back after six minutes. Both are for the large run.
async fn check_soak(fault: MailFault, figure: &str) {
    let folder = TempDir::new().unwrap();
    let mail = MailServer::start(&[fault], 8, 11);
    let machine = machine(&folder, 1, Some(mail.unwrap())).await;
    let soak = Soak {
        lasts: Duration::from_secs(6),
        kill_every: Duration::from_secs(2),
        rate: 40,
        percent: 8,
        seed: 11,
    };
    let report = soak::run(soak, machine).await.unwrap();
    check(&report);
    let at_least = |name: &str, least: f64| {
        let is_enough = report.value(name) >= Some(least);
        assert!(is_enough, "{name}: {}", report.table());
    };
    at_least("kills", 3.0);
    at_least("events_accepted", 200.0);
    at_least("posted_again", 1.0);
    at_least(figure, 1.0);
}

#[tokio::test]
async fn kills_lost_replies_and_senders_that_send_twice_lose_nothing_and_mix_nothing() {
    check_soak(MailFault::Close, "mail_server_closed_after_data").await;
}

#[tokio::test]
async fn kills_refusals_and_senders_that_send_twice_lose_nothing_and_mix_nothing() {
    check_soak(MailFault::Refuse, "mail_server_refused").await;
}
