mod full_disk;

use super::{LocalHome, Mode, OpenOptions};
use crate::error::{OpenError, OpenWarning};
use crate::folder::FileSystem;
use crate::sample::{StoppedClock, count, eventually, local, mode, open, sample};
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::os::SystemClock;
use leadwire_pipeline::port::{Bucket, NewObject, ObjectStore};
use rusqlite::Connection;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

#[tokio::test]
async fn a_second_server_is_refused_and_learns_who_the_first_is() {
    let sample = sample();
    let serve = || LocalHome::open(sample.folder.path(), Mode::Serve);
    let expected = format!(
        "the data folder is served by process {} since 2026-11-23T07:00:00Z; stop that one first, or use another folder",
        std::process::id()
    );
    assert_eq!(serve().unwrap_err().to_string(), expected);
    let handle = sample.home.queue();
    drop(sample.home);
    let kept = serve().unwrap_err();
    assert!(matches!(kept, OpenError::Served { .. }), "by a handle");
    drop(handle);
    serve().unwrap();
}

#[tokio::test]
async fn a_command_writes_while_somebody_serves_and_while_nobody_does() {
    let mut sample = sample();
    let command = sample.command();
    let (store, object) = (command.store(), NewObject::of(b"1".to_vec()));
    let put = store.put(Bucket::Enriched, "mail/x.json", object).await;
    put.unwrap();
    assert!(sample.get(Bucket::Enriched, "mail/x.json").await.is_some());
    assert!(command.boot().is_none() && sample.home.boot().is_some());
    sample.home = command;
    sample.send("b", 0).await;
    assert_eq!(sample.depth().await.due, 1);
}

#[test]
fn a_command_makes_no_folder_unless_it_prepares_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    let absent = LocalHome::open(&path, Mode::Operate).unwrap_err();
    assert!(matches!(absent, OpenError::Absent { .. }));
    assert!(!path.exists());
    let clock = StoppedClock::at("2026-11-23T07:00:00Z");
    let prepared = open(&path, Mode::Prepare, &clock);
    assert!(prepared.report().created);
    assert_eq!(mode(&path), 0o700);
    let database = mode(&path.join("leadwire.db"));
    assert_eq!(database, 0o600, "leads are personal data");
    drop(prepared);
    let again = LocalHome::open(&path, Mode::Operate).unwrap();
    assert!(!again.report().created);
}

#[test]
fn a_network_file_system_is_refused_and_an_unusual_one_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let open_on = |file_system| {
        let options = OpenOptions {
            clock: Arc::new(SystemClock),
            file_system,
        };
        LocalHome::open_with(folder.path(), Mode::Serve, options)
    };
    let refused = open_on(|_path| Ok(FileSystem::Network("NFS"))).unwrap_err();
    let reason = "lies on NFS, a network file system; use a folder on a local disk";
    assert!(refused.to_string().ends_with(reason), "{refused}");
    assert_eq!(count(folder.path()), 0, "nothing was written there");
    let home = open_on(|_path| Ok(FileSystem::Unusual("FUSE"))).unwrap();
    let warning = OpenWarning::UnusualFileSystem { kind: "FUSE" };
    assert_eq!(home.report().warnings, [warning]);
}

/// A folder that was served, and whose database somebody then changed.
fn changed(change: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    drop(LocalHome::open(folder.path(), Mode::Serve).unwrap());
    change_database(folder.path(), change);
    folder
}

fn change_database(folder: &Path, change: &str) {
    let database = Connection::open(folder.join("leadwire.db")).unwrap();
    database.execute_batch(change).unwrap();
}

#[test]
fn a_newer_schema_is_refused_and_left_alone() {
    let folder = changed("PRAGMA user_version = 99; DROP TABLE mail_log;");
    for mode in [Mode::Serve, Mode::Operate] {
        let refused = LocalHome::open(folder.path(), mode).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the data folder has schema 99, and this leadwire knows 5; use the newer leadwire that wrote it"
        );
    }
}

