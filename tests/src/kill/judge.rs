//! What was promised, held against what came of a run.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use serde_json::Value;

use super::end::{End, Mailed, Seen, by_receiver, mails};
use super::ground::RECEIVERS;
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
        let mails = mails(&scene.ground, lead);
        let is_early = |at| not_before.is_some_and(|earliest| at < earliest);
        if mails.iter().any(|mail| is_early(mail.at)) {
            broken.push(format!(
                "P2: mailed at {mails:?}, not before {not_before:?}"
            ));
        }
        broken.extend(judge_document(lead, document.as_deref(), &mails)?);
        let seen = seen.get(&lead.name).copied().unwrap_or_default();
        for (receiver, count) in by_receiver(&mails).into_iter().enumerate() {
            let (least, most) = mails_allowed(scene.shape, end, seen, receiver);
            if !(least..=most).contains(&count) {
                let (name, to) = (&lead.name, RECEIVERS.get(receiver));
                broken.push(format!(
                    "P4: {count} mails for {name} to {to:?}, {least} to {most} allowed"
                ));
            }
        }
    }
    let of_leads = leads.iter().map(|lead| mails(&scene.ground, lead).len());
    if of_leads.sum::<usize>() != scene.ground.cloud.mails().len() {
        broken.push("P5: a mail is of no lead".to_owned());
    }
    Ok(broken)
}

/// One document, the lead's own, and every mail says what it says.
fn judge_document(
    lead: &Lead,
    document: Option<&[u8]>,
    mails: &[Mailed],
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
    let agree = mails.iter().all(|mail| mail.subject == expected);
    Ok((!is_own || !agree).then(|| format!("P3: {document} and {mails:?}")))
}

/// The least and the most mails of a lead to one receiver. A second one is allowed where the first was out and not settled when its process
/// died, or where the answer to it was lost; a third never.
fn mails_allowed(shape: Shape, end: Option<End>, seen: Seen, receiver: usize) -> (usize, usize) {
    let was_out = seen.mails.get(receiver).is_some_and(|mails| *mails > 0);
    let may_be_twice = shape == Shape::Doubt || (was_out && !seen.settled);
    let most = if shape == Shape::Park || !may_be_twice {
        1
    } else {
        2
    };
    match end {
        Some(End::Failed) => (0, 0),
        Some(End::Parked) | None => (0, most),
        Some(End::Settled) => (1, most),
    }
}
