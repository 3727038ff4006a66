//! Waiting is not failing: how long to wait, and when waiting is over. Pure decisions; the stage carries them out.
//!
//! Hops are counted per kind of wait, and kinds only go forward, so nothing circles for ever.

use crate::limits::{HOPS_MAX, MAIL_HOPS_MAX, QUEUE_DELAY_SECONDS_MAX};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strum::IntoStaticStr;

/// The longest step between two looks.
const STEP_SECONDS_MAX: u32 = 300;
/// Seconds after which comes back what found no time, or no turn.
pub const NO_TIME_SECONDS: u32 = 1;

/// The kinds of wait, in the order in which an event can go through them.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum WaitKind {
    /// Before `not_before`.
    #[default]
    Early,
    /// For the owner file.
    Owner,
    /// For the service that sends: it is busy, or did not reply.
    Mail,
}

impl WaitKind {
    /// How often a message may be put back for it.
    pub fn hops_max(self) -> u8 {
        match self {
            Self::Early | Self::Owner => HOPS_MAX,
            Self::Mail => MAIL_HOPS_MAX,
        }
    }
}

/// Why a message was put back.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, IntoStaticStr,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum DeferReason {
    /// It came before `not_before`.
    TooEarly,
    /// There is no owner file yet.
    OwnerAbsent,
    /// There is an owner file that is empty or cut off.
    OwnerUnfinished,
    /// The mail service did not take it, and may later: throttled, paused, slow or out of reach.
    MailUnavailable,
    /// Whether an effect was taken is not known, and it is sent once more.
    InDoubt,
    /// Another worker holds the claim.
    ClaimLive,
    /// There was no time for it, or no turn: the invocation or the process ends, or others are being sent.
    NoTimeLeft,
}

impl DeferReason {
    /// The code in logs and tables.
    pub fn code(self) -> &'static str {
        self.into()
    }

    /// The kind it counts in; a live claim and a lack of time count in whatever kind is going on.
    fn kind(self) -> Option<WaitKind> {
        match self {
            Self::TooEarly => Some(WaitKind::Early),
            Self::OwnerAbsent | Self::OwnerUnfinished => Some(WaitKind::Owner),
            Self::MailUnavailable | Self::InDoubt => Some(WaitKind::Mail),
            Self::ClaimLive | Self::NoTimeLeft => None,
        }
    }
}

/// How long a message has waited already, and for what. It travels in the message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The kind of wait that is going on.
    pub kind: WaitKind,
    /// Hops of this kind so far.
    pub hop: u8,
    /// Why it was put back last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<DeferReason>,
    /// When the service was busy first, or did not reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail_since: Option<Timestamp>,
}

impl Waiting {
    /// The state after one more hop, or `None` when the hops of this kind are used up.
    pub fn next(&self, reason: DeferReason, now: Timestamp) -> Option<Self> {
        let kind = reason.kind().unwrap_or(self.kind).max(self.kind);
        let hop = if kind > self.kind {
            1
        } else {
            self.hop.checked_add(1)?
        };
        let mail_since = self
            .mail_since
            .or_else(|| (reason.kind() == Some(WaitKind::Mail)).then_some(now));
        (hop <= kind.hops_max()).then_some(Self {
            kind,
            hop,
            reason: Some(reason),
            mail_since,
        })
    }

    /// The same for what was to be sent and was not, for want of a turn or of time: from there on nothing waits for the owner any more, so
    /// that the hops of mail count. No service was busy: the wait for one does not begin.
    pub fn next_unsent(&self, now: Timestamp) -> Option<Self> {
        let kind = self.kind.max(WaitKind::Mail);
        let hop = if kind > self.kind { 0 } else { self.hop };
        let sending = Self {
            kind,
            hop,
            ..self.clone()
        };
        sending.next(DeferReason::NoTimeLeft, now)
    }

    /// Hops that are left in `kind`.
    fn hops_left(&self, kind: WaitKind) -> u32 {
        let used = if kind > self.kind { 0 } else { self.hop };
        u32::from(kind.hops_max().saturating_sub(used))
    }

    /// The seconds before the next look in `kind`: they double from `first` with each hop, four times, and are five minutes from then on.
    fn step(&self, kind: WaitKind, first: u32) -> u32 {
        match self.hop {
            _ if self.kind != kind => first,
            hop @ 0..4 => first << hop,
            _ => STEP_SECONDS_MAX,
        }
    }
}

/// Whole seconds from `now` until `end`, rounded up; zero when it is past.
pub fn seconds_until(now: Timestamp, end: Timestamp) -> u32 {
    let left = end.duration_since(now);
    let whole = left.as_secs() + i64::from(left.subsec_nanos() > 0);
    u32::try_from(whole.max(0)).unwrap_or(u32::MAX)
}

/// How long an early message waits, in seconds, or `None` when its time has come.
pub fn decide_early_wait(now: Timestamp, not_before: Timestamp) -> Option<u32> {
    (now < not_before).then(|| seconds_until(now, not_before).clamp(1, QUEUE_DELAY_SECONDS_MAX))
}

