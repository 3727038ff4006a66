//! Three sorted listings walked side by side, event by event. It holds a page of each, whatever the home holds.

use crate::ledger::listing::Listing;
use crate::port::{Bucket, Home, PortError};
use leadwire_domain::key::{ENRICHED, EventName, MAIL, RAW};
use std::collections::BTreeSet;

/// What lies under one name.
#[derive(Debug)]
pub(super) enum Group {
    /// An event, with the numbers of its revisions; 0, the event itself, is always among them.
    Event {
        name: EventName,
        revisions: BTreeSet<u32>,
    },
    /// A key that names no event.
    Strange(String),
}

/// The walk.
pub(super) struct Walk<'a, H> {
    listings: [(&'static str, Listing<'a, H>); 3],
}

impl<'a, H: Home> Walk<'a, H> {
    pub(super) fn new(home: &'a H) -> Self {
        let listing = |bucket, prefix| (prefix, Listing::new(home, bucket, prefix));
        Self {
            listings: [
                listing(Bucket::Raw, RAW),
                listing(Bucket::Enriched, ENRICHED),
                listing(Bucket::Enriched, MAIL),
            ],
        }
    }

    /// The next few; none at the end.
    pub(super) async fn next_groups(&mut self, count: usize) -> Result<Vec<Group>, PortError> {
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
        for (prefix, listing) in &mut self.listings {
            if let Some(entry) = listing.peek().await? {
                let stem = stem_of(prefix, &entry.key);
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
        for (prefix, listing) in &mut self.listings {
            while let Some(entry) = listing.peek().await? {
                if stem_of(prefix, &entry.key) != stem {
                    break;
                }
                match EventName::parse_key(prefix, &entry.key) {
                    // A raw object has no revisions.
                    Ok(name) if *prefix != RAW || name.revision() == 0 => {
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
