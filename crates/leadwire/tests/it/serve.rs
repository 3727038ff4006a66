use crate::house::{House, agent, raw_exchange, wait_until};
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn leads_that_are_posted_are_mailed_after_their_delay_and_not_before() {
    let house = House::new();
    house
        .run("lookup put --create a --owner Omar")
        .expect_code(0);
    house
        .run("lookup put --create b --owner Olga")
        .expect_code(0);
    let up = house.up("--delay 1s");
    for lead in ["a", "b", "a"] {
        up.accept(lead);
    }
    wait_until("two mails are in the outbox", || house.mails().len() == 2);
    wait_until("both leads are mailed", || {
        let leads = house.json("leads");
        leads.len() == 2 && leads.iter().all(|lead| lead["stage"] == "mailed")
    });
    let read = |folder: &str| {
        let path = house.data().join(folder).join(&house.files(folder)[0]);
        std::fs::read_to_string(path).unwrap()
    };
    let text = read("outbox");
    assert!(text.contains("Subject:"), "{text}");
    let document: Value = serde_json::from_str(&read("enriched")).unwrap();
    let time = |name: &str| {
        let text = document["_leadwire"][name].as_str();
        text.unwrap().parse::<Timestamp>().unwrap()
    };
    let waited = time("enriched_at").duration_since(time("accepted_at"));
    assert!(waited.as_secs_f64() >= 1.0, "{document:#}");
    assert_eq!(up.stop(), Some(0));
    assert_eq!(house.mails().len(), 2);
}

/// The mails in the outbox, by one header.
fn header(house: &House, name: &str) -> BTreeSet<String> {
    let texts = house.mails().into_iter().map(|mail| {
        let path = house.data().join("outbox").join(mail);
        std::fs::read_to_string(path).unwrap()
    });
    let value = |text: String| {
        let mut lines = text.lines();
        let line = lines.find_map(|line| line.strip_prefix(name));
        line.unwrap().to_owned()
    };
    texts.map(value).collect()
}

#[test]
fn each_receiver_has_a_mail_of_its_own_and_what_is_taken_out_of_the_outbox_does_not_come_back() {
    let house = House::new();
    house
        .run("lookup put --create a --owner Omar")
        .expect_code(0);
    let flags = "--delay 0s --to team@example.com,desk@example.com";
    let up = house.up(flags);
    up.accept("a");
    wait_until("the lead is mailed", || {
        house.lead("a")["stage"] == "mailed"
    });
    let receivers = ["desk@example.com", "team@example.com"].map(str::to_owned);
    assert_eq!(header(&house, "To: "), BTreeSet::from(receivers));
    assert_eq!(header(&house, "Message-ID: ").len(), 2);
    assert_eq!(header(&house, "X-Leadwire-Event: ").len(), 1);
    for mail in house.mails() {
        std::fs::remove_file(house.data().join("outbox").join(mail)).unwrap();
    }
    assert_eq!(up.stop(), Some(0));
    let up = house.up(flags);
    up.accept("a");
    house.run("sweep --confirm").expect_code(0);
    assert_eq!(up.stop(), Some(0));
    assert!(house.mails().is_empty());
}

#[test]
fn a_lead_without_an_owner_file_waits_for_it_and_says_so() {
    let house = House::new();
    let up = house.up("--delay 0s");
    up.accept("late");
    let told = up.wait_for("lead_deferred");
    assert_eq!(told["lead_id"], "late");
    assert_eq!(told["reason"], "owner_absent");
    wait_until("the lead is shown as waiting", || {
        let lead = house.lead("late");
        lead["stage"] == "waiting" && lead["why"] == "for its owner file"
    });
    assert!(house.mails().is_empty());
}

#[test]
fn a_lead_whose_owner_file_is_cut_off_waits_for_the_rest_and_says_so() {
    let house = House::new();
    house
        .run("lookup put --create b --owner Omar")
        .expect_code(0);
    house.write("leadwire-data/lookup/a.json", "{\"lead_id\":\"a\",");
    let up = house.up("--delay 0s");
    up.accept("a");
    let told = up.wait_for("lead_deferred");
    assert_eq!(told["reason"], "owner_unfinished");
    let why = "for its owner file, which is empty or cut off";
    wait_until("the lead is shown as waiting", || {
        let lead = house.lead("a");
        lead["stage"] == "waiting" && lead["why"] == why
    });
    assert!(house.mails().is_empty());
}

#[test]
fn what_is_no_lead_is_answered_with_a_problem() {
    let house = House::new();
    let up = house.up("");
    let agent = agent();
    let mut health = agent.get(format!("{}/healthz", up.base())).call().unwrap();
    assert_eq!(health.status(), 200);
    let body = health.body_mut().read_to_string().unwrap();
    assert_eq!(body, r#"{"status":"ok"}"#);
    let status = |path: &str, body: &[u8]| {
        let request = agent.post(format!("{}{path}", up.base()));
        request.send(body).unwrap().status().as_u16()
    };
    assert_eq!(status("/ingest", b"{}"), 400);
    assert_eq!(status("/nowhere", b"{}"), 404);
    assert_eq!(status("/ingest/hubspot", b"{}"), 401);
    assert_eq!(status("/ingest/close", b"{}"), 401);
    assert_eq!(agent.get(&up.url).call().unwrap().status(), 405);
}

#[test]
fn a_body_over_the_limit_is_refused_without_reading_it_all() {
    let house = House::new();
    let up = house.up("");
    // A gigabyte is announced and a mebibyte and a byte are sent: the answer comes without the rest.
    let mut request =
        b"POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n".to_vec();
    request.extend(vec![b' '; 1024 * 1024 + 1]);
    let answer = raw_exchange(&up.url, &request);
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
    assert!(answer.contains("\"code\":\"too_large\""), "{answer}");
}

#[test]
fn a_second_up_on_one_folder_is_refused_and_names_the_first() {
    let house = House::new();
    let first = house.up("");
    let pid = first.pid().to_string();
    house.run("up --bind 127.0.0.1:0").expect_error(1, &pid);
    first.accept("a");
}

#[test]
fn a_taken_address_is_told_with_what_to_do() {
    let house = House::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = house.run(&format!("up --bind {address}"));
    ran.expect_error(1, "--bind");
}

#[test]
fn doctor_finds_a_served_folder_sound_and_an_absent_one_not() {
    let house = House::new();
    house.run("doctor").expect_code(1);
    let _up = house.up("");
    house.run("doctor").expect_code(0);
    for what in [
        "data folder",
        "database",
        "tombstones",
        "queue",
        "dead letters",
        "served",
        "mail",
    ] {
        assert_eq!(house.diagnosis("", what)["verdict"], "ok", "{what}");
    }
}
