//! The mail claim `mail/X`: who may send, and what became of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

/// How a settled claim ended: an empty object whose metadata say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Settled {
    /// The mail went out.
    Sent,
    /// The lead was forgotten on request.
    Forgotten,
    /// A silent replay: it was to send no mail, or it had nothing new to say. A reader that does not know it takes it for sent,
    /// and so sends no mail either.
    Silent,
}

impl Settled {
    /// The word for it in a marker's metadata.
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        name.parse().ok()
    }
}

/// The body of `mail/X` while it is not settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Claim {
    /// A worker is sending, or died while it did.
    Sending(Sending),
    /// It is not held: the mail was definitely refused, and may be tried again.
    Idle {
        /// Attempts so far.
        attempt: u32,
    },
    /// Whether the mail went out is not known, and a person must decide.
    Parked {
        /// When it was parked.
        parked_at: Timestamp,
        /// Attempts so far.
        attempt: u32,
    },
}

/// A claim that a worker holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// Distinguishes this worker's claim from every other, 128 random bits in hex.
    pub token: String,
    /// Until when no other worker may send.
    pub lease_until: Timestamp,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// The run of the one-machine home that made it; absent on AWS, where the platform kills workers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boot: Option<String>,
    /// Whether its worker has reported already that delivery is in doubt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub doubted: bool,
}

/// What a worker does about a claim that is there already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimDecision {
    /// It is this worker's own: go on and send.
    Mine,
    /// It is not held: take it for this attempt.
    Take {
        /// The attempt to take it for.
        attempt: u32,
    },
    /// Another worker holds it: wait until then.
    Wait {
        /// The end of the lease.
        until: Timestamp,
    },
    /// Its holder is dead and whether it sent is not known: send again, or park.
    Stale {
        /// Attempts so far.
        attempt: u32,
    },
    /// It waits for a person.
    Parked,
}

/// Decides about the claim that is there. `boot` is this run of the one-machine home: another run's claim is over at once, since its
/// process is gone.
pub fn decide_claim(
    claim: &Claim,
    token: &str,
    now: Timestamp,
    boot: Option<&str>,
) -> ClaimDecision {
    match claim {
        Claim::Idle { attempt } => ClaimDecision::Take {
            attempt: attempt.saturating_add(1),
        },
        Claim::Parked { .. } => ClaimDecision::Parked,
        Claim::Sending(sending) if sending.token == token => ClaimDecision::Mine,
        Claim::Sending(sending) => {
            let other_boot = boot.is_some() && sending.boot.as_deref() != boot;
            if other_boot || now >= sending.lease_until {
                ClaimDecision::Stale {
                    attempt: sending.attempt,
                }
            } else {
                ClaimDecision::Wait {
                    until: sending.lease_until,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn sending(boot: Option<&str>) -> Claim {
        Claim::Sending(Sending {
            token: "t1".into(),
            lease_until: at(90),
            attempt: 1,
            boot: boot.map(Into::into),
            doubted: false,
        })
    }

    #[test]
    fn a_live_claim_of_another_worker_is_waited_for_and_a_stale_one_is_not() {
        let stale = ClaimDecision::Stale { attempt: 1 };
        for (token, now, expected) in [
            ("t2", 89, ClaimDecision::Wait { until: at(90) }),
            ("t2", 90, stale),
            ("t1", 89, ClaimDecision::Mine),
        ] {
            let decided = decide_claim(&sending(None), token, at(now), None);
            assert_eq!(decided, expected, "{token} {now}");
        }
    }

    #[test]
    fn another_boots_claim_is_stale_at_once() {
        let decide = |of| decide_claim(&sending(Some(of)), "t2", at(0), Some("b"));
        assert_eq!(decide("a"), ClaimDecision::Stale { attempt: 1 });
        assert_eq!(decide("b"), ClaimDecision::Wait { until: at(90) });
    }

    #[test]
    fn a_released_claim_is_taken_for_the_next_attempt() {
        let decided = decide_claim(&Claim::Idle { attempt: 1 }, "t", at(0), None);
        assert_eq!(decided, ClaimDecision::Take { attempt: 2 });
    }

    #[test]
    fn the_claim_is_a_tagged_document() {
        let json = serde_json::to_string(&sending(None)).unwrap();
        assert_eq!(
            json,
            r#"{"state":"sending","token":"t1","lease_until":"1970-01-01T00:01:30Z","attempt":1}"#
        );
        assert_eq!(serde_json::from_str::<Claim>(&json).unwrap(), sending(None));
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

    fn claim() -> impl Strategy<Value = Claim> {
        let time = || (0..4_000_000_000_i64).prop_map(at);
        let token = || prop::sample::select(vec!["t1", "t2"]).prop_map(str::to_owned);
        prop_oneof![
            any::<u32>().prop_map(|attempt| Claim::Idle { attempt }),
            (any::<u32>(), time())
                .prop_map(|(attempt, parked_at)| Claim::Parked { parked_at, attempt }),
            (
                token(),
                time(),
                any::<u32>(),
                prop::option::of(token()),
                any::<bool>()
            )
                .prop_map(|(token, lease_until, attempt, boot, doubted)| {
                    Claim::Sending(Sending {
                        token,
                        lease_until,
                        attempt,
                        boot,
                        doubted,
                    })
                }),
        ]
    }

    proptest! {
        #![proptest_config(crate::sample::cases())]

        #[test]
        fn any_claim_survives_its_text(claim in claim()) {
            let json = serde_json::to_string(&claim).unwrap();
            prop_assert_eq!(serde_json::from_str::<Claim>(&json).unwrap(), claim);
        }

        #[test]
        fn of_two_workers_only_one_may_send_while_a_lease_lives(claim in claim(), now in 0..4_000_000_000_i64) {
            let may_send = |token| !matches!(decide_claim(&claim, token, at(now), None), ClaimDecision::Wait { .. } | ClaimDecision::Parked);
            if let Claim::Sending(sending) = &claim && at(now) < sending.lease_until {
                prop_assert!(!(may_send("t1") && may_send("t2")));
            }
        }
    }
}
