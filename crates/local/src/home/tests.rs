mod full_disk;

use super::{LocalHome, Mode, OpenOptions};
use crate::error::{OpenError, OpenWarning};
use crate::folder::FileSystem;
use crate::sample::{StoppedClock, local, message, options, sample};
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::os::SystemClock;
use leadwire_pipeline::port::{Bucket, DelayQueue, Fetched, NewObject, ObjectStore};
use rusqlite::Connection;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[tokio::test]
async fn a_second_server_is_refused_and_told_who_the_first_is() {
    let sample = sample();
    let second = LocalHome::open(sample.folder.path(), Mode::Serve).unwrap_err();
    let expected = format!(
        "the data folder is served by process {} since 2026-11-23T07:00:00Z; stop that one first, or use another folder",
        std::process::id()
    );
    assert_eq!(second.to_string(), expected);
    let handle = sample.home.queue();
    drop(sample.home);
    assert!(
        matches!(
            LocalHome::open(sample.folder.path(), Mode::Serve),
            Err(OpenError::Served { .. })
        ),
        "a handle keeps it open"
    );
    drop(handle);
    LocalHome::open(sample.folder.path(), Mode::Serve).unwrap();
}

#[tokio::test]
async fn a_command_writes_while_somebody_serves_and_while_nobody_does() {
    let sample = sample();
    let command =
        LocalHome::open_with(sample.folder.path(), Mode::Operate, options(&sample.clock)).unwrap();
    command
        .store()
        .put(
            Bucket::Enriched,
            "mail/x.json",
            NewObject::of(b"1".to_vec()),
        )
        .await
        .unwrap();
    assert!(matches!(
        sample
            .home
            .store()
            .get(Bucket::Enriched, "mail/x.json", 9)
            .await
            .unwrap(),
        Fetched::Found(_)
    ));
    assert!(command.boot().is_none() && sample.home.boot().is_some());
    drop(sample.home);
    command.queue().send(message("b", 0)).await.unwrap();
    assert_eq!(command.queue().depth().await.unwrap().due, 1);
}

#[test]
fn a_command_makes_no_folder_unless_it_prepares_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    assert!(matches!(
        LocalHome::open(&path, Mode::Operate),
        Err(OpenError::Absent { .. })
    ));
    assert!(!path.exists());
    let prepared = LocalHome::open_with(
        &path,
        Mode::Prepare,
        options(&StoppedClock::at("2026-11-23T07:00:00Z")),
    )
    .unwrap();
    assert!(prepared.report().created);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let database = fs::metadata(path.join("leadwire.db")).unwrap();
    assert_eq!(
        database.permissions().mode() & 0o777,
        0o600,
        "leads are personal data"
    );
    drop(prepared);
    assert!(
        !LocalHome::open(&path, Mode::Operate)
            .unwrap()
            .report()
            .created
    );
}

#[test]
fn a_network_file_system_is_refused_and_an_unusual_one_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let on = |file_system| OpenOptions {
        clock: Arc::new(SystemClock),
        file_system,
    };
    let refused = LocalHome::open_with(
        folder.path(),
        Mode::Serve,
        on(|_path| Ok(FileSystem::Network("NFS"))),
    )
    .unwrap_err();
    assert!(
        refused
            .to_string()
            .ends_with("lies on NFS, a network file system; use a folder on a local disk")
    );
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        0,
        "nothing was written there"
    );
    let told = LocalHome::open_with(
        folder.path(),
        Mode::Serve,
        on(|_path| Ok(FileSystem::Unusual("FUSE"))),
    )
    .unwrap();
    assert_eq!(
        told.report().warnings,
        [OpenWarning::UnusualFileSystem { kind: "FUSE" }]
    );
}

fn change_database(folder: &Path, change: &str) {
    Connection::open(folder.join("leadwire.db"))
        .unwrap()
        .execute_batch(change)
        .unwrap();
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    drop(LocalHome::open(folder.path(), Mode::Serve).unwrap());
    change_database(
        folder.path(),
        "PRAGMA user_version = 99; DROP TABLE mail_log;",
    );
    for mode in [Mode::Serve, Mode::Operate] {
        let refused = LocalHome::open(folder.path(), mode).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the data folder has schema 99, and this leadwire knows 1; use the newer leadwire that wrote it"
        );
    }
}

