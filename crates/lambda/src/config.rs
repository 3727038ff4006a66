//! Configuration from the environment: every mistake in one go, by the variable's name, with what is wrong and what is expected.

pub use crate::reader::Mistake;
use crate::reader::Reader;
use crate::vars;
use leadwire_domain::limits::RECIPIENTS_MAX;
use leadwire_pipeline::config::{
    AmbiguousPolicy, EnrichConfig, IngestConfig, LEASE_SECONDS, OwnerMissingPolicy, SweepConfig,
    VISIBILITY_SECONDS,
};

/// The longest visibility of a message, in seconds (Amazon SQS).
const VISIBILITY_SECONDS_MAX: u32 = 43_200;
/// The most lost triggers that a sweep may be told to send: more is a flood, and a person's business.
const SWEEP_MAX_MAX: u32 = 100_000;
/// Ten years; raw events are kept for one at most.
const AGE_DAYS_MAX: u32 = 3_650;

/// What `ingest` is told.
#[derive(Clone, Debug)]
pub struct Ingest {
    /// The stage's name.
    pub environment: String,
    /// The bucket of what came in.
    pub raw_bucket: String,
    /// The bucket of everything that is ours.
    pub enriched_bucket: String,
    /// The delay queue.
    pub queue_url: String,
    /// The secret that holds the sources document.
    pub secret_arn: Option<String>,
    /// The secret that holds the canary's.
    pub canary_secret_arn: Option<String>,
    /// The stage's own configuration.
    pub stage: IngestConfig,
}

/// What `enrich` is told.
#[derive(Clone, Debug)]
pub struct Enrich {
    /// The bucket of what came in.
    pub raw_bucket: String,
    /// The bucket of the owner files.
    pub lookup_bucket: String,
    /// The bucket of everything that is ours.
    pub enriched_bucket: String,
    /// The delay queue.
    pub queue_url: String,
    /// SES's configuration set.
    pub configuration_set: Option<String>,
    /// The stage's own configuration.
    pub stage: EnrichConfig,
}

/// What the canary needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// The secret that holds the canary's.
    pub secret_arn: String,
    /// The stack's own address of the canary.
    pub url: String,
    /// The bucket of the owner files, for the canary's own.
    pub lookup_bucket: String,
}

/// What `sweep` is told.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// The bucket of what came in.
    pub raw_bucket: String,
    /// The bucket of everything that is ours.
    pub enriched_bucket: String,
    /// The delay queue.
    pub queue_url: String,
    /// What the canary needs, where there is one.
    pub canary: Option<Canary>,
    /// The stage's own configuration.
    pub stage: SweepConfig,
}

impl Ingest {
    /// Reads it by `lookup`, the environment in production.
    ///
    /// # Errors
    /// Every mistake, not only the first.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Mistake>> {
        let mut read = Reader::new(&lookup);
        let environment = read.environment();
        let raw_bucket = read.bucket(vars::RAW_BUCKET);
        let enriched_bucket = read.bucket(vars::ENRICHED_BUCKET);
        let queue_url = read.queue();
        let secret_arn = read.optional(vars::SOURCES_SECRET_ARN);
        let canary_secret_arn = read.optional(vars::CANARY_SECRET_ARN);
        let delay_seconds = read.delay();
        read.finish(|| {
            Some(Self {
                environment: environment?,
                raw_bucket: raw_bucket?,
                enriched_bucket: enriched_bucket?,
                queue_url: queue_url?,
                secret_arn,
                canary_secret_arn,
                stage: IngestConfig {
                    delay_seconds: delay_seconds?,
                },
            })
        })
    }
}

