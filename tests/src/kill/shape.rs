//! What is going on when a process is killed.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a shape names what is not as usual"
)]

use serde_json::{Value, json};

/// The instant of events that carry a time of their own.
const INSTANT: &str = "2026-11-23T06:50:00.123456";

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// A lead with an id and no time.
    Keyed,
    /// A lead with a time of its own.
    Timed,
    /// A lead whose key another event of it holds already.
    Taken,
    /// The same event twice before its delay is over.
    Twice,
    /// The queue gives a message too early.
    Early,
    /// The owner file comes late.
    Late,
    /// There is no owner file, and the lead is mailed all the same.
    Unassigned,
    /// The owner file is another lead's.
    Poison,
    /// SES is busy once.
    Busy,
    /// SES's answer is lost once.
    Doubt,
    /// SES's answer is lost once, and at most one mail may go out.
    Park,
    /// Three leads at once.
    Batch,
}

/// A lead as it is posted.
#[derive(Clone, Debug)]
pub(crate) struct Lead {
    /// Its id.
    pub id: String,
    /// Its name, by which its mail is known.
    pub name: String,
    /// The header `Idempotency-Key`.
    pub key: String,
    /// The body.
    pub body: String,
}

impl Shape {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Keyed,
        Self::Timed,
        Self::Taken,
        Self::Twice,
        Self::Early,
        Self::Late,
        Self::Unassigned,
        Self::Poison,
        Self::Busy,
        Self::Doubt,
        Self::Park,
        Self::Batch,
    ];

    /// Variables of the functions that differ from the usual ones.
    pub(crate) fn environment(self) -> Vec<(&'static str, &'static str)> {
        match self {
            Self::Twice => vec![("DELAY_SECONDS", "3")],
            Self::Early => vec![("DELAY_SECONDS", "4")],
            Self::Late => vec![("OWNER_WAIT_SECONDS", "3")],
            Self::Unassigned => vec![("OWNER_WAIT_SECONDS", "0"), ("OWNER_MISSING", "mail")],
            Self::Busy => vec![("MAIL_WAIT_SECONDS", "0")],
            Self::Park => vec![("EMAIL_AMBIGUOUS", "park")],
            _ => Vec::new(),
        }
    }

    /// The leads that come while processes are killed.
    pub(crate) fn leads(self) -> Vec<Lead> {
        match self {
            Self::Timed => vec![timed("kill-1", "ev_1", "Zoë")],
            Self::Taken => vec![timed("kill-1", "ev_2", "Second")],
            Self::Batch => ["Ann", "Ben", "Cid"]
                .map(|name| keyed(&format!("kill-{name}"), name))
                .into(),
            _ => vec![keyed("kill-1", "Zoë")],
        }
    }

    /// What has come to its end before.
    pub(crate) fn before(self) -> Vec<Lead> {
        if self == Self::Taken {
            vec![timed("kill-1", "ev_1", "First")]
        } else {
            Vec::new()
        }
    }

    /// The owner file as it is when a lead comes.
    pub(crate) fn owner(self, lead: &Lead) -> Option<Value> {
        match self {
            Self::Late | Self::Unassigned => None,
            Self::Poison => Some(json!({"lead_id": "another", "lead_owner": "Omar"})),
            _ => Some(json!({"lead_id": lead.id, "lead_owner": "Omar"})),
        }
    }

    /// Whether SES answers something else than it does, once.
    pub(crate) fn mail_fails(self) -> bool {
        matches!(self, Self::Busy | Self::Doubt | Self::Park)
    }

    /// Whether the lead ends as a failure, with its reason.
    pub(crate) fn fails(self) -> bool {
        self == Self::Poison
    }
}

fn keyed(lead_id: &str, name: &str) -> Lead {
    Lead {
        id: lead_id.to_owned(),
        name: name.to_owned(),
        key: format!("key-{lead_id}"),
        body: json!({"lead_id": lead_id, "display_name": name}).to_string(),
    }
}

fn timed(lead_id: &str, event_id: &str, name: &str) -> Lead {
    let event = json!({
        "id": event_id, "date_created": INSTANT, "object_type": "lead", "action": "created",
        "object_id": lead_id, "lead_id": lead_id, "data": {"id": lead_id, "display_name": name},
    });
    Lead {
        id: lead_id.to_owned(),
        name: name.to_owned(),
        key: event_id.to_owned(),
        body: json!({"event": event, "subscription_id": "whsub_1Test"}).to_string(),
    }
}
