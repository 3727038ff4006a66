//! The canary of one machine: how long its events stay.

use crate::home::LocalHome;
use crate::store::SqliteStore;
use jiff::SignedDuration;
use leadwire_domain::key::EventName;
use leadwire_domain::source::{Source, canary};
use leadwire_pipeline::ledger::{Kind, Ledger};
use leadwire_pipeline::port::PortError;

/// Older canaries are deleted. By then each has come to its end: it waits for a few hours at most.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

impl LocalHome {
    /// Deletes what is stored about canaries of yesterday and before, and says how many they were: they have no reader, and a year of
    /// them would be more than most teams have leads.
    pub async fn forget_canaries(&self) -> Result<usize, PortError> {
        let now = self.clock.now();
        let store = self.store();
        let ledger = Ledger::new(&store);
        let mut canaries = ledger.list_lead(Kind::Raw, &canary::lead_id());
        let mut forgotten = 0;
        while let Some(entry) = canaries.next().await? {
            let Ok(name) = EventName::parse_raw_key(&entry.key) else {
                continue;
            };
            if now.duration_since(entry.last_modified) < KEPT || !is_canary(ledger, &name).await? {
                continue;
            }
            // The raw object goes first: without it, the sweep misses nothing.
            for kind in [
                Kind::Raw,
                Kind::Document,
                Kind::Claim,
                Kind::Failure,
                Kind::Swept,
            ] {
                let (bucket, key) = (kind.bucket(), kind.key(&name));
                store.delete(bucket, &key).await?;
            }
            forgotten += 1;
        }
        Ok(forgotten)
    }
}

/// What is stored says so, never a key.
async fn is_canary(ledger: Ledger<'_, SqliteStore>, name: &EventName) -> Result<bool, PortError> {
    let raw = ledger.raw(name).await?.stored();
    let source = raw.and_then(|raw| raw.source_label());
    Ok(source.is_some_and(Source::is_synthetic))
}

#[cfg(test)]
mod tests {
    use crate::sample::{Sample, sample};
    use leadwire_domain::source::canary;
    use leadwire_pipeline::port::{Bucket, NewObject, ObjectStore as _};

    fn event(lead: &str) -> String {
        format!("crm_event_{lead}_20261123T065000123456Z.json")
    }

    async fn put(sample: &Sample, lead: &str, source: &str) {
        let raw = NewObject {
            bytes: b"{}".to_vec(),
            metadata: [("source".to_owned(), source.to_owned())].into(),
        };
        let key = format!("raw/{}", event(lead));
        let put = sample.home.store().put(Bucket::Raw, &key, raw).await;
        put.unwrap();
        for prefix in ["enriched/", "mail/"] {
            let key = format!("{prefix}{}", event(lead));
            sample.create(Bucket::Enriched, &key, "").await;
        }
    }

    #[tokio::test]
    async fn canaries_are_kept_for_a_day_and_shown_in_no_folder() {
        let sample = sample();
        put(&sample, canary::LEAD_ID, "canary").await;
        put(&sample, "leadwire-canary_2", "close").await;
        sample.home.views_written().await;
        let shown = |lead: &str| sample.home.folder().raw().join(event(lead)).exists();
        assert!(!shown(canary::LEAD_ID) && shown("leadwire-canary_2"));
        sample.clock.advance(24 * 3600 - 1);
        assert_eq!(sample.home.forget_canaries().await.unwrap(), 0);
        sample.clock.advance(1);
        assert_eq!(sample.home.forget_canaries().await.unwrap(), 1);
        for (bucket, prefix) in [
            (Bucket::Raw, "raw/"),
            (Bucket::Enriched, "enriched/"),
            (Bucket::Enriched, "mail/"),
        ] {
            let key = |lead| format!("{prefix}{}", event(lead));
            let canary = sample.get(bucket, &key(canary::LEAD_ID)).await;
            assert!(canary.is_none());
            let lead = sample.get(bucket, &key("leadwire-canary_2")).await;
            assert!(lead.is_some());
        }
    }
}
