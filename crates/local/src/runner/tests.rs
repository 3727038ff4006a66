use super::{Runner, RunnerConfig};
use crate::sample::{Sample, count, enrich_config, eventually, mail_log, message, sample};
use leadwire_domain::failure::FailureRecord;
use leadwire_pipeline::observe::{Event, FieldValue, Sink, scope};
use leadwire_pipeline::port::{
    Bucket, DelayQueue, Home, Mail, MailOutcome, Mailer, ObjectStore, SecretStore,
};
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::settings::{EnrichConfig, SweepConfig};
use leadwire_pipeline::stage::enrich::Enrich;
use leadwire_pipeline::stage::sweep::Sweep;
use leadwire_pipeline::testkit;
use std::fs;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinHandle;

fn sweep_config() -> SweepConfig {
    SweepConfig {
        delay_seconds: 0,
        owner_wait_seconds: 0,
        mail_wait_seconds: 0,
        max_age_days: 36_500,
        ..testkit::sweep_config()
    }
}

/// A runner at work, until it is told to stop.
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Running {
    fn start<M: Mailer + 'static>(sample: &Sample, mailer: M, sweeps: bool) -> Self {
        let ports = Arc::new(sample.home.ports(mailer));
        let enrich = EnrichConfig {
            retry_seconds: 0,
            ..enrich_config(&sample.home)
        };
        let enrich = Enrich::new(Arc::clone(&ports), enrich);
        let sweep = sweeps.then(|| Sweep::new(ports, sweep_config()));
        Self::of(sample, enrich, sweep)
    }

    fn of<H: Home + 'static, S: SecretStore + 'static>(
        sample: &Sample,
        enrich: Enrich<H>,
        sweep: Option<Sweep<H, S>>,
    ) -> Self {
        let config = RunnerConfig {
            sweep_interval: Duration::from_secs(1),
            ..RunnerConfig::default()
        };
        let runner = Runner::new(sample.home.queue(), enrich, sweep, config);
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(runner.run(async move { drop(stopped.await) }));
        Self { stop, task }
    }

    async fn stop_after_one_mail(self, sample: &Sample) {
        eventually("it is mailed", || async { outbox_count(sample) == 1 }).await;
        self.stop().await;
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap();
    }
}