/// How long to wait for the owner file, in seconds, or `None` when the window is over: after 30, 60, 120, 240 s, then every 300 s, stretched
/// where the window is longer than the hops that are left, the last look at the window's end.
pub fn decide_owner_wait(now: Timestamp, window_end: Timestamp, waiting: &Waiting) -> Option<u32> {
    let step = waiting.step(WaitKind::Owner, 30);
    let remaining = seconds_until(now, window_end);
    decide_step(step, remaining, waiting.hops_left(WaitKind::Owner))
}

/// How long to wait for the mail service, in seconds, or `None` when the window is over. `jitter` is uniform in 0..=255 and spreads the
/// comeback of many over half of the step.
pub fn decide_mail_wait(
    now: Timestamp,
    window_seconds: u32,
    waiting: &Waiting,
    jitter: u8,
) -> Option<u32> {
    let since = waiting.mail_since.unwrap_or(now);
    let end = since
        .checked_add(SignedDuration::from_secs(i64::from(window_seconds)))
        .unwrap_or(since);
    let remaining = seconds_until(now, end);
    let step = decide_doubt_wait(waiting, jitter);
    decide_step(step, remaining, waiting.hops_left(WaitKind::Mail))
}

/// How long to wait before what got no turn, or no time, is sent, in seconds: a moment; where the last attempt had none either, as long as
/// for a busy service, so that the hops are not used up while a slow one takes every turn.
pub fn decide_unsent_wait(waiting: &Waiting, jitter: u8) -> u32 {
    let is_first =
        waiting.kind != WaitKind::Mail || waiting.reason != Some(DeferReason::NoTimeLeft);
    if is_first {
        NO_TIME_SECONDS
    } else {
        decide_doubt_wait(waiting, jitter)
    }
}

/// How long to wait before what is in doubt is sent once more, in seconds: as long as for a busy service, and also after its window.
pub fn decide_doubt_wait(waiting: &Waiting, jitter: u8) -> u32 {
    let step = waiting.step(WaitKind::Mail, 20);
    step + step * u32::from(jitter) / 512
}

