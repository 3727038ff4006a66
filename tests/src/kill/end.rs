//! How a lead ended, and what was mailed of it.

use anyhow::Result;
use serde_json::Value;

use super::ground::{Ground, RECEIVERS};
use super::shape::{Lead, Shape};
use crate::accepted::key_in;
use crate::json::At;

/// What was seen of a lead when its process was killed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Mails that were out, to each receiver.
    pub(crate) mails: [usize; RECEIVERS.len()],
    /// Whether the mails were settled.
    pub(crate) settled: bool,
}

/// How a lead ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its mails are settled.
    Settled,
    /// A person must decide, and is told so.
    Parked,
    /// It failed, with its reason.
    Failed,
}

/// The end of an event by its raw key, where it has one.
pub(crate) async fn end(ground: &Ground, shape: Shape, raw_key: &str) -> Result<Option<End>> {
    let failed = ground.bytes("enriched", &key_in(raw_key, "failed")).await?;
    let failed = failed.is_some();
    Ok(
        match ground.bytes("enriched", &key_in(raw_key, "mail")).await? {
            Some(marker) if marker.is_empty() => Some(End::Settled),
            Some(claim) => {
                let claim: Value = serde_json::from_slice(&claim)?;
                (is_parked(&claim) && failed).then_some(End::Parked)
            }
            None => (failed && shape.fails()).then_some(End::Failed),
        },
    )
}

/// Whether nothing is left to do but what a person must decide.
fn is_parked(claim: &Value) -> bool {
    let effects = claim.at("effects").as_object();
    let states = effects.into_iter().flatten();
    let states: Vec<&str> = states
        .map(|(_, effect)| effect.at("state").text())
        .collect();
    let is_over = states
        .iter()
        .all(|state| matches!(*state, "sent" | "parked"));
    is_over && states.contains(&"parked")
}

/// A mail as it went out.
#[derive(Clone, Debug)]
pub(crate) struct Mailed {
    /// When.
    pub(crate) at: jiff::Timestamp,
    /// To whom.
    pub(crate) to: String,
    /// Its subject.
    pub(crate) subject: String,
}

/// The mails of a lead.
pub(crate) fn mails(ground: &Ground, lead: &Lead) -> Vec<Mailed> {
    let start = format!("New lead: {} → ", lead.name);
    let mails = ground.cloud.mails().into_iter();
    let mails = mails.map(|mail| {
        let text = |pointer| mail.request.pointer(pointer).and_then(Value::as_str);
        Mailed {
            at: mail.at,
            to: text("/Destination/ToAddresses/0")
                .unwrap_or_default()
                .to_owned(),
            subject: text("/Content/Simple/Subject/Data")
                .unwrap_or_default()
                .to_owned(),
        }
    });
    mails
        .filter(|mail| mail.subject.starts_with(&start))
        .collect()
}

/// How many of them went to each receiver.
pub(crate) fn by_receiver(mails: &[Mailed]) -> [usize; RECEIVERS.len()] {
    RECEIVERS.map(|receiver| mails.iter().filter(|mail| mail.to == receiver).count())
}
