//! Sources that are silent: nothing verified has come from them for longer than they are configured to wait. A CRM that pauses, deletes or
//! lets expire a subscription does so without a word.

use super::{Sweep, report_failed_call};
use crate::observe::{SourceSilent, SourcesChecked};
use crate::port::{Clock as _, Home, PortError, SecretStore};
use jiff::Timestamp;
use leadwire_domain::source::SourceConfig;

impl<H: Home, S: SecretStore> Sweep<H, S> {
    /// Looks at each source that has `silence_hours`. What goes wrong here is a line, and keeps no event from being swept.
    pub(super) async fn check_sources(&self) {
        let Some(secrets) = &self.sources else {
            return;
        };
        let now = self.home.clock().now();
        // A document that cannot be read was reported where it was read.
        let Ok(sources) = secrets.current(now).await else {
            return;
        };
        let watched: Vec<_> = sources.iter().filter(|c| c.silence().is_some()).collect();
        if watched.is_empty() {
            return;
        }
        match self.count_silent(&watched, now).await {
            Ok(silent) => {
                let watched = watched.len();
                SourcesChecked { watched, silent }.emit();
            }
            Err(error) => report_failed_call(&error),
        }
    }

    /// Reports each that is silent. Where nothing was ever recorded the clock starts now.
    async fn count_silent(
        &self,
        watched: &[&SourceConfig],
        now: Timestamp,
    ) -> Result<usize, PortError> {
        let seen = self.ledger().seen().await?;
        let mut silent = 0;
        for config in watched {
            let source = config.source();
            match seen.get(&source.name()) {
                Some(seen_at) if config.is_silent(*seen_at, now) => {
                    silent += 1;
                    let (since, limit) = (*seen_at, config.silence().unwrap_or_default());
                    SourceSilent {
                        source,
                        since,
                        limit,
                    }
                    .emit();
                }
                Some(_heard) => {}
                None => {
                    if let Err(error) = self.ledger().put_seen(source.name()).await {
                        report_failed_call(&error);
                    }
                }
            }
        }
        Ok(silent)
    }
}
