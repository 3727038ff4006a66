//! One run: its own ground, fronts, functions and queue mapping, and one kill at most.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::end::{End, Seen, end, subjects};
use super::ground::{Ground, Kind};
use super::point::{Point, Side, Step, steps, what};
use super::shape::{Lead, Shape};
use crate::clock::eventually;
use crate::event;
use crate::fault::{Fault, Front, Gate};
use crate::function::{Function, FunctionConfig};
use crate::instance::Outcome;
use crate::json::At;
use crate::mapping::{Mapping, MappingOptions};
use crate::{gateway, program, rig};

/// Longest that a lead may take to its end: a few receives, on a busy machine.
const DEADLINE: Duration = Duration::from_mins(2);
/// How often a sender sends what is not accepted: a busy machine takes longer than the four seconds in which `ingest` answers.
const SENDS_MAX: usize = 20;

/// What a lead was answered with: its key, and what else the answer says of it.
pub(crate) type Answers = BTreeMap<String, Vec<Value>>;

pub(crate) struct Scene {
    pub(crate) shape: Shape,
    pub(crate) ground: Ground,
    aws: Front,
    ses: Front,
    ingest: Function,
    enrich: Function,
    mapping: Mapping,
    calls: Arc<Mutex<Vec<String>>>,
    answers: Mutex<Answers>,
}

impl Scene {
    /// Puts the functions over a ground of their own. No process starts yet.
    pub(crate) async fn build(kind: Kind, shape: Shape) -> Result<Self> {
        let ground = Ground::make(kind).await?;
        let aws = Front::start(&ground.aws).await?;
        let ses = Front::start(&ground.cloud.url()).await?;
        let mut environment = ground.variables(&aws.url(), &ses.url());
        let own = shape.environment().into_iter();
        environment.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        let function = async |name: &str| {
            anyhow::Ok(Function::new(FunctionConfig {
                name: format!("kill-{name}"),
                binary: program::built(name).await?,
                environment: environment.clone(),
                timeout: Duration::from_mins(1),
                concurrency: 1,
            }))
        };
        let (ingest, enrich) = (function("ingest").await?, function("enrich").await?);
        let options = MappingOptions {
            concurrency: 1,
            enabled: false,
            ..MappingOptions::default()
        };
        let mapping =
            Mapping::start(&ground.clients.sqs, &ground.queue_url, &enrich, options).await?;
        let calls = Arc::<Mutex<Vec<String>>>::default();
        for front in [&aws, &ses] {
            let calls = Arc::clone(&calls);
            // It only listens: it never matches, and so breaks nothing.
            front.inject(1, Fault::CutAfter, move |request| {
                guard(&calls).push(what(request));
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
            answers: Mutex::default(),
        })
    }

    /// An undisturbed run: how each lead ended, and what was called.
    pub(crate) async fn run(&self) -> Result<(BTreeMap<String, End>, Vec<Step>)> {
        self.before().await?;
        let heard = guard(&self.calls).len();
        self.fail_mail();
        let ends = self.story().await?;
        let calls = guard(&self.calls).split_off(heard);
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
                let is_met = gate.arrivals() > 0;
                (ends, if is_met { Some(killing.await?) } else { None })
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
        let held = eventually("a call is at the gate", DEADLINE, || async {
            Ok((gate.arrivals() > 0).then_some(()))
        });
        held.await?;
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
            let mails = subjects(&self.ground, &lead).len();
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
        let request = rig::request("/ingest", &headers, &lead.body)?;
        for _ in 0..SENDS_MAX {
            let event = event::web(event::Shape::Rest, "/ingest", &request);
            let Outcome::Response(payload) = self.ingest.invoke(&event).await? else {
                continue;
            };
            let response = gateway::response(&payload)?;
            if response.status() == 503 {
                continue;
            }
            let answer: Value = serde_json::from_slice(response.body())?;
            anyhow::ensure!(response.status() == 202, "{}: {answer}", response.status());
            let accepted = answer.pointer("/events/0").cloned().context("an event")?;
            let mut answers = guard(&self.answers);
            answers.entry(lead.name.clone()).or_default().push(accepted);
            return Ok(());
        }
        bail!(
            "{} is not accepted: {:?}",
            lead.name,
            self.ingest.log().lines()
        )
    }

    /// The queue gives the trigger although its delay is not over.
    async fn send_early(&self) -> Result<()> {
        let calls = self.aws.calls();
        let sent = calls.iter().find_map(|call| {
            let asked: Value = serde_json::from_slice(&call.body).ok()?;
            Some(asked.at("MessageBody").as_str()?.to_owned())
        });
        self.ground.send(&sent.context("a trigger")?).await
    }

    /// The owner file comes after the first look for it.
    async fn assign_late(&self, leads: &[Lead]) -> Result<()> {
        let looked = eventually("the owner was looked for", DEADLINE, || async {
            let calls = guard(&self.calls);
            Ok(calls
                .iter()
                .any(|call| call == "GetObject owner file")
                .then_some(()))
        });
        looked.await?;
        for lead in leads {
            let file = json!({"lead_id": lead.id, "lead_owner": "Omar"});
            self.ground.put_owner(&lead.id, &file).await?;
        }
        Ok(())
    }

    /// Waits until every lead that was accepted has its end and the queue is empty. What has none after a long time is left out.
    async fn ends(&self) -> Result<BTreeMap<String, End>> {
        let leads: Vec<Lead> = [self.shape.before(), self.shape.leads()].concat();
        let found = Mutex::new(BTreeMap::new());
        let over = eventually("every lead has its end", DEADLINE, || async {
            let mut is_over = true;
            for lead in &leads {
                let Some(key) = self.key(lead) else { continue };
                match end(&self.ground, self.shape, &key).await? {
                    Some(end) => drop(guard(&found).insert(lead.name.clone(), end)),
                    None => is_over = false,
                }
            }
            Ok((is_over && self.ground.depth().await? == 0).then_some(()))
        });
        // In vain: the judge tells what has no end.
        let _in_vain = over.await;
        Ok(guard(&found).clone())
    }

    fn key(&self, lead: &Lead) -> Option<String> {
        let answers = guard(&self.answers);
        let answer = answers.get(&lead.name)?.first()?;
        Some(answer.at("s3_key").as_str()?.to_owned())
    }

    /// The keys that a lead was answered with, and not before when anything may be done about it.
    pub(crate) fn answered(&self, lead: &Lead) -> (BTreeSet<String>, Option<jiff::Timestamp>) {
        let answers = guard(&self.answers);
        let all = answers.get(&lead.name).map_or(&[][..], Vec::as_slice);
        let text =
            |answer: &Value, name: &str| answer.at(name).as_str().unwrap_or_default().to_owned();
        let keys = all.iter().map(|answer| text(answer, "s3_key")).collect();
        let times = all
            .iter()
            .filter_map(|answer| text(answer, "enrich_not_before").parse().ok());
        (keys, times.min())
    }

    /// What the functions wrote last, for a broken promise.
    pub(crate) fn account(&self) -> String {
        let tail = |function: &Function| {
            let lines = function.log().lines();
            let from = lines.len().saturating_sub(8);
            lines.into_iter().skip(from).collect::<Vec<_>>().join("\n")
        };
        format!(
            "{}\n{}\n{:?}",
            tail(&self.ingest),
            tail(&self.enrich),
            self.mapping.faults()
        )
    }
}

fn guard<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
