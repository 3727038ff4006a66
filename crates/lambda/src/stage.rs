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

/// The connections that a function opens before its first event, beside those of secrets.
fn plan(stack: &Stack) -> WarmPlan {
    let of = &stack.buckets;
    let buckets = [&of.raw, &of.lookup, &of.enriched];
    WarmPlan {
        buckets: buckets.into_iter().flatten().cloned().collect(),
        sqs: true,
        ses: false,
        secrets: false,
    }
}

/// The stage that takes webhooks.
pub async fn ingest(
    clients: &Clients,
    config: config::Ingest,
) -> Ingest<Home<NoMailer>, SecretsManagerStore> {
    let plan = WarmPlan {
        secrets: config.secret_arn.is_some(),
        ..plan(&config.stack)
    };
    clients.warm(&plan).await;
    let store = |arn| SecretsManagerStore::new(clients.secrets(), arn);
    let secrets = config
        .secret_arn
        .map_or_else(SecretsManagerStore::none, store);
    let secrets = SecretCache::new(secrets, &config.environment);
    let ingest = Ingest::new(home(clients, config.stack, NoMailer), secrets, config.stage);
    match config.canary_secret_arn {
        Some(arn) => ingest.with_canary(SecretCache::of_canary(store(arn))),
        None => ingest,
    }
}

/// The stage that enriches and mails.
pub async fn enrich(clients: &Clients, config: config::Enrich) -> Enrich<Home<SesMailer>> {
    let plan = WarmPlan {
        ses: true,
        ..plan(&config.stack)
    };
    clients.warm(&plan).await;
    let mailer = SesMailer::new(clients.ses(), config.configuration_set);
    let owner_bucket = config.stack.buckets.lookup.clone();
    Enrich::new(home(clients, config.stack, mailer), config.stage).with_owner_bucket(owner_bucket)
}

/// The canary over AWS.
pub type AwsCanary = Canary<Home<NoMailer>, SecretsManagerStore, HttpWebhookSender>;

/// The stage that finds lost triggers, and the canary where there is one. They run for seconds, so they open their connections as they go.
pub fn sweep(
    clients: &Clients,
    mut config: config::Sweep,
) -> (Sweep<Home<NoMailer>>, Option<AwsCanary>) {
    let canary = config.canary;
    config.stack.buckets.lookup = canary.as_ref().map(|canary| canary.lookup_bucket.clone());
    let home = home(clients, config.stack, NoMailer);
    let canary = canary.map(|canary| {
        let secret = SecretsManagerStore::new(clients.secrets(), canary.secret_arn);
        Canary::new(Arc::clone(&home), secret, clients.webhooks(canary.url))
    });
    (Sweep::new(home, config.stage), canary)
}