#[test]
fn an_older_schema_is_brought_up_to_date_unless_somebody_serves_it() {
    let downgrade = "DROP TABLE meta; DROP TABLE objects; DROP TABLE messages; DROP TABLE dead_letters; DROP TABLE mail_log; DROP TABLE boots;
        PRAGMA user_version = 0;";
    let folder = changed(downgrade);
    let operate = || LocalHome::open(folder.path(), Mode::Operate);
    let now = "2026-11-23T07:00:00Z".parse().unwrap();
    let lock = crate::lock::take(&folder.path().join("leadwire.lock"), now).unwrap();
    let refused = operate().unwrap_err();
    assert!(matches!(refused, OpenError::SchemaInUse { found: 0 }));
    drop(lock);
    assert_eq!(operate().unwrap().report().migrated_from, Some(0));
}

#[test]
fn a_file_of_something_else_is_not_taken_for_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("leadwire.db");
    let refused = || {
        let refused = LocalHome::open(folder.path(), Mode::Serve).unwrap_err();
        assert!(matches!(refused, OpenError::NotOurs { .. }), "{refused:?}");
    };
    fs::write(&file, "dear diary, ".repeat(500)).unwrap();
    refused();
    fs::remove_file(&file).unwrap();
    change_database(folder.path(), "CREATE TABLE theirs (a);");
    refused();
}

#[tokio::test]
async fn a_clock_that_went_back_is_reported() {
    let sample = sample();
    sample.send("b", 600).await;
    drop(sample.home);
    let warnings = |time| {
        let home = open(sample.folder.path(), Mode::Serve, &StoppedClock::at(time));
        home.report().warnings.clone()
    };
    assert_eq!(warnings("2026-11-23T06:59:59Z"), []);
    let warning = OpenWarning::ClockWentBack {
        now: "2026-11-23T06:00:00Z".parse().unwrap(),
        newest: "2026-11-23T07:00:00Z".parse().unwrap(),
    };
    assert_eq!(warnings("2026-11-23T06:00:00Z"), [warning]);
}

#[tokio::test]
async fn what_a_dead_process_held_is_given_back_to_the_next_one() {
    let sample = sample();
    sample.send("held", 0).await;
    sample.send("waiting", 600).await;
    let first_boot = sample.home.boot().unwrap().to_owned();
    assert_eq!(sample.receive().await.len(), 1);
    let next = sample.reopened();
    assert_eq!(next.home.report().released, 1);
    assert_ne!(next.home.boot(), Some(first_boot.as_str()));
    let [again] = next.receive().await.try_into().unwrap();
    assert_eq!((again.body.as_str(), again.receive_count), ("held", 2));
}

#[test]
fn secrets_that_others_can_read_are_reported() {
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
        let home = LocalHome::open_with(folder.path(), Mode::Prepare, options).unwrap();
        assert_eq!(home.report().warnings, expected);
    }
}

