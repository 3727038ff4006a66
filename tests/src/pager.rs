//! The person on call: a subscription to a topic that keeps what arrives.

use anyhow::{Context, Result};
use serde_json::Value;

use crate::clients::Clients;
use crate::clock;
use crate::json::At;
use crate::mapping::delete_batch;
use crate::shared::Shared;
use crate::stack::unique_name;

/// A queue that is subscribed to a topic.
#[derive(Clone, Debug)]
pub struct Pager {
    clients: Clients,
    queue_url: String,
    arrived: Shared<Vec<Value>>,
}

impl Pager {
    /// Subscribes to a topic.
    pub async fn subscribe(clients: &Clients, topic_arn: &str) -> Result<Self> {
        let queue_url = clients.create_queue(&unique_name()).await?;
        let endpoint = clients.queue_arn(&queue_url).await?;
        let subscribe = clients.sns.subscribe().topic_arn(topic_arn);
        let subscribe = subscribe.protocol("sqs").endpoint(endpoint);
        subscribe.send().await.context("Subscribe")?;
        Ok(Self {
            clients: clients.clone(),
            queue_url,
            arrived: Shared::default(),
        })
    }

    /// Waits until an alarm has told of these states, one after the other; others may come between them.
    pub async fn course(&self, alarm: &str, states: &[&str]) -> Result<()> {
        let what = format!("the pages of {alarm} in {states:?}");
        let came = clock::eventually(&what, || async {
            let pages = self.pages(alarm).await?;
            let mut told = pages.iter().map(|page| page.at("NewStateValue"));
            let all = states.iter().all(|state| told.any(|told| told == *state));
            Ok(all.then_some(()))
        });
        let told = |page: &Value| format!("{} {}", page.at("AlarmName"), page.at("NewStateValue"));
        let all = || self.arrived.lock().iter().map(told).collect::<Vec<_>>();
        let came = came.await;
        came.with_context(|| format!("there came {:?}", all()))
    }

    /// Every page of an alarm so far, in the order of its changes.
    pub async fn pages(&self, alarm: &str) -> Result<Vec<Value>> {
        self.receive().await?;
        let mut pages = self.arrived.lock().clone();
        pages.retain(|page| page.at("AlarmName") == alarm);
        let time = |page: &Value| page.at("StateChangeTime").as_str().map(str::to_owned);
        pages.sort_by_key(time);
        Ok(pages)
    }

    /// Takes what lies in the queue.
    async fn receive(&self) -> Result<()> {
        loop {
            let receive = self.clients.sqs.receive_message();
            let receive = receive
                .queue_url(&self.queue_url)
                .max_number_of_messages(10);
            let messages = receive.send().await?.messages.unwrap_or_default();
            if messages.is_empty() {
                return Ok(());
            }
            let bodies = messages.iter().filter_map(|message| message.body());
            self.arrived.lock().extend(bodies.filter_map(read));
            let taken: Vec<_> = messages.iter().collect();
            delete_batch(&self.clients, &self.queue_url, &taken).await?;
        }
    }
}

/// The alarm's message in the envelope of SNS.
fn read(body: &str) -> Option<Value> {
    let envelope: Value = serde_json::from_str(body).ok()?;
    serde_json::from_str(envelope.at("Message").as_str()?).ok()
}
