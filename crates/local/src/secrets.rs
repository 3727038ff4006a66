//! Secrets in the data folder: the sources document, `sources.json`, and the canary's, `canary.json`.

use crate::durable::create_private;
use crate::error::OpenError;
use crate::folder::DataFolder;
use crate::system::blocking;
use leadwire_domain::limits::OBJECT_BYTES_MAX;
use leadwire_domain::source::canary;
use leadwire_pipeline::os::OsEntropy;
use leadwire_pipeline::port::{Entropy as _, PortError, SecretStore};
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::PathBuf;

/// Reads a file each time it is asked; the stage's cache decides how often.
#[derive(Clone, Debug)]
pub struct FileSecrets {
    path: PathBuf,
}

impl FileSecrets {
    /// The document at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }
}

impl SecretStore for FileSecrets {
    async fn fetch(&self) -> Result<Option<String>, PortError> {
        const ACTION: &str = "read a secret's file";
        let path = self.path.clone();
        let limit = u64::try_from(OBJECT_BYTES_MAX).unwrap_or(u64::MAX);
        let read = move || {
            let mut text = String::new();
            match File::open(path).and_then(|file| file.take(limit).read_to_string(&mut text)) {
                Ok(_length) => Ok(Some(text)),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
                Err(error) => Err(PortError::transient(ACTION, error)),
            }
        };
        blocking(ACTION, read).await
    }
}

/// Makes the canary's secret where there is none. It signs nothing but canaries, and only this machine knows it.
pub(crate) fn make_canary_secret(folder: &DataFolder) -> Result<(), OpenError> {
    let path = folder.canary();
    let secret = canary::render_secret([OsEntropy.bits(), OsEntropy.bits()]);
    let made = create_private(&path, secret.as_bytes()).map(drop);
    made.map_err(OpenError::io("make", &path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{mode, sample};

    #[tokio::test]
    async fn a_document_is_read_and_its_absence_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = FileSecrets::new(folder.path().join("sources.json"));
        assert_eq!(secrets.fetch().await.unwrap(), None);
        std::fs::write(folder.path().join("sources.json"), "{}").unwrap();
        assert_eq!(secrets.fetch().await.unwrap().as_deref(), Some("{}"));
    }

    #[tokio::test]
    async fn a_document_that_cannot_be_read_is_never_taken_for_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sources.json")).unwrap();
        let secrets = FileSecrets::new(folder.path().join("sources.json"));
        assert!(secrets.fetch().await.is_err());
    }

    /// What is done to the file, and what is known of the source `close` a minute later, and five.
    #[tokio::test]
    async fn a_file_that_is_made_changed_broken_mended_and_removed_is_noticed_while_it_runs() {
        use jiff::{SignedDuration, Timestamp};
        use leadwire_domain::source::Sources;
        use leadwire_pipeline::secrets::SecretCache;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sources.json");
        let cache = SecretCache::new(FileSecrets::new(&path), "prod");
        let document = |byte: &str| format!(r#"{{"close":{{"secrets":["{}"]}}}}"#, byte.repeat(32));
        let mut now: Timestamp = "2026-11-23T06:50:00Z".parse().unwrap();
        let steps: [(Option<String>, [Option<&str>; 2]); 7] = [
            (None, [None, None]),
            (Some(document("aa")), [Some("aa"), Some("aa")]),
            (Some(document("bb")), [Some("bb"), Some("bb")]),
            (Some("{ half".to_owned()), [Some("bb"), Some("bb")]),
            (Some(String::new()), [Some("bb"), Some("bb")]),
            (Some(document("cc")), [Some("cc"), Some("cc")]),
            (None, [None, None]),
        ];
        for (number, (text, expected)) in steps.into_iter().enumerate() {
            // An editor may write it anew or in place; a reader meanwhile meets either.
            match &text {
                Some(text) => std::fs::write(&path, text).unwrap(),
                None if path.exists() => std::fs::remove_file(&path).unwrap(),
                None => {}
            }
            for (minutes, expected) in [1, 5].into_iter().zip(expected) {
                now = now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
                let known = cache.current(now).await.unwrap();
                let known = cache.refreshed(now, &known).await.unwrap_or(known);
                let expected = expected.map_or_else(Sources::default, |byte| {
                    Sources::parse(&document(byte)).unwrap()
                });
                assert_eq!(*known, expected, "step {number}, {minutes} min");
            }
        }
    }

    #[tokio::test]
    async fn the_canarys_secret_is_made_once_for_its_owner_alone() {
        let sample = sample();
        let path = sample.home.folder().canary();
        let secret = std::fs::read_to_string(&path).unwrap();
        assert!(canary::parse_secret(&secret).is_ok());
        assert_eq!(mode(&path), 0o600);
        make_canary_secret(sample.home.folder()).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), secret);
    }
}
