use super::LookupFolder;
use crate::sample::{StoppedClock, count};
use crate::system::HomeClock;
use leadwire_domain::lead::id::LeadId;
use leadwire_pipeline::os::SystemClock;
use leadwire_pipeline::port::{Fetched, StoredObject};
use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tempfile::TempDir;

fn folder() -> (TempDir, LookupFolder) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lookup");
    fs::create_dir(&path).unwrap();
    let clock = HomeClock(Arc::new(SystemClock));
    (folder, LookupFolder::new(path, clock))
}

/// A file that was written long ago, so that nobody waits for it to settle.
fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
    file.set_modified(long_ago).unwrap();
}

async fn found(lookup: &LookupFolder, key: &str) -> StoredObject {
    let fetched = lookup.get(key, 100).await.unwrap();
    let Fetched::Found(object) = fetched else {
        panic!("{fetched:?}")
    };
    object
}

#[tokio::test]
async fn an_owner_file_is_read_with_its_time_and_a_version_of_its_content() {
    let (folder, lookup) = folder();
    let path = folder.path().join("lookup/l-1.json");
    write(&path, "{}");
    let first = found(&lookup, "l-1.json").await;
    assert_eq!(first.bytes, b"{}");
    assert_eq!(first.last_modified.as_second(), 1000);
    write(&path, "{ }");
    assert_ne!(first.etag, found(&lookup, "l-1.json").await.etag);
    let too_large = lookup.get("l-1.json", 2).await.unwrap();
    assert!(matches!(too_large, Fetched::TooLarge));
    let missing = lookup.get("l-2.json", 2).await.unwrap();
    assert!(matches!(missing, Fetched::Missing));
}

#[tokio::test]
async fn no_key_leads_out_of_the_folder() {
    let (folder, lookup) = folder();
    write(&folder.path().join("secret.json"), "{}");
    write(&folder.path().join("lookup/.hidden.json"), "{}");
    for key in [
        "../secret.json",
        "../lookup/l.json",
        "/etc/passwd",
        "",
        ".json",
        ".hidden.json",
        "a/b.json",
        "l",
        "l.json/",
        "l\0.json",
    ] {
        let fetched = lookup.get(key, 100).await.unwrap();
        assert!(matches!(fetched, Fetched::Missing), "{key:?}");
    }
}

#[tokio::test]
async fn what_is_no_file_is_denied_and_never_waited_for() {
    let (folder, lookup) = folder();
    fs::create_dir(folder.path().join("lookup/folder.json")).unwrap();
    let pipe = folder.path().join("lookup/pipe.json");
    let for_owner = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, for_owner).unwrap();
    for key in ["folder.json", "pipe.json"] {
        let fetched = lookup.get(key, 100).await.unwrap();
        assert!(matches!(fetched, Fetched::Denied), "{key}");
    }
}

#[tokio::test]
async fn a_file_that_may_not_be_read_is_denied() {
    let (folder, lookup) = folder();
    let path = folder.path().join("lookup/l.json");
    write(&path, "{}");
    fs::set_permissions(&path, Permissions::from_mode(0o000)).unwrap();
    // The superuser reads it all the same.
    let is_superuser = File::open(&path).is_ok();
    let fetched = lookup.get("l.json", 100).await.unwrap();
    assert!(if is_superuser {
        matches!(fetched, Fetched::Found(_))
    } else {
        matches!(fetched, Fetched::Denied)
    });
}

#[tokio::test(start_paused = true)]
async fn of_a_file_that_is_being_written_what_is_there_a_moment_later_counts() {
    let folder = tempfile::tempdir().unwrap();
    // The moment at which `write` says that it wrote.
    let clock = StoppedClock::at("1970-01-01T00:16:40Z");
    let lookup = LookupFolder::new(folder.path().to_owned(), HomeClock(clock));
    let path = folder.path().join("l.json");
    write(&path, "{\"lead");
    let (look, ()) = tokio::join!(lookup.get("l.json", 100), async {
        // The clock goes on when nobody reads: the reader waits for the file to settle, and its writer goes on.
        tokio::time::sleep(Duration::from_millis(1)).await;
        fs::write(&path, "{\"lead_id\":\"l\"}").unwrap();
    });
    let Fetched::Found(whole) = look.unwrap() else {
        panic!("it is there");
    };
    assert_eq!(whole.bytes, b"{\"lead_id\":\"l\"}");

    write(&path, "{\"lead");
    let unfinished = found(&lookup, "l.json").await;
    assert_eq!(unfinished.bytes, b"{\"lead");
}

#[tokio::test]
async fn a_file_that_is_put_is_whole_and_listed() {
    let (folder, lookup) = folder();
    for lead in ["b", "a", "a-1"] {
        let lead = LeadId::parse(lead).unwrap();
        lookup.put(&lead, b"{}".to_vec()).await.unwrap();
    }
    write(&folder.path().join("lookup/notes.txt"), "mine");
    let listed = async |prefix, after| {
        let page = lookup.list(prefix, after, 2).await.unwrap();
        let keys = page.entries.into_iter().map(|entry| entry.key);
        (keys.collect::<Vec<_>>().join(" "), page.more)
    };
    assert_eq!(listed("", None).await, ("a-1.json a.json".to_owned(), true));
    let last = listed("", Some("a.json")).await;
    assert_eq!(last, ("b.json".to_owned(), false));
    assert_eq!(listed("a-", None).await, ("a-1.json".to_owned(), false));
    let left = count(&folder.path().join("lookup"));
    assert_eq!(left, 4, "nothing temporary is left");
}
