//! Channels: who is notified of an event. There are two of people, the team and the owner, and the canary's own.

use crate::address::EmailAddress;
use crate::effect::EffectId;
use crate::limits::EFFECTS_MAX;
use crate::source::canary;

/// The people who must call.
pub const TEAM: &str = "team";
/// The lead's owner.
pub const OWNER: &str = "owner";
/// The canary's mails go nowhere else, and no other lead's go there.
pub const CANARY: &str = "canary";

/// How a channel notifies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    /// By mail.
    Mail,
}

impl ChannelKind {
    /// Every kind.
    pub const ALL: [Self; 1] = [Self::Mail];

    /// The kind of an effect's channel. There is one today.
    pub fn of(_effect: &EffectId) -> Self {
        Self::Mail
    }

    /// Its name, a value of a dimension of metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mail => "mail",
        }
    }
}

impl EffectId {
    /// What stands for every receiver of a lead of the first edition, whose document and claim name none.
    pub fn everybody() -> Self {
        Self::of_channel(TEAM)
    }
}

/// Who is notified, as it is configured today.
#[derive(Clone, Copy, Debug)]
pub struct Receivers<'a> {
    /// The addresses of the team.
    pub team: &'a [EmailAddress],
    /// Whether the owner is notified.
    pub notify_owner: bool,
}

/// What a lead says of its own receivers.
#[derive(Clone, Copy, Debug)]
pub struct Addressee<'a> {
    /// The owner's address, where the owner file gave one that is one.
    pub owner: Option<&'a EmailAddress>,
    /// Whether it is the canary.
    pub is_canary: bool,
}

/// The receivers of one event. Those that are no longer configured are not among them.
#[derive(Clone, Debug)]
pub struct Roll(Vec<Entry>);

#[derive(Clone, Debug)]
struct Entry {
    effect: EffectId,
    channel: &'static str,
    address: EmailAddress,
}

impl Roll {
    /// The address of an effect; none where its receiver is no longer configured.
    pub fn address(&self, effect: &EffectId) -> Option<&EmailAddress> {
        let found = self.0.iter().find(|entry| entry.effect == *effect);
        found.map(|entry| &entry.address)
    }

    /// Who else is notified, for the receiver of an effect: the names of channels, each with the addresses that the configuration has for it. The
    /// owner's address is an owner file's, and not shown.
    pub fn others(&self, effect: &EffectId) -> String {
        let others = |channel| {
            let entries = self.0.iter().filter(move |entry| entry.channel == channel);
            entries.filter(|entry| entry.effect != *effect)
        };
        let mut parts = Vec::new();
        let team: Vec<&str> = others(TEAM).map(|entry| entry.address.expose()).collect();
        if !team.is_empty() {
            parts.push(format!("{TEAM} ({})", team.join(", ")));
        }
        if others(OWNER).next().is_some() {
            parts.push(OWNER.to_owned());
        }
        parts.join(", ")
    }
}