impl Enrich {
    /// Reads it by `lookup`, the environment in production.
    ///
    /// # Errors
    /// Every mistake, not only the first.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Mistake>> {
        let mut read = Reader::new(&lookup);
        let raw_bucket = read.bucket(vars::RAW_BUCKET);
        let lookup_bucket = read.bucket(vars::LOOKUP_BUCKET);
        let enriched_bucket = read.bucket(vars::ENRICHED_BUCKET);
        let queue_url = read.queue();
        let configuration_set = read.optional(vars::SES_CONFIGURATION_SET);
        let stage = enrich_stage(&mut read);
        read.finish(|| {
            Some(Self {
                raw_bucket: raw_bucket?,
                lookup_bucket: lookup_bucket?,
                enriched_bucket: enriched_bucket?,
                queue_url: queue_url?,
                configuration_set,
                stage: stage?,
            })
        })
    }
}

fn enrich_stage(read: &mut Reader<'_>) -> Option<EnrichConfig> {
    let from = read.addresses(vars::SES_FROM_ADDRESS, 1);
    let to = read.addresses(vars::SES_TO_ADDRESS, RECIPIENTS_MAX);
    let delay_seconds = read.delay();
    let notify_owner = read.choice(vars::NOTIFY_OWNER, &[("false", false), ("true", true)]);
    let ambiguous = read.choice(
        vars::EMAIL_AMBIGUOUS,
        &[
            ("resend", AmbiguousPolicy::Resend),
            ("park", AmbiguousPolicy::Park),
        ],
    );
    let lease_seconds = read.number(
        vars::LEASE_SECONDS,
        LEASE_SECONDS,
        1..=VISIBILITY_SECONDS_MAX,
    );
    let owner_wait_seconds = read.owner_wait();
    let owner_missing = read.choice(
        vars::OWNER_MISSING,
        &[
            ("dlq", OwnerMissingPolicy::Dlq),
            ("mail", OwnerMissingPolicy::Mail),
        ],
    );
    let mail_wait_seconds = read.mail_wait();
    let retry_seconds = read.number(vars::RETRY_SECONDS, 15, 0..=VISIBILITY_SECONDS_MAX);
    let max_receive_count = read.receives();
    let lead_url = read.lead_url();
    let environment = read.environment();
    Some(EnrichConfig {
        delay_seconds: delay_seconds?,
        from: from?.into_iter().next()?,
        to: to?,
        notify_owner: notify_owner?,
        ambiguous: ambiguous?,
        lease_seconds: lease_seconds?,
        owner_wait_seconds: owner_wait_seconds?,
        owner_missing: owner_missing?,
        mail_wait_seconds: mail_wait_seconds?,
        retry_seconds: retry_seconds?,
        max_receive_count: max_receive_count?,
        lead_url,
        environment: environment?,
        boot: None,
    })
}

impl Sweep {
    /// Reads it by `lookup`, the environment in production.
    ///
    /// # Errors
    /// Every mistake, not only the first.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<Mistake>> {
        let mut read = Reader::new(&lookup);
        let raw_bucket = read.bucket(vars::RAW_BUCKET);
        let enriched_bucket = read.bucket(vars::ENRICHED_BUCKET);
        let queue_url = read.queue();
        let canary = canary(&mut read);
        let stage = sweep_stage(&mut read);
        // Telemetry and the redrive policy are told of these; a mistake in them must not wait for another function to find it.
        read.environment();
        read.receives();
        read.finish(|| {
            Some(Self {
                raw_bucket: raw_bucket?,
                enriched_bucket: enriched_bucket?,
                queue_url: queue_url?,
                canary,
                stage: stage?,
            })
        })
    }
}

/// All of what the canary needs, or nothing: it is off where neither its secret nor its address is set.
fn canary(read: &mut Reader<'_>) -> Option<Canary> {
    let secret_arn = read.optional(vars::CANARY_SECRET_ARN);
    let url = read.canary_url();
    let lookup_bucket = read.optional_bucket(vars::LOOKUP_BUCKET);
    let own = [vars::CANARY_SECRET_ARN, vars::CANARY_URL];
    if own.into_iter().any(|variable| read.is_set(variable)) {
        for variable in own.into_iter().chain([vars::LOOKUP_BUCKET]) {
            read.demand(variable, "to be set, since the canary needs it");
        }
    }
    Some(Canary {
        secret_arn: secret_arn?,
        url: url?,
        lookup_bucket: lookup_bucket?,
    })
}

