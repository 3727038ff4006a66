//! One machine's data folder.

use super::{Desk, Operated, Traces};
use crate::duration::render_time;
use anyhow::Context as _;
use leadwire_domain::lead::id::LeadId;
use leadwire_local::{
    DataFolder, DeadLetter, FileSecrets, LocalHome, LocalPorts, LookupFolder, Mode, TelemetryStore,
};
use leadwire_pipeline::ledger::queue::QueueSnapshot;
use leadwire_pipeline::port::{
    DeadLetterQueue, DelayQueue as _, NoMailer, OutgoingMessage, PortError, QueuedMessage,
    SecretStore as _,
};
use leadwire_pipeline::trace::TraceContext;
use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

/// Messages that a look into the queue reads. Where there are more, the look cannot tell what is lost.
const LOOK_MESSAGES_MAX: u32 = 100_000;

/// One machine, without a mailer: commands send none.
pub(crate) type LocalOperated = Desk<LocalPorts<NoMailer>, Folder>;

/// What commands need of a folder besides its ports.
#[derive(Debug)]
pub(crate) struct Folder {
    pub(super) home: LocalHome,
    lookup: LookupFolder,
    telemetry: TelemetryStore,
    canary: FileSecrets,
}

impl DeadLetterQueue for LocalOperated {
    /// Nothing is hidden here by reading.
    async fn take_dead(&self) -> Result<Vec<QueuedMessage>, PortError> {
        let letters = self.ports.queue.dead_letters(LOOK_MESSAGES_MAX).await?;
        Ok(letters.into_iter().map(queued).collect())
    }

    /// A message carries nothing but its trace here.
    async fn send_copy(
        &self,
        message: OutgoingMessage,
        _letter: &QueuedMessage,
    ) -> Result<(), PortError> {
        self.ports.queue.send(message).await
    }

    async fn delete_dead(&self, letter: &QueuedMessage) -> Result<(), PortError> {
        let ids = vec![letter.handle.clone()];
        self.ports.queue.delete_dead_letters(ids).await.map(drop)
    }

    async fn return_dead(&self, _letters: &[QueuedMessage]) -> Result<(), PortError> {
        Ok(())
    }
}

impl Operated for LocalOperated {
    async fn look(&self) -> Result<QueueSnapshot, PortError> {
        let waiting = self.ports.queue.waiting(LOOK_MESSAGES_MAX).await?;
        let is_whole = u32::try_from(waiting.len()).is_ok_and(|count| count < LOOK_MESSAGES_MAX);
        let live = waiting.into_iter().map(|message| QueuedMessage {
            handle: message.message_id.clone(),
            message_id: message.message_id,
            body: message.body,
            visible_at: message.due_at,
            receives: message.receive_count,
            trace: TraceContext::default(),
            others: Vec::new(),
        });
        let live: Vec<QueuedMessage> = live.collect();
        Ok(QueueSnapshot::new(
            is_whole.then_some(live),
            self.take_dead().await?,
        ))
    }

    async fn put_owner(&self, lead_id: &LeadId, json: Vec<u8>) -> Result<String, PortError> {
        self.back.lookup.put(lead_id, json).await?;
        Ok(self.back.lookup.path(lead_id).display().to_string())
    }

    const EXPIRES: bool = false;

    const WITHOUT_CANARY: &'static str = "`leadwire up` makes its secret when it starts";

    async fn canary_secret(&self) -> Result<Option<String>, PortError> {
        self.back.canary.fetch().await
    }

    /// Who serves the folder does not say where.
    fn canary_url(&self) -> Option<String> {
        None
    }

    fn traces(&self) -> Traces {
        Traces::Kept(self.back.telemetry.clone())
    }
}

fn queued(letter: DeadLetter) -> QueuedMessage {
    QueuedMessage {
        handle: letter.message_id.clone(),
        message_id: letter.message_id,
        body: letter.body,
        visible_at: letter.dead_at,
        receives: letter.receive_count,
        trace: letter.trace,
        others: Vec::new(),
    }
}

/// Opens a data folder for a command.
pub(super) fn operate(dir: &Path, mode: Mode) -> anyhow::Result<LocalOperated> {
    Ok(desk(&open(dir, mode)?))
}

/// An open folder as commands need it.
pub(crate) fn desk(home: &LocalHome) -> LocalOperated {
    Desk {
        ports: home.ports(NoMailer),
        back: Folder {
            home: home.clone(),
            lookup: home.lookup(),
            telemetry: home.telemetry(),
            canary: home.canary_secret(),
        },
    }
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

/// Who serves a data folder, by its lock; `None` where it is free or not there. Nothing is opened, made or changed.
pub(crate) fn served_by(folder: &DataFolder) -> anyhow::Result<Option<String>> {
    let path = folder.lock();
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("could not read {}", path.display()));
        }
    };
    match file.try_lock_shared() {
        Ok(()) => Ok(None),
        Err(TryLockError::WouldBlock) => {
            let holder = io::read_to_string(&file).unwrap_or_default();
            Ok(Some(describe_holder(&holder)))
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("could not lock {}", path.display()))
        }
    }
}

/// The lock's text: `{"pid":1,"since":"…"}`.
fn describe_holder(text: &str) -> String {
    let holder: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let since = holder
        .get("since")
        .and_then(|since| since.as_str()?.parse().ok());
    match (holder.get("pid").and_then(serde_json::Value::as_u64), since) {
        (Some(pid), Some(since)) => format!("by process {pid} since {}", render_time(since)),
        _ => "by another process".to_owned(),
    }
}
