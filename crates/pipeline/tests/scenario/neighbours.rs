//! Every rule over a listing with neighbours on either side: older and newer ones, of leads that sort before and after, of every kind that
//! there is. What is decided about one event never depends on another.

use super::prelude::*;
use leadwire_pipeline::operate::audit::AuditReport;
use leadwire_pipeline::operate::replay::list_time;
use strum::VariantArray;

const IDLE_CLAIM: &str = r#"{"state":"idle","attempt":1}"#;
const DAY: Duration = Duration::from_hours(24);
/// Between a trigger and the sweep that finds it lost.
const LOST: Duration = Duration::from_secs(600 + 1800 + 3600 + 3 * 360 + 15 * 60 + 1);

/// What an event is like when the sweep comes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, VariantArray)]
enum Kind {
    Lost,
    TooOld,
    TooYoung,
    Settled,
    Failed,
    SweptLately,
    SweptLongAgo,
    Claimed,
    Strange,
    /// Nothing but what other prefixes hold, of an event whose raw object has expired.
    Orphan,
    /// Only its replay came to an end.
    Replayed,
}

impl Kind {
    /// Whether the sweep enqueues it again.
    fn is_found(self) -> bool {
        matches!(
            self,
            Self::Lost | Self::SweptLongAgo | Self::Claimed | Self::Replayed
        )
    }

    /// When its raw object is written: first, second or last of three times.
    fn turn(self) -> usize {
        match self {
            Self::TooOld => 0,
            Self::TooYoung => 2,
            _ => 1,
        }
    }

