use super::{LIST, listed};
use crate::SqliteStore;
use crate::database::connect_to_read;
use crate::sample::{count, message, sample};
use leadwire_pipeline::port::{
    Acceptance, Accepted, Bucket, Eraser as _, Fetched, Metadata, NewObject, ObjectStore,
    PortErrorKind,
};
use leadwire_pipeline::testkit::laws;
use rusqlite::{StatementStatus, named_params};
use std::error::Error as _;
use std::fs;

const KEY: &str = "mail/x.json";

fn object(text: &str) -> NewObject {
    NewObject {
        bytes: text.as_bytes().to_vec(),
        metadata: Metadata::from([("lead-id".to_owned(), "l".to_owned())]),
    }
}

async fn put(store: &SqliteStore, bucket: Bucket, key: &str, text: &str) {
    store.put(bucket, key, object(text)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_laws_of_a_store_hold_over_sqlite() {
    let sample = sample();
    laws::object_store(&sample.home.store()).await;
    laws::eraser(&sample.home.store(), false).await;
}

#[tokio::test]
async fn the_laws_of_acceptance_hold_over_sqlite() {
    let sample = sample();
    let queued = async || sample.home.queue().waiting(9).await.unwrap().len();
    laws::acceptance(&sample.home.store(), queued).await;
}

#[tokio::test]
async fn the_newest_objects_are_those_created_last_without_the_empty_ones() {
    let sample = sample();
    let store = sample.home.store();
    for key in ["raw/c.json", "raw/a.json", "raw/b.json"] {
        put(&store, Bucket::Raw, key, "{}").await;
        sample.clock.advance(1);
    }
    put(&store, Bucket::Raw, "raw/d.json", "").await;
    put(&store, Bucket::Raw, "other/e.json", "{}").await;
    put(&store, Bucket::Enriched, "raw/f.json", "{}").await;
    let newest = async |limit| {
        let newest = store.newest(Bucket::Raw, "raw/", limit).await.unwrap();
        let keys = newest.unwrap().into_iter().map(|entry| entry.key);
        keys.collect::<Vec<_>>()
    };
    assert_eq!(newest(2).await, ["raw/b.json", "raw/a.json"]);
    assert_eq!(newest(9).await, ["raw/b.json", "raw/a.json", "raw/c.json"]);
}

#[tokio::test]
async fn an_object_has_the_time_of_the_home_and_each_write_a_version_of_its_own() {
    let sample = sample();
    let store = sample.home.store();
    put(&store, Bucket::Enriched, KEY, "{}").await;
    let first = sample.get(Bucket::Enriched, KEY).await.unwrap();
    let now = "2026-11-23T07:00:00Z".parse().unwrap();
    assert_eq!(first.last_modified, now);
    put(&store, Bucket::Enriched, KEY, "{}").await;
    let second = sample.get(Bucket::Enriched, KEY).await.unwrap();
    assert_ne!(second.etag, first.etag, "the same bytes are written again");
}

#[tokio::test]
async fn a_full_disk_is_transient_says_what_to_do_and_passes() {
    let sample = sample();
    let limit = async |pages: i64| {
        let work = move |connection: &rusqlite::Connection| {
            connection.pragma_update(None, "max_page_count", pages)
        };
        sample.home.database.write("limit", work).await.unwrap();
    };
    limit(1).await;
    let (store, big) = (sample.home.store(), vec![b'x'; 500_000]);
    let object = NewObject::of(big.clone());
    let error = store.create(Bucket::Raw, "raw/x.json", object).await;
    let error = error.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Transient);
    assert_eq!(error.to_string(), "could not create object");
    let source = error.source().unwrap().to_string();
    assert!(source.starts_with("the disk is full"), "{source}");
    limit(1_000_000).await;
    sample.create(Bucket::Raw, "raw/x.json", big).await;
}

#[tokio::test]
async fn owner_files_are_put_as_files_and_otherwise_left_to_others() {
    let sample = sample();
    let store = sample.home.store();
    put(&store, Bucket::Lookup, "l.json", "{}").await;
    let path = sample.home.folder().lookup().join("l.json");
    assert_eq!(std::fs::read(path).unwrap(), b"{}");
    let refused = [
        store
            .put(Bucket::Lookup, "../l.json", object("{}"))
            .await
            .err(),
        store
            .create(Bucket::Lookup, "l.json", object("{}"))
            .await
            .err(),
        store.delete(Bucket::Lookup, "l.json").await.err(),
    ];
    for error in refused {
        assert_eq!(error.unwrap().kind, PortErrorKind::Permanent);
    }
}

#[tokio::test]
async fn a_deleted_object_takes_its_view_along() {
    let sample = sample();
    let store = sample.home.store();
    sample.create(Bucket::Raw, "raw/x.json", "{}").await;
    sample.home.views_written().await;
    let view = sample.home.folder().raw().join("x.json");
    assert!(view.exists());
    assert!(store.delete(Bucket::Raw, "raw/x.json").await.unwrap());
    assert!(!view.exists());
    assert!(!store.delete(Bucket::Raw, "raw/x.json").await.unwrap());
    assert!(sample.get(Bucket::Raw, "raw/x.json").await.is_none());
}

#[tokio::test]
async fn an_empty_object_takes_the_view_of_what_it_overwrote_along_and_gets_none() {
    let sample = sample();
    let store = sample.home.store();
    for key in ["raw/x.json", "raw/y.json"] {
        put(&store, Bucket::Raw, key, "{}").await;
    }
    sample.home.views_written().await;
    put(&store, Bucket::Raw, "raw/x.json", "").await;
    assert_eq!(
        store.erase_hidden(Bucket::Raw, "raw/x.json").await.unwrap(),
        0
    );
    let view = |name: &str| sample.home.folder().raw().join(name);
    assert!(!view("x.json").exists() && view("y.json").exists());
}

#[tokio::test]
async fn what_is_erased_leaves_no_object_no_view_and_no_owner_file() {
    let sample = sample();
    let store = sample.home.store();
    for key in ["raw/a_1.json", "raw/a_2.json", "raw/ab_1.json"] {
        put(&store, Bucket::Raw, key, "{}").await;
    }
    put(&store, Bucket::Lookup, "a.json", "{}").await;
    sample.home.views_written().await;
    let all = store.list_versions(Bucket::Raw, "raw/a_").await.unwrap();
    let all: Vec<String> = all.into_iter().map(|object| object.key).collect();
    assert_eq!(all, ["raw/a_1.json", "raw/a_2.json"]);
    for key in all {
        let there = store.get_any_version(Bucket::Raw, &key, 9).await.unwrap();
        assert!(matches!(there, Fetched::Found(_)));
        assert_eq!(store.erase(Bucket::Raw, &key).await.unwrap(), 1);
        assert_eq!(store.erase(Bucket::Raw, &key).await.unwrap(), 0);
    }
    let left = store.list_versions(Bucket::Raw, "").await.unwrap();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].key, "raw/ab_1.json");
    assert_eq!(count(&sample.home.folder().raw()), 1);
    for (key, erased) in [("a.json", 1), ("a.json", 0), ("../sources.json", 0)] {
        assert_eq!(store.erase(Bucket::Lookup, key).await.unwrap(), erased);
    }
}

