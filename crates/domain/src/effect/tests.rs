use super::*;
use jiff::SignedDuration;
use proptest::prelude::*;

/// Its digest is `printf omar@example.com | sha256sum`.
const OMAR: &str = "omar@example.com";
const OMARS: &str = "team:0de61b1110462435";
/// `printf olga+crm@example.com | sha256sum`.
const OLGA: &str = "olga+crm@example.com";

fn id(text: &str) -> EffectId {
    EffectId::parse(text).unwrap()
}

fn of_mail(channel: &str, address: &str) -> EffectId {
    EffectId::of_mail(channel, &EmailAddress::parse(address).unwrap())
}

fn now() -> Timestamp {
    "2026-11-23T07:00:00Z".parse().unwrap()
}

#[test]
fn a_mails_effect_is_its_channel_and_the_digest_of_its_address() {
    assert_eq!(of_mail("team", OMAR), id(OMARS));
    assert_eq!(of_mail("owner", OLGA).as_str(), "owner:01bdcd5fa51a4e34");
}

#[test]
fn an_address_is_one_receiver_in_whatever_case() {
    for address in ["OMAR@EXAMPLE.COM", "Omar@example.com", "omar@Example.Com"] {
        assert_eq!(of_mail("team", address), id(OMARS), "{address}");
    }
}

#[test]
fn no_effect_shows_an_address() {
    let effect = of_mail("team", OMAR);
    assert_eq!(effect.to_string(), OMARS);
    let shown = format!(
        "{effect} {effect:?} {}",
        serde_json::to_string(&effect).unwrap()
    );
    for part in ["omar", "example", "@"] {
        assert!(!shown.contains(part), "{shown}");
    }
}

