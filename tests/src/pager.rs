//! The person on call: a subscription to a topic that keeps what arrives.

use std::time::Duration;

use anyhow::{Context, Result};
use aws_sdk_sqs::types::QueueAttributeName;
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
        })
    }

    /// Waits for the page that an alarm sends when it goes into this state, such as `ALARM`.
    ///
    /// # Errors
    /// It does not come in time.
    pub async fn page(&self, alarm: &str, state: &str, deadline: Duration) -> Result<Value> {
        let what = format!("the page of {alarm} in {state}");
        clock::eventually(&what, deadline, || async {
            let receive = self
                .clients
                .sqs
                .receive_message()
                .queue_url(&self.queue_url);
            let reply = receive
                .max_number_of_messages(10)
                .wait_time_seconds(1)
                .send()
                .await?;
            let bodies = reply.messages().iter().filter_map(|message| message.body());
            let mut pages = bodies.filter_map(read);
            Ok(pages
                .find(|page| page.at("AlarmName") == alarm && page.at("NewStateValue") == state))
        })
        .await
    }
}

/// The alarm's message in the envelope of SNS.
fn read(body: &str) -> Option<Value> {
    let envelope: Value = serde_json::from_str(body).ok()?;
    serde_json::from_str(envelope.at("Message").as_str()?).ok()
}
