//! Leads that are enriched once more, with today's owner files.

use crate::house::{House, Ran, Up, agent, post};
use serde_json::Value;

fn owner(house: &House, name: &str) {
    let put = ["lookup", "put", "a", "--owner", name];
    house.run(&put).expect_code(0);
}

/// A lead that was mailed.
fn mailed() -> (House, Up) {
    let house = House::new();
    owner(&house, "Omar");
    let up = house.up(&["--delay", "0s"]);
    assert_eq!(post(&agent(), &up.url, "a"), Some(202));
    up.wait_for("email_sent");
    (house, up)
}

fn replay(house: &House, line: &[&str]) -> Ran {
    house.run(&[&["replay"], line, &["--json"]].concat())
}

/// The one document that has this member.
#[track_caller]
fn with<'a>(documents: &'a [Value], member: &str) -> &'a Value {
    let mut found = documents.iter().filter(|one| !one[member].is_null());
    let only = found
        .next()
        .unwrap_or_else(|| panic!("no {member} in {documents:?}"));
    assert!(found.next().is_none(), "{member} twice in {documents:?}");
    only
}

#[test]
fn a_replay_shows_what_would_change_and_mails_only_where_that_is_wanted() {
    let (house, up) = mailed();
    owner(&house, "Dora");
    let looked = replay(&house, &["a", "--dry-run"])
        .expect_code(0)
        .documents();
    let change = &with(&looked, "changes")["changes"][0];
    assert_eq!(
        (&change["field"], &change["before"], &change["after"]),
        (&"lead_owner".into(), &"Omar".into(), &"Dora".into())
    );
    let shown = house.run(&["replay", "a", "--dry-run"]).expect_code(0).out;
    assert!(shown.contains(r#""Omar"  "Dora""#), "{shown}");

    let sent = replay(&house, &["a", "--yes"]).expect_code(0).documents();
    assert_eq!(with(&sent, "revision")["revision"], 1);
    let told = up.wait_for("replay_settled");
    assert_eq!(
        (&told["notify"], &told["revision"]),
        (&"never".into(), &1.into())
    );
    assert!(
        !told.to_string().contains("Dora"),
        "values are never logged: {told}"
    );
    assert_eq!(house.mails().len(), 1);
    let leads = house
        .run(&["lead", "a", "--json"])
        .expect_code(0)
        .documents();
    let stages: Vec<&str> = leads
        .iter()
        .filter_map(|event| event["stage"].as_str())
        .collect();
    assert_eq!(stages, ["mailed", "silent"]);

    // Nothing has changed since the first replay.
    replay(&house, &["a", "--notify", "if-changed", "--yes"]).expect_code(0);
    assert_eq!(up.wait_for("replay_settled")["revision"], 2);
    owner(&house, "Eve");
    replay(&house, &["a", "--notify", "if-changed", "--yes"]).expect_code(0);
    up.wait_for("email_sent");
    replay(&house, &["a", "--notify", "force", "--yes"]).expect_code(0);
    up.wait_for("email_sent");
    let mails = house.mails();
    assert_eq!(mails.len(), 3, "{mails:?}");
    for (number, mail) in ["-r3", "-r4"].iter().zip(&mails) {
        assert!(mail.contains(number), "{mails:?}");
    }
}

#[test]
fn a_person_is_asked_before_anything_is_sent() {
    let (house, up) = mailed();
    let line = ["replay", "a", "--notify", "force"];
    let refused = house.run_at_terminal(&line, "n").expect_code(1).out;
    assert!(
        refused.contains("mail every one of them again? [y/N]"),
        "{refused}"
    );
    assert!(refused.contains("Nothing was sent."), "{refused}");
    let leads = house.run(&["lead", "a", "--json"]).documents();
    assert_eq!(leads.len(), 1, "{leads:?}");
    house.run_at_terminal(&line, "y").expect_code(0);
    up.wait_for("email_sent");
    assert_eq!(house.mails().len(), 2);
}

#[test]
fn leads_are_replayed_by_key_by_name_and_by_time() {
    let (house, _up) = mailed();
    let looked = replay(&house, &["a", "--dry-run"]).documents();
    let name = with(&looked, "changes")["event"]
        .as_str()
        .unwrap()
        .to_owned();
    let key = format!("raw/{name}.json");
    for line in [&[name.as_str()][..], &[&key], &["--from", "1h"]] {
        let looked = replay(&house, &[line, &["--dry-run"]].concat());
        let looked = looked.expect_code(0).documents();
        assert_eq!(with(&looked, "changes")["event"], name.as_str());
        assert_eq!(with(&looked, "ready")["ready"], 1, "{line:?}");
    }
    let before = ["--from", "2d", "--to", "1h", "--dry-run"];
    let looked = replay(&house, &before).expect_code(0).documents();
    assert_eq!(with(&looked, "selected")["selected"], 0);

    let run = |documents: &[Value]| with(documents, "run")["run"].as_str().unwrap().to_owned();
    let first = replay(&house, &[&key, "--yes"]).expect_code(0).documents();
    let again = ["a", "--yes", "--resume", &run(&first)];
    let again = replay(&house, &again).expect_code(0).documents();
    assert_eq!(
        (run(&again), &with(&again, "revision")["revision"]),
        (run(&first), &1.into())
    );
}

#[test]
fn what_cannot_be_replayed_is_named_and_nothing_is_sent_without_a_yes() {
    let (house, _up) = mailed();
    let refused = replay(&house, &["nobody", "--yes"])
        .expect_code(1)
        .documents();
    assert_eq!(with(&refused, "id")["refused"], "not_found");
    let gone = "raw/crm_event_a_20200101T000000000000Z.json";
    let refused = replay(&house, &[gone, "--yes"]).expect_code(1).documents();
    assert_eq!(with(&refused, "why")["refused"], "raw_missing");
    assert_eq!(with(&refused, "why")["key"], gone);
    std::fs::remove_file(house.data().join("lookup/a.json")).unwrap();
    let refused = replay(&house, &["a", "--yes"]).expect_code(1).documents();
    assert_eq!(with(&refused, "why")["refused"], "owner_missing");
    owner(&house, "Omar");

    for wrong in [
        &["a"][..],
        &[],
        &["a", "--from", "1h"],
        &["../a", "--yes"],
        &["--from", "soon", "--yes"],
        &["--from", "1h", "--to", "2h", "--yes"],
        &["a", "--yes", "--resume", "../1"],
        &["a", "--yes", "--notify", "perhaps"],
    ] {
        replay(&house, wrong).expect_code(2);
    }
    let leads = house.run(&["lead", "a", "--json"]).documents();
    assert_eq!(leads.len(), 1, "{leads:?}");
}
