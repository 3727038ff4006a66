//! Three sorted listings walked side by side, event by event. It holds a page of each, whatever the home holds.

use super::{Kind, Ledger, Listing};
use crate::port::{ObjectStore, PortError};
use leadwire_domain::key::EventName;
use std::collections::BTreeSet;

/// What lies under one name.
#[derive(Debug)]
pub(crate) enum Group {
    /// An event, with the numbers of its revisions; 0, the event itself, is always among them.
    Event {
        name: EventName,
        revisions: BTreeSet<u32>,
    },
    /// A key that names no event.
    Strange(String),
}

/// The walk.
pub(crate) struct Walk<'a, S> {
    listings: [(Kind, Listing<'a, S>); 3],
}

impl<'a, S: ObjectStore> Walk<'a, S> {
    pub(crate) fn new(ledger: Ledger<'a, S>) -> Self {
        let kinds = [Kind::Raw, Kind::Document, Kind::Claim];
        Self {
            listings: kinds.map(|kind| (kind, ledger.list(kind))),
        }
    }

    /// The next few; none at the end.
    pub(crate) async fn next_groups(&mut self, count: usize) -> Result<Vec<Group>, PortError> {
        let mut groups = Vec::new();
        while groups.len() < count {
            let Some(stem) = self.next_stem().await? else {
                break;
            };
            self.take(&stem, &mut groups).await?;
        }
        Ok(groups)
    }

    /// The least name that any listing stands at.
    async fn next_stem(&mut self) -> Result<Option<String>, PortError> {
        let mut least: Option<String> = None;
        for (kind, listing) in &mut self.listings {
            if let Some(entry) = listing.peek().await? {
                let stem = stem_of(kind.prefix(), &entry.key);
                if least.as_deref().is_none_or(|least| stem < least) {
                    least = Some(stem.to_owned());
                }
            }
        }
        Ok(least)
    }

    /// Takes everything of that name.
    async fn take(&mut self, stem: &str, groups: &mut Vec<Group>) -> Result<(), PortError> {
        let mut found: Option<EventName> = None;
        let mut revisions = BTreeSet::from([0]);
        for (kind, listing) in &mut self.listings {
            while let Some(entry) = listing.peek().await? {
                if stem_of(kind.prefix(), &entry.key) != stem {
                    break;
                }
                match kind.parse(&entry.key) {
                    // A raw object has no revisions.
                    Ok(name) if *kind != Kind::Raw || name.revision() == 0 => {
                        revisions.insert(name.revision());
                        found = Some(name.with_revision(0));
                    }
                    Ok(_) | Err(_) => groups.push(Group::Strange(entry.key.clone())),
                }
                listing.next().await?;
            }
        }
        groups.extend(found.map(|name| Group::Event { name, revisions }));
        Ok(())
    }
}

/// A key's name up to its first dot, the dot included: keys that are sorted have sorted stems, and an event and its revisions have one.
fn stem_of<'a>(prefix: &str, key: &'a str) -> &'a str {
    let name = key.strip_prefix(prefix).unwrap_or(key);
    name.find('.')
        .and_then(|dot| name.get(..=dot))
        .unwrap_or(name)
}
