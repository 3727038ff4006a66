//! Secrets in the data folder: the sources document, `sources.json`, and the canary's, `canary.json`.

use leadwire_domain::limits::OBJECT_BYTES_MAX;
use leadwire_pipeline::port::{PortError, SecretStore};
use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
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
        let read = tokio::task::spawn_blocking(move || {
            let mut text = String::new();
            let limit = u64::try_from(OBJECT_BYTES_MAX).unwrap_or(u64::MAX);
            File::open(path)?.take(limit).read_to_string(&mut text)?;
            Ok::<_, io::Error>(text)
        });
        match read.await {
            Ok(Ok(text)) => Ok(Some(text)),
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
            Ok(Err(error)) => Err(PortError::transient(ACTION, error)),
            Err(stopped) => Err(PortError::transient(ACTION, stopped)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(
            FileSecrets::new(folder.path().join("sources.json"))
                .fetch()
                .await
                .is_err()
        );
    }

    /// What is done to the file, and what is known of the source `close` a minute later, and five.
    #[tokio::test]
    async fn a_file_that_is_made_changed_broken_mended_and_removed_is_noticed_while_it_runs() {
        use jiff::{SignedDuration, Timestamp};
        use leadwire_domain::source::Source;
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
            // An editor may write it anew or in place; whoever reads meanwhile meets either.
            match &text {
                Some(text) => std::fs::write(&path, text).unwrap(),
                None if path.exists() => std::fs::remove_file(&path).unwrap(),
                None => {}
            }
            for (minutes, expected) in [1, 5].into_iter().zip(expected) {
                now = now.checked_add(SignedDuration::from_mins(minutes)).unwrap();
                let known = cache.current(now).await.unwrap();
                let known = cache.refreshed(now, &known).await.unwrap_or(known);
                let secret = known.get(Source::Close);
                let secret = secret.map(|close| close.secrets[0].expose()[..2].to_owned());
                assert_eq!(secret.as_deref(), expected, "step {number}, {minutes} min");
            }
        }
    }
}