#[test]
fn an_older_schema_is_brought_up_to_date_unless_somebody_serves_it() {
    let folder = tempfile::tempdir().unwrap();
    drop(LocalHome::open(folder.path(), Mode::Serve).unwrap());
    let downgrade = "DROP TABLE meta; DROP TABLE objects; DROP TABLE messages; DROP TABLE dead_letters; DROP TABLE mail_log;
        PRAGMA user_version = 0;";
    change_database(folder.path(), downgrade);
    let lock = crate::lock::take(
        &folder.path().join("leadwire.lock"),
        "2026-11-23T07:00:00Z".parse().unwrap(),
    )
    .unwrap();
    assert!(matches!(
        LocalHome::open(folder.path(), Mode::Operate),
        Err(OpenError::SchemaInUse { found: 0 })
    ));
    drop(lock);
    assert_eq!(
        LocalHome::open(folder.path(), Mode::Operate)
            .unwrap()
            .report()
            .migrated_from,
        Some(0)
    );
}

#[test]
fn a_file_of_something_else_is_not_taken_for_a_database() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("leadwire.db"),
        "dear diary, ".repeat(500),
    )
    .unwrap();
    assert!(matches!(
        LocalHome::open(folder.path(), Mode::Serve),
        Err(OpenError::NotOurs { .. })
    ));
    fs::remove_file(folder.path().join("leadwire.db")).unwrap();
    change_database(folder.path(), "CREATE TABLE theirs (a);");
    assert!(matches!(
        LocalHome::open(folder.path(), Mode::Serve),
        Err(OpenError::NotOurs { .. })
    ));
}

#[tokio::test]
async fn a_clock_that_went_back_is_told() {
    let sample = sample();
    sample.home.queue().send(message("b", 600)).await.unwrap();
    drop(sample.home);
    let reopen = |time| {
        LocalHome::open_with(
            sample.folder.path(),
            Mode::Serve,
            options(&StoppedClock::at(time)),
        )
        .unwrap()
    };
    assert_eq!(reopen("2026-11-23T06:59:59Z").report().warnings, []);
    let warnings = reopen("2026-11-23T06:00:00Z").report().warnings.clone();
    let (now, newest) = (
        "2026-11-23T06:00:00Z".parse().unwrap(),
        "2026-11-23T07:00:00Z".parse().unwrap(),
    );
    assert_eq!(warnings, [OpenWarning::ClockWentBack { now, newest }]);
}

#[tokio::test]
async fn what_a_dead_process_held_is_given_back_to_the_next_one() {
    let sample = sample();
    sample.home.queue().send(message("held", 0)).await.unwrap();
    sample
        .home
        .queue()
        .send(message("waiting", 600))
        .await
        .unwrap();
    let first_boot = sample.home.boot().unwrap().to_owned();
    assert_eq!(
        sample
            .home
            .queue()
            .receive(10, Duration::from_mins(6), 3)
            .await
            .unwrap()
            .len(),
        1
    );
    drop(sample.home);
    let next =
        LocalHome::open_with(sample.folder.path(), Mode::Serve, options(&sample.clock)).unwrap();
    assert_eq!(next.report().released, 1);
    assert_ne!(next.boot(), Some(first_boot.as_str()));
    let again = next
        .queue()
        .receive(10, Duration::from_mins(6), 3)
        .await
        .unwrap();
    assert_eq!(
        again
            .iter()
            .map(|r| (r.body.as_str(), r.receive_count))
            .collect::<Vec<_>>(),
        [("held", 2)]
    );
}

#[test]
fn secrets_that_others_can_read_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let sources = folder.path().join("sources.json");
    fs::write(&sources, "{}").unwrap();
    for (mode, expected) in [
        (0o644, vec![OpenWarning::SecretsReadableByOthers]),
        (0o600, vec![]),
    ] {
        fs::set_permissions(&sources, Permissions::from_mode(mode)).unwrap();
        let options = OpenOptions {
            clock: Arc::new(SystemClock),
            file_system: local,
        };
        assert_eq!(
            LocalHome::open_with(folder.path(), Mode::Prepare, options)
                .unwrap()
                .report()
                .warnings,
            expected
        );
    }
}

