//! The leads of the demo, and the end that each must come to.

use crate::client::Sample;
use crate::home;
use anyhow::Context as _;
use jiff::Timestamp;
use leadwire_domain::lead::id::{EventId, LeadId};
use leadwire_pipeline::ledger::history::LeadState;
use leadwire_pipeline::port::Entropy as _;
use serde_json::json;

/// One lead's story.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) lead_id: &'static str,
    name: &'static str,
    /// What it shows.
    pub(super) title: &'static str,
    /// How often the CRM posts it.
    pub(super) posts: u32,
    /// Whether its owner file comes only when the lead waits for it.
    pub(super) is_owner_late: bool,
    /// The lead that its owner file names.
    owner_file_of: &'static str,
    owner: &'static str,
    /// The end that it must come to.
    pub(super) end: LeadState,
}

/// The stories.
pub(super) const STORIES: [Story; 4] = [
    Story {
        lead_id: "demo-alice",
        name: "Alice Adams",
        title: "a good lead",
        posts: 1,
        is_owner_late: false,
        owner_file_of: "demo-alice",
        owner: "Omar",
        end: LeadState::Mailed,
    },
    Story {
        lead_id: "demo-bob",
        name: "Bob Brown",
        title: "posted twice by the CRM, mailed once",
        posts: 2,
        is_owner_late: false,
        owner_file_of: "demo-bob",
        owner: "Olga",
        end: LeadState::Mailed,
    },
    Story {
        lead_id: "demo-carol",
        name: "Carol Clark",
        title: "its owner is assigned late",
        posts: 1,
        is_owner_late: true,
        owner_file_of: "demo-carol",
        owner: "Oscar",
        end: LeadState::Mailed,
    },
    Story {
        lead_id: "demo-dave",
        name: "Dave Davis",
        title: "poisoned: another lead's owner file",
        posts: 1,
        is_owner_late: false,
        owner_file_of: "demo-alice",
        owner: "Omar",
        end: LeadState::Dead,
    },
];

impl Story {
    /// The lead's id.
    pub(super) fn parse_lead_id(&self) -> anyhow::Result<LeadId> {
        LeadId::parse(self.lead_id).context("a lead id of the demo")
    }

    /// The lead as the CRM posts it.
    pub(super) fn sample(&self, now: Timestamp) -> anyhow::Result<Sample> {
        Ok(Sample {
            lead_id: self.parse_lead_id()?,
            name: self.name.to_owned(),
            email: format!("{}@example.com", self.lead_id),
            event_id: EventId::from_random(home::entropy().bits()),
            made_at: Some(now),
        })
    }

    /// Its owner file.
    pub(super) fn owner_file(&self) -> Vec<u8> {
        let file = json!({
            "lead_id": self.owner_file_of,
            "lead_owner": self.owner,
            "owner_email": format!("{}@example.com", self.owner.to_lowercase()),
            "funnel": "Direct VSL",
        });
        format!("{file:#}\n").into_bytes()
    }
}