#[test]
fn a_name_of_an_effect_is_a_channel_alone_or_with_sixteen_hex_digits() {
    let longest = format!("a{}", "9".repeat(31));
    for (text, channel) in [
        (OMARS, "team"),
        ("sales-desk", "sales-desk"),
        ("a", "a"),
        (longest.as_str(), longest.as_str()),
    ] {
        assert_eq!(id(text).channel(), channel);
        assert_eq!(id(text).as_str(), text);
    }
    for text in [
        "",
        ":",
        "team:",
        ":0de61b1110462435",
        "Team",
        "1team",
        "-team",
        "te_am",
        "té",
        "team ",
        "team.0de61b1110462435",
        "team:0de61b111046243",
        "team:0de61b11104624350",
        "team:0DE61B1110462435",
        "team:0de61b111046243g",
        "team:0de61b1110462435:",
        "team:0de61b1110462435\n",
        "team:omar@example.com",
        &format!("{longest}9"),
    ] {
        assert_eq!(EffectId::parse(text), Err(EffectIdError), "{text:?}");
        let stored = serde_json::to_string(text).unwrap();
        let read = serde_json::from_str::<EffectId>(&stored);
        assert!(read.is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn every_name_is_read_as_it_was_written(text in "[a-z][a-z0-9-]{0,31}(:[0-9a-f]{16})?") {
        let effect = id(&text);
        prop_assert_eq!(effect.as_str(), &text);
        let stored = serde_json::to_string(&effect).unwrap();
        prop_assert_eq!(&stored, &format!("\"{text}\""));
        prop_assert_eq!(serde_json::from_str::<EffectId>(&stored).unwrap(), effect);
    }

    #[test]
    fn what_is_made_of_an_address_is_a_name(channel in "[a-z][a-z0-9-]{0,31}", local in "[a-zA-Z0-9.+-]{1,20}") {
        if let Ok(address) = EmailAddress::parse(&format!("{local}@example.com")) {
            let effect = EffectId::of_mail(&channel, &address);
            prop_assert_eq!(EffectId::parse(effect.as_str()), Ok(effect.clone()));
            prop_assert_eq!(effect.channel(), channel);
        }
    }
}

/// What a claim says of an effect after some answers to it.
#[track_caller]
fn check_answers(answers: &[Answer], doubts_max: u32, expected: (EffectState, u32, u32)) {
    let mut effect = Effect::default();
    for answer in answers {
        effect = effect.begun();
        assert_eq!(effect.state, EffectState::Sending);
        effect = effect.answered(answer, doubts_max, now());
        let is_told = *answer != Answer::Unsent;
        assert!(effect.at == Some(now()) || !is_told, "{answers:?}");
    }
    let found = (effect.state, effect.attempt, effect.doubts);
    assert_eq!(found, expected, "{answers:?}");
}

#[test]
fn an_effect_becomes_what_the_answer_says_and_is_parked_at_its_last_doubt() {
    use Answer::{Busy, Dropped, Lost, Refused, Taken, Unsent};
    let busy = || Busy(Some("421".to_owned()));
    let lost = || Lost(None);
    let refused = || Refused(Some("550 5.1.1".to_owned()));
    let taken = || Taken("m-1".to_owned());
    check_answers(&[taken()], 2, (EffectState::Sent, 1, 0));
    check_answers(&[Dropped], 2, (EffectState::Dropped, 1, 0));
    check_answers(&[busy(), busy()], 2, (EffectState::Idle, 2, 0));
    check_answers(&[busy(), taken()], 2, (EffectState::Sent, 2, 0));
    check_answers(&[refused(), taken()], 2, (EffectState::Sent, 2, 0));
    check_answers(&[lost()], 2, (EffectState::Doubt, 1, 1));
    check_answers(&[lost(), taken()], 2, (EffectState::Sent, 2, 1));
    check_answers(&[lost(), busy(), lost()], 2, (EffectState::Parked, 3, 2));
    check_answers(&[lost()], 1, (EffectState::Parked, 1, 1));
    // What was not sent was no attempt.
    check_answers(&[Unsent, Unsent], 2, (EffectState::Idle, 0, 0));
    check_answers(&[busy(), Unsent, taken()], 2, (EffectState::Sent, 2, 0));
    check_answers(&[lost(), Unsent], 2, (EffectState::Doubt, 1, 1));
    check_answers(&[lost(), Unsent, lost()], 2, (EffectState::Parked, 2, 2));
}

#[test]
fn what_a_service_said_stands_in_the_claim_until_it_says_something_else() {
    let refused = Answer::Refused(Some("550 5.1.1".to_owned()));
    let effect = Effect::first().answered(&refused, 2, now());
    assert_eq!(effect.detail.as_deref(), Some("550 5.1.1"));
    let again = effect.begun();
    assert_eq!(again.detail, None);
    let taken = again.answered(&Answer::Taken("m-1".to_owned()), 2, now());
    assert_eq!(
        (taken.message_id.as_deref(), taken.detail),
        (Some("m-1"), None)
    );
}

#[test]
fn a_doubt_keeps_what_the_service_said_last_where_it_said_nothing_now() {
    let lost = |detail: Option<&str>| Answer::Lost(detail.map(str::to_owned));
    let first = Effect::first().answered(&lost(Some("500")), 2, now());
    assert_eq!(first.detail.as_deref(), Some("500"));
    let again = first.clone().answered(&lost(None), 3, now());
    assert_eq!(again.detail.as_deref(), Some("500"));
    let other = first.answered(&lost(Some("InternalFailure")), 3, now());
    assert_eq!(other.detail.as_deref(), Some("InternalFailure"));
}

#[test]
fn only_what_was_being_sent_is_in_doubt_when_its_sender_is_gone() {
    let gone = |effect: Effect| {
        let effect = effect.abandoned(2, now());
        (effect.state, effect.attempt, effect.doubts)
    };
    assert_eq!(gone(Effect::default()), (EffectState::Idle, 0, 0));
    assert_eq!(gone(Effect::first()), (EffectState::Doubt, 1, 1));
    let doubtful = Effect::first().abandoned(2, now());
    assert_eq!(gone(doubtful.clone()), (EffectState::Doubt, 1, 1));
    // Where doubts are parked by now, one of before is, and since now.
    let later = now() + SignedDuration::from_hours(1);
    let parked = doubtful.clone().abandoned(1, later);
    assert_eq!(
        (parked.state, parked.at),
        (EffectState::Parked, Some(later))
    );
    assert_eq!(gone(doubtful.begun()), (EffectState::Parked, 2, 2));
    let sent = Effect::first().answered(&Answer::Taken("m-1".to_owned()), 2, now());
    assert_eq!(gone(sent), (EffectState::Sent, 1, 0));
}

#[test]
fn what_is_given_back_unsent_is_as_it_was_before() {
    let lost = Answer::Lost(None);
    let doubtful = Effect::first().answered(&lost, 2, now());
    for before in [Effect::default(), doubtful] {
        let back = before.clone().begun().given_back();
        let place = |effect: &Effect| (effect.state, effect.attempt, effect.doubts);
        assert_eq!(place(&back), place(&before));
        assert_eq!(place(&back.clone().given_back()), place(&before));
    }
}

/// The effects `a`, `b`, … of a document in these states. One that is idle is not in the claim.
fn stands(states: &[EffectState]) -> (Vec<EffectId>, Effects) {
    let names = ["a", "b", "c", "d"].map(id);
    let document: Vec<EffectId> = names.into_iter().take(states.len()).collect();
    let pairs = document.iter().cloned().zip(states);
    let effects = pairs.filter(|(_, state)| **state != EffectState::Idle);
    let effects = effects.map(|(id, state)| {
        let effect = Effect {
            state: *state,
            ..Effect::default()
        };
        (id, effect)
    });
    let effects = effects.collect();
    (document, effects)
}

#[track_caller]
fn check_standing(states: &[EffectState], expected: &Standing) {
    let (document, effects) = stands(states);
    assert_eq!(&standing(&document, &effects), expected, "{states:?}");
}

#[test]
fn an_event_stands_where_its_effects_do() {
    use EffectState::{Doubt, Dropped, Idle, Parked, Refused, Sending, Sent};
    let settled = |letters: &str| Standing::Settled {
        letters: letters.to_owned(),
    };
    check_standing(&[Sent], &settled("s"));
    check_standing(&[Sent, Dropped, Sent], &settled("sds"));
    check_standing(&[], &Standing::NoReceiver);
    check_standing(&[Dropped, Dropped], &Standing::NoReceiver);
    for open in [Idle, Sending] {
        let states = [open, Sent, Refused, Parked];
        check_standing(&states, &Standing::Open { doubt: false });
    }
    check_standing(&[Sent, Doubt], &Standing::Open { doubt: true });
    check_standing(&[Idle, Doubt], &Standing::Open { doubt: true });
    check_standing(&[Sent, Refused, Parked], &Standing::Refused);
    check_standing(&[Sent, Parked, Dropped], &Standing::Parked);
}

#[test]
fn a_marker_says_of_each_effect_what_became_of_it_and_an_old_one_that_it_was_sent() {
    let (document, effects) = stands(&[EffectState::Sent, EffectState::Dropped]);
    let Standing::Settled { letters } = standing(&document, &effects) else {
        panic!("it is settled");
    };
    let states = |told| {
        let told = settled_effects(&document, told).into_iter();
        told.map(|(_, state)| state).collect::<Vec<_>>()
    };
    let read = [EffectState::Sent, EffectState::Dropped];
    assert_eq!(states(Some(letters.as_str())), read);
    assert_eq!(states(None), [EffectState::Sent; 2]);
}

#[test]
fn what_was_neither_sent_nor_dropped_did_not_happen() {
    use EffectState::{Dropped, Parked, Refused, Sent};
    let (document, effects) = stands(&[Sent, Refused, Dropped, Parked]);
    assert_eq!(not_happened(&document, &effects), ["b", "d"].map(id));
    let (document, effects) = stands(&[EffectState::Idle, Sent]);
    assert_eq!(not_happened(&document, &effects), [id("a")]);
}

#[test]
fn a_state_has_one_word_in_claims_and_tables() {
    use EffectState::{Doubt, Dropped, Idle, Parked, Refused, Sending, Sent};
    for (state, word) in [
        (Idle, "idle"),
        (Sending, "sending"),
        (Doubt, "doubt"),
        (Sent, "sent"),
        (Refused, "refused"),
        (Dropped, "dropped"),
        (Parked, "parked"),
    ] {
        assert_eq!(state.as_str(), word);
        assert_eq!(serde_json::to_value(state).unwrap(), word);
    }
}

#[test]
fn a_marker_has_a_letter_for_each_effect_and_one_of_them_was_sent() {
    for (told, effects, expected) in [
        ("s", Some(1), true),
        ("ds", Some(2), true),
        ("ds", None, true),
        ("s", Some(2), false),
        ("sss", Some(2), false),
        ("dd", Some(2), false),
        ("sx", Some(2), false),
        ("", Some(0), false),
        ("", None, false),
    ] {
        assert_eq!(
            fits_marker(told, effects),
            expected,
            "{told} of {effects:?}"
        );
    }
}

#[test]
fn only_a_mail_has_a_digest() {
    let digest = |name: &str| EffectId::parse(name).unwrap().digest().map(str::to_owned);
    assert_eq!(digest("sales"), None);
    let mail = "team:1a2b3c4d5e6f7081";
    assert_eq!(digest(mail).as_deref(), Some("1a2b3c4d5e6f7081"));
}
