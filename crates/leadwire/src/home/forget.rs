//! What forgetting a lead needs of a home besides its ports.

#[cfg(feature = "aws")]
use super::stack::StackOperated;
use super::{LocalOperated, Operated, served_by};
#[cfg(feature = "aws")]
use leadwire_domain::key::lookup_key;
use leadwire_domain::key::{EventName, RAW};
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::port::{Eraser, PortError};
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::path::Path;

/// A lead's owner file.
#[derive(Clone, Debug)]
pub(crate) struct OwnerFile {
    /// Where it is.
    pub(crate) place: String,
    /// Whether it is ours to delete.
    pub(crate) is_ours: bool,
}

/// A home that forgets.
pub(crate) trait Forgets: Operated<Store: Eraser> {
    /// Where else something may be, for the operator to look at.
    const ELSEWHERE: &'static [&'static str];
    /// Whether it is certain that no stage is at work.
    fn is_idle(&self) -> bool;
    /// The lead's owner file, whether it is there or not.
    fn owner_file(&self, lead_id: &LeadId) -> OwnerFile;
    /// Mails about the lead that this home keeps.
    fn mails(&self, lead_id: &LeadId) -> io::Result<Vec<String>>;
    /// Makes the deletion of a lead final where it only begins by deleting. False where somebody held it up.
    fn scrub(&self, lead_id: &LeadId) -> impl Future<Output = Result<bool, PortError>> + Send;
}

impl Forgets for LocalOperated {
    const ELSEWHERE: &'static [&'static str] = &[
        "mails by SMTP: in the mailboxes of whoever got them, and on the servers between",
        "backups of the data folder, and of the machine",
        "lines that `up` wrote, and telemetry.db: ids and times, no personal data; telemetry.db forgets after 35 days by itself",
    ];

    /// Without a process that serves the folder there are no workers: they die with it.
    fn is_idle(&self) -> bool {
        served_by(self.back.home.folder()).is_ok_and(|holder| holder.is_none())
    }

    fn owner_file(&self, lead_id: &LeadId) -> OwnerFile {
        OwnerFile {
            place: self.back.home.lookup().path(lead_id).display().to_string(),
            is_ours: true,
        }
    }

    fn mails(&self, lead_id: &LeadId) -> io::Result<Vec<String>> {
        mails_in(&self.back.home.folder().outbox(), lead_id)
    }

    /// Once the log is empty, nothing reads what was before the deletion, and makes views of it.
    async fn scrub(&self, lead_id: &LeadId) -> Result<bool, PortError> {
        let is_clean = self.back.home.scrub().await?;
        self.back.home.remove_stale_views(lead_id).await?;
        Ok(is_clean)
    }
}

#[cfg(feature = "aws")]
impl Forgets for StackOperated {
    const ELSEWHERE: &'static [&'static str] = &[
        "mails: in the mailboxes of whoever got them",
        "copies of the buckets: replication, AWS Backup, exports",
        "CloudWatch Logs and X-Ray: ids and times, no personal data",
    ];

    fn is_idle(&self) -> bool {
        false
    }

    fn owner_file(&self, lead_id: &LeadId) -> OwnerFile {
        OwnerFile {
            place: format!("s3://{}/{}", self.back.lookup_bucket, lookup_key(lead_id)),
            is_ours: !self.back.is_lookup_foreign,
        }
    }

    fn mails(&self, _lead_id: &LeadId) -> io::Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn scrub(&self, _lead_id: &LeadId) -> Result<bool, PortError> {
        Ok(true)
    }
}

/// The mails of a lead in an outbox: `X.eml`, or `X-r2.eml` of a replay.
fn mails_in(outbox: &Path, lead_id: &LeadId) -> io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(outbox) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut mails = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let stem = path.file_stem().and_then(OsStr::to_str).unwrap_or_default();
        if is_of(stem, lead_id) {
            mails.push(path.display().to_string());
        }
    }
    mails.sort();
    Ok(mails)
}

fn is_of(stem: &str, lead_id: &LeadId) -> bool {
    let event = match stem.rsplit_once("-r") {
        Some((event, revision)) if revision.parse::<u32>().is_ok() => event,
        _ => stem,
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
        let mine = [
            "crm_event_a_20261123T065000123456Z-r12.eml",
            "crm_event_a_20261123T065000123456Z.eml",
        ];
        for name in [
            "crm_event_a-r1_20261123T065000123456Z.eml",
            "crm_event_a_1_20261123T065000123456Z.eml",
            "crm_event_ab_20261123T065000123456Z.eml",
            "notes.txt",
        ]
        .into_iter()
        .chain(mine)
        {
            std::fs::write(outbox.path().join(name), "").unwrap();
        }
        let lead = LeadId::parse("a").unwrap();
        let found = mails_in(outbox.path(), &lead).unwrap();
        assert_eq!(found.len(), 2);
        for (found, name) in found.iter().zip(mine) {
            assert!(found.ends_with(name), "{found}");
        }
        let nowhere = outbox.path().join("none");
        assert!(mails_in(&nowhere, &lead).unwrap().is_empty());
    }
}
