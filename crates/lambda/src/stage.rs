//! The stages over AWS: clients made once, connections opened before the first event.

use crate::config::{self, Stack};
use leadwire_aws::warm::WarmPlan;
use leadwire_aws::{
    Clients, HttpWebhookSender, OsEntropy, S3Store, SecretsManagerStore, SesMailer, SqsDelayQueue,
    SystemClock,
};
use leadwire_pipeline::operate::canary::Canary;
use leadwire_pipeline::port::{NoMailer, Ports};
use leadwire_pipeline::secrets::SecretCache;
use leadwire_pipeline::stage::enrich::Enrich;
use leadwire_pipeline::stage::ingest::Ingest;
use leadwire_pipeline::stage::sweep::Sweep;
use leadwire_telemetry::{Names, Traced, traced};
use std::sync::Arc;

/// Messages of one batch at most (`BatchSize` in the template).
const BATCH: usize = 10;

/// The home in AWS, with a mailer or without one.
pub type Home<M> = Ports<Traced<S3Store>, Traced<SqsDelayQueue>, Traced<M>, SystemClock, OsEntropy>;

fn home<M>(clients: &Clients, stack: Stack, mailer: M) -> Arc<Home<M>> {
    let Stack { buckets, queue_url } = stack;
    let name = |bucket: &Option<String>| bucket.clone().unwrap_or_default();
    let names = Arc::new(Names {
        raw: name(&buckets.raw),
        lookup: name(&buckets.lookup),
        enriched: name(&buckets.enriched),
        ..Names::aws(&queue_url)
    });
    let ports = Ports {
        store: S3Store::new(clients.s3(), buckets),
        queue: SqsDelayQueue::new(clients.sqs(), &queue_url),
        mailer,
        clock: SystemClock,
        entropy: OsEntropy,
    };
    Arc::new(traced(ports, &names))
}

/// The connections that `ingest` opens before its first event: one to each host, since nearly every request is one event.
fn plan_of_ingest(config: &config::Ingest) -> WarmPlan {
    let of = &config.stack.buckets;
    let buckets = [&of.raw, &of.enriched].into_iter().flatten();
    WarmPlan {
        buckets: buckets.map(|name| (name.clone(), 1)).collect(),
        sqs: 1,
        ses: 0,
        secrets: config.secret_arn.is_some().into(),
    }
}

/// The connections that `enrich` opens before its first event: as many as a batch uses at once, since Lambda gives a start the CPU that a
/// small function must wait for later. Of each record the event and the owner file are read at once, then document and claim are written at
/// once, then the mail is sent.
fn plan_of_enrich(stack: &Stack) -> WarmPlan {
    let of = &stack.buckets;
    let buckets = [
        (&of.raw, BATCH),
        (&of.lookup, BATCH),
        (&of.enriched, 2 * BATCH),
    ];
    let named = |(name, count): (&Option<String>, usize)| Some((name.clone()?, count));
    WarmPlan {
        buckets: buckets.into_iter().filter_map(named).collect(),
        sqs: 1,
        ses: BATCH,
        secrets: 0,
    }
}

/// The stage that takes webhooks.
pub async fn ingest(
    clients: &Clients,
    config: config::Ingest,
) -> Ingest<Home<NoMailer>, SecretsManagerStore> {
    let plan = plan_of_ingest(&config);
    // While the hosts answer, the stage is put together.
    let ((), stage) = tokio::join!(clients.warm(&plan), async { ingest_over(clients, config) });
    stage
}

fn ingest_over(
    clients: &Clients,
    config: config::Ingest,
) -> Ingest<Home<NoMailer>, SecretsManagerStore> {
    let secrets = sources(clients, config.secret_arn, &config.environment);
    let ingest = Ingest::new(home(clients, config.stack, NoMailer), secrets, config.stage);
    match config.canary_secret_arn {
        Some(arn) => {
            let secret = SecretsManagerStore::new(clients.secrets(), arn);
            ingest.with_canary(SecretCache::of_canary(secret))
        }
        None => ingest,
    }
}

/// The sources document, as one stage keeps it. Nothing is asked for where there is none.
fn sources(
    clients: &Clients,
    secret_arn: Option<String>,
    environment: &str,
) -> SecretCache<SecretsManagerStore> {
    let secrets = secret_arn.map_or_else(SecretsManagerStore::none, |arn| {
        SecretsManagerStore::new(clients.secrets(), arn)
    });
    SecretCache::new(secrets, environment)
}

/// The stage that enriches and mails.
pub async fn enrich(clients: &Clients, config: config::Enrich) -> Enrich<Home<SesMailer>> {
    clients.warm(&plan_of_enrich(&config.stack)).await;
    let mailer = SesMailer::new(clients.ses(), config.configuration_set);
    let owner_bucket = config.stack.buckets.lookup.clone();
    Enrich::new(home(clients, config.stack, mailer), config.stage).with_owner_bucket(owner_bucket)
}

/// The canary over AWS.
pub type AwsCanary = Canary<Home<NoMailer>, SecretsManagerStore, HttpWebhookSender>;

/// The stage that finds lost triggers.
pub type AwsSweep = Sweep<Home<NoMailer>, SecretsManagerStore>;

/// The stage that finds lost triggers, and the canary where there is one. They run for seconds, so they open their connections as they go.
pub fn sweep(clients: &Clients, mut config: config::Sweep) -> (AwsSweep, Option<AwsCanary>) {
    let canary = config.canary;
    config.stack.buckets.lookup = canary.as_ref().map(|canary| canary.lookup_bucket.clone());
    let home = home(clients, config.stack, NoMailer);
    let sources = sources(clients, config.secret_arn, &config.environment);
    let canary = canary.map(|canary| {
        let secret = SecretsManagerStore::new(clients.secrets(), canary.secret_arn);
        Canary::new(Arc::clone(&home), secret, clients.webhooks(canary.url))
    });
    let sweep = Sweep::new(home, config.stage).watching(sources);
    (sweep, canary)
}