/// One step of a schedule: never past the end, never so short that the hops left could not reach it.
fn decide_step(step: u32, remaining: u32, hops_left: u32) -> Option<u32> {
    if remaining == 0 || hops_left == 0 {
        return None;
    }
    let reachable = QUEUE_DELAY_SECONDS_MAX.saturating_mul(hops_left - 1);
    Some(
        step.max(remaining.saturating_sub(reachable))
            .min(remaining)
            .clamp(1, QUEUE_DELAY_SECONDS_MAX),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    /// Walks the owner's schedule and gives the times of the looks.
    fn owner_looks(window: i64) -> Vec<i64> {
        let (mut now, mut waiting, mut looks) = (0, Waiting::default(), vec![]);
        while let Some(wait) = decide_owner_wait(at(now), at(window), &waiting) {
            now += i64::from(wait);
            waiting = waiting
                .next(DeferReason::OwnerAbsent, at(now))
                .expect("the schedule never asks for more hops than there are");
            looks.push(now);
        }
        looks
    }

    #[test]
    fn a_reason_is_told_as_it_is_written() {
        for (reason, code) in [
            (DeferReason::TooEarly, "too_early"),
            (DeferReason::OwnerAbsent, "owner_absent"),
            (DeferReason::OwnerUnfinished, "owner_unfinished"),
            (DeferReason::ClaimLive, "claim_live"),
            (DeferReason::MailUnavailable, "mail_unavailable"),
            (DeferReason::InDoubt, "in_doubt"),
            (DeferReason::NoTimeLeft, "no_time_left"),
        ] {
            assert_eq!(reason.code(), code);
            assert_eq!(serde_json::to_value(reason).unwrap(), code);
        }
    }

    #[test]
    fn the_owner_is_looked_for_often_at_first_and_last_at_the_end_of_the_window() {
        let expected = [30, 90, 210, 450, 750, 1050, 1350, 1650, 1800];
        assert_eq!(owner_looks(1800), expected);
    }

    #[test]
    fn every_window_is_reached_within_the_hops() {
        for window in [0, 1, 29, 30, 31, 600, 3600, 7650, 8999, 9000] {
            let looks = owner_looks(window);
            assert!(looks.len() <= usize::from(HOPS_MAX), "{window}");
            assert_eq!(looks.last().copied().unwrap_or(0), window);
        }
    }

    #[test]
    fn mail_is_tried_until_its_window_ends_and_no_longer() {
        for window in [0_u32, 1, 60, 3600, 9000, 86_400] {
            for jitter in [0, 255] {
                let mut now = 0;
                let mut waiting = Waiting {
                    kind: WaitKind::Owner,
                    hop: 12,
                    ..Waiting::default()
                };
                while let Some(wait) = decide_mail_wait(at(now), window, &waiting, jitter) {
                    waiting = waiting.next(DeferReason::MailUnavailable, at(now)).unwrap();
                    now += i64::from(wait);
                }
                assert_eq!(now, i64::from(window), "jitter {jitter}");
            }
        }
    }

    #[test]
    fn mail_is_tried_soon_at_first_and_many_come_back_spread() {
        let waits = |jitter| {
            let (mut now, mut waiting) = (0, Waiting::default());
            let mut waits = Vec::new();
            while let Some(wait) = decide_mail_wait(at(now), 3600, &waiting, jitter) {
                waiting = waiting.next(DeferReason::MailUnavailable, at(now)).unwrap();
                now += i64::from(wait);
                waits.push(wait);
            }
            waits
        };
        assert_eq!(waits(0)[..6], [20, 40, 80, 160, 300, 300]);
        assert_eq!(waits(255)[..6], [29, 59, 119, 239, 449, 449]);
    }

    #[test]
    fn what_was_not_sent_comes_back_after_a_moment_and_then_in_the_steps_of_a_busy_service() {
        for kind in [WaitKind::Early, WaitKind::Owner] {
            let mut waiting = Waiting {
                kind,
                hop: 12,
                reason: Some(DeferReason::NoTimeLeft),
                mail_since: None,
            };
            let mut waits = Vec::new();
            for _ in 0..6 {
                waits.push(decide_unsent_wait(&waiting, 0));
                waiting = waiting.next_unsent(at(0)).unwrap();
            }
            assert_eq!(waits, [1, 40, 80, 160, 300, 300], "{kind:?}");
            assert_eq!((waiting.kind, waiting.hop), (WaitKind::Mail, 6));
            // A busy service has its whole window still, and who waited for it is soon looked at again.
            assert_eq!(waiting.mail_since, None);
            assert_eq!(decide_mail_wait(at(9), 60, &waiting, 0), Some(60));
            let busy = waiting.next(DeferReason::MailUnavailable, at(9)).unwrap();
            assert_eq!(busy.mail_since, Some(at(9)));
            assert_eq!(decide_unsent_wait(&busy, 0), 1);
            let again = busy.next_unsent(at(20)).unwrap();
            assert_eq!((again.hop, again.mail_since), (8, Some(at(9))));
        }
    }

    #[test]
    fn what_is_never_sent_has_as_many_hops_as_mail_has() {
        let (mut waiting, mut hops) = (Waiting::default(), 0);
        while let Some(next) = waiting.next_unsent(at(0)) {
            (waiting, hops) = (next, hops + 1);
        }
        assert_eq!(hops, u32::from(MAIL_HOPS_MAX));
    }

    #[test]
    fn a_wait_of_another_kind_begins_with_its_first_step_whatever_was_waited_for_before() {
        for hop in [0, 2, 3, 12] {
            let waiting = Waiting {
                kind: WaitKind::Owner,
                hop,
                ..Waiting::default()
            };
            assert_eq!(decide_mail_wait(at(0), 3600, &waiting, 0), Some(20));
            assert_eq!(decide_doubt_wait(&waiting, 0), 20);
            let early = Waiting {
                kind: WaitKind::Early,
                ..waiting
            };
            assert_eq!(decide_owner_wait(at(0), at(3600), &early), Some(30));
        }
    }

    #[test]
    fn a_part_of_a_second_is_a_whole_one_and_what_is_past_is_none() {
        let now = at(100);
        for (nanos, seconds) in [
            (1, 1),
            (1_000_000_000, 1),
            (1_000_000_001, 2),
            (1_500_000_000, 2),
            (0, 0),
            (-1, 0),
            (-1_500_000_000, 0),
        ] {
            let end = now.checked_add(SignedDuration::from_nanos(nanos)).unwrap();
            assert_eq!(seconds_until(now, end), seconds, "{nanos}");
        }
    }

    #[test]
    fn hops_of_one_kind_end_and_kinds_only_go_forward() {
        let mut waiting = Waiting::default();
        for _ in 0..HOPS_MAX {
            waiting = waiting.next(DeferReason::ClaimLive, at(0)).unwrap();
        }
        assert_eq!(waiting.next(DeferReason::ClaimLive, at(0)), None);
        let owner = waiting.next(DeferReason::OwnerAbsent, at(0)).unwrap();
        assert_eq!((owner.kind, owner.hop), (WaitKind::Owner, 1));
        let early = owner.next(DeferReason::TooEarly, at(0)).unwrap();
        assert_eq!((early.kind, early.hop), (WaitKind::Owner, 2));
    }

    #[test]
    fn an_early_message_waits_until_its_time_and_never_a_zero() {
        assert_eq!(decide_early_wait(at(0), at(600)), Some(600));
        assert_eq!(decide_early_wait(at(0), at(5000)), Some(900));
        assert_eq!(decide_early_wait(at(600), at(600)), None);
        let just_before = at(600).checked_sub(SignedDuration::from_millis(1)).unwrap();
        assert_eq!(decide_early_wait(just_before, at(600)), Some(1));
    }
}