fn sweep_stage(read: &mut Reader<'_>) -> Option<SweepConfig> {
    let delay_seconds = read.delay();
    let owner_wait_seconds = read.owner_wait();
    let mail_wait_seconds = read.mail_wait();
    let max = read.number(vars::SWEEP_MAX, 100, 1..=SWEEP_MAX_MAX);
    let max_age_days = read.number(vars::SWEEP_MAX_AGE_DAYS, 14, 1..=AGE_DAYS_MAX);
    Some(SweepConfig {
        delay_seconds: delay_seconds?,
        owner_wait_seconds: owner_wait_seconds?,
        mail_wait_seconds: mail_wait_seconds?,
        visibility_seconds: VISIBILITY_SECONDS,
        max: usize::try_from(max?).ok()?,
        max_age_days: max_age_days?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};

    const GOOD: [(&str, &str); 6] = [
        ("RAW_BUCKET", "raw-bucket"),
        ("LOOKUP_BUCKET", "lookup-bucket"),
        ("ENRICHED_BUCKET", "enriched-bucket"),
        (
            "DELAY_QUEUE_URL",
            "http://127.0.0.1:4566/000000000000/delay",
        ),
        ("SES_FROM_ADDRESS", "crm@example.com"),
        ("SES_TO_ADDRESS", "a@example.com, b@example.com"),
    ];

    fn lookup(changes: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        let all: BTreeMap<String, String> = GOOD
            .iter()
            .chain(changes)
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        move |name| all.get(name).cloned()
    }

    fn variables(mistakes: &[Mistake]) -> Vec<&str> {
        mistakes.iter().map(|mistake| mistake.variable).collect()
    }

    #[test]
    fn what_is_not_set_has_the_defaults_of_the_contract() {
        let config = Enrich::from_lookup(lookup(&[])).unwrap();
        assert_eq!(config.stage.delay_seconds, 600);
        assert_eq!(config.stage.lease_seconds, 90);
        assert_eq!(config.stage.owner_wait_seconds, 1800);
        assert_eq!(config.stage.mail_wait_seconds, 3600);
        assert_eq!(config.stage.retry_seconds, 15);
        assert_eq!(config.stage.max_receive_count, 3);
        assert_eq!(config.stage.ambiguous, AmbiguousPolicy::Resend);
        assert_eq!(config.stage.owner_missing, OwnerMissingPolicy::Dlq);
        assert!(!config.stage.notify_owner);
        assert_eq!(config.stage.environment, "dev");
        assert_eq!(config.stage.to.len(), 2);
        assert!(config.configuration_set.is_none());
        let sweep = Sweep::from_lookup(lookup(&[])).unwrap();
        assert_eq!((sweep.stage.max, sweep.stage.max_age_days), (100, 14));
        assert!(
            Ingest::from_lookup(lookup(&[]))
                .unwrap()
                .secret_arn
                .is_none()
        );
    }

    #[test]
    fn every_mistake_is_reported_in_one_go() {
        let mistakes = Enrich::from_lookup(|_| None).unwrap_err();
        assert_eq!(
            variables(&mistakes),
            [
                "RAW_BUCKET",
                "LOOKUP_BUCKET",
                "ENRICHED_BUCKET",
                "DELAY_QUEUE_URL",
                "SES_FROM_ADDRESS",
                "SES_TO_ADDRESS"
            ]
        );
        let all_wrong = [
            ("RAW_BUCKET", "UPPER"),
            ("DELAY_QUEUE_URL", "delay"),
            ("SES_FROM_ADDRESS", "a@example.com,b@example.com"),
            ("SES_TO_ADDRESS", "nobody"),
            ("DELAY_SECONDS", "901"),
            ("NOTIFY_OWNER", "yes"),
            ("EMAIL_AMBIGUOUS", "maybe"),
            ("LEASE_SECONDS", "0"),
            ("OWNER_WAIT_SECONDS", "9001"),
            ("OWNER_MISSING", "drop"),
            ("MAIL_WAIT_SECONDS", "-1"),
            ("RETRY_SECONDS", "soon"),
            ("MAX_RECEIVE_COUNT", "0"),
            ("LEAD_URL_TEMPLATE", "http://example.com/"),
            ("ENVIRONMENT", "Prod"),
        ];
        let mistakes = Enrich::from_lookup(lookup(&all_wrong)).unwrap_err();
        let expected: Vec<&str> = all_wrong.iter().map(|(name, _)| *name).collect();
        assert_eq!(variables(&mistakes), expected);
    }

    #[test]
    fn nothing_defaults_to_the_empty_text() {
        let of_the_stage = |name: &&&str| !vars::TELEMETRY.contains(*name);
        for variable in vars::ENRICH.iter().filter(of_the_stage) {
            let mistakes = Enrich::from_lookup(lookup(&[(variable, "")])).unwrap_err();
            assert_eq!(variables(&mistakes), [*variable]);
        }
        assert!(Ingest::from_lookup(lookup(&[("SOURCES_SECRET_ARN", " ")])).is_err());
    }

    #[test]
    fn a_mistake_never_shows_an_address() {
        for mistake in
            Enrich::from_lookup(lookup(&[("SES_TO_ADDRESS", "alice(at)example.org")])).unwrap_err()
        {
            assert!(!mistake.to_string().contains("alice"), "{mistake}");
        }
    }

    #[test]
    fn the_canary_has_all_that_it_needs_or_is_off() {
        let arn = (
            "CANARY_SECRET_ARN",
            "arn:aws:secretsmanager:us-east-1:1:secret:c",
        );
        let url = ("CANARY_URL", "https://api.example.com/Prod/ingest/canary");
        let off = Sweep::from_lookup(lookup(&[])).unwrap();
        assert_eq!(off.canary, None);
        let on = Sweep::from_lookup(lookup(&[arn, url])).unwrap();
        assert_eq!(on.canary.unwrap().url, url.1);
        for (half, missing) in [(arn, "CANARY_URL"), (url, "CANARY_SECRET_ARN")] {
            let mistakes = Sweep::from_lookup(lookup(&[half])).unwrap_err();
            assert_eq!(variables(&mistakes), [missing]);
        }
        for bad in ["canary", "https://api.example.com/Prod/ingest", ""] {
            let mistakes = Sweep::from_lookup(lookup(&[arn, ("CANARY_URL", bad)])).unwrap_err();
            assert_eq!(variables(&mistakes), ["CANARY_URL"], "{bad}");
        }
        let without_bucket =
            |name: &str| (name != "LOOKUP_BUCKET").then(|| lookup(&[arn, url])(name))?;
        let mistakes = Sweep::from_lookup(without_bucket).unwrap_err();
        assert_eq!(variables(&mistakes), ["LOOKUP_BUCKET"]);
    }

    /// The arrays in `vars.rs` are what the template is compared with: they must be what is really read.
    #[test]
    fn exactly_the_variables_that_are_named_are_read() {
        let seen = RefCell::new(BTreeSet::new());
        let good = lookup(&[]);
        let spy = |name: &str| {
            seen.borrow_mut().insert(name.to_owned());
            good(name)
        };
        let check = |named: &[&str]| {
            // Telemetry reads these by itself.
            for variable in vars::TELEMETRY {
                spy(variable);
            }
            assert_eq!(seen.take(), named.iter().map(ToString::to_string).collect());
        };
        drop(Ingest::from_lookup(spy));
        check(vars::INGEST);
        drop(Enrich::from_lookup(spy));
        check(vars::ENRICH);
        drop(Sweep::from_lookup(spy));
        check(vars::SWEEP);
    }
}
