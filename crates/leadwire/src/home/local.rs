//! One machine's data folder.

use super::{Desk, Operated, OwnerFile, Traces};
use crate::duration::render_time;
use crate::settings;
use anyhow::Context as _;
use leadwire_domain::key::{EventName, RAW};
use leadwire_domain::lead::id::LeadId;
use leadwire_domain::notice::EmailAddress;
use leadwire_local::{DataFolder, DeadLetter, LocalHome, LocalPorts, WaitingMessage};
use leadwire_pipeline::ledger::queue::{MessagesOf, QueueSnapshot};
use leadwire_pipeline::port::{
    DeadLetterQueue, DelayQueue as _, NoMailer, OutgoingMessage, PortError, QueuedMessage,
    SecretStore,
};
use leadwire_pipeline::trace::TraceContext;
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;
use std::time::Duration;

/// Messages that a look into the queue reads. Where there are more, the look cannot tell what is lost.
const LOOK_MESSAGES_MAX: u32 = 100_000;

/// How often it is looked whether what was being worked on is done.
const LOOK_AT_WORK: Duration = Duration::from_millis(200);

/// One machine, without a mailer: commands send none.
pub(crate) type LocalOperated = Desk<LocalPorts<NoMailer>, LocalHome>;

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

impl MessagesOf for LocalOperated {
    async fn messages_of(&self, names: &[EventName]) -> Result<Cow<'_, QueueSnapshot>, PortError> {
        // Revisions have their event's key.
        let keys: BTreeSet<String> = names.iter().map(EventName::raw_key).collect();
        let (live, dead) = self.ports.queue.about(keys.into_iter().collect()).await?;
        let live = live.into_iter().map(waiting).collect();
        let dead = dead.into_iter().map(queued).collect();
        Ok(Cow::Owned(QueueSnapshot::new(Some(live), dead)))
    }
}

impl Operated for LocalOperated {
    const EXPIRES: bool = false;
    const WITHOUT_CANARY: &'static str = "`leadwire up` makes its secret when it starts";
    const OWNER_FILE_DENIED: &'static str =
        "may not be read by this user, or is no plain file: check its owner and mode";
    const ELSEWHERE: &'static [&'static str] = &[
        "mails by SMTP: in the mailboxes of their recipients, and on the servers between",
        "backups of the data folder, and of the machine",
        "lines that `up` wrote, and telemetry.db: ids and times, no personal data; telemetry.db forgets after 35 days by itself",
    ];

    async fn look(&self) -> Result<QueueSnapshot, PortError> {
        let messages = self.ports.queue.waiting(LOOK_MESSAGES_MAX).await?;
        let is_whole = u32::try_from(messages.len()).is_ok_and(|count| count < LOOK_MESSAGES_MAX);
        let live = messages.into_iter().map(waiting);
        let live = is_whole.then(|| live.collect());
        Ok(QueueSnapshot::new(live, self.take_dead().await?))
    }

    async fn put_owner(&self, lead_id: &LeadId, json: Vec<u8>) -> Result<String, PortError> {
        let lookup = self.back.lookup();
        lookup.put(lead_id, json).await?;
        Ok(lookup.path(lead_id).display().to_string())
    }

    fn sources(&self) -> impl SecretStore + 'static {
        self.back.secrets()
    }

    async fn canary_secret(&self) -> Result<Option<String>, PortError> {
        self.back.canary_secret().fetch().await
    }

    /// Who serves the folder does not say where.
    fn canary_url(&self) -> Option<String> {
        None
    }

    /// `up` is another process: what its variables say is known where they are this one's too.
    fn receivers(&self) -> Vec<EmailAddress> {
        let variable = |name: &str| std::env::var_os(name)?.into_string().ok();
        settings::receivers_by_variables(variable)
    }

    fn traces(&self) -> Traces {
        Traces::Kept(self.back.telemetry())
    }

    /// Without a process that serves the folder there are no workers: they die with it.
    fn is_idle(&self) -> bool {
        served_by(self.back.folder()).is_ok_and(|holder| holder.is_none())
    }

    async fn workers_gone(&self) {
        let mut before: Option<BTreeSet<_>> = None;
        while !self.is_idle() {
            // A queue that cannot be read is asked again: the lease ends the wait.
            if let Ok(now) = self.ports.queue.in_work().await {
                let before = before.get_or_insert_with(|| now.clone());
                if before.is_disjoint(&now) {
                    return;
                }
            }
            tokio::time::sleep(LOOK_AT_WORK).await;
        }
    }

    fn lease_seconds(&self) -> u32 {
        leadwire_local::LEASE_SECONDS
    }

    fn owner_file(&self, lead_id: &LeadId) -> OwnerFile {
        OwnerFile {
            place: self.back.lookup().path(lead_id).display().to_string(),
            is_ours: true,
        }
    }

    fn mails(&self, lead_id: &LeadId) -> io::Result<Vec<String>> {
        mails_in(&self.back.folder().outbox(), lead_id)
    }

    async fn note_tombstones(&self) -> Result<(), PortError> {
        self.back.note_tombstones().await
    }

    /// Once the log is empty, nothing reads what was before the deletion, and makes views of it.
    async fn scrub(&self, lead_id: &LeadId) -> Result<bool, PortError> {
        let is_clean = self.back.scrub().await?;
        self.back.remove_stale_views(lead_id).await?;
        Ok(is_clean)
    }
}