#[tokio::test]
async fn a_listing_reads_what_it_lists_and_not_what_lies_before_it() {
    let sample = sample();
    let store = sample.home.store();
    for number in 100..400 {
        put(&store, Bucket::Raw, &format!("raw/{number}.json"), "{}").await;
    }
    let connection = connect_to_read(&sample.home.folder().database()).unwrap();
    let mut list = connection.prepare(LIST).unwrap();
    for (prefix, after) in [("raw/399", ""), ("raw/", "raw/398.json")] {
        let params = named_params! {":bucket": 1, ":after": after, ":prefix": prefix, ":limit": 9};
        let found = list.query_map(params, listed).unwrap();
        assert_eq!(found.count(), 1);
        let steps = list.reset_status(StatementStatus::VmStep);
        assert!(steps < 100, "{steps} steps for {prefix:?} after {after:?}");
    }
}

#[tokio::test]
async fn a_lead_is_few_pages_of_the_log_whatever_came_before() {
    const FRAME_BYTES: u64 = 24 + 4096;
    let sample = sample();
    let store = sample.home.store();
    let log = sample.home.folder().database().with_extension("db-wal");
    let accept = async |number: u32| {
        let before = fs::metadata(&log).unwrap().len();
        // Leads are not accepted in the order of their ids.
        let lead = number.wrapping_mul(2_654_435_761);
        let key = format!("raw/crm_event_{lead}_20261123T0700{number:08}Z.json");
        let body = format!(r#"{{"v":1,"s3_key":"{key}"}}"#);
        let acceptance = Acceptance {
            objects: vec![(Bucket::Raw, key, object(&"x".repeat(500)))],
            message: message(&body, 600),
        };
        assert_eq!(store.accept(acceptance).await.unwrap(), Accepted::New);
        (fs::metadata(&log).unwrap().len() - before) / FRAME_BYTES
    };
    let mut pages = Vec::new();
    for number in 0..100 {
        pages.push(accept(number).await);
    }
    pages.sort_unstable();
    // An object, its key; a message, when it is due, what it is about. A leaf that is full is two.
    let median = pages.get(50).copied();
    assert!(median <= Some(6), "{pages:?}");
}
