//! The laws of [`ObjectStore`] and [`Eraser`]. The tests of every store run them: memory, `SQLite`, S3.

use crate::port::{
    Acceptance, Accepted, Bucket, Created, ETag, Eraser, Fetched, Metadata, NewObject, ObjectStore,
    ObjectVersions, OutgoingMessage, Replaced, StoredObject,
};
use crate::trace::TraceContext;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};

const KEY: &str = "mail/x.json";
const AT_ONCE: usize = 16;
const RACERS: usize = 64;
/// More than a page of S3's.
const LISTED: usize = 1_100;

/// Runs every law over a store in which nothing is, and panics where one does not hold.
pub async fn object_store(store: &impl ObjectStore) {
    an_object_comes_back_as_it_was_written(store).await;
    a_replacement_of_nothing_or_of_another_version_changes_nothing(store).await;
    of_many_creators_at_once_exactly_one_creates(store).await;
    of_many_who_replace_one_version_exactly_one_does(store).await;
    an_object_over_the_limit_is_not_read(store).await;
    a_listing_is_sorted_in_byte_order_and_comes_in_pages(store).await;
}

fn object(text: &str) -> NewObject {
    NewObject {
        bytes: text.as_bytes().to_vec(),
        metadata: Metadata::from([("lead-id".to_owned(), "l".to_owned())]),
    }
}

async fn find(store: &impl ObjectStore, key: &str) -> Option<StoredObject> {
    let fetched = get(store, key, 1_000).await;
    if let Fetched::Found(object) = fetched {
        return Some(object);
    }
    assert!(matches!(fetched, Fetched::Missing), "{fetched:?}");
    None
}

async fn get(store: &impl ObjectStore, key: &str, bytes_max: usize) -> Fetched {
    let fetched = store.get(Bucket::Enriched, key, bytes_max).await;
    fetched.expect("a store that works can be read")
}

async fn create(store: &impl ObjectStore, key: &str, text: &str) -> Created {
    let created = store.create(Bucket::Enriched, key, object(text)).await;
    created.expect("a store that works can be written")
}

async fn replace(store: &impl ObjectStore, etag: &ETag, text: &str) -> Replaced {
    let replaced = store
        .replace(Bucket::Enriched, KEY, etag, object(text))
        .await;
    replaced.expect("a store that works can be written")
}

async fn put(store: &impl ObjectStore, key: &str, text: &str) -> StoredObject {
    let put = store.put(Bucket::Enriched, key, object(text)).await;
    put.expect("a store that works can be written");
    find(store, key).await.expect("it was just put")
}

async fn an_object_comes_back_as_it_was_written(store: &impl ObjectStore) {
    let key = "mail/first.json";
    let created = create(store, key, "{}").await;
    let stored = find(store, key).await.expect("it was created");
    assert_eq!(created, Created::New(stored.etag));
    assert_eq!(stored.bytes, b"{}");
    assert_eq!(stored.metadata, object("").metadata);
    assert!(find(store, "mail/firs").await.is_none());
    let elsewhere = store.get(Bucket::Raw, key, 9).await;
    assert!(matches!(elsewhere, Ok(Fetched::Missing)), "{elsewhere:?}");
}

async fn a_replacement_of_nothing_or_of_another_version_changes_nothing(store: &impl ObjectStore) {
    let other = put(store, "mail/other.json", "other").await.etag;
    assert_eq!(replace(store, &other, "1").await, Replaced::Changed);
    assert!(find(store, KEY).await.is_none());
    let first = put(store, "mail/put.json", "2").await;
    let second = put(store, "mail/put.json", "3").await;
    let stale = store
        .replace(Bucket::Enriched, "mail/put.json", &first.etag, object("4"))
        .await;
    assert!(matches!(stale, Ok(Replaced::Changed)), "{stale:?}");
    let left = find(store, "mail/put.json").await.expect("it was put");
    assert_eq!((left.bytes, left.etag), (b"3".to_vec(), second.etag));
}

async fn of_many_creators_at_once_exactly_one_creates(store: &impl ObjectStore) {
    let texts: Vec<_> = (0..RACERS).map(|number| number.to_string()).collect();
    let created = join_all(texts.iter().map(|text| create(store, KEY, text))).await;
    let left = find(store, KEY).await.expect("one created it");
    let mut new = created.into_iter().zip(&texts).filter_map(created_as);
    assert_eq!(new.next(), Some((left.etag, left.bytes)));
    assert_eq!(new.next(), None);
}

