//! How a lead ended, and what was mailed of it.

use anyhow::Result;
use serde_json::Value;

use super::ground::Ground;
use super::shape::{Lead, Shape};
use crate::accepted::key_in;
use crate::json::At;

/// What was seen of a lead when its process was killed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// Mails that were out.
    pub(crate) mails: usize,
    /// Whether the mail was settled.
    pub(crate) settled: bool,
}

/// How a lead ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its mail is settled.
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
                (claim.at("state") == "parked" && failed).then_some(End::Parked)
            }
            None => (failed && shape.fails()).then_some(End::Failed),
        },
    )
}

/// The subjects of a lead's mails, with the time of each.
pub(crate) fn subjects(ground: &Ground, lead: &Lead) -> Vec<(jiff::Timestamp, String)> {
    let start = format!("New lead: {} → ", lead.name);
    let mails = ground.cloud.mails().into_iter();
    let subjects = mails.filter_map(|mail| {
        let subject = mail.request.pointer("/Content/Simple/Subject/Data")?;
        Some((mail.at, subject.as_str()?.to_owned()))
    });
    subjects
        .filter(|(_, subject)| subject.starts_with(&start))
        .collect()
}