#[tokio::test]
async fn views_of_a_folder_that_has_gone_are_made_anew_and_others_are_left_as_people_left_them() {
    let sample = sample();
    let folder = sample.home.folder().clone();
    let (raw, enriched) = (folder.raw(), folder.enriched());
    for (bucket, key) in [
        (Bucket::Raw, "raw/a.json"),
        (Bucket::Raw, "raw/b.json"),
        (Bucket::Raw, "raw/c.json"),
        (Bucket::Enriched, "enriched/a.r1.json"),
        (Bucket::Enriched, "mail/a.json"),
    ] {
        sample.create(bucket, key, key).await;
    }
    let shown = |view: &Path| fs::read_to_string(view).ok();
    sample.home.views_written().await;
    let document = enriched.join("a.r1.json");
    assert_eq!(shown(&document).unwrap(), "enriched/a.r1.json");
    assert_eq!(count(&enriched), 1, "claims are no view");

    // What a person tidied away stays away, and so does what a process left half written.
    fs::remove_file(raw.join("a.json")).unwrap();
    fs::write(raw.join(".c.json.1.tmp"), "half").unwrap();
    let sample = sample.reopened();
    sample.create(Bucket::Raw, "raw/d.json", "d").await;
    sample.home.views_written().await;
    assert_eq!(shown(&raw.join("a.json")), None);
    assert_eq!(shown(&raw.join("d.json")).unwrap(), "d");
    assert!(!raw.join(".c.json.1.tmp").exists());

    // Of an empty object nothing is shown, whatever lies in its place.
    let store = sample.home.store();
    let empty = NewObject::of(Vec::new());
    store.put(Bucket::Raw, "raw/c.json", empty).await.unwrap();
    drop(store);
    sample.home.views_written().await;
    fs::write(raw.join("c.json"), "{}").unwrap();
    fs::write(raw.join("b.json"), "edited").unwrap();
    fs::remove_dir_all(&enriched).unwrap();
    let sample = sample.reopened();
    sample.home.views_written().await;
    assert_eq!(shown(&document).unwrap(), "enriched/a.r1.json");
    assert_eq!(shown(&raw.join("a.json")).unwrap(), "raw/a.json");
    assert_eq!(shown(&raw.join("c.json")), None);
    assert_eq!(shown(&raw.join("b.json")).unwrap(), "edited");
    let b = sample.get(Bucket::Raw, "raw/b.json").await.unwrap();
    assert_eq!(b.bytes, b"raw/b.json");
}

#[tokio::test]
async fn an_object_that_is_given_the_number_of_a_deleted_one_is_shown_too() {
    let sample = sample();
    sample.create(Bucket::Raw, "raw/a.json", "a").await;
    sample.home.views_written().await;
    let store = sample.home.store();
    assert!(store.delete(Bucket::Raw, "raw/a.json").await.unwrap());
    sample.create(Bucket::Raw, "raw/b.json", "b").await;
    sample.home.views_written().await;
    assert!(sample.home.folder().raw().join("b.json").exists());
}

#[tokio::test]
async fn every_view_is_there_after_more_writes_than_may_wait() {
    let sample = sample();
    let mut writers = JoinSet::new();
    for number in 0..600 {
        let (store, object) = (sample.home.store(), NewObject::of(b"{}".to_vec()));
        let key = format!("raw/{number}.json");
        writers.spawn(async move { store.create(Bucket::Raw, &key, object).await.unwrap() });
    }
    writers.join_all().await;
    // Nobody asks for them: what did not fit is made up for all the same.
    let is_shown = || {
        let views = fs::read_dir(sample.home.folder().raw()).unwrap();
        let whole = views
            .flatten()
            .filter(|view| !view.file_name().to_string_lossy().starts_with('.'));
        std::future::ready(whole.count() == 600)
    };
    eventually("every view is there", is_shown).await;
}

#[tokio::test]
async fn what_is_deleted_and_scrubbed_lies_in_no_file() {
    let sample = sample();
    let secret = "a very private name".repeat(500);
    sample.create(Bucket::Raw, "raw/a.json", secret).await;
    let deleted = sample.home.store().delete(Bucket::Raw, "raw/a.json").await;
    assert!(deleted.unwrap());
    assert!(sample.home.scrub().await.unwrap());
    let files = fs::read_dir(sample.folder.path()).unwrap().flatten();
    for file in files.filter(|entry| entry.path().is_file()) {
        let bytes = fs::read(file.path()).unwrap();
        let holds_it = bytes.windows(12).any(|window| window == b"private name");
        assert!(!holds_it, "{}", file.path().display());
    }
}

#[tokio::test]
async fn views_of_what_is_stored_no_more_are_removed_for_one_lead_alone() {
    let sample = sample();
    let name = |lead: &str, end: &str| format!("crm_event_{lead}_20261123T065000123456Z{end}");
    let stored = format!("raw/{}", name("a", ".json"));
    sample.create(Bucket::Raw, &stored, "{}").await;
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
    assert_eq!(count(&folder.raw()), 3);
    assert_eq!(count(&folder.enriched()), 0);
}
