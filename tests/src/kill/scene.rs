//! One run: its own ground, fronts, functions and queue mapping, and one kill at most.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::end::{End, Seen, by_receiver, end, mails};
use super::ground::{Ground, Kind};
use super::point::{Point, Side, Step, steps, what};
use super::shape::{Lead, Shape};
use crate::accepted::Accepted;
use crate::clock::{eventually, until};
use crate::fault::{Fault, Front, Gate};
use crate::function::{Function, environment};
use crate::json::At;
use crate::mapping::{Mapping, MappingOptions};
use crate::rig;
use crate::shared::Shared;

/// How often a sender sends what is not accepted: a busy machine takes longer than the four seconds in which `ingest` answers.
const SENDS_MAX: usize = 20;

pub(crate) struct Scene {
    pub(crate) shape: Shape,
    pub(crate) ground: Ground,
    aws: Front,
    ses: Front,
    ingest: Function,
    enrich: Function,
    mapping: Mapping,
    calls: Shared<Vec<String>>,
    /// What each lead was answered with, by its name.
    answers: Shared<BTreeMap<String, Vec<Accepted>>>,
}

impl Scene {
    /// Puts the functions over a ground of their own. No process starts yet.
    pub(crate) async fn build(kind: Kind, shape: Shape) -> Result<Self> {
        let ground = Ground::make(kind).await?;
        let aws = Front::start(&ground.aws).await?;
        let ses = Front::start(&ground.cloud.url()).await?;
        let mut variables = ground.variables(&aws.url(), &ses.url());
        variables.extend(environment(shape.environment()));
        let ingest = Function::deploy("kill", "ingest", &variables, 1).await?;
        let enrich = Function::deploy("kill", "enrich", &variables, 1).await?;
        let options = MappingOptions {
            concurrency: 1,
            enabled: false,
            ..MappingOptions::default()
        };
        let mapping = Mapping::start(&ground.clients, &ground.queue_url, &enrich, options).await?;
        let calls = Shared::<Vec<String>>::default();
        for front in [&aws, &ses] {
            let calls = calls.clone();
            // It only listens: it never matches, and so breaks nothing.
            front.inject(1, Fault::CutAfter, move |request| {
                calls.lock().push(what(request));
                false
            });
        }
        Ok(Self {
            shape,
            ground,
            aws,
            ses,
            ingest,
            enrich,
            mapping,
            calls,
            answers: Shared::default(),
        })
    }

    /// An undisturbed run: how each lead ended, and what was called.
    pub(crate) async fn run(&self) -> Result<(BTreeMap<String, End>, Vec<Step>)> {
        self.before().await?;
        let heard = self.calls.lock().len();
        self.fail_mail();
        let ends = self.story().await?;
        let calls = self.calls.lock().split_off(heard);
        Ok((ends, steps(calls)))
    }

    /// A run in which the process dies at a point: how each lead ended, and what was out when it died, if it came to the point.
    pub(crate) async fn kill(
        &self,
        point: &Point,
    ) -> Result<(BTreeMap<String, End>, Option<BTreeMap<String, Seen>>)> {
        self.before().await?;
        let gate = self.arm(point);
        self.fail_mail();
        let mut story = pin!(self.story());
        let mut killing = pin!(self.kill_at(&gate));
        let run = tokio::select! {
            seen = &mut killing => {
                let seen = seen?;
                (story.await?, Some(seen))
            }
            ends = &mut story => {
                let ends = ends?;
                // A sender may be quicker than whoever killed: then the rest of the killing is waited for. Without a call at the gate
                // nobody was killed.
                let seen = if gate.is_reached() { Some(killing.await?) } else { None };
                (ends, seen)
            }
        };
        Ok(run)
    }

    /// Brings to its end what has come before.
    async fn before(&self) -> Result<()> {
        for lead in self.shape.before() {
            self.put_owner(&lead).await?;
            self.mapping.resume();
            self.deliver(&lead).await?;
            self.ends().await?;
        }
        for lead in self.shape.leads() {
            self.put_owner(&lead).await?;
        }
        Ok(())
    }

    async fn put_owner(&self, lead: &Lead) -> Result<()> {
        match self.shape.owner(lead) {
            Some(file) => self.ground.put_owner(&lead.id, &file).await,
            None => Ok(()),
        }
    }

    fn fail_mail(&self) {
        let fault = if self.shape == Shape::Busy {
            Fault::ses(429, "TooManyRequestsException")
        } else {
            Fault::CutAfter
        };
        if self.shape.mail_fails() {
            self.ses.inject(1, fault, |_mail| true);
        }
    }

    fn arm(&self, point: &Point) -> Gate {
        let gate = Gate::default();
        let fault = match point.side {
            Side::Before => Fault::Withhold(gate.clone()),
            Side::After => Fault::HoldAfter(gate.clone()),
        };
        let (step, seen) = (point.step.clone(), AtomicUsize::new(0));
        let front = if step.what == "SendEmail" {
            &self.ses
        } else {
            &self.aws
        };
        front.inject(1, fault, move |request| {
            what(request) == step.what && seen.fetch_add(1, Ordering::SeqCst) == step.number
        });
        gate
    }

