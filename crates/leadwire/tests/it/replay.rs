//! Leads that are enriched once more, with today's owner files.

use crate::house::House;
use serde_json::Value;

fn owner(house: &House, name: &str) {
    house.json(&format!("lookup put --create a --owner {name}"));
}

fn replay(house: &House, line: &str) -> Vec<Value> {
    house.json(&format!("replay {line}"))
}

/// The one document that has this member.
#[track_caller]
fn with<'a>(documents: &'a [Value], member: &str) -> &'a Value {
    let mut found = documents.iter().filter(|one| !one[member].is_null());
    let only = found.next();
    let only = only.unwrap_or_else(|| panic!("no {member} in {documents:?}"));
    assert!(found.next().is_none(), "{member} twice in {documents:?}");
    only
}

#[test]
fn a_replay_shows_what_would_change_and_mails_only_where_that_is_wanted() {
    let (house, up) = House::with_mailed("a");
    owner(&house, "Dora");
    let looked = replay(&house, "a --dry-run");
    let change = &with(&looked, "changes")["changes"][0];
    for (name, value) in [
        ("field", "lead_owner"),
        ("before", "Omar"),
        ("after", "Dora"),
    ] {
        assert_eq!(change[name], value);
    }
    let shown = house.run("replay a --dry-run");
    shown.expect_out(0, r#""Omar"  "Dora""#);

    let sent = replay(&house, "a --yes");
    assert_eq!(with(&sent, "revision")["revision"], 1);
    let told = up.wait_for("replay_settled");
    assert_eq!(told["notify"], "never");
    assert_eq!(told["revision"], 1);
    let is_logged = told.to_string().contains("Dora");
    assert!(!is_logged, "values are never logged: {told}");
    assert_eq!(house.mails().len(), 1);
    let leads = house.json("lead a");
    let stages: Vec<_> = leads.iter().map(|event| &event["stage"]).collect();
    assert_eq!(stages, ["mailed", "silent"]);

    // Nothing has changed since the first replay.
    replay(&house, "a --notify if-changed --yes");
    assert_eq!(up.wait_for("replay_settled")["revision"], 2);
    owner(&house, "Eve");
    replay(&house, "a --notify if-changed --yes");
    up.wait_for("email_sent");
    replay(&house, "a --notify force --yes");
    up.wait_for("email_sent");
    let mails = house.mails();
    assert_eq!(mails.len(), 3, "{mails:?}");
    for (number, mail) in ["-r3", "-r4"].iter().zip(&mails) {
        assert!(mail.contains(number), "{mails:?}");
    }
}

#[test]
fn a_person_is_asked_before_anything_is_sent() {
    let (house, up) = House::with_mailed("a");
    let line = "replay a --notify force";
    house
        .run_at_terminal(line, "n")
        .expect_out(1, "mail every one of them again? [y/N]")
        .expect_out(1, "Nothing was sent.");
    assert_eq!(house.json("lead a").len(), 1);
    house.run_at_terminal(line, "y").expect_code(0);
    up.wait_for("email_sent");
    assert_eq!(house.mails().len(), 2);
}

#[test]
fn leads_are_replayed_by_key_by_name_and_by_time() {
    let (house, _up) = House::with_mailed("a");
    let looked = replay(&house, "a --dry-run");
    let name = with(&looked, "changes")["event"].as_str().unwrap();
    let key = format!("raw/{name}.json");
    for line in [name, &key, "--from 1h"] {
        let looked = replay(&house, &format!("{line} --dry-run"));
        assert_eq!(with(&looked, "changes")["event"], name);
        assert_eq!(with(&looked, "ready")["ready"], 1, "{line:?}");
    }
    let looked = replay(&house, "--from 2d --to 1h --dry-run");
    assert_eq!(with(&looked, "selected")["selected"], 0);

    let run = |documents: &[Value]| with(documents, "run")["run"].as_str().unwrap().to_owned();
    let first = replay(&house, &format!("{key} --yes"));
    let again = replay(&house, &format!("a --yes --resume {}", run(&first)));
    assert_eq!(run(&again), run(&first));
    assert_eq!(with(&again, "revision")["revision"], 1);
}

#[test]
fn what_cannot_be_replayed_is_named_and_nothing_is_sent_without_a_yes() {
    let (house, _up) = House::with_mailed("a");
    let refused = |line: &str| house.json_with(1, &format!("replay {line} --yes"));
    assert_eq!(with(&refused("nobody"), "id")["refused"], "not_found");
    let gone = "raw/crm_event_a_20200101T000000000000Z.json";
    let missing = refused(gone);
    assert_eq!(with(&missing, "why")["refused"], "raw_missing");
    assert_eq!(with(&missing, "why")["key"], gone);
    std::fs::remove_file(house.data().join("lookup/a.json")).unwrap();
    assert_eq!(with(&refused("a"), "why")["refused"], "owner_missing");
    owner(&house, "Omar");

    for wrong in [
        "a",
        "",
        "a --from 1h",
        "a\u{200b} --yes",
        "--from soon --yes",
        "--from 1h --to 2h --yes",
        "a --yes --resume ../1",
        "a --yes --notify perhaps",
    ] {
        house.json_with(2, &format!("replay {wrong}"));
    }
    assert_eq!(house.json("lead a").len(), 1);
}