    fn plant(self, world: &World, name: &str, turn: usize) {
        let of = |prefix: &str| format!("{prefix}{name}.json");

        if self.turn() == turn && self != Self::Orphan {
            let ending = if self == Self::Strange { "txt" } else { "json" };
            world.put(&format!("raw/{name}.{ending}"), r#"{"lead_id":"x"}"#);
        }
        match (self, turn) {
            (Self::Settled, 1) => world.put_marker(&of("mail/"), "sent"),
            (Self::Failed, 1) => world.put(&of("failed/"), "{}"),
            (Self::SweptLongAgo, 1) | (Self::SweptLately, 2) => {
                world.put(&of("swept/"), r#"{"count":1}"#);
            }
            (Self::Claimed, 1) => world.put(&of("mail/"), IDLE_CLAIM),
            (Self::Orphan, 1) => {
                world.put_marker(&of("mail/"), "sent");
                world.put(&of("failed/"), "{}");
                world.put(&of("swept/"), r#"{"count":1}"#);
            }
            (Self::Replayed, 1) => {
                world.put_marker(&format!("mail/{name}.r1.json"), "sent");
                world.put(&format!("failed/{name}.r2.json"), "{}");
            }
            _ => {}
        }
    }
}

/// Events named so that the first sorts before and the last after, in their bytes and not only in the alphabet.
const NAMES: [[&str; 3]; 3] = [
    ["crm_event_a_1", "crm_event_m_1", "crm_event_z_1"],
    ["crm_event_a-1", "crm_event_a", "crm_event_a_1"],
    ["A", "crm_event_l9_2", "x"],
];

fn triples() -> impl Iterator<Item = [Kind; 3]> {
    let kinds = || Kind::VARIANTS.iter().copied();
    let pairs = kinds().flat_map(move |a| kinds().map(move |b| (a, b)));
    pairs.flat_map(move |(a, b)| kinds().map(move |c| [a, b, c]))
}

#[tokio::test(start_paused = true)]
async fn what_the_sweep_finds_of_an_event_never_depends_on_its_neighbours() {
    for (number, kinds) in triples().enumerate() {
        let world = World::new();
        let names = NAMES[number % NAMES.len()];
        world.home.set_page(1 + number % 4);
        // Old enough to be left alone, then old enough to be lost, then young.
        for (turn, pause) in [DAY * 14, LOST, Duration::ZERO].into_iter().enumerate() {
            for (kind, name) in kinds.iter().zip(names) {
                kind.plant(&world, name, turn);
            }
            sleep(pause).await;
        }
        let report = world.sweep.run(SweepMode::DryRun).await.unwrap();
        let found = kinds.iter().zip(names).filter(|(kind, _)| kind.is_found());
        let found: Vec<String> = found.map(|(_, name)| format!("raw/{name}.json")).collect();
        assert_eq!(report.keys, found, "{kinds:?} {names:?}");
        let listed = kinds.iter().filter(|kind| **kind != Kind::Orphan).count();
        assert_eq!(report.examined, u64::try_from(listed).unwrap(), "{kinds:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_oldest_and_the_youngest_that_are_found_are_these() {
    let limit = DAY * 14;
    let second = Duration::from_secs(1);
    // What was never claimed has not waited for a mail service.
    let unclaimed = LOST.checked_sub(Duration::from_hours(1)).unwrap();
    for (age, is_found) in [
        (unclaimed.checked_sub(second).unwrap(), false),
        (unclaimed, true),
        (DAY * 13, true),
        (limit.checked_sub(second).unwrap(), true),
        (limit, false),
        (limit * 10, false),
    ] {
        for others in [["raw/0.json", "raw/z.json"], ["raw/l-.json", "raw/m_.json"]] {
            let world = World::new();
            world.put(others[0], "{}");
            world.put(others[1], "{}");
            sleep(limit * 2).await;
            world.put("raw/m.json", "{}");
            sleep(age).await;
            world.put(others[0], "{}");
            let report = world.sweep.run(SweepMode::DryRun).await.unwrap();
            assert_eq!(report.found, u64::from(is_found), "{age:?} {others:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_read_is_passed_over_wherever_it_lies() {
    for bad in 0..3 {
        let world = World::with(|world| world.sweep.max = 10);
        let keys = ["raw/a.json", "raw/m.json", "raw/z.json"];
        for key in keys {
            world.put(key, r#"{"lead_id":"x"}"#);
        }
        sleep(LOST).await;
        world.put(&keys[bad].replace("raw/", "swept/"), "nonsense");
        sleep(LOST).await;
        let swept = world.sweep.run(SweepMode::Send).await;
        assert!(swept.is_err(), "{bad}");
        let mut sent = world.queue().bodies();
        sent.sort();
        let expected = keys.iter().enumerate().filter(|(at, _)| *at != bad);
        let expected = expected.map(|(_, key)| format!(r#"{{"s3_key":"{key}"}}"#));
        assert!(expected.eq(sent), "{bad}");
    }
}

/// What an event is like when the audit comes by: what is planted of it, by prefix.
const STANDS: [&[(&str, &str)]; 13] = [
    &[("raw/", "{}")],
    &[("raw/", r#"{"lead_id":"x"}"#)],
    &[("raw/", r#"{"lead_id":"x"}"#), ("failed/", "{}")],
    &[("raw/", r#"{"lead_id":"x"}"#), ("mail/", "")],
    &[("raw/", r#"{"lead_id":"x"}"#), ("mail/", "{}")],
    &[("raw/", r#"{"lead_id":"x"}"#), ("mail/", IDLE_CLAIM)],
    &[("raw/", r#"{"lead_id":"x"}"#), ("enriched/", "{}")],
    &[("enriched/", "{}")],
    &[("enriched/", "{}"), ("mail/", "")],
    &[("mail/", "")],
    &[("mail/", PARKED_CLAIM)],
    &[("failed/", "{}"), ("swept/", r#"{"count":1}"#)],
    &[],
];

/// A world of events in these stands, three hours old.
async fn stood(stands: &[(usize, &str)], page: usize) -> World {
    let world = World::new();
    world.home.set_page(page);
    for (stand, name) in stands {
        for (prefix, text) in STANDS[*stand] {
            world.put(&format!("{prefix}{name}.json"), text);
        }
    }
    sleep(LOST * 2).await;
    world
}

fn add(sum: &mut AuditReport, one: &AuditReport) {
    let (total, account) = (&mut sum.account, &one.account);
    total.received += account.received;
    total.mailed += account.mailed;
    total.parked += account.parked;
    total.dead_lettered += account.dead_lettered;
    total.forgotten += account.forgotten;
    total.in_flight += account.in_flight;
    total.nowhere += account.nowhere;
    sum.without_message += one.without_message;
    sum.expired += one.expired;
    sum.replays += one.replays;
    sum.inconsistent += one.inconsistent;
    sum.notes += one.notes;
}

#[tokio::test(start_paused = true)]
async fn what_the_audit_finds_of_an_event_never_depends_on_its_neighbours() {
    for number in 0..STANDS.len() * STANDS.len() {
        let (first, middle) = (number / STANDS.len(), number % STANDS.len());
        let last = (number + 5) % STANDS.len();
        let names = NAMES[number % NAMES.len()];
        let stands = [(first, names[0]), (middle, names[1]), (last, names[2])];
        let mut expected = (AuditReport::default(), Vec::new());
        for stand in stands {
            let world = stood(&[stand], 1000).await;
            let (report, findings) = audited(&world).await;
            add(&mut expected.0, &report);
            expected.1.extend(findings);
        }
        let world = stood(&stands, 1 + number % 3).await;
        assert_eq!(audited(&world).await, expected, "{stands:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_hundred_events_are_audited_like_one_whatever_the_pages() {
    for page in [1, 7, 32, 33, 1000] {
        let names: Vec<String> = (0..100).map(|number| format!("n{number}")).collect();
        let numbers = (0..STANDS.len()).cycle();
        let stands: Vec<_> = numbers.zip(names.iter().map(String::as_str)).collect();
        let (report, findings) = audited(&stood(&stands, page).await).await;
        let mut expected = (AuditReport::default(), 0);
        for (stand, _) in &stands {
            let (one, found) = audited(&stood(&[(*stand, "n")], page).await).await;
            add(&mut expected.0, &one);
            expected.1 += found.len();
        }
        assert_eq!((report, findings.len()), expected, "{page}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_span_of_time_names_what_was_stored_in_it_wherever_it_lies_in_the_listing() {
    let world = World::new();
    world.home.set_page(2);
    let minute = Duration::from_mins(1);
    // By time: h f d b a c e g, so that neither order is the other's.
    let order = ["h", "f", "d", "b", "a", "c", "e", "g"];
    let mut times = Vec::new();
    for name in order {
        times.push(world.clock().now());
        world.put(&format!("raw/{name}.json"), "{}");
        world.put(&format!("raw/{name}.txt"), "{}");
        sleep(minute).await;
    }
    times.push(world.clock().now());
    for from in 0..times.len() {
        for to in from..times.len() {
            let found = list_time(&*world.home, times[from], times[to]).await;
            let found: BTreeSet<String> = found.unwrap().iter().map(EventName::raw_key).collect();
            let expected = order[from..to].iter();
            let expected: BTreeSet<String> = expected.map(|n| format!("raw/{n}.json")).collect();
            assert_eq!(found, expected, "{from} to {to}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_lead_is_found_between_leads_of_every_name_that_begins_alike() {
    let time = "20261123T064959123456Z";
    let own = [
        format!("crm_event_m_{time}"),
        "crm_event_m_20261124T064959123456Z".into(),
    ];
    let others = [
        "0", "M", "l", "m-", "m-1", "m0", "m_1", "m_", "mm", "n", "z",
    ];
    let others = others.map(|lead| format!("crm_event_{lead}_{time}"));
    for page in [1, 2, 3, 1000] {
        let world = World::new();
        world.home.set_page(page);
        for name in own.iter().chain(&others) {
            world.put(&format!("raw/{name}.json"), "{}");
        }
        world.put(&format!("raw/crm_event_m_{time}x.json"), "{}");
        world.put("raw/crm_event_m_.json", "{}");
        let found = list_lead(&*world.home, &lead_id("m")).await.unwrap();
        assert!(
            found.iter().map(ToString::to_string).eq(own.clone()),
            "{page}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_parked_mail_is_listed_between_claims_of_every_other_kind() {
    for page in [1, 2, 1000] {
        let world = World::new();
        world.home.set_page(page);
        for name in ["a", "c", "e.r1", "e.r10", "g", "z"] {
            world.put(&format!("mail/{name}.json"), PARKED_CLAIM);
        }
        for name in ["0", "b", "d", "e", "e.r2", "f", "zz"] {
            let key = format!("mail/{name}.json");
            if name.len() == 1 && name > "b" {
                world.put_marker(&key, "sent");
            } else {
                world.put(&key, IDLE_CLAIM);
            }
        }
        world.put("mail/d d.json", PARKED_CLAIM);
        let listed = list_parked(&*world.home).await.unwrap();
        let listed: Vec<String> = listed.iter().map(|one| one.name.to_string()).collect();
        assert_eq!(listed, ["a", "c", "e.r1", "e.r10", "g", "z"], "{page}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_somebody_named_by_hand_is_forgotten_before_and_behind_names_of_ours() {
    let strange = "0 crm_evens crm_event crm_event- crm_evenu z zz";
    let strange: Vec<&str> = strange.split(' ').collect();
    for (number, page) in [1, 2, 3, 1000, 1, 1000].into_iter().enumerate() {
        let world = World::new();
        world.home.set_page(page);
        for name in &strange {
            world.put(&format!("raw/{name}.json"), r#"{"lead_id":"a"}"#);
            world.put(&format!("raw/{name}-other.json"), r#"{"lead_id":"b"}"#);
        }
        // Nothing of ours, then a little, then more than a page of it.
        for ours in 0..number {
            let key = format!("raw/crm_event_b_{ours}.json");
            world.put(&key, r#"{"lead_id":"b"}"#);
        }
        let done = forgotten(&world, "a").await;
        assert_eq!(done.events, strange.len(), "{page}");
        let left = world.keys("raw/");
        let is_stone = |key: &&String| world.peek(key).unwrap().bytes.is_empty();
        assert_eq!(left.iter().filter(is_stone).count(), strange.len());
        assert_eq!(left.len(), 2 * strange.len() + number, "{left:?}");
    }
}