/// An event with its owner, and the key that a bare message names.
async fn store_event(sample: &Sample, lead: &str) -> String {
    let key = format!("raw/crm_event_{lead}_20261123T065000123456Z.json");
    let body = format!(r#"{{"lead_id":"{lead}","display_name":"Alice"}}"#);
    sample.create(Bucket::Raw, &key, body).await;
    let owner = format!(r#"{{"lead_id":"{lead}","lead_owner":"Omar"}}"#);
    let lookup = sample.home.folder().lookup();
    fs::write(lookup.join(format!("{lead}.json")), owner).unwrap();
    key
}

fn trigger(key: &str) -> String {
    format!(r#"{{"s3_key":"{key}"}}"#)
}

fn outbox_count(sample: &Sample) -> usize {
    count(&sample.home.folder().outbox())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_lead_is_mailed_once_and_nothing_is_left_in_the_queue() {
    let sample = sample();
    let running = Running::start(&sample, sample.home.outbox(), false);
    for number in 0..25 {
        let key = store_event(&sample, &format!("l{number}")).await;
        for _duplicate in 0..2 {
            sample.send(&trigger(&key), 0).await;
        }
    }
    eventually("the queue is empty", || async {
        let depth = sample.depth().await;
        let at_work = depth.due + depth.in_flight;
        if at_work == 0 && depth.delayed > 0 {
            // Duplicates that met a live claim come back when the lease is over.
            sample.clock.advance(100);
        }
        at_work + depth.delayed == 0
    })
    .await;
    running.stop().await;
    assert_eq!(outbox_count(&sample), 25);
    assert_eq!(sample.depth().await.dead, 0);
    let log = mail_log(&sample.home).await;
    let accepted = log.iter().filter(|(outcome, ..)| outcome == "accepted");
    assert_eq!(accepted.count(), 25);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_poisoned_message_ends_after_three_receives_with_its_reason() {
    let sample = sample();
    let running = Running::start(&sample, sample.home.outbox(), false);
    sample.send("not ours", 0).await;
    for receives in 1..=3 {
        eventually("it was received, and given back", || async {
            let queue = sample.home.queue();
            let waiting = queue.waiting(1).await.unwrap();
            let is_received = waiting
                .first()
                .is_some_and(|message| message.receive_count == receives);
            is_received && queue.in_work().await.unwrap().is_empty()
        })
        .await;
        sample.clock.advance(360);
        sample.home.queue().bell().notify_one();
    }
    eventually("it is a dead letter", || async {
        sample.depth().await.dead == 1
    })
    .await;
    running.stop().await;
    let store = sample.home.store();
    let failures = store.list(Bucket::Enriched, "failed/message-", None).await;
    let key = failures.unwrap().entries.remove(0).key;
    let failed = sample.get(Bucket::Enriched, &key).await.unwrap();
    let failed: FailureRecord = serde_json::from_slice(&failed.bytes).unwrap();
    assert_eq!((failed.reason.code(), failed.receives), ("bad_message", 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delayed_message_wakes_the_runner_when_it_is_due() {
    let sample = sample();
    let key = store_event(&sample, "l1").await;
    sample.send(&trigger(&key), 600).await;
    let running = Running::start(&sample, sample.home.outbox(), false);
    sample.clock.advance(599);
    sample.home.queue().bell().notify_one();
    eventually("the runner has looked", || async {
        sample.home.queue().next_due().await.unwrap().is_some()
    })
    .await;
    assert_eq!(outbox_count(&sample), 0);
    sample.clock.advance(1);
    running.stop_after_one_mail(&sample).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_sends_is_noticed() {
    let sample = sample();
    let key = store_event(&sample, "l1").await;
    let running = Running::start(&sample, sample.home.outbox(), false);
    let trigger = message(&trigger(&key), 0);
    sample.command().queue().send(trigger).await.unwrap();
    running.stop_after_one_mail(&sample).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_lost_its_trigger_is_swept_up() {
    let sample = sample();
    // The stage's clock is the machine's: what a stopped clock in its past stored is old enough.
    sample.clock.advance(-10 * 365 * 24 * 3600);
    store_event(&sample, "l1").await;
    let running = Running::start(&sample, sample.home.outbox(), true);
    running.stop_after_one_mail(&sample).await;
}

/// How many sources each sweep of this thread found silent.
#[derive(Clone, Default)]
struct Silent(Arc<Mutex<Vec<u64>>>);

impl Sink for Silent {
    fn take(&self, event: &dyn Event) {
        event.fields(&mut |name, value| {
            if let ("silent", FieldValue::Number(silent)) = (name, value) {
                self.0.lock().unwrap().push(silent);
            }
        });
    }
}

#[tokio::test]
async fn a_source_from_which_nothing_comes_is_found_silent_by_the_sweep() {
    let sample = sample();
    // As above, what is stored now is old at once.
    sample.clock.advance(-10 * 365 * 24 * 3600);
    let secret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
    let document =
        format!(r#"{{"forms":{{"kind":"standard","secrets":["{secret}"],"silence_hours":8760}}}}"#);
    fs::write(sample.folder.path().join("sources.json"), document).unwrap();
    let (silent, sources) = (
        Silent::default(),
        SecretCache::new(sample.home.secrets(), "prod"),
    );
    let _scope = scope(Arc::new(silent.clone()));
    let ports = Arc::new(sample.home.ports(sample.home.outbox()));
    let enrich = Enrich::new(Arc::clone(&ports), enrich_config(&sample.home));
    let sweep = Sweep::new(ports, sweep_config()).watching(sources);
    let running = Running::of(&sample, enrich, Some(sweep));
    eventually("the clock starts, and it is silent", || async {
        silent.0.lock().unwrap().starts_with(&[0, 1])
    })
    .await;
    running.stop().await;
}

/// A mailer that waits at a gate.
#[derive(Clone, Default)]
struct GatedMailer {
    reached: Arc<Notify>,
    gate: Arc<Notify>,
}

impl Mailer for GatedMailer {
    async fn send(&self, _mail: &Mail) -> MailOutcome {
        self.reached.notify_one();
        self.gate.notified().await;
        MailOutcome::Accepted("id".to_owned())
    }
}

/// A runner in the middle of a lead's mail.
async fn at_its_mail(sample: &Sample) -> (Running, GatedMailer) {
    let mailer = GatedMailer::default();
    let running = Running::start(sample, mailer.clone(), false);
    let key = store_event(sample, "l1").await;
    sample.send(&trigger(&key), 0).await;
    mailer.reached.notified().await;
    (running, mailer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_worked_on_is_not_given_out_again_however_long_it_takes() {
    let sample = sample();
    let (running, mailer) = at_its_mail(&sample).await;
    let queue = sample.home.queue();
    assert_eq!(queue.in_work().await.unwrap().len(), 1);
    // As a machine that slept for a night.
    sample.clock.advance(11 * 3600);
    assert!(sample.receive().await.is_empty());
    assert_eq!(queue.in_work().await.unwrap().len(), 1);
    mailer.gate.notify_one();
    running.stop().await;
    assert!(queue.waiting(1).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shutdown_finishes_what_runs() {
    let sample = sample();
    let (running, mailer) = at_its_mail(&sample).await;
    let Running { stop, mut task } = running;
    stop.send(()).unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), &mut task).await;
    assert!(early.is_err(), "it stopped in the middle of a mail");
    mailer.gate.notify_one();
    task.await.unwrap();
    let waiting = sample.home.queue().waiting(1).await.unwrap();
    assert!(waiting.is_empty(), "what was finished is deleted");
}
