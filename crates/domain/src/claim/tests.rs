use super::*;
use proptest::prelude::*;

const TEAM: &str = "team:1a2b3c4d5e6f7081";
const OWNER: &str = "owner:8107f6e5d4c3b2a1";

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn id(text: &str) -> EffectId {
    EffectId::parse(text).unwrap()
}

fn document() -> [EffectId; 2] {
    [id(TEAM), id(OWNER)]
}

fn claim(boot: Option<&str>, says: Says) -> Claim {
    Claim {
        token: "t1".into(),
        lease_until: at(90),
        boot: boot.map(Into::into),
        says,
    }
}

fn effect(state: EffectState, attempt: u32, doubts: u32) -> Effect {
    Effect {
        state,
        attempt,
        doubts,
        ..Effect::default()
    }
}

fn named(of: impl IntoIterator<Item = (&'static str, Effect)>) -> Says {
    Says::Named(
        of.into_iter()
            .map(|(name, effect)| (id(name), effect))
            .collect(),
    )
}

#[test]
fn a_lease_protects_a_living_sender_and_nothing_else() {
    let sending = || named([(TEAM, Effect::first())]);
    let doubt = || named([(TEAM, effect(EffectState::Doubt, 1, 1))]);
    for (says, boot, now, live) in [
        (Says::First, None, 89, true),
        (Says::First, None, 90, false),
        (sending(), None, 89, true),
        (sending(), None, 90, false),
        (doubt(), None, 0, false),
        (named([]), None, 0, false),
        (Says::Old(Effect::first()), None, 89, true),
        (Says::Old(Effect::default()), None, 0, false),
        // Another run's process is gone.
        (Says::First, Some("b"), 0, false),
        (Says::First, Some("a"), 0, true),
    ] {
        let found = claim(Some("a"), says.clone()).is_live(at(now), boot);
        assert_eq!(found, live, "{says:?} {boot:?} {now}");
    }
}

#[test]
fn a_claim_of_another_run_names_a_process_that_is_dead() {
    for (made_by, own, dead) in [
        (Some("a"), Some("b"), Some("a")),
        (Some("a"), Some("a"), None),
        // On AWS there are no runs, and of a claim that names none nothing is known.
        (Some("a"), None, None),
        (None, Some("b"), None),
        (None, None, None),
    ] {
        assert_eq!(claim(made_by, Says::First).dead_boot(own), dead);
    }
}

#[test]
fn the_first_claim_names_no_effect_and_the_next_names_each() {
    let first = r#"{"v":2,"token":"t1","lease_until":"1970-01-01T00:01:30Z"}"#;
    let of_boot = claim(Some("b"), named([(TEAM, Effect::first())]));
    let second = r#"{"v":2,"token":"t1","lease_until":"1970-01-01T00:01:30Z","boot":"b","effects":{"team:1a2b3c4d5e6f7081":{"state":"sending","attempt":1,"doubts":0}}}"#;
    for (claim, json) in [(claim(None, Says::First), first), (of_boot, second)] {
        assert_eq!(serde_json::to_string(&claim).unwrap(), json);
        assert_eq!(serde_json::from_str::<Claim>(json).unwrap(), claim);
    }
}

#[test]
fn an_effect_says_what_became_of_it() {
    let sent = Effect {
        message_id: Some("m-1".to_owned()),
        at: Some(at(5)),
        ..effect(EffectState::Sent, 1, 0)
    };
    let refused = Effect {
        at: Some(at(6)),
        detail: Some("550 5.1.1".to_owned()),
        ..effect(EffectState::Refused, 2, 1)
    };
    let json = serde_json::to_value(claim(None, named([(TEAM, sent), (OWNER, refused)])));
    let expected = serde_json::json!({
        "v": 2, "token": "t1", "lease_until": "1970-01-01T00:01:30Z",
        "effects": {
            TEAM: { "state": "sent", "attempt": 1, "doubts": 0, "message_id": "m-1", "at": "1970-01-01T00:00:05Z" },
            OWNER: { "state": "refused", "attempt": 2, "doubts": 1, "at": "1970-01-01T00:00:06Z", "detail": "550 5.1.1" },
        },
    });
    assert_eq!(json.unwrap(), expected);
}

#[test]
fn a_claim_of_the_first_edition_counts_for_each_effect_of_its_document() {
    let parked = Effect {
        at: Some(at(7)),
        ..effect(EffectState::Parked, 2, 0)
    };
    for (json, state) in [
        (
            r#"{"state":"idle","attempt":3}"#,
            effect(EffectState::Idle, 3, 0),
        ),
        (
            r#"{"state":"parked","parked_at":"1970-01-01T00:00:07Z","attempt":2}"#,
            parked,
        ),
        (
            r#"{"state":"sending","token":"t1","lease_until":"1970-01-01T00:01:30Z","attempt":1}"#,
            effect(EffectState::Sending, 1, 0),
        ),
        // A second attempt of it was made in doubt.
        (
            r#"{"state":"sending","token":"t1","lease_until":"1970-01-01T00:01:30Z","attempt":2,"boot":"b","doubted":true}"#,
            effect(EffectState::Sending, 2, 1),
        ),
    ] {
        let claim: Claim = serde_json::from_str(json).unwrap();
        assert_eq!(claim.says, Says::Old(state.clone()), "{json}");
        let effects = claim.effects_of(&document());
        assert_eq!(effects, document().map(|id| (id, state.clone())).into());
        assert!(
            claim.proves_document() && claim.named().is_empty(),
            "{json}"
        );
        assert!(serde_json::to_string(&claim).is_err(), "it is not written");
    }
}

#[test]
fn a_claim_of_a_later_version_is_none() {
    for json in [
        r#"{"v":3,"token":"t1","lease_until":"1970-01-01T00:01:30Z"}"#,
        r#"{"v":1,"token":"t1","lease_until":"1970-01-01T00:01:30Z"}"#,
        r#"{"token":"t1","lease_until":"1970-01-01T00:01:30Z"}"#,
        "{}",
        "[]",
    ] {
        assert!(serde_json::from_str::<Claim>(json).is_err(), "{json}");
    }
}

#[test]
fn what_a_claim_does_not_name_is_idle_but_in_the_first_one() {
    let idle = Effect::default();
    let sent = effect(EffectState::Sent, 1, 0);
    let other = id("gone");
    let first = claim(None, Says::First);
    assert_eq!(
        first.effects_of(&document()),
        document().map(|id| (id, Effect::first())).into()
    );
    assert!(!first.proves_document());
    let says = named([(TEAM, sent.clone()), ("gone", sent.clone())]);
    let second = claim(None, says);
    let expected = [(id(TEAM), sent), (id(OWNER), idle)].into();
    assert_eq!(second.effects_of(&document()), expected);
    assert_eq!(second.named(), [other, id(TEAM)]);
    assert!(second.proves_document());
    assert!(!claim(None, named([])).proves_document());
}

#[test]
fn a_claim_that_is_given_up_before_the_first_send_says_that_nothing_was_sent() {
    let back = claim(None, Says::First).given_back(at(3));
    assert_eq!((back.lease_until, &back.says), (at(3), &named([])));
    let said = named([
        (TEAM, effect(EffectState::Sending, 2, 1)),
        (OWNER, effect(EffectState::Sending, 3, 0)),
        ("desk", effect(EffectState::Sent, 1, 0)),
    ]);
    let expected = named([
        (TEAM, effect(EffectState::Doubt, 1, 1)),
        (OWNER, effect(EffectState::Idle, 2, 0)),
        ("desk", effect(EffectState::Sent, 1, 0)),
    ]);
    assert_eq!(claim(None, said).given_back(at(3)).says, expected);
}

#[test]
fn who_takes_a_claim_over_sends_what_is_open_else_what_was_refused() {
    use EffectState::{Doubt, Dropped, Idle, Parked, Refused, Sending, Sent};
    for (team, owner, doubts_max, todo, becomes) in [
        // A dead sender is a doubt: sent once more, or parked at the limit.
        ((Sending, 0), (Sent, 0), 2, "team", (Sending, 1)),
        ((Sending, 1), (Sent, 0), 2, "", (Parked, 2)),
        ((Sending, 0), (Sent, 0), 1, "", (Parked, 1)),
        ((Doubt, 1), (Sent, 0), 2, "team", (Sending, 1)),
        // At most once by now: what is in doubt is sent no more.
        ((Doubt, 1), (Sent, 0), 1, "", (Parked, 1)),
        ((Idle, 0), (Idle, 0), 2, "team owner", (Sending, 0)),
        // What is open goes first, what was refused waits for it, and keeps its doubts.
        ((Refused, 1), (Idle, 0), 2, "owner", (Refused, 1)),
        ((Refused, 1), (Parked, 2), 2, "team", (Sending, 1)),
        ((Parked, 2), (Sent, 0), 2, "", (Parked, 2)),
        ((Dropped, 0), (Sent, 0), 2, "", (Dropped, 0)),
    ] {
        let of = |(state, doubts)| effect(state, 1, doubts);
        let said = [(id(TEAM), of(team)), (id(OWNER), of(owner))].into();
        let taken = Takeover::new(&said, document().to_vec(), doubts_max, at(0));
        let names: Vec<&str> = taken.todo.iter().map(EffectId::channel).collect();
        let case = format!("{team:?} {owner:?} {doubts_max}");
        assert_eq!(names.join(" "), todo, "{case}");
        let found = &taken.effects[&id(TEAM)];
        assert_eq!((found.state, found.doubts), becomes, "{case}");
        let attempts = 1 + u32::from(becomes.0 == Sending);
        assert_eq!(found.attempt, attempts, "{case}");
        let doubted: Vec<_> = taken.doubted.iter().map(EffectId::channel).collect();
        assert_eq!(doubted.join(" ") == "team", team.0 == Sending, "{case}");
        let changes = !todo.is_empty() || team.0 != becomes.0;
        assert_eq!(taken.is_written(), changes, "{case}");
    }
}

#[test]
fn a_settled_marker_says_how_it_ended_in_a_word_that_is_read_again() {
    for (state, word) in [
        (Settled::Sent, "sent"),
        (Settled::Forgotten, "forgotten"),
        (Settled::Silent, "silent"),
    ] {
        assert_eq!(state.as_str(), word);
        assert_eq!(Settled::from_name(word), Some(state));
    }
    assert_eq!(Settled::from_name("xyzzy"), None);
}

fn any_effect() -> impl Strategy<Value = Effect> {
    use EffectState::{Doubt, Dropped, Idle, Parked, Refused, Sending, Sent};
    let states = vec![Idle, Sending, Doubt, Sent, Refused, Dropped, Parked];
    let text = || prop::option::of("[ -~]{0,20}");
    let time = prop::option::of((0..4_000_000_000_i64).prop_map(at));
    (
        prop::sample::select(states),
        any::<u32>(),
        0..4_u32,
        text(),
        time,
        text(),
    )
        .prop_map(|(state, attempt, doubts, message_id, at, detail)| Effect {
            state,
            attempt,
            doubts,
            message_id,
            at,
            detail,
        })
}

fn any_claim() -> impl Strategy<Value = Claim> {
    let token = || prop::sample::select(vec!["t1", "t2"]).prop_map(str::to_owned);
    let effects = prop::collection::btree_map(
        prop::sample::select(vec![TEAM, OWNER, "desk"]).prop_map(id),
        any_effect(),
        0..4,
    );
    let says = prop_oneof![Just(Says::First), effects.prop_map(Says::Named)];
    (
        token(),
        0..4_000_000_000_i64,
        prop::option::of(token()),
        says,
    )
        .prop_map(|(token, lease_until, boot, says)| Claim {
            token,
            lease_until: at(lease_until),
            boot,
            says,
        })
}

proptest! {
    #![proptest_config(crate::sample::cases())]

    #[test]
    fn any_claim_survives_its_text(claim in any_claim()) {
        let json = serde_json::to_string(&claim).unwrap();
        prop_assert_eq!(serde_json::from_str::<Claim>(&json).unwrap(), claim);
    }

    #[test]
    fn nothing_that_ended_is_sent_again_and_nothing_that_is_open_is_forgotten(claim in any_claim(), doubts_max in 1..3_u32) {
        let said = claim.effects_of(&document());
        let taken = Takeover::new(&said, document().to_vec(), doubts_max, at(0));
        for (id, before) in &said {
            let after = &taken.effects[id];
            let is_sent = taken.todo.contains(id);
            prop_assert_eq!(is_sent, after.state == EffectState::Sending);
            if matches!(before.state, EffectState::Sent | EffectState::Dropped | EffectState::Parked) {
                prop_assert_eq!(after, before);
            }
            if before.state == EffectState::Idle || before.state == EffectState::Doubt && before.doubts < doubts_max {
                prop_assert!(is_sent);
            }
            // An effect is in doubt at most `doubts_max` times, and is not sent after that.
            if is_sent && before.state == EffectState::Sending {
                prop_assert!(after.doubts < doubts_max);
            }
            prop_assert!(after.doubts >= before.doubts);
        }
    }
}
