//! The home that a command works on: one machine's data folder, or a deployed stack.

mod local;
#[cfg(feature = "aws")]
pub(crate) mod stack;

use clap::Args;
use jiff::Timestamp;
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::notice::EmailAddress;
use leadwire_local::{LocalHome, Mode, OsEntropy, SystemClock, TelemetryStore};
use leadwire_pipeline::ledger::queue::{MessagesOf, QueueSnapshot};
use leadwire_pipeline::port::{Clock as _, DeadLetterQueue, Eraser, Home, PortError, SecretStore};
use std::io;
use std::path::PathBuf;

pub(crate) use local::{LocalOperated, desk, read_sources, served_by};

/// The default data folder of commands.
pub(crate) const DATA_DEFAULT: &str = "./leadwire-data";

/// The data folder.
#[derive(Clone, Debug, Args)]
pub(crate) struct FolderArgs {
    /// The data folder
    #[arg(long, value_name = "DIR", env = "LEADWIRE_DATA", default_value = DATA_DEFAULT)]
    pub(crate) data: PathBuf,
}

/// Which home a command works on.
#[derive(Clone, Debug, Args)]
pub(crate) struct HomeArgs {
    #[command(flatten)]
    pub(crate) folder: FolderArgs,
    /// Work on a deployed stack instead, by its name (needs a build with --features aws)
    #[arg(long, value_name = "NAME", env = "LEADWIRE_STACK")]
    pub(crate) stack: Option<String>,
}

/// A home as commands need it, besides its ports.
pub(crate) trait Operated:
    Home<Store: Eraser> + DeadLetterQueue + MessagesOf + 'static
{
    /// Whether stored objects expire here by themselves.
    const EXPIRES: bool;
    /// Why this home may have no canary, and what to do about it.
    const WITHOUT_CANARY: &'static str;
    /// What to do about an owner file that may not be read.
    const OWNER_FILE_DENIED: &'static str;
    /// Where else something about a lead may be, for the operator to look at.
    const ELSEWHERE: &'static [&'static str];
    /// A look into the whole queue. It must not take a message away from anyone, not even for a while: an alarm watches the dead letters.
    fn look(&self) -> impl Future<Output = Result<QueueSnapshot, PortError>> + Send;
    /// Where the sources document is.
    fn sources(&self) -> impl SecretStore + 'static;
    /// The canary's secret, where there is one.
    fn canary_secret(&self) -> impl Future<Output = Result<Option<String>, PortError>> + Send;
    /// The whole address that canaries are posted to, where the home knows it.
    fn canary_url(&self) -> Option<String>;
    /// The configured receivers of mails, as far as the home knows them.
    fn receivers(&self) -> Vec<EmailAddress>;
    /// Where the spans of a trace are.
    fn traces(&self) -> Traces;
    /// Writes an owner file as a whole, and says where it is.
    fn put_owner(
        &self,
        lead_id: &LeadId,
        json: Vec<u8>,
    ) -> impl Future<Output = Result<String, PortError>> + Send;
    /// Whether it is certain that no stage is at work.
    fn is_idle(&self) -> bool;
    /// Ends when every record is done that was being worked on when this was first polled. Where a home cannot know that, it never ends.
    fn workers_gone(&self) -> impl Future<Output = ()> + Send;
    /// The life of a claim, in seconds, as the home has it by default.
    fn lease_seconds(&self) -> u32;
    /// The lead's owner file, whether it is there or not.
    fn owner_file(&self, lead_id: &LeadId) -> OwnerFile;
    /// Mails about the lead that this home keeps.
    fn mails(&self, lead_id: &LeadId) -> io::Result<Vec<String>>;
    /// Notes that all that was ever forgotten has its tombstone, where the home can.
    fn note_tombstones(&self) -> impl Future<Output = Result<(), PortError>> + Send;
    /// Makes the deletion of a lead final where it only begins by deleting. False where somebody held it up.
    fn scrub(&self, lead_id: &LeadId) -> impl Future<Output = Result<bool, PortError>> + Send;
}

/// A lead's owner file.
#[derive(Clone, Debug)]
pub(crate) struct OwnerFile {
    /// Where it is.
    pub(crate) place: String,
    /// Whether it is ours to delete.
    pub(crate) is_ours: bool,
}