    /// Waits until a call is at the gate, kills whoever made it, and changes the owner files; says what was out by then.
    async fn kill_at(&self, gate: &Gate) -> Result<BTreeMap<String, Seen>> {
        gate.reached().await?;
        let killed = self.ingest.kill_busy().await? + self.enrich.kill_busy().await?;
        anyhow::ensure!(killed > 0, "nobody was at work at the gate");
        // A call that was sent before its process died still arrives.
        self.aws.settled().await?;
        self.ses.settled().await?;
        self.ground.cloud.settled().await?;
        let mut all = BTreeMap::new();
        for lead in self.shape.leads() {
            let key = self.key(&lead);
            let settled = match &key {
                Some(key) => end(&self.ground, self.shape, key).await? == Some(End::Settled),
                None => false,
            };
            let mails = by_receiver(&mails(&self.ground, &lead));
            all.insert(lead.name.clone(), Seen { mails, settled });
            if self.shape.owner(&lead).is_some() && !self.shape.fails() {
                let file = json!({"lead_id": lead.id, "lead_owner": "Another owner"});
                self.ground.put_owner(&lead.id, &file).await?;
            }
        }
        gate.open();
        Ok(all)
    }

    /// What the sender, the queue and whoever assigns owners do; gives the ends.
    async fn story(&self) -> Result<BTreeMap<String, End>> {
        let leads = self.shape.leads();
        try_join_all(leads.iter().map(|lead| self.deliver(lead))).await?;
        if self.shape == Shape::Twice {
            try_join_all(leads.iter().map(|lead| self.deliver(lead))).await?;
        }
        if self.shape == Shape::Early {
            self.send_early().await?;
        }
        self.mapping.resume();
        if self.shape == Shape::Late {
            self.assign_late(&leads).await?;
        }
        self.ends().await
    }

    /// Posts as a CRM does: until it is accepted.
    async fn deliver(&self, lead: &Lead) -> Result<()> {
        let headers = [("Idempotency-Key", lead.key.as_str())];
        for _ in 0..SENDS_MAX {
            match rig::post(&self.ingest, "/ingest", &headers, &lead.body).await {
                Ok(response) if response.status() != 503 => {
                    let accepted = Accepted::read(&response)?;
                    let mut answers = self.answers.lock();
                    answers.entry(lead.name.clone()).or_default().push(accepted);
                    return Ok(());
                }
                _again => {}
            }
        }
        let lines = self.ingest.log().lines();
        bail!("{} is not accepted: {lines:?}", lead.name)
    }

    /// The queue gives the trigger although its delay is not over.
    async fn send_early(&self) -> Result<()> {
        let calls = self.aws.calls();
        let sent = calls.iter().find_map(|call| {
            let asked: Value = serde_json::from_slice(&call.body).ok()?;
            Some(asked.at("MessageBody").as_str()?.to_owned())
        });
        let (clients, queue) = (&self.ground.clients, &self.ground.queue_url);
        clients.send(queue, &sent.context("a trigger")?).await?;
        Ok(())
    }

    /// The owner file comes after the first look for it.
    async fn assign_late(&self, leads: &[Lead]) -> Result<()> {
        until("the owner was looked for", || {
            let calls = self.calls.lock();
            calls.iter().any(|call| call == "GetObject owner file")
        })
        .await?;
        for lead in leads {
            let file = json!({"lead_id": lead.id, "lead_owner": "Omar"});
            self.ground.put_owner(&lead.id, &file).await?;
        }
        Ok(())
    }

    /// Waits until every lead that was accepted has its end and the queue is empty. What has none after a long time is left out.
    async fn ends(&self) -> Result<BTreeMap<String, End>> {
        let leads: Vec<Lead> = [self.shape.before(), self.shape.leads()].concat();
        let found = Shared::<BTreeMap<String, End>>::default();
        let over = eventually("every lead has its end", || async {
            let mut is_over = true;
            for lead in &leads {
                let Some(key) = self.key(lead) else { continue };
                match end(&self.ground, self.shape, &key).await? {
                    Some(end) => drop(found.lock().insert(lead.name.clone(), end)),
                    None => is_over = false,
                }
            }
            let queue = &self.ground.queue_url;
            let depth = self.ground.clients.depth(queue).await?;
            Ok((is_over && depth == 0).then_some(()))
        });
        // In vain: the judge tells what has no end.
        let _in_vain = over.await;
        Ok(found.lock().clone())
    }

    fn key(&self, lead: &Lead) -> Option<String> {
        let answers = self.answers.lock();
        let answer = answers.get(&lead.name)?.first()?;
        Some(answer.key().to_owned())
    }

    /// The keys that a lead was answered with, and not before when anything may be done about it.
    pub(crate) fn answered(&self, lead: &Lead) -> (BTreeSet<String>, Option<jiff::Timestamp>) {
        let answers = self.answers.lock();
        let all = answers.get(&lead.name).map_or(&[][..], Vec::as_slice);
        let keys = all.iter().map(|answer| answer.key().to_owned()).collect();
        let times = all.iter().map(|answer| answer.text("enrich_not_before"));
        (keys, times.filter_map(|time| time.parse().ok()).min())
    }

    /// What the functions wrote last, for a broken promise.
    pub(crate) fn account(&self) -> String {
        let (ingest, enrich) = (self.ingest.log().tail(8), self.enrich.log().tail(8));
        format!("{ingest}\n{enrich}\n{:?}", self.mapping.faults())
    }
}
