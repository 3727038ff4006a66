use crate::sample::{Sample, sample};
use leadwire_pipeline::port::{
    Bucket, Created, ETag, Eraser as _, Fetched, Metadata, NewObject, ObjectStore, PortErrorKind,
    Replaced, StoredObject,
};
use std::error::Error as _;

fn object(text: &str) -> NewObject {
    NewObject {
        bytes: text.as_bytes().to_vec(),
        metadata: Metadata::from([("lead-id".to_owned(), "l".to_owned())]),
    }
}

async fn read(sample: &Sample, key: &str) -> Option<StoredObject> {
    match sample
        .home
        .store()
        .get(Bucket::Enriched, key, 1000)
        .await
        .unwrap()
    {
        Fetched::Found(object) => Some(object),
        Fetched::Missing => None,
        Fetched::Denied | Fetched::TooLarge => panic!("neither denied nor too large"),
    }
}

#[tokio::test]
async fn an_object_comes_back_as_it_was_written() {
    let sample = sample();
    let created = sample
        .home
        .store()
        .create(Bucket::Enriched, "mail/x.json", object("{}"))
        .await
        .unwrap();
    let stored = read(&sample, "mail/x.json").await.unwrap();
    assert_eq!(created, Created::New(stored.etag.clone()));
    assert_eq!(
        (stored.bytes.as_slice(), stored.metadata),
        (b"{}".as_slice(), object("").metadata)
    );
    assert_eq!(
        stored.last_modified,
        "2026-11-23T07:00:00Z".parse().unwrap()
    );
    assert!(read(&sample, "mail/y.json").await.is_none());
    assert!(matches!(
        sample
            .home
            .store()
            .get(Bucket::Raw, "mail/x.json", 9)
            .await
            .unwrap(),
        Fetched::Missing
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_creators_at_once_exactly_one_creates() {
    let sample = sample();
    let creators: Vec<_> = (0..64)
        .map(|number| {
            let store = sample.home.store();
            tokio::spawn(async move {
                store
                    .create(Bucket::Enriched, "mail/x.json", object(&number.to_string()))
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut new = Vec::new();
    for creator in creators {
        if let Created::New(etag) = creator.await.unwrap() {
            new.push(etag);
        }
    }
    assert_eq!(new, [read(&sample, "mail/x.json").await.unwrap().etag]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_replace_one_version_exactly_one_does() {
    let sample = sample();
    let Created::New(first) = sample
        .home
        .store()
        .create(Bucket::Enriched, "mail/x.json", object("0"))
        .await
        .unwrap()
    else {
        panic!()
    };
    let replacers: Vec<_> = (1..65)
        .map(|number| {
            let (store, first) = (sample.home.store(), first.clone());
            tokio::spawn(async move {
                store
                    .replace(
                        Bucket::Enriched,
                        "mail/x.json",
                        &first,
                        object(&number.to_string()),
                    )
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut new = Vec::new();
    for replacer in replacers {
        if let Replaced::New(etag) = replacer.await.unwrap() {
            new.push(etag);
        }
    }
    assert_eq!(new, [read(&sample, "mail/x.json").await.unwrap().etag]);
}

#[tokio::test]
async fn a_replacement_of_nothing_or_of_another_version_changes_nothing() {
    let sample = sample();
    let store = sample.home.store();
    let stale = ETag("0".to_owned());
    assert_eq!(
        store
            .replace(Bucket::Enriched, "mail/x.json", &stale, object("1"))
            .await
            .unwrap(),
        Replaced::Changed
    );
    assert!(read(&sample, "mail/x.json").await.is_none());
    store
        .put(Bucket::Enriched, "mail/x.json", object("2"))
        .await
        .unwrap();
    let first = read(&sample, "mail/x.json").await.unwrap();
    store
        .put(Bucket::Enriched, "mail/x.json", object("2"))
        .await
        .unwrap();
    assert_ne!(
        read(&sample, "mail/x.json").await.unwrap().etag,
        first.etag,
        "the same bytes written again are another version"
    );
    assert_eq!(
        store
            .replace(Bucket::Enriched, "mail/x.json", &first.etag, object("3"))
            .await
            .unwrap(),
        Replaced::Changed
    );
}

#[tokio::test]
async fn an_object_over_the_limit_is_not_read() {
    let sample = sample();
    sample
        .home
        .store()
        .put(Bucket::Enriched, "mail/x.json", object("12345"))
        .await
        .unwrap();
    let store = sample.home.store();
    assert!(matches!(
        store.get(Bucket::Enriched, "mail/x.json", 4).await.unwrap(),
        Fetched::TooLarge
    ));
    assert!(matches!(
        store.get(Bucket::Enriched, "mail/x.json", 5).await.unwrap(),
        Fetched::Found(_)
    ));
}

#[tokio::test]
async fn a_listing_is_sorted_in_byte_order_and_comes_in_pages() {
    let sample = sample();
    let store = sample.home.store();
    let keys: Vec<String> = (0..1500)
        .map(|number| format!("mail/{number}.json"))
        .collect();
    let writes = keys
        .iter()
        .map(|key| store.put(Bucket::Enriched, key, object("")));
    for write in writes {
        write.await.unwrap();
    }
    for stranger in ["mail.json", "mail0", "failed/1.json"] {
        store
            .put(Bucket::Enriched, stranger, object("x"))
            .await
            .unwrap();
    }
    let mut expected = keys;
    expected.sort();
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store
            .list(Bucket::Enriched, "mail/", after.as_deref())
            .await
            .unwrap();
        assert!(page.entries.iter().all(|entry| entry.size == 0));
        listed.extend(page.entries.into_iter().map(|entry| entry.key));
        after = listed.last().cloned();
        if !page.more {
            break;
        }
    }
    assert_eq!(listed, expected);
    assert!(
        store
            .list(Bucket::Raw, "", None)
            .await
            .unwrap()
            .entries
            .is_empty()
    );
}

#[tokio::test]
async fn a_full_disk_is_transient_says_what_to_do_and_passes() {
    let sample = sample();
    let store = sample.home.store();
    let limit = |pages: i64| {
        sample.home.database.write(
            move |connection| connection.pragma_update(None, "max_page_count", pages),
            |()| (),
        )
    };
    limit(1).await.unwrap();
    let big = NewObject::of(vec![b'x'; 500_000]);
    let error = store
        .create(Bucket::Raw, "raw/x.json", big.clone())
        .await
        .unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Transient);
    assert_eq!(error.to_string(), "could not create object");
    assert!(
        error
            .source()
            .unwrap()
            .to_string()
            .starts_with("the disk is full")
    );
    limit(1_000_000).await.unwrap();
    assert!(matches!(
        store.create(Bucket::Raw, "raw/x.json", big).await.unwrap(),
        Created::New(_)
    ));
}

#[tokio::test]
async fn owner_files_are_put_as_files_and_otherwise_left_to_others() {
    let sample = sample();
    let store = sample.home.store();
    store
        .put(Bucket::Lookup, "l.json", object("{}"))
        .await
        .unwrap();
    let path = sample.home.folder().lookup().join("l.json");
    assert_eq!(std::fs::read(path).unwrap(), b"{}");
    for (key, created) in [("../l.json", false), ("l.json", true)] {
        let error = if created {
            store
                .create(Bucket::Lookup, key, object("{}"))
                .await
                .unwrap_err()
        } else {
            store
                .put(Bucket::Lookup, key, object("{}"))
                .await
                .unwrap_err()
        };
        assert_eq!(error.kind, PortErrorKind::Permanent);
    }
    assert_eq!(
        store
            .delete(Bucket::Lookup, "l.json")
            .await
            .unwrap_err()
            .kind,
        PortErrorKind::Permanent
    );
}

#[tokio::test]
async fn a_deleted_object_takes_its_view_along() {
    let sample = sample();
    let store = sample.home.store();
    store
        .create(Bucket::Raw, "raw/x.json", object("{}"))
        .await
        .unwrap();
    sample.home.views_written().await;
    assert!(sample.home.folder().raw().join("x.json").exists());
    assert!(store.delete(Bucket::Raw, "raw/x.json").await.unwrap());
    assert!(!sample.home.folder().raw().join("x.json").exists());
    assert!(!store.delete(Bucket::Raw, "raw/x.json").await.unwrap());
    assert!(matches!(
        store.get(Bucket::Raw, "raw/x.json", 9).await.unwrap(),
        Fetched::Missing
    ));
}

#[tokio::test]
async fn what_is_erased_leaves_no_object_no_view_and_no_owner_file() {
    let sample = sample();
    let store = sample.home.store();
    for key in ["raw/a_1.json", "raw/a_2.json", "raw/ab_1.json"] {
        store.put(Bucket::Raw, key, object("{}")).await.unwrap();
    }
    store
        .put(Bucket::Lookup, "a.json", object("{}"))
        .await
        .unwrap();
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
    let views = std::fs::read_dir(sample.home.folder().raw()).unwrap();
    assert_eq!(views.count(), 1);
    for (key, erased) in [("a.json", 1), ("a.json", 0), ("../sources.json", 0)] {
        assert_eq!(store.erase(Bucket::Lookup, key).await.unwrap(), erased);
    }
}

#[tokio::test]
async fn what_remains_is_told_over_all_pages() {
    let sample = sample();
    let store = sample.home.store();
    let mut creating = tokio::task::JoinSet::new();
    for i in 0..1001 {
        let store = store.clone();
        creating.spawn(async move {
            let key = format!("raw/{i:04}.json");
            store.create(Bucket::Raw, &key, object("{}")).await.unwrap()
        });
    }
    creating.join_all().await;
    assert_eq!(
        store.remains(Bucket::Raw, "raw/").await.unwrap().len(),
        1001
    );
}
