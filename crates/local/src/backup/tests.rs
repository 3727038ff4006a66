use crate::home::{LocalHome, Mode};
use crate::sample::{chain, options, sample};
use leadwire_pipeline::port::{Bucket, Fetched, NewObject, ObjectStore as _, PortErrorKind};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

fn object() -> NewObject {
    NewObject::of(b"{}".to_vec())
}

#[tokio::test]
async fn a_backup_is_a_whole_database_that_opens_by_itself() {
    let sample = sample();
    let store = sample.home.store();
    for key in ["raw/a.json", "raw/b.json"] {
        store.create(Bucket::Raw, key, object()).await.unwrap();
    }
    let other = tempfile::tempdir().unwrap();
    let copy = other.path().join("leadwire.db");
    let backup = sample.home.backup(&copy).await.unwrap();
    assert_eq!(backup.events, 2);
    let metadata = fs::metadata(&copy).unwrap();
    assert_eq!(backup.bytes, metadata.len());
    assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
    let names = fs::read_dir(other.path()).unwrap();
    assert_eq!(names.count(), 1, "nothing is left beside it");
    let restored = LocalHome::open_with(other.path(), Mode::Serve, options(&sample.clock)).unwrap();
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
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_one_moment_of_a_folder_that_is_written_meanwhile() {
    let sample = sample();
    let store = sample.home.store();
    let writing = tokio::spawn(async move {
        for count in 0.. {
            let (raw, mail) = (
                format!("raw/{count:06}.json"),
                format!("mail/{count:06}.json"),
            );
            store.create(Bucket::Raw, &raw, object()).await.unwrap();
            store
                .create(Bucket::Enriched, &mail, object())
                .await
                .unwrap();
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
    let restored = LocalHome::open_with(other.path(), Mode::Serve, options(&sample.clock)).unwrap();
    let keys = async |bucket, prefix: &str| {
        let page = restored.store().list(bucket, prefix, None).await.unwrap();
        page.entries.len()
    };
    let (raw, mail) = (
        keys(Bucket::Raw, "raw/").await,
        keys(Bucket::Enriched, "mail/").await,
    );
    assert!(raw == mail || raw == mail + 1, "{raw} {mail}");
}