fn created_as((created, text): (Created, &String)) -> Option<(ETag, Vec<u8>)> {
    match created {
        Created::New(etag) => Some((etag, text.clone().into_bytes())),
        Created::Exists => None,
    }
}

async fn of_many_who_replace_one_version_exactly_one_does(store: &impl ObjectStore) {
    let first = find(store, KEY).await.expect("it was created").etag;
    let texts: Vec<_> = (0..RACERS)
        .map(|number| format!("again {number}"))
        .collect();
    let replaced = join_all(texts.iter().map(|text| replace(store, &first, text))).await;
    let left = find(store, KEY).await.expect("it was created");
    let mut new = replaced
        .into_iter()
        .zip(&texts)
        .filter_map(|(replaced, text)| {
            let Replaced::New(etag) = replaced else {
                return None;
            };
            Some((etag, text.clone().into_bytes()))
        });
    assert_eq!(new.next(), Some((left.etag, left.bytes)));
    assert_eq!(new.next(), None);
}

async fn an_object_over_the_limit_is_not_read(store: &impl ObjectStore) {
    let key = "mail/large.json";
    put(store, key, "12345").await;
    assert!(matches!(get(store, key, 4).await, Fetched::TooLarge));
    assert!(matches!(get(store, key, 5).await, Fetched::Found(_)));
}

async fn a_listing_is_sorted_in_byte_order_and_comes_in_pages(store: &impl ObjectStore) {
    let mut keys: Vec<_> = (0..LISTED)
        .map(|number| format!("failed/{number}.json"))
        .collect();
    let neighbours = ["failed.json", "failed0"].map(str::to_owned);
    stream::iter(keys.iter().chain(&neighbours))
        .for_each_concurrent(AT_ONCE, |key| async {
            put(store, key, "").await;
        })
        .await;
    keys.sort();
    let (mut listed, mut after) = (Vec::new(), None);
    loop {
        let page = store
            .list(Bucket::Enriched, "failed/", after.as_deref())
            .await;
        let page = page.expect("a store that works can be listed");
        assert!(page.entries.iter().all(|entry| entry.size == 0));
        listed.extend(page.entries.into_iter().map(|entry| entry.key));
        after = listed.last().cloned();
        if !page.more {
            break;
        }
    }
    assert_eq!(listed, keys);
    let elsewhere = store.list(Bucket::Raw, "", None).await;
    assert!(elsewhere.is_ok_and(|page| page.entries.is_empty()));
}

/// Runs the laws of a store that accepts, over one in which nothing is; `queued` counts the messages in its queue.
pub async fn acceptance(store: &impl ObjectStore, queued: impl AsyncFn() -> usize) {
    assert!(store.accepts());
    let [entry, raw] = keys_of("a");
    let new = [entry.clone(), raw.clone()];
    assert_eq!(accept(store, &new).await, Accepted::New);
    assert!(is_there(store, &entry).await && is_there(store, &raw).await);
    let again = accept(store, &new).await;
    assert_eq!((again, queued().await), (Accepted::Exists, 1));
    // Whichever of them is there, the other is not written.
    let ([b_entry, b_raw], [c_entry, c_raw]) = (keys_of("b"), keys_of("c"));
    for (old, other, keys) in [
        (&b_entry, &b_raw, [&b_entry, &b_raw]),
        (&c_raw, &c_entry, [&c_entry, &c_raw]),
    ] {
        let put = store.put(old.0, &old.1, object("old")).await;
        put.expect("a store that works can be written");
        assert_eq!(
            accept(store, &keys.map(Clone::clone)).await,
            Accepted::Exists
        );
        assert!(!is_there(store, other).await, "{other:?}");
    }
    assert_eq!(queued().await, 1);
}

/// Where an event's identity entry and its raw object lie.
fn keys_of(name: &str) -> [(Bucket, String); 2] {
    [
        (Bucket::Enriched, format!("dedupe/{name}")),
        (Bucket::Raw, format!("raw/{name}.json")),
    ]
}

