//! Leads per second through the one-machine home, 1, 16 and 256 at once: every answer follows an fsync of the disk under `target/`.

use criterion::{Criterion, criterion_group, criterion_main};
use leadwire_benches::flow::{
    CONCURRENCIES, LEADS, elements, enrich_all, measure, post_all, runtime,
};
use leadwire_benches::sample;
use leadwire_local::{FileSecrets, LocalHome, LocalMailer, LocalPorts, Mode, SystemClock};
use leadwire_pipeline::port::Clock as _;
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::settings::IngestConfig;
use leadwire_pipeline::stage::enrich::{Enrich, Record};
use leadwire_pipeline::stage::ingest::Ingest;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

/// How long a received message is hidden.
const VISIBILITY: Duration = Duration::from_mins(6);

/// A data folder with the stages over it.
struct Machine {
    home: LocalHome,
    ingest: Ingest<LocalPorts<LocalMailer>, FileSecrets>,
    enrich: Enrich<LocalPorts<LocalMailer>>,
    /// Leads so far: no lead comes twice.
    leads: Cell<usize>,
    _folder: TempDir,
}

impl Machine {
    /// A new folder beside the build, where a disk is more likely than under the system's temporary folder.
    fn new() -> Self {
        let folder =
            TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a writable target folder");
        let home =
            LocalHome::open(&folder.path().join("data"), Mode::Serve).expect("a new folder opens");
        let ports = Arc::new(home.ports(home.outbox()));
        let enrich = leadwire_pipeline::settings::EnrichConfig {
            boot: home.boot().map(str::to_owned),
            ..sample::enrich_config()
        };
        Self {
            ingest: Ingest::new(
                Arc::clone(&ports),
                SecretCache::new(home.secrets(), "dev"),
                IngestConfig { delay_seconds: 0 },
            ),
            enrich: Enrich::new(ports, enrich),
            home,
            leads: Cell::new(0),
            _folder: folder,
        }
    }

    /// Bodies of leads that have not come yet.
    fn bodies(&self) -> Vec<String> {
        let first = self.leads.replace(self.leads.get() + LEADS);
        (first..first + LEADS)
            .map(|index| sample::flat(&sample::lead_id(index)))
            .collect()
    }

    async fn post(&self, bodies: &[String], concurrency: usize) {
        post_all(&self.ingest, bodies, concurrency, SystemClock.now()).await;
    }

    /// Leads that were accepted and are due, with their owner files.
    async fn due(&self) -> Vec<Record> {
        let first = self.leads.get();
        let bodies = self.bodies();
        for index in first..first + LEADS {
            let lead_id = sample::lead_id(index);
            let file = self.home.folder().lookup().join(format!("{lead_id}.json"));
            std::fs::write(file, sample::owner(&lead_id)).expect("the folder is there");
        }
        self.post(&bodies, LEADS).await;
        let most = u32::try_from(LEADS).expect("a small number");
        let records = self.home.queue().receive(most, VISIBILITY, 3).await;
        let records = records.expect("the queue can be read");
        assert_eq!(records.len(), LEADS);
        records
    }

    async fn enrich(&self, records: Vec<Record>, concurrency: usize) {
        let handles = records.iter().map(|record| record.receipt_handle.clone());
        let handles = handles.collect();
        enrich_all(&self.enrich, records, concurrency).await;
        let deleted = self.home.queue().delete(handles).await;
        deleted.expect("the queue can be written");
    }
}

/// Measures `work` on what `prepare` gives, in a folder of its own for each concurrency.
fn measure_all<T>(
    criterion: &mut Criterion,
    name: &str,
    prepare: &impl AsyncFn(&Machine) -> T,
    work: &impl AsyncFn(&Machine, T, usize),
) {
    let mut group = criterion.benchmark_group(name);
    group.throughput(elements(LEADS)).sample_size(10);
    let runtime = runtime();
    for concurrency in CONCURRENCIES {
        let machine = runtime.block_on(async { Machine::new() });
        measure(
            &runtime,
            &mut group,
            concurrency,
            async || prepare(&machine).await,
            async |given| work(&machine, given, concurrency).await,
        );
    }
    group.finish();
}

/// Webhook to answer: the event and its trigger are on the disk.
fn ingest(criterion: &mut Criterion) {
    measure_all(
        criterion,
        "local_ingest",
        &async |machine| machine.bodies(),
        &async |machine, bodies, concurrency| machine.post(&bodies, concurrency).await,
    );
}

/// Queue to outbox: the document, the claim, the mail and the marker are on the disk.
fn enrich(criterion: &mut Criterion) {
    measure_all(
        criterion,
        "local_enrich",
        &async |machine| machine.due().await,
        &async |machine, records, concurrency| machine.enrich(records, concurrency).await,
    );
}

criterion_group!(benches, ingest, enrich);
criterion_main!(benches);
