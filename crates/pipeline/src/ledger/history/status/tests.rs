use super::*;
use crate::ledger::Marker;
use crate::ledger::history::Received;
use crate::port::ETag;
use crate::trace::TraceContext;
use leadwire_domain::claim::{Claim, Says};
use leadwire_domain::effect::{Effect, EffectId, Effects};
use leadwire_domain::failure::{FailureReason, FailureRecord};
use leadwire_domain::key::EventName;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

const KEY: &str = "raw/crm_event_a_20261123T065000123456Z.json";

fn facts() -> EventHistory {
    let raw = Received {
        lead_id: "a".to_owned(),
        event_id: "e".to_owned(),
        source: "generic".to_owned(),
        accepted_at: at(0),
        stored_at: at(0),
        trace_id: None,
        span_id: None,
        bytes: 10,
    };
    EventHistory {
        name: EventName::parse_raw_key(KEY).unwrap(),
        received: Some(raw),
        forgotten_at: None,
        document: None,
        owner: None,
        claim: ClaimState::Absent,
        failure: None,
        live: Some(Vec::new()),
        dead: Vec::new(),
    }
}

fn message(visible: i64, receives: u32, waiting: &str) -> QueuedMessage {
    let body = format!("{{\"s3_key\":\"{KEY}\"{waiting}}}");
    QueuedMessage {
        message_id: "m".to_owned(),
        handle: "m".to_owned(),
        body,
        visible_at: at(visible),
        receives,
        trace: TraceContext::default(),
        others: Vec::new(),
    }
}

fn failed() -> FailureRecord {
    FailureRecord {
        v: 1,
        reason: FailureReason::LookupMismatch,
        receives: 1,
        failed_at: at(5),
        message_id: "m".to_owned(),
        s3_key: None,
        lead_id: None,
        event_id: None,
        revision: 0,
        effects: Vec::new(),
    }
}

#[track_caller]
fn check(facts: &EventHistory, stage: LeadState, why: &str) {
    let status = facts.status(at(10));
    assert_eq!((status.state, status.why.as_str()), (stage, why));
}

fn settled(how: Settled) -> ClaimState {
    ClaimState::Settled(Marker::new(how, at(8)), ETag("1".to_owned()))
}

#[test]
fn a_message_tells_what_its_event_waits_for() {
    let owner = r#","waiting":{"kind":"owner","hop":1,"reason":"owner_absent"}"#;
    let unfinished = r#","waiting":{"kind":"owner","hop":1,"reason":"owner_unfinished"}"#;
    let cut_off = "for its owner file, which is empty or cut off";
    for (visible, waiting, state, why) in [
        (600, "", LeadState::Waiting, "for its delay"),
        (600, owner, LeadState::Waiting, "for its owner file"),
        (600, unfinished, LeadState::Waiting, cut_off),
        (9, "", LeadState::Ready, "in the queue"),
    ] {
        let mut event = facts();
        event.live = Some(vec![message(visible, 0, waiting)]);
        check(&event, state, why);
    }
}

#[test]
fn an_event_that_failed_is_retrying_as_long_as_its_message_lives_and_then_dead() {
    let mut event = facts();
    event.failure = Some(failed());
    event.live = Some(vec![message(12, 1, "")]);
    check(&event, LeadState::Retrying, "lookup_mismatch, tried once");
    event.live = Some(Vec::new());
    check(&event, LeadState::Dead, "lookup_mismatch");
}

#[test]
fn an_end_counts_before_anything_else() {
    let mut event = facts();
    event.failure = Some(failed());
    event.live = Some(vec![message(9, 0, "")]);
    event.claim = settled(Settled::Sent);
    check(&event, LeadState::Mailed, "");
}

#[test]
fn a_replay_that_mailed_nobody_is_at_its_end_and_one_that_is_lost_says_what_to_do() {
    let lost = "no trigger in the queue, and the sweep looks after no replays; replay it again";
    let mut replay = facts();
    replay.name = replay.name.with_revision(1);
    check(&replay, LeadState::Lost, lost);
    replay.claim = settled(Settled::Silent);
    check(&replay, LeadState::Silent, "mailed nobody");
}

