//! `LocalStack` and moto: one of each per test process, whichever way this machine can have them.
//!
//! Way 1 is Docker (testcontainers, the pinned images). Way 2 is a virtual environment of Python that is made once
//! under `target/` from a committed lock file. Where neither can be had, a test fails and says what to install: an
//! integration test that skips itself is worse than none. What a run uses is told on its standard error, and so is the
//! reason where Docker was tried in vain; [`settings::EMULATORS`] names a way and forbids the other.

mod docker;
pub(crate) mod process;
pub(crate) mod registry;
pub(crate) mod venv;

use std::io::Write;

use anyhow::{Context, Result, anyhow, bail};
use tokio::sync::OnceCell;

use crate::clients::Clients;
use crate::{clock, http, settings};

/// `LocalStack`'s image; the last free line.
pub const LOCALSTACK: (&str, &str) = ("localstack/localstack", "4.12.0");
/// Moto's image; it speaks SES v2, which `LocalStack` does not.
pub const MOTO: (&str, &str) = ("motoserver/moto", "5.1.22");

/// What `LocalStack` is told, both ways: nothing of the internet, and metrics often enough for a 10-second alarm.
const LOCALSTACK_ENVIRONMENT: [(&str, &str); 5] = [
    ("SKIP_SSL_CERT_DOWNLOAD", "1"),
    ("DISABLE_EVENTS", "1"),
    ("DNS_ADDRESS", "0"),
    ("SQS_CLOUDWATCH_METRICS_REPORT_INTERVAL", "5"),
    ("SQS_ENDPOINT_STRATEGY", "dynamic"),
];

/// A way to have the emulators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Containers.
    Docker,
    /// Processes in virtual environments of Python.
    Venv,
}

impl Way {
    /// The way that [`settings::EMULATORS`] names, where it is set.
    pub fn named() -> Result<Option<Self>> {
        let Some(name) = settings::emulators() else {
            return Ok(None);
        };
        match name.to_str() {
            Some("docker") => Ok(Some(Self::Docker)),
            Some("venv") => Ok(Some(Self::Venv)),
            _ => bail!(
                "{}={}: say docker or venv",
                settings::EMULATORS,
                name.display()
            ),
        }
    }
}

/// Emulators as a way starts them.
struct Started {
    aws: String,
    mail: String,
    hold: Hold,
}

/// What keeps emulators alive.
type Hold = Box<dyn std::fmt::Debug + Send + Sync>;

/// Running emulators.
#[derive(Debug)]
pub struct Emulators {
    /// How they were had.
    pub way: Way,
    /// The endpoint of every AWS service but SES.
    pub aws: String,
    /// The endpoint of SES v2.
    pub mail: String,
    _hold: Hold,
}

impl Emulators {
    /// The emulators of this process, started by the first test that asks.
    ///
    /// # Errors
    /// Neither way works; the message says what to install.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<Result<Emulators, String>> = OnceCell::const_new();
        SHARED
            .get_or_init(|| async {
                let started = Self::start_any().await;
                started.map_err(|error| format!("{error:#}"))
            })
            .await
            .as_ref()
            .map_err(|message| anyhow!("{message}"))
    }

    /// Starts emulators one given way, for the caller alone.
    pub async fn start(way: Way) -> Result<Self> {
        let Started { aws, mail, hold } = match way {
            Way::Docker => docker::start().await?,
            Way::Venv => venv::start().await?,
        };
        let emulators = Self {
            way,
            aws,
            mail,
            _hold: hold,
        };
        emulators.ready().await?;
        Ok(emulators)
    }

    /// Clients of the services behind them.
    pub fn clients(&self) -> Clients {
        Clients::new(&self.aws, &self.mail)
    }

    async fn start_any() -> Result<Self> {
        let started = match Way::named()? {
            Some(way) => Self::start(way)
                .await
                .with_context(|| format!("{} allows {way:?} only", settings::EMULATORS))?,
            None => Self::start_first().await?,
        };
        tell(&format!(
            "emulators: LocalStack {} at {} and moto {} at {}, by {:?}",
            LOCALSTACK.1, started.aws, MOTO.1, started.mail, started.way
        ));
        Ok(started)
    }

    /// By Docker, or else by Python.
    async fn start_first() -> Result<Self> {
        let docker = match Self::start(Way::Docker).await {
            Ok(emulators) => return Ok(emulators),
            Err(error) => error,
        };
        tell(&format!(
            "emulators: not by Docker, so by Python. Docker said: {docker:#}"
        ));
        Self::start(Way::Venv).await.with_context(|| {
            format!(
                "the integration tests need LocalStack {} and moto {}: install Docker (and let it pull or \
                 build {}:{} and {}:{}), or Python >= 3.10 with venv and pip and a reachable package index. \
                 Docker said: {docker:#}. Python said",
                LOCALSTACK.1, MOTO.1, LOCALSTACK.0, LOCALSTACK.1, MOTO.0, MOTO.1
            )
        })
    }

    async fn ready(&self) -> Result<()> {
        let client = http::Client::default();
        for url in [
            format!("{}/_localstack/health", self.aws),
            format!("{}/moto-api/", self.mail),
        ] {
            clock::eventually(&format!("{url} answers"), || async {
                let reply = client.get(&url).await;
                let is_up = reply.is_ok_and(|reply| reply.status().is_success());
                Ok(is_up.then_some(()))
            })
            .await?;
        }
        Ok(())
    }
}

/// Tells whoever runs the suite. Not by `eprintln!`: what a passing test prints is kept from sight.
pub fn tell(line: &str) {
    // A run whose standard error is closed has nobody to tell.
    drop(writeln!(std::io::stderr(), "{line}"));
}