fn waiting(message: WaitingMessage) -> QueuedMessage {
    QueuedMessage {
        handle: message.message_id.clone(),
        message_id: message.message_id,
        body: message.body,
        visible_at: message.due_at,
        receives: message.receive_count,
        trace: TraceContext::default(),
        others: Vec::new(),
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

/// An open folder as commands need it.
pub(crate) fn desk(home: &LocalHome) -> LocalOperated {
    Desk {
        ports: home.ports(NoMailer),
        back: home.clone(),
    }
}

/// The text of `sources.json` in a data folder, where there is one.
pub(crate) fn read_sources(dir: &Path) -> anyhow::Result<Option<String>> {
    let path = DataFolder::new(dir).sources();
    match std::fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        text => text
            .map(Some)
            .with_context(|| format!("could not read {}", path.display())),
    }
}

/// Who serves a data folder, by its lock; `None` where it is free or not there. Nothing is opened, made or changed.
pub(crate) fn served_by(folder: &DataFolder) -> anyhow::Result<Option<String>> {
    let path = folder.lock();
    let file = match File::open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file.with_context(|| format!("could not read {}", path.display()))?,
    };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => {
            let holder = io::read_to_string(&file).unwrap_or_default();
            Ok(Some(describe_holder(&holder)))
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("could not lock {}", path.display()))
        }
        Ok(()) => Ok(None),
    }
}

/// The lock's text: `{"pid":1,"since":"…"}`.
fn describe_holder(text: &str) -> String {
    let holder: Value = serde_json::from_str(text).unwrap_or_default();
    let pid = holder.get("pid").and_then(Value::as_u64);
    let since = holder.get("since").and_then(Value::as_str);
    match (pid, since.and_then(|since| since.parse().ok())) {
        (Some(pid), Some(since)) => format!("by process {pid} since {}", render_time(since)),
        _ => "by another process".to_owned(),
    }
}

/// The mails of a lead in an outbox: `X.team.1a2b3c4d5e6f7081.eml`, or `X-r2.…` of a replay; `X.eml` of the first edition.
fn mails_in(outbox: &Path, lead_id: &LeadId) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(outbox) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut mails = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let (tag, _) = name.split_once('.').unwrap_or((name, ""));
        if is_of(tag, lead_id) {
            mails.push(path.display().to_string());
        }
    }
    mails.sort();
    Ok(mails)
}

fn is_of(tag: &str, lead_id: &LeadId) -> bool {
    let event = match tag.rsplit_once("-r") {
        Some((event, revision)) if revision.parse::<u32>().is_ok() => event,
        _ => tag,
    };
    EventName::parse_raw_key(&format!("{RAW}{event}.json"))
        .is_ok_and(|name| name.may_be_of(lead_id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mails_of_a_lead_are_known_by_their_names() {
        let outbox = tempfile::tempdir().unwrap();
        let names = [
            "crm_event_a_20261123T065000123456Z-r12.team.0de61b1110462435.eml",
            "crm_event_a_20261123T065000123456Z.eml",
            "crm_event_a_20261123T065000123456Z.owner.0de61b1110462435.eml",
            "crm_event_a_20261123T065000123456Z.team.0de61b1110462435.eml",
            "crm_event_a-r1_20261123T065000123456Z.team.0de61b1110462435.eml",
            "crm_event_a_1_20261123T065000123456Z.eml",
            "crm_event_ab_20261123T065000123456Z.team.0de61b1110462435.eml",
            "notes.txt",
        ];
        let paths = names.map(|name| outbox.path().join(name));
        for path in &paths {
            std::fs::write(path, "").unwrap();
        }
        let lead = LeadId::parse("a").unwrap();
        let found = mails_in(outbox.path(), &lead).unwrap();
        let mine = paths.iter().take(4).map(|path| path.display().to_string());
        assert_eq!(found, mine.collect::<Vec<_>>());
        let nowhere = outbox.path().join("none");
        assert!(mails_in(&nowhere, &lead).unwrap().is_empty());
    }
}