#[tokio::test]
async fn views_are_made_anew_where_they_lack_and_never_matter() {
    let sample = sample();
    let store = sample.home.store();
    let folder = sample.home.folder().clone();
    for (bucket, key) in [
        (Bucket::Raw, "raw/a.json"),
        (Bucket::Raw, "raw/b.json"),
        (Bucket::Enriched, "enriched/a.r1.json"),
    ] {
        store
            .create(bucket, key, NewObject::of(key.as_bytes().to_vec()))
            .await
            .unwrap();
    }
    store
        .create(
            Bucket::Enriched,
            "mail/a.json",
            NewObject::of(b"{}".to_vec()),
        )
        .await
        .unwrap();
    sample.home.views_written().await;
    assert_eq!(
        fs::read(folder.enriched().join("a.r1.json")).unwrap(),
        b"enriched/a.r1.json"
    );
    assert_eq!(
        fs::read_dir(folder.enriched()).unwrap().count(),
        1,
        "claims are no view"
    );
    fs::remove_dir_all(folder.enriched()).unwrap();
    fs::remove_file(folder.raw().join("a.json")).unwrap();
    fs::write(folder.raw().join("b.json"), "edited").unwrap();
    fs::write(folder.raw().join(".c.json.1.tmp"), "half").unwrap();
    drop((store, sample.home));
    let home =
        LocalHome::open_with(sample.folder.path(), Mode::Serve, options(&sample.clock)).unwrap();
    home.views_written().await;
    assert_eq!(
        fs::read(folder.enriched().join("a.r1.json")).unwrap(),
        b"enriched/a.r1.json"
    );
    assert_eq!(
        fs::read(folder.raw().join("a.json")).unwrap(),
        b"raw/a.json"
    );
    assert!(!folder.raw().join(".c.json.1.tmp").exists());
    let Fetched::Found(b) = home
        .store()
        .get(Bucket::Raw, "raw/b.json", 99)
        .await
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(b.bytes, b"raw/b.json");
}

#[tokio::test]
async fn every_view_is_there_after_more_writes_than_may_wait() {
    let sample = sample();
    let store = sample.home.store();
    let keys: Vec<String> = (0..600)
        .map(|number| format!("raw/{number}.json"))
        .collect();
    let writers: Vec<_> = keys
        .into_iter()
        .map(|key| {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .create(Bucket::Raw, &key, NewObject::of(b"{}".to_vec()))
                    .await
                    .unwrap()
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    // Nobody asks for them: what did not fit is made up for all the same.
    let is_shown = || {
        let views = fs::read_dir(sample.home.folder().raw()).unwrap();
        let whole = views
            .flatten()
            .filter(|view| !view.file_name().to_string_lossy().starts_with('.'));
        std::future::ready(whole.count() == 600)
    };
    crate::sample::eventually("every view is there", is_shown).await;
}

#[tokio::test]
async fn what_is_deleted_and_scrubbed_lies_in_no_file() {
    let sample = sample();
    let secret = "a very private name".repeat(500);
    sample
        .home
        .store()
        .create(
            Bucket::Raw,
            "raw/a.json",
            NewObject::of(secret.into_bytes()),
        )
        .await
        .unwrap();
    sample
        .home
        .store()
        .delete(Bucket::Raw, "raw/a.json")
        .await
        .unwrap();
    assert!(sample.home.scrub().await.unwrap());
    for entry in fs::read_dir(sample.folder.path())
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().is_file())
    {
        let bytes = fs::read(entry.path()).unwrap();
        assert!(
            !bytes.windows(12).any(|window| window == b"private name"),
            "{}",
            entry.path().display()
        );
    }
}

#[tokio::test]
async fn views_of_what_is_stored_no_more_are_removed_for_one_lead_alone() {
    let sample = sample();
    let name = |lead: &str, end: &str| format!("crm_event_{lead}_20261123T065000123456Z{end}");
    let stored = format!("raw/{}", name("a", ".json"));
    let object = NewObject::of(b"{}".to_vec());
    let store = sample.home.store();
    store.create(Bucket::Raw, &stored, object).await.unwrap();
    sample.home.views_written().await;
    let folder = sample.home.folder();
    for stale in [
        folder.raw().join(name("a_1", ".json")),
        folder.raw().join("notes.txt"),
        folder.enriched().join(name("a", ".json")),
        folder.enriched().join(name("a", ".r2.json")),
    ] {
        fs::write(stale, "{}").unwrap();
    }
    let lead = LeadId::parse("a").unwrap();
    assert_eq!(sample.home.remove_stale_views(&lead).await.unwrap(), 2);
    assert_eq!(fs::read_dir(folder.raw()).unwrap().count(), 3);
    assert_eq!(fs::read_dir(folder.enriched()).unwrap().count(), 0);
}
