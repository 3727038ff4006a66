//! The stages over AWS: clients made once, connections opened before the first event.

use crate::config;
use leadwire_aws::warm::WarmPlan;
use leadwire_aws::{
    Buckets, Clients, HttpWebhookSender, OsEntropy, S3Store, SecretsManagerStore, SesMailer,
    SqsDelayQueue, SystemClock,
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

fn home<M>(clients: &Clients, buckets: Buckets, queue_url: &str, mailer: M) -> Arc<Home<M>> {
    let name = |bucket: &Option<String>| bucket.clone().unwrap_or_default();
    let names = Arc::new(Names {
        raw: name(&buckets.raw),
        lookup: name(&buckets.lookup),
        enriched: name(&buckets.enriched),
        ..Names::aws(queue_url)
    });
    let ports = Ports {
        store: S3Store::new(clients.s3(), buckets),
        queue: SqsDelayQueue::new(clients.sqs(), queue_url),
        mailer,
        clock: SystemClock,
        entropy: OsEntropy,
    };
    Arc::new(traced(ports, &names))
}

/// The stage that takes webhooks.
pub async fn ingest(
    clients: &Clients,
    config: config::Ingest,
) -> Ingest<Home<NoMailer>, SecretsManagerStore> {
    let config::Ingest {
        environment,
        raw_bucket,
        enriched_bucket,
        queue_url,
        secret_arn,
        canary_secret_arn,
        stage,
    } = config;
    let plan = WarmPlan {
        buckets: vec![raw_bucket.clone(), enriched_bucket.clone()],
        sqs: true,
        ses: false,
        secrets: secret_arn.is_some(),
    };
    clients.warm(&plan).await;
    let secrets = match secret_arn {
        Some(arn) => SecretsManagerStore::new(clients.secrets(), arn),
        None => SecretsManagerStore::none(),
    };
    let buckets = Buckets {
        raw: Some(raw_bucket),
        enriched: Some(enriched_bucket),
        ..Buckets::default()
    };
    let ingest = Ingest::new(
        home(clients, buckets, &queue_url, NoMailer),
        SecretCache::new(secrets, &environment),
        stage,
    );
    match canary_secret_arn {
        Some(arn) => ingest.with_canary(SecretCache::of_canary(SecretsManagerStore::new(
            clients.secrets(),
            arn,
        ))),
        None => ingest,
    }
}

/// The stage that enriches and mails.
pub async fn enrich(clients: &Clients, config: config::Enrich) -> Enrich<Home<SesMailer>> {
    let config::Enrich {
        raw_bucket,
        lookup_bucket,
        enriched_bucket,
        queue_url,
        configuration_set,
        stage,
    } = config;
    let plan = WarmPlan {
        buckets: vec![
            raw_bucket.clone(),
            lookup_bucket.clone(),
            enriched_bucket.clone(),
        ],
        sqs: true,
        ses: true,
        secrets: false,
    };
    clients.warm(&plan).await;
    let mailer = SesMailer::new(clients.ses(), configuration_set);
    let buckets = Buckets {
        raw: Some(raw_bucket),
        lookup: Some(lookup_bucket),
        enriched: Some(enriched_bucket),
        owner: None,
    };
    Enrich::new(home(clients, buckets, &queue_url, mailer), stage)
}

/// The canary over AWS.
pub type AwsCanary = Canary<Home<NoMailer>, SecretsManagerStore, HttpWebhookSender>;

/// The stage that finds lost triggers, and the canary where there is one. They run for seconds, so they open their connections as they go.
pub fn sweep(
    clients: &Clients,
    config: config::Sweep,
) -> (Sweep<Home<NoMailer>>, Option<AwsCanary>) {
    let config::Sweep {
        raw_bucket,
        enriched_bucket,
        queue_url,
        canary,
        stage,
    } = config;
    let buckets = Buckets {
        raw: Some(raw_bucket),
        lookup: canary.as_ref().map(|canary| canary.lookup_bucket.clone()),
        enriched: Some(enriched_bucket),
        owner: None,
    };
    let home = home(clients, buckets, &queue_url, NoMailer);
    let canary = canary.map(
        |config::Canary {
             secret_arn, url, ..
         }| {
            let secret = SecretsManagerStore::new(clients.secrets(), secret_arn);
            Canary::new(Arc::clone(&home), secret, clients.webhooks(url))
        },
    );
    (Sweep::new(home, stage), canary)
}