impl Receivers<'_> {
    /// The effects of a lead whose document is made now, at most [`EFFECTS_MAX`]. Equal addresses are one effect, of the first channel that
    /// has them.
    pub fn effects(&self, lead: Addressee<'_>) -> Vec<EffectId> {
        let mut seen: Vec<&EmailAddress> = Vec::new();
        let mut effects = Vec::new();
        let all = self.all(lead);
        for (channel, address) in &all {
            if effects.len() < EFFECTS_MAX && !seen.iter().any(|one| one.is_same(address)) {
                effects.push(EffectId::of_mail(channel, address));
                seen.push(address);
            }
        }
        effects
    }

    /// Who is notified, as each of them reads it, for a document's effects.
    pub fn roll(&self, document: &[EffectId], lead: Addressee<'_>) -> Roll {
        let named = |(channel, address): (&'static str, EmailAddress)| {
            let effect = EffectId::of_mail(channel, &address);
            (effect, channel, address)
        };
        let all: Vec<_> = self.all(lead).into_iter().map(named).collect();
        let entry = |effect: &EffectId| {
            let found = all.iter().find(|(named, ..)| named == effect)?;
            let (effect, channel, address) = found.clone();
            Some(Entry {
                effect,
                channel,
                address,
            })
        };
        Roll(document.iter().filter_map(entry).collect())
    }

    /// The address of an effect; none where its receiver is no longer configured.
    pub fn address(&self, effect: &EffectId, lead: Addressee<'_>) -> Option<EmailAddress> {
        let all = self.all(lead).into_iter();
        let mut named =
            all.filter(|(channel, address)| EffectId::of_mail(channel, address) == *effect);
        named.next().map(|(_, address)| address)
    }

    fn all(&self, lead: Addressee<'_>) -> Vec<(&'static str, EmailAddress)> {
        if lead.is_canary {
            return vec![(CANARY, canary::recipient())];
        }
        let owner = lead.owner.filter(|_| self.notify_owner);
        let team = self.team.iter().map(|address| (TEAM, address.clone()));
        team.chain(owner.map(|address| (OWNER, address.clone())))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> EmailAddress {
        EmailAddress::parse(text).unwrap()
    }

    fn named(channel: &str, text: &str) -> EffectId {
        EffectId::of_mail(channel, &address(text))
    }

    fn of(owner: Option<&EmailAddress>) -> Addressee<'_> {
        Addressee {
            owner,
            is_canary: false,
        }
    }

    #[test]
    fn an_address_is_told_once_however_it_is_written_and_by_the_first_channel_that_has_it() {
        let team = ["a@example.com", "b@example.com", "A@Example.COM"].map(address);
        let owner = address("B@example.com");
        let receivers = Receivers {
            team: &team,
            notify_owner: true,
        };
        let expected = [named(TEAM, "a@example.com"), named(TEAM, "b@example.com")];
        assert_eq!(receivers.effects(of(Some(&owner))), expected);
        let omar = address("omar@example.com");
        let with_owner = receivers.effects(of(Some(&omar)));
        assert_eq!(with_owner.last(), Some(&named(OWNER, "omar@example.com")));
        let silent = Receivers {
            notify_owner: false,
            ..receivers
        };
        assert_eq!(silent.effects(of(Some(&omar))), expected);
    }

    #[test]
    fn an_event_has_so_many_effects_and_no_more() {
        let team: Vec<_> = (0..60)
            .map(|n| address(&format!("a{n}@example.com")))
            .collect();
        let receivers = Receivers {
            team: &team,
            notify_owner: true,
        };
        assert_eq!(receivers.effects(of(None)).len(), EFFECTS_MAX);
    }

    #[test]
    fn a_kind_has_the_name_that_metrics_know_it_by() {
        assert_eq!(ChannelKind::ALL.map(ChannelKind::name), ["mail"]);
    }

    #[test]
    fn an_effect_finds_its_receiver_as_long_as_it_is_configured() {
        let (team, omar) = (
            [address("a@example.com"), address("omar@example.com")],
            address("omar@example.com"),
        );
        let receivers = Receivers {
            team: &team,
            notify_owner: true,
        };
        let find = |receivers: Receivers<'_>, effect: &EffectId, owner| {
            receivers.address(effect, of(owner))
        };
        assert_eq!(
            find(receivers, &named(TEAM, "A@example.com"), None),
            Some(address("a@example.com"))
        );
        assert_eq!(
            find(receivers, &named(TEAM, "gone@example.com"), None),
            None
        );
        // Notified as the owner when the document was made, and one of the team by now.
        let owner = named(OWNER, "omar@example.com");
        assert_eq!(find(receivers, &owner, Some(&omar)), Some(omar.clone()));
        assert_eq!(find(receivers, &owner, None), None);
        let silent = Receivers {
            notify_owner: false,
            ..receivers
        };
        assert_eq!(find(silent, &owner, Some(&omar)), None);
    }

    #[test]
    fn each_receiver_is_told_who_else_is_told_and_no_address_of_an_owner() {
        let team = ["a@example.com", "b@example.com", "c@example.com"].map(address);
        let omar = address("omar@example.com");
        let receivers = Receivers {
            team: &team,
            notify_owner: true,
        };
        let lead = of(Some(&omar));
        let mut document = receivers.effects(lead);
        document.push(named(TEAM, "gone@example.com"));
        let roll = receivers.roll(&document, lead);
        let [first, owner] = [
            named(TEAM, "a@example.com"),
            named(OWNER, "omar@example.com"),
        ];
        assert_eq!(
            roll.others(&first),
            "team (b@example.com, c@example.com), owner"
        );
        let to_owner = "team (a@example.com, b@example.com, c@example.com)";
        assert_eq!(roll.others(&owner), to_owner);
        assert_eq!(roll.address(&owner), Some(&omar));
        assert_eq!(roll.address(&named(TEAM, "gone@example.com")), None);
        let alone = receivers.roll(std::slice::from_ref(&first), lead);
        assert_eq!(alone.others(&first), "");
    }

    #[test]
    fn the_canary_has_a_receiver_of_its_own_that_no_configuration_changes() {
        let team = [address("a@example.com")];
        let receivers = Receivers {
            team: &team,
            notify_owner: true,
        };
        let lead = Addressee {
            owner: Some(&team[0]),
            is_canary: true,
        };
        let effects = receivers.effects(lead);
        assert_eq!(effects, [EffectId::of_mail(CANARY, &canary::recipient())]);
        assert_eq!(
            receivers.address(&effects[0], lead),
            Some(canary::recipient())
        );
        assert_eq!(receivers.address(&named(TEAM, "a@example.com"), lead), None);
    }
}