#[test]
fn an_event_without_end_and_without_message_is_lost_only_where_the_queue_was_looked_into() {
    let lost = "no trigger in the queue; the sweep enqueues it again";
    let mut event = facts();
    check(&event, LeadState::Lost, lost);
    event.live = None;
    check(&event, LeadState::Waiting, "in the queue");
}

#[test]
fn a_claim_that_cannot_be_read_is_shown_as_what_it_is() {
    let unreadable = "the claim cannot be read";
    let mut event = facts();
    event.claim = ClaimState::Unreadable(Some(ETag("1".to_owned())));
    check(&event, LeadState::Lost, unreadable);
    for live in [Some(message(12, 1, "")), Some(message(9, 0, "")), None] {
        event.live = live.map(|message| vec![message]);
        check(&event, LeadState::Retrying, unreadable);
    }
    event.failure = Some(failed());
    check(&event, LeadState::Dead, unreadable);
}

/// The receivers of the document.
fn listed() -> [EffectId; 3] {
    let named = |digit: &str| EffectId::parse(&format!("team:{}", digit.repeat(16)));
    ["a", "b", "c"].map(|digit| named(digit).unwrap())
}

/// An event whose document names so many receivers as there are states, and whose claim says these of them.
fn with_effects(states: &[EffectState]) -> EventHistory {
    let named = || listed().into_iter().zip(states);
    let notify: Vec<EffectId> = named().map(|(id, _)| id).collect();
    let effect = |state: &EffectState| Effect {
        state: *state,
        attempt: 1,
        at: Some(at(7)),
        ..Effect::default()
    };
    let effects: Effects = named().map(|(id, state)| (id, effect(state))).collect();
    let claim = Claim {
        token: "t".to_owned(),
        lease_until: at(90),
        boot: None,
        says: Says::Named(effects),
    };
    let document = serde_json::json!({
        "schema": 1, "event_id": "e", "source": "generic", "raw_key": KEY, "raw_sha256": "0".repeat(64),
        "accepted_at": at(0), "enriched_at": at(6), "lookup_etag": null, "from": {}, "conflicts": [], "notify": notify,
    });
    EventHistory {
        document: Some(serde_json::from_value(document).unwrap()),
        claim: ClaimState::Claimed(claim, ETag("1".to_owned())),
        ..facts()
    }
}

fn failed_for(reason: FailureReason) -> FailureRecord {
    FailureRecord { reason, ..failed() }
}

#[test]
fn an_event_is_parked_when_nothing_of_it_is_open_or_refused() {
    use EffectState::{Doubt, Dropped, Parked, Refused, Sent};
    let mut one = with_effects(&[Parked]);
    one.failure = Some(failed_for(FailureReason::MailAmbiguous));
    let unknown = "whether its mail went out is not known";
    check(&one, LeadState::Parked, unknown);
    assert_eq!(one.status(at(10)).since, Some(at(7)));
    for states in [[Sent, Parked, Dropped], [Sent, Sent, Parked]] {
        let mut event = with_effects(&states);
        event.live = Some(vec![message(12, 1, "")]);
        let unknown = "whether 1 of its 3 mails went out is not known";
        check(&event, LeadState::Parked, unknown);
    }
    let two = with_effects(&[Sent, Parked, Parked]);
    let unknown = "whether 2 of its 3 mails went out is not known";
    check(&two, LeadState::Parked, unknown);
    let mut refused = with_effects(&[Sent, Parked, Refused]);
    refused.failure = Some(failed_for(FailureReason::MailRefused));
    check(&refused, LeadState::Dead, "mail_refused for 2 of 3");
    let mut open = with_effects(&[Sent, Parked, Doubt]);
    let doubt = r#","waiting":{"kind":"mail","hop":1,"reason":"in_doubt"}"#;
    open.live = Some(vec![message(600, 0, doubt)]);
    let waits = "to be sent once more, 1 of 3 sent, 1 of 3 parked";
    check(&open, LeadState::Waiting, waits);
}