/// Where the spans of a trace are.
#[derive(Clone, Debug)]
pub(crate) enum Traces {
    /// In the data folder.
    Kept(TelemetryStore),
    /// In X-Ray, in this region.
    #[cfg(feature = "aws")]
    XRay {
        /// The region's name.
        region: String,
        /// The stack's name, by which its metrics are found.
        stack: String,
    },
}

/// The ports of a home, and what stands behind them.
#[derive(Debug)]
pub(crate) struct Desk<P, B> {
    ports: P,
    back: B,
}

impl<P: Home, B: Send + Sync> Home for Desk<P, B> {
    type Store = P::Store;
    type Queue = P::Queue;
    type Mailer = P::Mailer;
    type Clock = P::Clock;
    type Entropy = P::Entropy;
    fn store(&self) -> &P::Store {
        self.ports.store()
    }
    fn queue(&self) -> &P::Queue {
        self.ports.queue()
    }
    fn mailer(&self) -> &P::Mailer {
        self.ports.mailer()
    }
    fn clock(&self) -> &P::Clock {
        self.ports.clock()
    }
    fn entropy(&self) -> &P::Entropy {
        self.ports.entropy()
    }
}

/// An open home of either kind.
pub(crate) enum Opened {
    /// One machine.
    Local(LocalOperated),
    /// A deployed stack.
    #[cfg(feature = "aws")]
    Stack(stack::StackOperated),
}

/// Opens the home that the flags name. `mode` says whether a data folder is made where there is none.
pub(crate) async fn operate(args: &HomeArgs, mode: Mode) -> anyhow::Result<Opened> {
    match &args.stack {
        None => {
            let home = LocalHome::open(&args.folder.data, mode)?;
            Ok(Opened::Local(desk(&home)))
        }
        Some(name) => operate_stack(name).await,
    }
}

#[cfg(feature = "aws")]
async fn operate_stack(name: &str) -> anyhow::Result<Opened> {
    Ok(Opened::Stack(stack::operate(name).await?))
}

#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "with the feature it asks AWS")]
async fn operate_stack(name: &str) -> anyhow::Result<Opened> {
    Err(without_aws(name).into())
}

#[cfg(not(feature = "aws"))]
fn without_aws(name: &str) -> crate::usage::Usage {
    crate::usage::Usage::of(format!(
        "--stack {name}: this leadwire was built without AWS; build it with --features aws"
    ))
}

/// The sources document of a home, as text.
pub(crate) struct SourcesDocuments {
    /// The one that counts, where there is one.
    pub(crate) current: Option<String>,
    /// The one from before its last change, where the home keeps that.
    pub(crate) previous: Result<Option<String>, PortError>,
}

/// The sources document of the home that the flags name. Of a data folder nothing else is needed or opened.
pub(crate) async fn sources_documents(args: &HomeArgs) -> anyhow::Result<SourcesDocuments> {
    match &args.stack {
        None => Ok(SourcesDocuments {
            current: read_sources(&args.folder.data)?,
            previous: Ok(None),
        }),
        Some(name) => stack_documents(name).await,
    }
}

#[cfg(feature = "aws")]
async fn stack_documents(name: &str) -> anyhow::Result<SourcesDocuments> {
    stack::operate(name).await?.sources_documents().await
}

#[cfg(not(feature = "aws"))]
#[expect(clippy::unused_async, reason = "with the feature it asks AWS")]
async fn stack_documents(name: &str) -> anyhow::Result<SourcesDocuments> {
    Err(without_aws(name).into())
}

/// Works on the home that the flags name, whichever kind it is. No data folder is made unless a mode says so.
macro_rules! with_home {
    ($args:expr, $home:ident => $work:expr) => {
        $crate::home::with_home!($args, leadwire_local::Mode::Operate, $home => $work)
    };
    ($args:expr, $mode:expr, $home:ident => $work:expr) => {
        match $crate::home::operate($args, $mode).await? {
            $crate::home::Opened::Local($home) => Box::pin($work).await,
            #[cfg(feature = "aws")]
            $crate::home::Opened::Stack($home) => Box::pin($work).await,
        }
    };
}
pub(crate) use with_home;

/// The machine's clock.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// The machine's randomness.
pub(crate) fn entropy() -> OsEntropy {
    OsEntropy
}
