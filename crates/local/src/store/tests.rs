use crate::SqliteStore;
use crate::sample::{count, sample};
use leadwire_pipeline::port::{
    Bucket, Created, ETag, Eraser as _, Fetched, Metadata, NewObject, ObjectStore, PortErrorKind,
    Replaced,
};
use std::error::Error as _;
use tokio::task::JoinSet;

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

#[tokio::test]
async fn an_object_comes_back_as_it_was_written() {
    let sample = sample();
    let store = sample.home.store();
    let created = store.create(Bucket::Enriched, KEY, object("{}")).await;
    let stored = sample.get(Bucket::Enriched, KEY).await.unwrap();
    assert_eq!(created.unwrap(), Created::New(stored.etag));
    assert_eq!(stored.bytes, b"{}");
    assert_eq!(stored.metadata, object("").metadata);
    let now = "2026-11-23T07:00:00Z".parse().unwrap();
    assert_eq!(stored.last_modified, now);
    assert!(sample.get(Bucket::Enriched, "mail/y.json").await.is_none());
    assert!(sample.get(Bucket::Raw, KEY).await.is_none());
}

/// The versions that were made where 64 write at once.
async fn race<F: Future<Output = Option<ETag>> + Send + 'static>(
    write: impl Fn(NewObject) -> F,
) -> Vec<ETag> {
    let mut writers = JoinSet::new();
    for number in 1..65 {
        writers.spawn(write(object(&number.to_string())));
    }
    writers.join_all().await.into_iter().flatten().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_creators_at_once_exactly_one_creates() {
    let sample = sample();
    let new = race(|object| {
        let store = sample.home.store();
        async move {
            match store.create(Bucket::Enriched, KEY, object).await.unwrap() {
                Created::New(etag) => Some(etag),
                Created::Exists => None,
            }
        }
    });
    let new = new.await;
    assert_eq!(new, [sample.get(Bucket::Enriched, KEY).await.unwrap().etag]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_replace_one_version_exactly_one_does() {
    let sample = sample();
    sample.create(Bucket::Enriched, KEY, "0").await;
    let first = sample.get(Bucket::Enriched, KEY).await.unwrap().etag;
    let new = race(|object| {
        let (store, first) = (sample.home.store(), first.clone());
        async move {
            let replaced = store.replace(Bucket::Enriched, KEY, &first, object).await;
            match replaced.unwrap() {
                Replaced::New(etag) => Some(etag),
                Replaced::Changed => None,
            }
        }
    });
    let new = new.await;
    assert_eq!(new, [sample.get(Bucket::Enriched, KEY).await.unwrap().etag]);
}

#[tokio::test]
async fn a_replacement_of_nothing_or_of_another_version_changes_nothing() {
    let sample = sample();
    let store = sample.home.store();
    let replace = async |over: &ETag| {
        let replaced = store.replace(Bucket::Enriched, KEY, over, object("3"));
        replaced.await.unwrap()
    };
    assert_eq!(replace(&ETag("0".to_owned())).await, Replaced::Changed);
    assert!(sample.get(Bucket::Enriched, KEY).await.is_none());
    put(&store, Bucket::Enriched, KEY, "2").await;
    let first = sample.get(Bucket::Enriched, KEY).await.unwrap().etag;
    put(&store, Bucket::Enriched, KEY, "2").await;
    let second = sample.get(Bucket::Enriched, KEY).await.unwrap().etag;
    assert_ne!(second, first, "the same bytes again are another version");
    assert_eq!(replace(&first).await, Replaced::Changed);
}

#[tokio::test]
async fn an_object_over_the_limit_is_not_read() {
    let sample = sample();
    let store = sample.home.store();
    put(&store, Bucket::Enriched, KEY, "12345").await;
    let over = store.get(Bucket::Enriched, KEY, 4).await.unwrap();
    assert!(matches!(over, Fetched::TooLarge));
    let within = store.get(Bucket::Enriched, KEY, 5).await.unwrap();
    assert!(matches!(within, Fetched::Found(_)));
}

#[tokio::test]
async fn a_listing_is_sorted_in_byte_order_and_comes_in_pages() {
    let sample = sample();
    let store = sample.home.store();
    let keys = (0..1500).map(|number| format!("mail/{number}.json"));
    let mut expected: Vec<String> = keys.collect();
    for key in &expected {
        put(&store, Bucket::Enriched, key, "").await;
    }
    for stranger in ["mail.json", "mail0", "failed/1.json"] {
        put(&store, Bucket::Enriched, stranger, "x").await;
    }
    expected.sort();
    let (mut listed, mut more) = (Vec::new(), true);
    while more {
        let after = listed.last().map(String::as_str);
        let page = store.list(Bucket::Enriched, "mail/", after).await.unwrap();
        assert!(page.entries.iter().all(|entry| entry.size == 0));
        listed.extend(page.entries.into_iter().map(|entry| entry.key));
        more = page.more;
    }
    assert_eq!(listed, expected);
    let remains = store.remains(Bucket::Enriched, "mail/").await.unwrap();
    assert_eq!(remains, expected, "what remains is of all pages");
    let raw = store.list(Bucket::Raw, "", None).await.unwrap();
    assert!(raw.entries.is_empty());
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
async fn what_is_erased_leaves_no_object_no_view_and_no_owner_file() {
    let sample = sample();
    let store = sample.home.store();
    for key in ["raw/a_1.json", "raw/a_2.json", "raw/ab_1.json"] {
        put(&store, Bucket::Raw, key, "{}").await;
    }
    put(&store, Bucket::Lookup, "a.json", "{}").await;
    sample.home.views_written().await;
    let all = store.remains(Bucket::Raw, "raw/a_").await.unwrap();
    assert_eq!(all, ["raw/a_1.json", "raw/a_2.json"]);
    for key in all {
        let there = store.get_remains(Bucket::Raw, &key, 9).await.unwrap();
        assert!(matches!(there, Fetched::Found(_)));
        assert_eq!(store.erase(Bucket::Raw, &key).await.unwrap(), 1);
        assert_eq!(store.erase(Bucket::Raw, &key).await.unwrap(), 0);
    }
    let left = store.remains(Bucket::Raw, "").await.unwrap();
    assert_eq!(left, ["raw/ab_1.json"]);
    assert_eq!(count(&sample.home.folder().raw()), 1);
    for (key, erased) in [("a.json", 1), ("a.json", 0), ("../sources.json", 0)] {
        assert_eq!(store.erase(Bucket::Lookup, key).await.unwrap(), erased);
    }
}
