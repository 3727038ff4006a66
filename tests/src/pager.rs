//! The person on call: a subscription to a topic that keeps what arrives.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, QueueAttributeName};
use serde_json::Value;

use crate::clients::Clients;
use crate::clock;
use crate::json::At;
use crate::stack::unique_name;

/// A queue that is subscribed to a topic.
#[derive(Clone, Debug)]
pub struct Pager {
    clients: Clients,
    queue_url: String,
    arrived: Arc<Mutex<Vec<Value>>>,
}

impl Pager {
    /// Subscribes to a topic.
    ///
    /// # Errors
    /// SNS or SQS refuses.
    pub async fn subscribe(clients: &Clients, topic_arn: &str) -> Result<Self> {
        let queue = clients
            .sqs
            .create_queue()
            .queue_name(unique_name())
            .send()
            .await?;
        let queue_url = queue.queue_url.context("a queue has a URL")?;
        let arn = QueueAttributeName::QueueArn;
        let get = clients.sqs.get_queue_attributes().queue_url(&queue_url);
        let reply = get.attribute_names(arn.clone()).send().await?;
        let endpoint = reply
            .attributes()
            .and_then(|all| all.get(&arn))
            .context("an ARN")?;
        let subscribe = clients.sns.subscribe().topic_arn(topic_arn).protocol("sqs");
        subscribe
            .endpoint(endpoint)
            .send()
            .await
            .context("Subscribe")?;
        Ok(Self {
            clients: clients.clone(),
            queue_url,
            arrived: Arc::default(),
        })
    }

    /// Waits for the page that an alarm sends when it goes into this state, such as `ALARM`.
    ///
    /// # Errors
    /// It does not come in time.
    pub async fn page(&self, alarm: &str, state: &str, deadline: Duration) -> Result<Value> {
        let what = format!("the page of {alarm} in {state}");
        clock::eventually(&what, deadline, || async {
            let is_it = |page: &Value| page.at("NewStateValue") == state;
            Ok(self.pages(alarm).await?.into_iter().find(is_it))
        })
        .await
    }

    /// Waits until an alarm has told of these states, one after the other; others may come between them.
    ///
    /// # Errors
    /// They do not come in time.
    pub async fn course(&self, alarm: &str, states: &[&str], deadline: Duration) -> Result<()> {
        let what = format!("the pages of {alarm} in {states:?}");
        let came = clock::eventually(&what, deadline, || async {
            let pages = self.pages(alarm).await?;
            let mut told = pages.iter().map(|page| page.at("NewStateValue"));
            let all = states.iter().all(|state| told.any(|told| told == *state));
            Ok(all.then_some(()))
        });
        came.await
            .with_context(|| format!("there came {:?}", self.names_and_states()))
    }

    /// Every page of an alarm so far, in the order of its changes.
    ///
    /// # Errors
    /// SQS refuses.
    pub async fn pages(&self, alarm: &str) -> Result<Vec<Value>> {
        self.receive().await?;
        let arrived = self.arrived();
        let mut pages: Vec<Value> = arrived
            .iter()
            .filter(|page| page.at("AlarmName") == alarm)
            .cloned()
            .collect();
        let time = |page: &Value| page.at("StateChangeTime").as_str().map(str::to_owned);
        pages.sort_by_key(time);
        Ok(pages)
    }

    fn names_and_states(&self) -> Vec<String> {
        let told = |page: &Value| format!("{} {}", page.at("AlarmName"), page.at("NewStateValue"));
        self.arrived().iter().map(told).collect()
    }

    fn arrived(&self) -> std::sync::MutexGuard<'_, Vec<Value>> {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what lies in the queue.
    async fn receive(&self) -> Result<()> {
        loop {
            let receive = self
                .clients
                .sqs
                .receive_message()
                .queue_url(&self.queue_url);
            let reply = receive.max_number_of_messages(10).send().await?;
            if reply.messages().is_empty() {
                return Ok(());
            }
            let bodies = reply.messages().iter().filter_map(|message| message.body());
            self.arrived().extend(bodies.filter_map(read));
            let taken = (0..).zip(reply.messages()).map(|(number, message)| {
                DeleteMessageBatchRequestEntry::builder()
                    .id(format!("m{number}"))
                    .set_receipt_handle(message.receipt_handle().map(str::to_owned))
                    .build()
            });
            let taken: Vec<_> = taken.collect::<Result<_, _>>()?;
            let delete = self.clients.sqs.delete_message_batch();
            let delete = delete.queue_url(&self.queue_url).set_entries(Some(taken));
            delete.send().await?;
        }
    }
}

/// The alarm's message in the envelope of SNS.
fn read(body: &str) -> Option<Value> {
    let envelope: Value = serde_json::from_str(body).ok()?;
    serde_json::from_str(envelope.at("Message").as_str()?).ok()
}
