//! The configurations of the functions, read from the environment.

use crate::settings::{
    ACCOUNT_ID, CANARY_SECRET_ARN, CANARY_URL, DELAY_QUEUE_URL, ENRICHED_BUCKET, LOOKUP_BUCKET,
    RAW_BUCKET, SES_CONFIGURATION_SET, SOURCES_SECRET_ARN, STACK_NAME,
};
use leadwire_aws::Buckets;
use leadwire_pipeline::settings::{
    ConfigError, ENVIRONMENT, EnrichConfig, IngestConfig, MAX_RECEIVES, Naming, SettingsReader,
    SweepConfig, read,
};

/// The buckets and the queue of a function.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The buckets that it needs.
    pub buckets: Buckets,
    /// The delay queue.
    pub queue_url: String,
}

impl Stack {
    fn read(settings: &mut SettingsReader<'_>, needs_lookup: bool) -> Option<Self> {
        // Telemetry has read it; a mistake in it is reported with the others.
        drop(settings.take(&STACK_NAME));
        let owner = settings.take(&ACCOUNT_ID);
        let raw = settings.take(&RAW_BUCKET);
        let lookup = needs_lookup.then(|| settings.take(&LOOKUP_BUCKET));
        let enriched = settings.take(&ENRICHED_BUCKET);
        let queue_url = settings.take(&DELAY_QUEUE_URL)?;
        let buckets = Buckets {
            raw: Some(raw?),
            lookup: lookup.flatten(),
            enriched: Some(enriched?),
            owner,
        };
        Some(Self { buckets, queue_url })
    }
}

/// The configuration of `ingest`.
#[derive(Clone, Debug)]
pub struct Ingest {
    /// Its buckets and its queue.
    pub stack: Stack,
    /// The environment's name.
    pub environment: String,
    /// The secret that holds the sources document.
    pub secret_arn: Option<String>,
    /// The secret that signs canaries.
    pub canary_secret_arn: Option<String>,
    /// The stage's own configuration.
    pub stage: IngestConfig,
}

impl Ingest {
    /// Reads it by `lookup`, the environment in production, or gives back every mistake.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<ConfigError>> {
        read(Naming::Variable, &lookup, |settings| {
            let stack = Stack::read(settings, false);
            Some(Self {
                environment: settings.get(&ENVIRONMENT),
                secret_arn: settings.take(&SOURCES_SECRET_ARN),
                canary_secret_arn: settings.take(&CANARY_SECRET_ARN),
                stage: IngestConfig::read(settings),
                stack: stack?,
            })
        })
    }
}

/// The configuration of `enrich`.
#[derive(Clone, Debug)]
pub struct Enrich {
    /// Its buckets and its queue.
    pub stack: Stack,
    /// SES's configuration set.
    pub configuration_set: Option<String>,
    /// The stage's own configuration.
    pub stage: EnrichConfig,
}

impl Enrich {
    /// Reads it by `lookup`, the environment in production, or gives back every mistake.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<ConfigError>> {
        read(Naming::Variable, &lookup, |settings| {
            let stack = Stack::read(settings, true);
            let stage = EnrichConfig::read(settings);
            Some(Self {
                configuration_set: settings.take(&SES_CONFIGURATION_SET),
                stack: stack?,
                stage: stage?,
            })
        })
    }
}

/// The configuration of the canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// The secret that signs canaries.
    pub secret_arn: String,
    /// The stack's own address of the canary.
    pub url: String,
    /// The bucket of the owner files, for the canary's own.
    pub lookup_bucket: String,
}

impl Canary {
    /// All of what the canary needs, or nothing: it is off where neither its secret nor its address is set.
    fn read(settings: &mut SettingsReader<'_>) -> Option<Self> {
        if !settings.is_set(&CANARY_SECRET_ARN) && !settings.is_set(&CANARY_URL) {
            // What is not needed may be absent, but not be wrong.
            drop(settings.optional(&LOOKUP_BUCKET));
            return None;
        }
        let secret_arn = settings.require(&CANARY_SECRET_ARN);
        let url = settings.require(&CANARY_URL);
        let lookup_bucket = settings.require(&LOOKUP_BUCKET);
        Some(Self {
            secret_arn: secret_arn?,
            url: url?,
            lookup_bucket: lookup_bucket?,
        })
    }
}

/// The configuration of `sweep`.
#[derive(Clone, Debug)]
pub struct Sweep {
    /// Its buckets and its queue.
    pub stack: Stack,
    /// The environment's name.
    pub environment: String,
    /// The secret that holds the sources document.
    pub secret_arn: Option<String>,
    /// What the canary needs, where there is one.
    pub canary: Option<Canary>,
    /// The stage's own configuration.
    pub stage: SweepConfig,
}