async fn accept(store: &impl ObjectStore, keys: &[(Bucket, String)]) -> Accepted {
    let objects = keys.iter().cloned();
    let objects = objects.map(|(bucket, key)| (bucket, key, object("new")));
    let message = OutgoingMessage {
        body: "{}".to_owned(),
        delay_seconds: 600,
        trace: TraceContext::default(),
    };
    let acceptance = Acceptance {
        objects: objects.collect(),
        message,
    };
    let accepted = store.accept(acceptance).await;
    accepted.expect("a store that works can be written")
}

async fn is_there(store: &impl ObjectStore, (bucket, key): &(Bucket, String)) -> bool {
    let fetched = store.get(*bucket, key, 1_000).await;
    matches!(fetched, Ok(Fetched::Found(_)))
}

/// Runs every law of deletion over a store in which nothing is, and panics where one does not hold. `keeps_versions` says whether the store
/// keeps what is overwritten.
pub async fn eraser(store: &(impl ObjectStore + Eraser), keeps_versions: bool) {
    what_an_empty_object_hides_goes_and_the_object_stays(store, keeps_versions).await;
    what_is_erased_leaves_nothing_and_its_neighbours_alone(store, keeps_versions).await;
}

async fn list_versions(store: &impl Eraser, prefix: &str) -> Vec<ObjectVersions> {
    let versions = store.list_versions(Bucket::Enriched, prefix).await;
    versions.expect("a store that works can be listed")
}

fn versions_of(key: &str, size: u64, hidden: u64) -> ObjectVersions {
    ObjectVersions {
        key: key.to_owned(),
        size: Some(size),
        hidden,
    }
}

async fn remains_as_bytes(store: &impl Eraser, key: &str) -> Option<Vec<u8>> {
    let fetched = store.get_any_version(Bucket::Enriched, key, 1_000).await;
    match fetched.expect("a store that works can be read") {
        Fetched::Found(object) => Some(object.bytes),
        Fetched::Missing | Fetched::TooLarge | Fetched::Denied => None,
    }
}

async fn what_an_empty_object_hides_goes_and_the_object_stays(
    store: &(impl ObjectStore + Eraser),
    keeps_versions: bool,
) {
    let (key, neighbour) = ("hidden/x.json", "hidden/x.json.json");
    for text in ["first", "second"] {
        put(store, key, text).await;
        put(store, neighbour, text).await;
    }
    let empty = put(store, key, "").await;
    let hidden = |versions| if keeps_versions { versions } else { 0 };
    let left = [
        versions_of(key, 0, hidden(2)),
        versions_of(neighbour, 6, hidden(1)),
    ];
    assert_eq!(list_versions(store, "hidden/").await, left);
    let newest = keeps_versions.then(|| b"second".to_vec());
    assert_eq!(remains_as_bytes(store, key).await, newest);

    for expected in [hidden(2), 0] {
        let erased = store.erase_hidden(Bucket::Enriched, key).await;
        assert_eq!(erased.expect("a store that works can be erased"), expected);
        let left = [versions_of(key, 0, 0), versions_of(neighbour, 6, hidden(1))];
        assert_eq!(list_versions(store, "hidden/").await, left);
        let there = find(store, key).await.expect("it stays");
        assert_eq!(
            (there.etag, there.metadata),
            (empty.etag.clone(), empty.metadata.clone())
        );
        assert_eq!(remains_as_bytes(store, key).await, None);
    }
    let erased = store.erase_hidden(Bucket::Enriched, "hidden/y.json").await;
    assert_eq!(erased.expect("what is not there is no error"), 0);
}

async fn what_is_erased_leaves_nothing_and_its_neighbours_alone(
    store: &(impl ObjectStore + Eraser),
    keeps_versions: bool,
) {
    let (key, neighbour) = ("erased/x.json", "erased/x.json.json");
    for text in ["first", "second"] {
        put(store, key, text).await;
        put(store, neighbour, text).await;
    }
    let versions = if keeps_versions { 2 } else { 1 };
    for expected in [versions, 0] {
        let erased = store.erase(Bucket::Enriched, key).await;
        assert_eq!(erased.expect("a store that works can be erased"), expected);
        let left = [versions_of(neighbour, 6, versions - 1)];
        assert_eq!(list_versions(store, "erased/").await, left);
        assert!(find(store, key).await.is_none());
    }
}
