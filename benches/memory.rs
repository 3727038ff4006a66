//! A home in memory whose calls take as long as they are told.

use crate::sample;
use leadwire_pipeline::port::{Bucket, NewObject};
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::settings::IngestConfig;
use leadwire_pipeline::stage::enrich::Enrich;
use leadwire_pipeline::stage::ingest::Ingest;
use leadwire_pipeline::testkit::{Call, Course, FakeSecrets, MemoryHome, Script};
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

impl Script for Latency {
    fn course(&self, call: &Call) -> Course {
        let there = if matches!(call, Call::Mail(_)) {
            self.mail
        } else if call.key().is_some() {
            self.store
        } else {
            self.queue
        };
        Course {
            there,
            ..Course::default()
        }
    }
}

/// A home in memory with the stages over it.
#[derive(Debug)]
pub struct Memory {
    /// Where the messages and the mails are.
    pub home: Arc<MemoryHome<Latency>>,
    /// The stage that takes webhooks.
    pub ingest: Ingest<MemoryHome<Latency>, FakeSecrets>,
    /// The stage that enriches and mails.
    pub enrich: Enrich<MemoryHome<Latency>>,
}

impl Memory {
    /// An empty home.
    pub fn new(latency: Latency) -> Self {
        let home = Arc::new(MemoryHome::new(Arc::default(), Arc::new(latency)));
        Self {
            ingest: Ingest::new(
                Arc::clone(&home),
                SecretCache::new(FakeSecrets::default(), "dev"),
                IngestConfig { delay_seconds: 0 },
            ),
            enrich: Enrich::new(Arc::clone(&home), sample::enrich_config()),
            home,
        }
    }

    /// Writes the owner file of a lead.
    pub fn put_owner(&self, lead_id: &str) {
        let key = format!("{lead_id}.json");
        let file = NewObject::of(sample::owner(lead_id).into_bytes());
        self.home.plant(Bucket::Lookup, &key, file);
    }
}
