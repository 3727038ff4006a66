//! What was promised, held against what came of a run.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::Value;

use super::end::{End, Seen, subjects};
use super::scene::Scene;
use super::shape::{Lead, Shape};
use crate::accepted::key_in;
use crate::json::At;

/// Everything that is wrong.
pub(crate) async fn judge(
    scene: &Scene,
    ends: &BTreeMap<String, End>,
    seen: &BTreeMap<String, Seen>,
) -> Result<Vec<String>> {
    let leads = [scene.shape.before(), scene.shape.leads()].concat();
    let (mut broken, mut keys) = (Vec::new(), BTreeSet::new());
    for lead in &leads {
        let (own, not_before) = scene.answered(lead);
        let [key] = own.iter().collect::<Vec<_>>()[..] else {
            broken.push(format!("P5: {} was answered with {own:?}", lead.name));
            continue;
        };
        if !keys.insert(key.clone()) {
            broken.push(format!("P5: {key} is of two events"));
        }
        let end = ends.get(&lead.name).copied();
        if end.is_none() {
            broken.push(format!("P1: {} has no end: {}", lead.name, scene.account()));
        }
        let raw = scene.ground.bytes("raw", key).await?;
        if raw.as_deref() != Some(lead.body.as_bytes()) {
            broken.push(format!("P1: {key} holds {raw:?}"));
        }
        let document = key_in(key, "enriched");
        let document = scene.ground.bytes("enriched", &document).await?;
        let mails = subjects(&scene.ground, lead);
        let is_early = |at| not_before.is_some_and(|earliest| at < earliest);
        if mails.iter().any(|(at, _)| is_early(*at)) {
            broken.push(format!(
                "P2: mailed at {mails:?}, not before {not_before:?}"
            ));
        }
        broken.extend(judge_document(lead, document.as_deref(), &mails)?);
        let seen = seen.get(&lead.name).copied().unwrap_or_default();
        let (least, most) = mails_allowed(scene.shape, end, seen);
        if !(least..=most).contains(&mails.len()) {
            let (count, name) = (mails.len(), &lead.name);
            broken.push(format!(
                "P4: {count} mails for {name}, {least} to {most} allowed"
            ));
        }
    }
    let of_leads = leads.iter().map(|lead| subjects(&scene.ground, lead).len());
    if of_leads.sum::<usize>() != scene.ground.cloud.mails().len() {
        broken.push("P5: a mail is of no lead".to_owned());
    }
    Ok(broken)
}

/// One document, the lead's own, and every mail says what it says.
fn judge_document(
    lead: &Lead,
    document: Option<&[u8]>,
    mails: &[(jiff::Timestamp, String)],
) -> Result<Option<String>> {
    let Some(document) = document else {
        let broken = || format!("P3: {} is mailed without a document", lead.name);
        return Ok((!mails.is_empty()).then(broken));
    };
    let document: Value = serde_json::from_slice(document)?;
    let owner = document.at("lead_owner").as_str().unwrap_or("unassigned");
    let expected = format!("New lead: {} → {owner}", lead.name);
    let is_own = document.at("lead_id") == lead.id.as_str()
        && document.at("display_name") == lead.name.as_str();
    let agree = mails.iter().all(|(_, subject)| *subject == expected);
    Ok((!is_own || !agree).then(|| format!("P3: {document} and {mails:?}")))
}

/// The least and the most mails of a lead. A second one is allowed where the first was out and not settled when its process died, or where the
/// answer to it was lost.
fn mails_allowed(shape: Shape, end: Option<End>, seen: Seen) -> (usize, usize) {
    let in_doubt = usize::from(seen.mails > 0 && !seen.settled);
    let most = if shape == Shape::Park {
        1
    } else {
        1 + usize::from(shape == Shape::Doubt) + in_doubt
    };
    match end {
        Some(End::Failed) => (0, 0),
        Some(End::Parked) => (0, 1),
        Some(End::Settled) => (1, most),
        None => (0, most),
    }
}
