//! The home that a command works on.

use crate::cli::HomeArgs;
use crate::view::{QueueLook, Queued};
use anyhow::Context as _;
use jiff::Timestamp;
use leadwire_local::{DataFolder, LocalHome, LocalPorts, Mode, OsEntropy, SystemClock};
use leadwire_pipeline::port::{Clock as _, Home, NoMailer, PortError};
use std::path::Path;

/// Messages that a look into the queue reads. Where there are more, the look cannot tell what is lost.
const LOOK_MESSAGES_MAX: u32 = 100_000;

/// A home as commands need it: besides the ports, a look into the queue.
pub(crate) trait Operated: Home + 'static {
    /// The messages and the dead letters.
    fn look(&self) -> impl Future<Output = Result<QueueLook, PortError>> + Send;
    /// Deletes a dead letter, after a copy was sent.
    fn delete_dead(&self, letter: &Queued) -> impl Future<Output = Result<(), PortError>> + Send;
}

/// One machine, without a mailer: commands send none.
pub(crate) type LocalOperated = LocalPorts<NoMailer>;

impl Operated for LocalOperated {
    async fn look(&self) -> Result<QueueLook, PortError> {
        let waiting = self.queue.waiting(LOOK_MESSAGES_MAX).await?;
        let is_whole = u32::try_from(waiting.len()).is_ok_and(|count| count < LOOK_MESSAGES_MAX);
        let live = waiting.into_iter().map(|message| Queued {
            message_id: message.message_id,
            body: message.body,
            visible_at: message.due_at,
            receives: message.receive_count,
            trace: leadwire_pipeline::trace::TraceContext::default(),
        });
        let live: Vec<Queued> = live.collect();
        let dead = self.queue.dead_letters(LOOK_MESSAGES_MAX).await?;
        let dead = dead.into_iter().map(|letter| Queued {
            message_id: letter.message_id,
            body: letter.body,
            visible_at: letter.dead_at,
            receives: letter.receive_count,
            trace: letter.trace,
        });
        Ok(QueueLook::new(is_whole.then_some(live), dead.collect()))
    }

    async fn delete_dead(&self, letter: &Queued) -> Result<(), PortError> {
        self.queue
            .delete_dead_letters(vec![letter.message_id.clone()])
            .await
            .map(drop)
    }
}

/// Opens the data folder that is there.
pub(crate) fn operate(args: &HomeArgs) -> anyhow::Result<LocalOperated> {
    Ok(open(&args.data, Mode::Operate)?.ports(NoMailer))
}

/// Opens a data folder.
pub(crate) fn open(dir: &Path, mode: Mode) -> anyhow::Result<LocalHome> {
    Ok(LocalHome::open(dir, mode)?)
}

/// The text of `sources.json` in a data folder, where there is one.
pub(crate) fn read_sources(dir: &Path) -> anyhow::Result<Option<String>> {
    let path = DataFolder::new(dir).sources();
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("could not read {}", path.display())),
    }
}

/// The machine's clock.
pub(crate) fn now() -> Timestamp {
    SystemClock.now()
}

/// The machine's randomness.
pub(crate) fn entropy() -> OsEntropy {
    OsEntropy
}