impl Sweep {
    /// Reads it by `lookup`, the environment in production, or gives back every mistake.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Vec<ConfigError>> {
        read(Naming::Variable, &lookup, |settings| {
            let stack = Stack::read(settings, false);
            // The redrive policy uses it; a mistake in it must not wait for another function to find it.
            settings.get(&MAX_RECEIVES);
            Some(Self {
                environment: settings.get(&ENVIRONMENT),
                secret_arn: settings.take(&SOURCES_SECRET_ARN),
                canary: Canary::read(settings),
                stage: SweepConfig::read(settings),
                stack: stack?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::SETTINGS;
    use jiff::tz::TimeZone;
    use leadwire_pipeline::settings::{
        self, AmbiguousPolicy, Function, OwnerMissingPolicy, ReplyTo,
    };
    use std::cell::RefCell;
    use std::collections::{BTreeMap, BTreeSet};

    const GOOD: [(&str, &str); 6] = [
        ("RAW_BUCKET", "raw-bucket"),
        ("LOOKUP_BUCKET", "lookup-bucket"),
        ("ENRICHED_BUCKET", "enriched-bucket"),
        ("DELAY_QUEUE_URL", "http://127.0.0.1:4566/0/delay"),
        ("SES_FROM_ADDRESS", "crm@example.com"),
        ("SES_TO_ADDRESS", "a@example.com, b@example.com"),
    ];
    const ARN: (&str, &str) = ("CANARY_SECRET_ARN", "arn:aws:secretsmanager:c");
    const URL: (&str, &str) = ("CANARY_URL", "https://example.com/Prod/ingest/canary");

    fn lookup(changes: &[(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        let all = GOOD.iter().chain(changes);
        let all: BTreeMap<String, String> = all
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        move |name| all.get(name).cloned()
    }

    /// The variables that a configuration finds wrong.
    fn wrong<T>(read: Result<T, Vec<ConfigError>>) -> Vec<&'static str> {
        let mistakes = read.err().unwrap_or_default().into_iter();
        mistakes.map(|mistake| mistake.name).collect()
    }

    /// The variables that a function reads by its entries. `RUST_LOG` is telemetry's.
    fn of(function: Function) -> BTreeSet<&'static str> {
        let all = settings::SETTINGS.iter().chain(SETTINGS);
        let own = all.filter(|setting| setting.facts().functions.contains(&function));
        let mut variables: BTreeSet<_> = own.filter_map(|s| s.facts().variable).collect();
        variables.remove("RUST_LOG");
        variables
    }

    #[test]
    fn what_is_not_set_has_the_defaults_of_the_contract() {
        let Enrich {
            configuration_set,
            stage,
            ..
        } = Enrich::from_lookup(lookup(&[])).unwrap();
        assert_eq!(configuration_set, None);
        assert_eq!((stage.delay_seconds, stage.lease_seconds), (600, 90));
        assert_eq!(stage.owner_wait_seconds, 1800);
        assert_eq!(stage.mail_wait_seconds, 3600);
        assert_eq!((stage.retry_seconds, stage.max_receive_count), (15, 3));
        assert_eq!(stage.ambiguous, AmbiguousPolicy::Resend);
        assert_eq!(stage.owner_missing, OwnerMissingPolicy::Dlq);
        assert!(!stage.notify_owner);
        assert_eq!(
            (stage.reply_to, stage.time_zone),
            (ReplyTo::None, TimeZone::UTC)
        );
        assert_eq!((stage.environment.as_str(), stage.to.len()), ("dev", 2));
        let sweep = Sweep::from_lookup(lookup(&[])).unwrap();
        assert_eq!((sweep.stage.max, sweep.stage.max_age_days), (100, 14));
        let ingest = Ingest::from_lookup(lookup(&[])).unwrap();
        assert_eq!(ingest.secret_arn, None);
    }

    #[test]
    fn every_mistake_is_reported_in_one_go() {
        let required = GOOD.map(|(name, _)| name);
        assert_eq!(wrong(Enrich::from_lookup(|_| None)), required);
        let all_wrong = [
            ("RAW_BUCKET", "UPPER"),
            ("DELAY_QUEUE_URL", "delay"),
            ("SES_FROM_ADDRESS", "a@example.com,b@example.com"),
            ("NOTIFY_OWNER", "yes"),
            ("SES_TO_ADDRESS", "nobody"),
            ("DELAY_SECONDS", "901"),
            ("EMAIL_AMBIGUOUS", "maybe"),
            ("LEASE_SECONDS", "0"),
            ("OWNER_WAIT_SECONDS", "9001"),
            ("OWNER_MISSING", "drop"),
            ("MAIL_WAIT_SECONDS", "-1"),
            ("RETRY_SECONDS", "soon"),
            ("MAX_RECEIVE_COUNT", "0"),
            ("LEAD_URL_TEMPLATE", "http://example.com/"),
            ("REPLY_TO", "alice@example.com"),
            ("TIME_ZONE", "Europe/Atlantis"),
            ("ENVIRONMENT", "Prod"),
        ];
        let expected = all_wrong.map(|(name, _)| name);
        assert_eq!(wrong(Enrich::from_lookup(lookup(&all_wrong))), expected);
    }

    #[test]
    fn a_sender_may_have_a_name_and_times_a_zone_without_a_database_of_the_system() {
        let Enrich { stage, .. } = Enrich::from_lookup(lookup(&[
            ("SES_FROM_ADDRESS", "Leads <crm@example.com>"),
            ("REPLY_TO", "lead"),
            ("TIME_ZONE", "America/Argentina/Buenos_Aires"),
        ]))
        .unwrap();
        assert_eq!(stage.from.header(), "Leads <crm@example.com>");
        assert_eq!(stage.reply_to, ReplyTo::Lead);
        assert_eq!(
            stage.time_zone.iana_name(),
            Some("America/Argentina/Buenos_Aires")
        );
    }

    #[test]
    fn nothing_defaults_to_the_empty_text() {
        for variable in of(Function::Enrich) {
            let read = Enrich::from_lookup(lookup(&[(variable, "")]));
            assert_eq!(wrong(read), [variable]);
        }
        assert!(Ingest::from_lookup(lookup(&[("SOURCES_SECRET_ARN", " ")])).is_err());
    }

    #[test]
    fn a_team_that_leaves_the_owner_no_room_is_a_mistake_where_the_owner_is_notified() {
        let team = |count| {
            let all = (0..count).map(|number| format!("team{number}@example.com"));
            all.collect::<Vec<_>>().join(",")
        };
        let read = |count, notify| {
            let team = team(count);
            let changes = [("SES_TO_ADDRESS", &*team), ("NOTIFY_OWNER", notify)];
            wrong(Enrich::from_lookup(lookup(&changes)))
        };
        assert_eq!(read(50, "true"), ["SES_TO_ADDRESS"]);
        for (count, notify) in [(49, "true"), (50, "false")] {
            assert!(read(count, notify).is_empty(), "{count} {notify}");
        }
    }

    #[test]
    fn a_mistake_never_shows_an_address() {
        let address = [("SES_TO_ADDRESS", "alice(at)example.org")];
        let mistakes = Enrich::from_lookup(lookup(&address)).unwrap_err();
        let mut mistakes = mistakes.iter().map(ToString::to_string);
        assert!(mistakes.all(|mistake| !mistake.contains("alice")));
    }

    #[test]
    fn every_function_holds_its_buckets_to_the_account() {
        let account = lookup(&[("ACCOUNT_ID", "123456789012")]);
        let owners = [
            Ingest::from_lookup(&account).unwrap().stack.buckets.owner,
            Enrich::from_lookup(&account).unwrap().stack.buckets.owner,
            Sweep::from_lookup(&account).unwrap().stack.buckets.owner,
        ];
        assert!(owners.iter().flatten().eq(["123456789012"; 3]));
        for (name, bad) in [("ACCOUNT_ID", "12345678901"), ("STACK_NAME", "crm prod")] {
            assert_eq!(wrong(Sweep::from_lookup(lookup(&[(name, bad)]))), [name]);
        }
    }

    #[test]
    fn the_canary_has_all_that_it_needs_or_is_off() {
        let read = |changes: &[_]| Sweep::from_lookup(lookup(changes));
        assert_eq!(read(&[]).unwrap().canary, None);
        assert_eq!(read(&[ARN, URL]).unwrap().canary.unwrap().url, URL.1);
        for (half, missing) in [(ARN, URL.0), (URL, ARN.0)] {
            assert_eq!(wrong(read(&[half])), [missing]);
        }
        for bad in ["canary", "https://api.example.com/Prod/ingest", ""] {
            assert_eq!(wrong(read(&[ARN, (URL.0, bad)])), [URL.0], "{bad}");
        }
        let good = lookup(&[ARN, URL]);
        let bucketless = |name: &str| good(name).filter(|_| name != "LOOKUP_BUCKET");
        assert_eq!(wrong(Sweep::from_lookup(bucketless)), ["LOOKUP_BUCKET"]);
    }

    /// The template is compared with the entries: they must say what is really read.
    #[test]
    fn each_function_reads_the_settings_whose_entries_name_it() {
        let seen = RefCell::new(BTreeSet::new());
        let good = lookup(&[ARN, URL]);
        let spy = |name: &str| {
            seen.borrow_mut().insert(name.to_owned());
            good(name)
        };
        let check = |function| {
            let named = of(function).into_iter().map(str::to_owned).collect();
            assert_eq!(seen.take(), named, "{function:?}");
        };
        Ingest::from_lookup(spy).unwrap();
        check(Function::Ingest);
        Enrich::from_lookup(spy).unwrap();
        check(Function::Enrich);
        Sweep::from_lookup(spy).unwrap();
        check(Function::Sweep);
    }
}