#[test]
fn a_dead_event_says_which_of_its_receivers_was_not_reached() {
    use EffectState::{Dropped, Idle, Refused, Sent};
    let b = &listed()[1];
    for (states, reason, why) in [
        (
            &[Refused][..],
            FailureReason::MailRefused,
            "mail_refused".to_owned(),
        ),
        (
            &[Sent, Refused],
            FailureReason::MailRefused,
            format!("mail_refused for {b}"),
        ),
        (
            &[Sent, Idle],
            FailureReason::MailUnavailable,
            format!("mail_unavailable for {b}"),
        ),
        (
            &[Refused, Refused, Sent],
            FailureReason::MailRefused,
            "mail_refused for 2 of 3".to_owned(),
        ),
        (
            &[Dropped, Dropped],
            FailureReason::NoReceiver,
            "no_receiver".to_owned(),
        ),
        (&[], FailureReason::NoReceiver, "no_receiver".to_owned()),
    ] {
        let mut event = with_effects(states);
        event.failure = Some(failed_for(reason));
        check(&event, LeadState::Dead, &why);
    }
}

#[test]
fn an_event_under_way_says_what_became_of_its_receivers_so_far() {
    use EffectState::{Idle, Refused, Sent};
    let mut event = with_effects(&[Sent, Idle, Refused]);
    let busy = r#","waiting":{"kind":"mail","hop":1,"reason":"mail_unavailable"}"#;
    event.live = Some(vec![message(600, 0, busy)]);
    let why = "for the mail service, 1 of 3 sent, 1 of 3 refused";
    check(&event, LeadState::Waiting, why);
    let mut untouched = with_effects(&[Idle, Idle]);
    untouched.live = Some(vec![message(600, 0, busy)]);
    check(&untouched, LeadState::Waiting, "for the mail service");
    // The only receiver: the state says it all.
    let mut only = with_effects(&[Refused]);
    only.failure = Some(failed_for(FailureReason::MailRefused));
    only.live = Some(vec![message(12, 1, "")]);
    check(&only, LeadState::Retrying, "mail_refused, tried once");
}

#[test]
fn a_mailed_event_says_for_how_many_receivers_it_is_not() {
    for (told, why) in [
        (None, ""),
        (Some("sss"), ""),
        (
            Some("sds"),
            "but for a receiver that is no longer configured",
        ),
        (
            Some("dsd"),
            "but for 2 receivers that are no longer configured",
        ),
    ] {
        let marker = Marker {
            told: told.map(str::to_owned),
            ..Marker::new(Settled::Sent, at(8))
        };
        let event = EventHistory {
            claim: ClaimState::Settled(marker, ETag("1".to_owned())),
            ..with_effects(&[EffectState::Idle; 3])
        };
        check(&event, LeadState::Mailed, why);
    }
}

#[test]
fn the_effects_of_an_event_are_known_once_its_document_is() {
    assert_eq!(facts().effects().listed, []);
    let mut event = with_effects(&[EffectState::Idle; 2]);
    assert_eq!(event.effects().listed, listed()[..2]);
    event.claim = ClaimState::Absent;
    let idle = event.effects();
    assert_eq!(idle.listed, listed()[..2]);
    assert_eq!(idle.count(EffectState::Idle), 2);
    event.claim = settled(Settled::Silent);
    assert_eq!(event.effects().listed, [], "nobody is told");
}

#[test]
fn an_event_with_a_tombstone_is_forgotten_whatever_its_claim_says() {
    for claim in [ClaimState::Absent, settled(Settled::Sent)] {
        let mut event = facts();
        (event.received, event.forgotten_at) = (None, Some(at(7)));
        event.live = Some(vec![message(9, 0, "")]);
        event.claim = claim;
        check(&event, LeadState::Forgotten, "on request");
        assert_eq!(event.status(at(10)).since, Some(at(7)));
    }
}
