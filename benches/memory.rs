//! A home in memory over the fakes, whose calls take as long as they are told.

use crate::sample;
use leadwire_pipeline::port::{
    Bucket, Created, DelayQueue, ETag, Fetched, ListPage, Mail, MailOutcome, Mailer, NewObject,
    ObjectStore, OutgoingMessage, PortError, Ports, Replaced,
};
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::settings::IngestConfig;
use leadwire_pipeline::stage::enrich::{Enrich, Record};
use leadwire_pipeline::stage::ingest::Ingest;
use leadwire_pipeline::testkit::{
    FakeClock, FakeEntropy, FakeMailer, FakeQueue, FakeSecrets, FakeStore,
};
use std::sync::Arc;
use std::time::Duration;

/// How long the calls take.
#[derive(Clone, Copy, Debug, Default)]
pub struct Latency {
    /// A call on the store.
    pub store: Duration,
    /// A call on the queue.
    pub queue: Duration,
    /// A mail.
    pub mail: Duration,
}

/// A port whose every call takes some time first.
#[derive(Debug)]
pub struct Slow<P> {
    port: P,
    latency: Duration,
}

impl<P> Slow<P> {
    async fn wait(&self) -> &P {
        if !self.latency.is_zero() {
            tokio::time::sleep(self.latency).await;
        }
        &self.port
    }
}

impl<P: ObjectStore> ObjectStore for Slow<P> {
    async fn get(&self, bucket: Bucket, key: &str, bytes_max: usize) -> Result<Fetched, PortError> {
        self.wait().await.get(bucket, key, bytes_max).await
    }

    async fn create(
        &self,
        bucket: Bucket,
        key: &str,
        object: NewObject,
    ) -> Result<Created, PortError> {
        self.wait().await.create(bucket, key, object).await
    }

    async fn replace(
        &self,
        bucket: Bucket,
        key: &str,
        etag: &ETag,
        object: NewObject,
    ) -> Result<Replaced, PortError> {
        self.wait().await.replace(bucket, key, etag, object).await
    }

    async fn put(&self, bucket: Bucket, key: &str, object: NewObject) -> Result<(), PortError> {
        self.wait().await.put(bucket, key, object).await
    }

    async fn list(
        &self,
        bucket: Bucket,
        prefix: &str,
        after: Option<&str>,
    ) -> Result<ListPage, PortError> {
        self.wait().await.list(bucket, prefix, after).await
    }
}

impl<P: DelayQueue> DelayQueue for Slow<P> {
    async fn send(&self, message: OutgoingMessage) -> Result<(), PortError> {
        self.wait().await.send(message).await
    }

    async fn set_visibility(&self, receipt_handle: &str, seconds: u32) -> Result<(), PortError> {
        self.wait()
            .await
            .set_visibility(receipt_handle, seconds)
            .await
    }
}

impl<P: Mailer> Mailer for Slow<P> {
    async fn send(&self, mail: &Mail) -> MailOutcome {
        self.wait().await.send(mail).await
    }
}

/// The ports of [`Memory`].
pub type MemoryPorts = Ports<
    Slow<FakeStore<FakeClock>>,
    Slow<FakeQueue<FakeClock>>,
    Slow<FakeMailer>,
    FakeClock,
    FakeEntropy,
>;

/// A home in memory with the stages over it.
#[derive(Debug)]
pub struct Memory {
    ports: Arc<MemoryPorts>,
    /// The stage that takes webhooks.
    pub ingest: Ingest<MemoryPorts, FakeSecrets>,
    /// The stage that enriches and mails.
    pub enrich: Enrich<MemoryPorts>,
}

impl Memory {
    /// An empty home.
    pub fn new(latency: Latency) -> Self {
        let clock = Arc::new(FakeClock::starting_at(sample::now()));
        let visibility = leadwire_pipeline::settings::VISIBILITY_SECONDS;
        let ports = Arc::new(Ports {
            store: Slow {
                port: FakeStore::new(Arc::clone(&clock)),
                latency: latency.store,
            },
            queue: Slow {
                port: FakeQueue::new(clock, visibility, 3),
                latency: latency.queue,
            },
            mailer: Slow {
                port: FakeMailer::default(),
                latency: latency.mail,
            },
            clock: FakeClock::starting_at(sample::now()),
            entropy: FakeEntropy::default(),
        });
        Self {
            ingest: Ingest::new(
                Arc::clone(&ports),
                SecretCache::new(FakeSecrets::default(), "dev"),
                IngestConfig { delay_seconds: 0 },
            ),
            enrich: Enrich::new(Arc::clone(&ports), sample::enrich_config()),
            ports,
        }
    }

    /// Writes the owner file of a lead.
    pub fn put_owner(&self, lead_id: &str) {
        let key = format!("{lead_id}.json");
        let file = NewObject::of(sample::owner(lead_id).into_bytes());
        self.ports.store.port.plant(Bucket::Lookup, &key, file);
    }

    /// Receives what is due, at most `max` messages.
    pub fn receive(&self, max: usize) -> Vec<Record> {
        self.ports.queue.port.receive(max)
    }

    /// How many mails went out.
    pub fn mails(&self) -> usize {
        self.ports.mailer.port.sent().len()
    }
}
