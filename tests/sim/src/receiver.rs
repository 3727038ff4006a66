//! Who is told, how the service of each behaves, and how the configuration changes in between.

use leadwire_domain::channel::{OWNER, TEAM};
use leadwire_domain::effect::EffectId;
use leadwire_domain::notice::EmailAddress;
use leadwire_pipeline::testkit::{Chance, Fault};
use std::time::Duration;

/// The addresses of the team, in the order in which a world has them.
const TEAM_ADDRESSES: [&str; 2] = ["sales@example.com", "calls@example.com"];
/// One that comes into the configuration later.
const NEW_ADDRESS: &str = "new@example.com";
/// A busy service is so for at most so many seconds.
const BUSY_SECONDS_MAX: u64 = 3000;
/// So many in a thousand asks of a service that throttles are refused.
const THROTTLED_PER_MILLE: u64 = 500;
/// The configuration changes within so many seconds.
const CHANGE_SECONDS_MAX: u64 = 1500;
/// So many in a thousand worlds have services that misbehave, and so many a configuration that changes.
const TROUBLED_PER_MILLE: u64 = 400;
const CHANGES_PER_MILLE: u64 = 150;
/// How late a server may answer the final dot, in seconds: within a machine's patience, at its end, and beyond it.
const LATE_SECONDS: [u64; 4] = [20, 240, 590, 700];
/// So many in a thousand services of one machine that are up are late.
const LATE_PER_MILLE: u64 = 250;

/// How the service of a receiver behaves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Service {
    /// It takes what it is given.
    #[default]
    Up,
    /// It takes some, and the others a moment later.
    Throttling,
    /// It takes nothing for so many seconds from the beginning of the world.
    Busy(u64),
    /// It refuses everything for good; until everything else heals, or for ever.
    Refusing {
        /// Whether it is ever put right.
        heals: bool,
    },
    /// It takes everything, and every reply is lost.
    Losing,
    /// It takes everything at once, and answers so many seconds later: one machine's alone, whose patience that may outlast.
    Late(u64),
}

impl Service {
    fn drawn(chance: &mut Chance) -> Self {
        let busy = Self::Busy(chance.below(BUSY_SECONDS_MAX));
        let heals = chance.happens(500);
        let others = [
            Self::Throttling,
            busy,
            Self::Refusing { heals },
            Self::Losing,
        ];
        chance.pick(Self::Up, &others)
    }

    /// What an ask meets, so many seconds after the beginning of the world.
    pub(crate) fn meets(self, seconds: u64, heals: bool, chance: &mut Chance) -> Option<Fault> {
        match self {
            Self::Up => None,
            Self::Throttling => {
                let is_refused = !heals && chance.happens(THROTTLED_PER_MILLE);
                is_refused.then_some(Fault::Throttled)
            }
            Self::Busy(until) => (!heals && seconds < until).then_some(Fault::Busy),
            Self::Refusing { heals: is_cured } => (!heals || !is_cured).then_some(Fault::Refused),
            Self::Losing => Some(Fault::ReplyLost),
            Self::Late(_) => Some(Fault::LateReply),
        }
    }

    /// How late it answers, where it does.
    pub(crate) fn lateness(self) -> Option<Duration> {
        match self {
            Self::Late(seconds) => Some(Duration::from_secs(seconds)),
            Self::Up | Self::Throttling | Self::Busy(_) | Self::Refusing { .. } | Self::Losing => {
                None
            }
        }
    }
}

/// How the configuration changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The last address of the team goes, where there is another.
    Drop,
    /// Another address stands in place of all of the team's.
    Replace,
    /// Another address comes to the team's.
    Add,
    /// Owners are no longer told.
    OwnerOff,
}

/// Who is told in a world.
#[derive(Clone, Debug, Default)]
pub struct Receivers {
    /// Addresses of the team, beside the first.
    pub more: usize,
    /// Whether the owner is told.
    pub notify_owner: bool,
    /// The services of the team's addresses and of the owners'; those that are not listed are up.
    pub services: [Service; 3],
    /// How the configuration changes, and after how many seconds.
    pub change: Option<(Change, u64)>,
}

impl Receivers {
    /// What a seed says.
    pub fn drawn(chance: &mut Chance) -> Self {
        let more = chance.pick(1, &[1, 0]);
        let notify_owner = chance.happens(400);
        let mut services = [Service::Up; 3];
        if chance.happens(TROUBLED_PER_MILLE) {
            services = services.map(|_up| Service::drawn(chance));
        }
        let altered = chance.happens(CHANGES_PER_MILLE).then(|| {
            let others = [Change::Replace, Change::Add, Change::OwnerOff];
            let kind = chance.pick(Change::Drop, &others);
            (kind, chance.below(CHANGE_SECONDS_MAX))
        });
        Self {
            more,
            notify_owner,
            services,
            change: altered,
        }
    }

    /// The same with services of which some answer late.
    #[must_use]
    pub(crate) fn with_late_services(self, chance: &mut Chance) -> Self {
        let services = self.services.map(|service| {
            let late = chance.pick(service, &LATE_SECONDS.map(Service::Late));
            let is_late = service == Service::Up && chance.happens(LATE_PER_MILLE);
            if is_late { late } else { service }
        });
        Self { services, ..self }
    }

    /// The configuration: the team's addresses, and whether owners are told.
    pub(crate) fn configured(&self, is_changed: bool) -> (Vec<EmailAddress>, bool) {
        let mut team: Vec<&str> = TEAM_ADDRESSES.into_iter().take(1 + self.more).collect();
        let mut notify_owner = self.notify_owner;
        match self.change.filter(|_| is_changed) {
            Some((Change::Drop, _)) => team.truncate(1),
            Some((Change::Replace, _)) => team = vec![NEW_ADDRESS],
            Some((Change::Add, _)) => team.push(NEW_ADDRESS),
            Some((Change::OwnerOff, _)) => notify_owner = false,
            None => {}
        }
        let address = |text: &str| EmailAddress::parse(text).expect("a plain address");
        (team.into_iter().map(address).collect(), notify_owner)
    }

    /// Who is gone once the configuration has changed: effects, or a whole channel.
    pub(crate) fn gone(&self) -> Vec<String> {
        let (before, told_owner) = self.configured(false);
        let (after, tells_owner) = self.configured(true);
        let gone = before.iter().filter(|address| !after.contains(address));
        let gone = gone.map(|address| EffectId::of_mail(TEAM, address).to_string());
        let owner = (told_owner && !tells_owner).then(|| OWNER.to_owned());
        gone.chain(owner).collect()
    }

    /// The service of an effect.
    pub(crate) fn service(&self, effect: &EffectId) -> Service {
        let [first, second, owner] = self.services;
        let is = |text: &str| {
            let address = EmailAddress::parse(text).expect("a plain address");
            *effect == EffectId::of_mail(TEAM, &address)
        };
        let [one, other] = TEAM_ADDRESSES;
        if effect.channel() == OWNER {
            owner
        } else if is(one) {
            first
        } else if is(other) {
            second
        } else {
            Service::Up
        }
    }
}
