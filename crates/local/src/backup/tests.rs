use crate::home::Mode;
use crate::sample::{chain, count, mode, open, sample};
use leadwire_pipeline::port::{Bucket, Fetched, NewObject, ObjectStore as _, PortErrorKind};
use std::fs;

#[tokio::test]
async fn a_backup_is_a_whole_database_that_opens_by_itself() {
    let sample = sample();
    for key in ["raw/a.json", "raw/b.json"] {
        sample.create(Bucket::Raw, key, "{}").await;
    }
    let other = tempfile::tempdir().unwrap();
    let copy = other.path().join("leadwire.db");
    let backup = sample.home.backup(&copy).await.unwrap();
    assert_eq!(backup.events, 2);
    assert_eq!(backup.bytes, fs::metadata(&copy).unwrap().len());
    assert_eq!(mode(&copy), 0o600);
    assert_eq!(count(other.path()), 1, "nothing is left beside it");
    let restored = open(other.path(), Mode::Serve, &sample.clock);
    let there = restored.store().get(Bucket::Raw, "raw/a.json", 9).await;
    assert!(matches!(there.unwrap(), Fetched::Found(_)));
    assert_eq!(restored.check().await.unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn a_backup_never_replaces_a_file() {
    let sample = sample();
    let other = tempfile::tempdir().unwrap();
    let taken = other.path().join("taken");
    fs::write(&taken, "mine").unwrap();
    let gone = other.path().join("gone");
    std::os::unix::fs::symlink("nowhere", &gone).unwrap();
    for name in [&taken, &gone] {
        let error = sample.home.backup(name).await.unwrap_err();
        assert_eq!(error.kind, PortErrorKind::Permanent);
        assert!(chain(&error).contains("there is a file of that name"));
    }
    assert_eq!(fs::read_to_string(&taken).unwrap(), "mine");
    let nowhere = other.path().join("no-folder/copy");
    assert!(sample.home.backup(&nowhere).await.is_err());
    assert_eq!(count(other.path()), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_one_moment_of_a_folder_that_is_written_meanwhile() {
    let sample = sample();
    let store = sample.home.store();
    let writing = tokio::spawn(async move {
        for count in 0.. {
            for (bucket, folder) in [(Bucket::Raw, "raw"), (Bucket::Enriched, "mail")] {
                let (key, object) = (format!("{folder}/{count:06}.json"), NewObject::default());
                store.create(bucket, &key, object).await.unwrap();
            }
        }
    });
    let other = tempfile::tempdir().unwrap();
    let copy = other.path().join("leadwire.db");
    let mut events = 0;
    while events < 3 {
        drop(fs::remove_file(&copy));
        events = sample.home.backup(&copy).await.unwrap().events;
    }
    writing.abort();
    let restored = open(other.path(), Mode::Serve, &sample.clock);
    let keys = async |bucket, prefix: &str| {
        let page = restored.store().list(bucket, prefix, None).await.unwrap();
        page.entries.len()
    };
    let raw = keys(Bucket::Raw, "raw/").await;
    let mail = keys(Bucket::Enriched, "mail/").await;
    assert!(raw == mail || raw == mail + 1, "{raw} {mail}");
}
