//! Dead letters sent again, also where a run before this one ended after any of its steps.

use crate::house::{House, block_on, message};
use leadwire_domain::message::Trigger;
use leadwire_local::{LocalHome, Mode};
use leadwire_pipeline::port::{Bucket, DelayQueue as _, NewObject, ObjectStore as _};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Duration;

const TIME: &str = "20261123T065000123456Z";

/// A failed event of a lead, or a replay of it: its name, and its own message, whose waits are used up.
fn failed(lead: &str, revision: u32) -> (String, String) {
    let mut name = format!("crm_event_{lead}_{TIME}");
    let (mut v, mut more) = (1, String::new());
    if revision > 0 {
        name = format!("{name}.r{revision}");
        (v, more) = (2, format!(r#","revision":{revision},"notify":"never""#));
    }
    let body = format!(
        r#"{{"v":{v},"s3_key":"raw/crm_event_{lead}_{TIME}.json","lead_id":"{lead}","event_id":"ev_{lead}","sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","accepted_at":"2026-11-23T06:50:00Z","not_before":"2026-11-23T07:00:00Z","source":"generic"{more},"waiting":{{"kind":"owner","hop":12,"reason":"owner_absent"}}}}"#
    );
    (name, body)
}

/// What a run that was broken off has done already for an event.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Before {
    Nothing,
    CopySent,
    LetterGone,
    Settled,
}

struct Desk(House);

impl Desk {
    fn new() -> Self {
        let desk = Self(House::new());
        drop(desk.open());
        desk
    }

    fn open(&self) -> LocalHome {
        self.0.open(Mode::Prepare)
    }

    /// Sends a message that is received once, and then too often.
    fn put_aside(&self, body: &str) {
        let queue = self.open().queue();
        block_on(async {
            queue.send(message(body, 0)).await.unwrap();
            for _ in 0..2 {
                queue.receive(1, Duration::ZERO, 1).await.unwrap();
            }
        });
    }

    /// Leaves a failure, and what there is of its message.
    fn plant(&self, (name, body): &(String, String), before: Before) {
        let trigger = Trigger::parse(body).unwrap();
        let facts = trigger.facts.as_ref().unwrap();
        let failure = format!(
            r#"{{"v":1,"reason":"owner_missing","receives":3,"failed_at":"2026-11-23T07:30:00Z","message_id":"m-{name}","s3_key":"{}","lead_id":"{}","event_id":"{}","revision":{}}}"#,
            trigger.name.raw_key(),
            facts.lead_id,
            facts.event_id,
            trigger.name.revision()
        );
        let store = self.open().store();
        let put = |key: String, text: String| {
            let object = NewObject::of(text.into_bytes());
            block_on(store.put(Bucket::Enriched, &key, object)).unwrap();
        };
        put(trigger.name.failed_key(), failure);
        if before == Before::Settled {
            put(trigger.name.mail_key(), String::new());
        }
        if before != Before::LetterGone {
            self.put_aside(body);
        }
    }

    /// Sends what a run before sent.
    fn send(&self, body: &str) {
        let queue = self.open().queue();
        block_on(queue.send(message(body, 600))).unwrap();
    }

    fn redrive(&self, flags: &str, code: i32) -> BTreeMap<String, String> {
        let told = self.0.json_with(code, &format!("dlq redrive {flags}"));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let told = told.iter();
        told.map(|one| (text(&one["event"]), text(&one["result"])))
            .collect()
    }

    /// The bodies that wait, and how many dead letters there are.
    fn left(&self) -> (Vec<String>, u64) {
        let queue = self.open().queue();
        let waiting = block_on(queue.waiting(1000)).unwrap().into_iter();
        let mut bodies: Vec<String> = waiting.map(|message| message.body).collect();
        bodies.sort();
        (bodies, block_on(queue.depth()).unwrap().dead)
    }
}

/// A message whose waits begin anew.
fn fresh(body: &str) -> String {
    let (before, _) = body.split_once(r#","waiting""#).unwrap();
    format!("{before}}}")
}

#[test]
fn whatever_a_run_before_had_done_each_failure_has_one_message_afterwards_and_no_dead_letter() {
    let all = [Before::Nothing, Before::CopySent, Before::LetterGone];
    for first in all {
        for second in all {
            let desk = Desk::new();
            let mut expected = Vec::new();
            for (lead, before) in [("a", first), ("a_1", second)] {
                let event = failed(lead, 0);
                desk.plant(&event, before);
                if before == Before::CopySent {
                    desk.send(&fresh(&event.1));
                }
                expected.push(match before {
                    Before::LetterGone => format!(r#"{{"s3_key":"raw/{}.json"}}"#, event.0),
                    Before::Nothing | Before::CopySent | Before::Settled => fresh(&event.1),
                });
            }
            expected.sort();
            for word in ["sent", "in the queue already"] {
                let told = desk.redrive("--all", 0);
                let is_told = told.values().all(|one| one == word);
                assert!(is_told, "{first:?} {second:?}: {told:?}");
                assert_eq!(desk.left(), (expected.clone(), 0), "{first:?} {second:?}");
            }
        }
    }
}

#[test]
fn one_of_many_that_begin_alike_is_redriven_and_the_letters_of_the_others_stay() {
    let desk = Desk::new();
    let leads = [
        "a", "a_1", "a-1", "aa", "A", "a1", "a10", "a11", "a2", "a9", "b",
    ];
    for lead in leads {
        desk.plant(&failed(lead, 0), Before::Nothing);
    }
    for (number, lead) in ["a", "a1", "a_1"].into_iter().enumerate() {
        let told = desk.redrive(lead, 0);
        let (name, _) = failed(lead, 0);
        assert_eq!(told, BTreeMap::from([(name, "sent".to_owned())]));
        let (bodies, dead) = desk.left();
        assert_eq!(bodies.len(), number + 1, "{bodies:?}");
        assert_eq!(dead, u64::try_from(leads.len() - number - 1).unwrap());
    }
    desk.redrive("no-such-lead", 1);
    assert_eq!(desk.left().1, 8);
    assert_eq!(desk.redrive("--all", 0).len(), leads.len());
    assert_eq!(desk.left().1, 0);
    assert_eq!(desk.left().0.len(), leads.len());
}

#[test]
fn a_replay_is_redriven_by_its_own_number_and_never_without_its_letter() {
    let desk = Desk::new();
    desk.plant(&failed("a", 2), Before::LetterGone);
    for revision in [1, 10, 11] {
        desk.plant(&failed("a", revision), Before::Nothing);
    }
    let (first, body) = failed("a", 1);
    assert_eq!(desk.redrive(&first, 0)[&first], "sent");
    assert_eq!(desk.left(), (vec![fresh(&body)], 3 - 1));
    let told = desk.redrive("a", 0);
    let results: Vec<&str> = told.values().map(String::as_str).collect();
    let gone = "its dead letter, which said whether it mails, is gone; replay it again";
    assert_eq!(results, ["in the queue already", "sent", "sent", gone]);
    let (bodies, dead) = desk.left();
    assert_eq!((bodies.len(), dead), (3, 0));
    let mails_nobody = |body: &String| body.contains(r#""notify":"never""#);
    assert!(bodies.iter().all(mails_nobody), "{bodies:?}");
}

#[test]
fn the_letter_of_an_event_that_is_settled_since_goes_with_the_others_and_a_strangers_stays() {
    let desk = Desk::new();
    desk.plant(&failed("a", 0), Before::Settled);
    desk.plant(&failed("b", 0), Before::Nothing);
    desk.put_aside("not ours");
    assert_eq!(desk.left().1, 3);
    let told = desk.redrive("--dry-run --all", 0);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(desk.left().1, 3, "a dry run changes nothing");
    desk.redrive("--all", 0);
    let (bodies, dead) = desk.left();
    assert_eq!((bodies.len(), dead), (2, 1), "{bodies:?}");
}
