use super::clients;
use super::fault::{Call, DATE};
use super::server::{Server, Step};
use crate::{Buckets, S3Store};
use leadwire_pipeline::port::{
    Bucket, Created, ETag, Eraser as _, Fetched, NewObject, ObjectStore as _, ObjectVersions,
    PortErrorKind,
};

/// A store over a service with this script.
async fn store(script: impl IntoIterator<Item = Step>) -> (Server, S3Store) {
    let server = Server::start(script).await;
    let buckets = Buckets {
        raw: Some("raw-bucket".into()),
        lookup: None,
        enriched: Some("enriched-bucket".into()),
        owner: Some("123456789012".into()),
    };
    let store = S3Store::new(clients(&server).await.s3(), buckets);
    (server, store)
}

fn object() -> NewObject {
    NewObject {
        bytes: b"{}".to_vec(),
        metadata: [("lead-id".to_owned(), "test-1".to_owned())].into(),
    }
}

#[tokio::test]
async fn an_object_is_created_only_where_there_is_none() {
    let (server, store) = store([Step::ok(&["etag: \"e1\""], "")]).await;
    let created = store.create(Bucket::Raw, "raw/x.json", object()).await;
    assert_eq!(created.unwrap(), Created::New(ETag("e1".into())));
    let request = server.check_request(&[
        "if-none-match: *",
        "x-amz-meta-lead-id: test-1",
        "content-type: application/json",
        "x-amz-expected-bucket-owner: 123456789012",
    ]);
    assert!(
        request.starts_with("put /raw-bucket/raw/x.json"),
        "path-style at another endpoint: {request}"
    );
}

#[tokio::test]
async fn an_owner_file_is_read_from_the_accounts_own_bucket_alone() {
    let server = Server::start([Step::xml(403, "AccessDenied")]).await;
    let buckets = Buckets {
        lookup: Some("lookup-bucket".into()),
        owner: Some("123456789012".into()),
        ..Buckets::default()
    };
    let store = S3Store::new(clients(&server).await.s3(), buckets);
    let fetched = store.get(Bucket::Lookup, "test-1.json", 9).await;
    assert!(matches!(fetched, Ok(Fetched::Denied)), "{fetched:?}");
    server.check_request(&["x-amz-expected-bucket-owner: 123456789012"]);
}

#[tokio::test]
async fn an_object_is_replaced_only_over_its_version() {
    let (server, store) = store([Call::Replace.success()]).await;
    let version = ETag("e1".into());
    let replaced = store.replace(Bucket::Enriched, "x", &version, object());
    replaced.await.unwrap();
    server.check_request(&["if-match: \"e1\""]);
}

#[tokio::test]
async fn an_object_is_read_with_its_version_and_metadata() {
    let accepted_at = "x-amz-meta-accepted-at: 2026-11-23T06:50:00Z";
    let headers = [DATE, "etag: \"e1\"", accepted_at];
    let (_server, store) = store([Step::ok(&headers, "{\"a\":1}")]).await;
    let fetched = store.get(Bucket::Raw, "raw/x.json", 7).await.unwrap();
    let Fetched::Found(object) = fetched else {
        panic!("{fetched:?}")
    };
    assert_eq!(object.bytes, b"{\"a\":1}");
    assert_eq!(object.etag, ETag("e1".into()));
    assert_eq!(object.metadata["accepted-at"], "2026-11-23T06:50:00Z");
    let modified = "2026-11-23T06:50:00Z".parse().unwrap();
    assert_eq!(object.last_modified, modified);
}

#[tokio::test]
async fn an_object_over_the_limit_is_not_read() {
    // Only the length is announced: a reader of the body would wait for ever.
    let announced = Step::ok(&[DATE, "content-length: 1000000000"], "");
    // No length is announced: reading stops at the limit.
    let chunked = [DATE, "transfer-encoding: chunked", "x-note: content-length"];
    let chunked = Step::ok(&chunked, "a\r\n0123456789\r\n");
    for answer in [announced, chunked] {
        let (_server, store) = store([answer]).await;
        let fetched = store.get(Bucket::Raw, "x", 9).await;
        assert!(matches!(fetched, Ok(Fetched::TooLarge)), "{fetched:?}");
    }
}

#[tokio::test]
async fn a_listing_is_one_page() {
    let page = "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>mail/a.json</Key><Size>0</Size>\
                <LastModified>2026-11-23T06:50:00.000Z</LastModified></Contents></ListBucketResult>";
    let (server, store) = store([Step::ok(&[], page)]).await;
    let listed = store.list(Bucket::Enriched, "mail/", Some("mail/0")).await;
    let listed = listed.unwrap();
    assert!(listed.more);
    let [entry] = listed.entries.try_into().unwrap();
    assert_eq!((entry.key.as_str(), entry.size), ("mail/a.json", 0));
    server.check_request(&[
        "list-type=2",
        "prefix=mail%2f",
        "start-after=mail%2f0",
        "max-keys=1000",
    ]);
}

#[tokio::test]
async fn a_call_on_a_bucket_that_a_stage_has_not_is_permanent_and_asks_nothing() {
    let (server, store) = store([Step::RESET]).await;
    let error = store.get(Bucket::Lookup, "x", 9).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Permanent);
    assert!(server.requests().is_empty());
}

/// The object and a longer name, as S3 lists their versions: each kind by itself, the newest first.
const VERSIONS: &str = "<ListVersionsResult><IsTruncated>false</IsTruncated>\
    <Version><Key>raw/x.json</Key><VersionId>v2</VersionId><IsLatest>false</IsLatest><Size>2</Size><LastModified>2026-11-23T06:50:02Z</LastModified></Version>\
    <Version><Key>raw/x.json</Key><VersionId>v1</VersionId><IsLatest>false</IsLatest><LastModified>2026-11-23T06:50:01Z</LastModified></Version>\
    <Version><Key>raw/x.jsonx</Key><VersionId>v9</VersionId><IsLatest>true</IsLatest><LastModified>2026-11-23T06:50:01Z</LastModified></Version>\
    <DeleteMarker><Key>raw/x.json</Key><VersionId>v3</VersionId><IsLatest>true</IsLatest><LastModified>2026-11-23T06:50:02Z</LastModified></DeleteMarker>\
    </ListVersionsResult>";

#[tokio::test]
async fn every_version_of_one_object_is_erased_and_what_hides_them_last() {
    let (server, store) = store([Step::ok(&[], VERSIONS), Call::Erase.success()]).await;
    let erased = store.erase(Bucket::Raw, "raw/x.json").await;
    assert_eq!(erased.unwrap(), 3);
    let requests = server.requests();
    assert!(requests[0].starts_with("get /raw-bucket/?versions"));
    assert!(requests[0].contains("prefix=raw%2fx.json"), "{requests:?}");
    assert_eq!(requests.len(), 4);
    for (request, version) in requests[1..].iter().zip(["v1", "v2", "v3"]) {
        let id = format!("versionid={version}");
        assert!(request.starts_with("delete /raw-bucket/raw/x.json?"));
        assert!(request.contains(&id), "{request}");
        assert!(request.contains("x-amz-expected-bucket-owner: 123456789012"));
    }
}

/// A tombstone, what it hides, and what a deletion hid before.
const HIDDEN_VERSIONS: &str = "<ListVersionsResult><IsTruncated>false</IsTruncated>\
    <Version><Key>raw/x.json</Key><VersionId>v4</VersionId><IsLatest>true</IsLatest><Size>0</Size><LastModified>2026-11-23T06:50:04Z</LastModified></Version>\
    <Version><Key>raw/x.json</Key><VersionId>v2</VersionId><IsLatest>false</IsLatest><Size>0</Size><LastModified>2026-11-23T06:50:02Z</LastModified></Version>\
    <Version><Key>raw/x.json</Key><VersionId>v1</VersionId><IsLatest>false</IsLatest><Size>2</Size><LastModified>2026-11-23T06:50:01Z</LastModified></Version>\
    <DeleteMarker><Key>raw/x.json</Key><VersionId>v3</VersionId><IsLatest>false</IsLatest><LastModified>2026-11-23T06:50:03Z</LastModified></DeleteMarker>\
    </ListVersionsResult>";

#[tokio::test]
async fn what_an_object_hides_is_erased_and_the_object_stays() {
    let (server, store) = store([Step::ok(&[], HIDDEN_VERSIONS), Call::Erase.success()]).await;
    let erased = store.erase_hidden(Bucket::Raw, "raw/x.json").await;
    assert_eq!(erased.unwrap(), 3);
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    for (request, version) in requests[1..].iter().zip(["v1", "v2", "v3"]) {
        assert!(request.starts_with("delete /raw-bucket/raw/x.json?"));
        assert!(
            request.contains(&format!("versionid={version}")),
            "{request}"
        );
    }
}

#[tokio::test]
async fn behind_an_empty_object_the_newest_version_with_bytes_is_read() {
    let empty = Step::ok(&[DATE, "etag: \"e1\""], "");
    let script = [
        empty,
        Step::ok(&[], HIDDEN_VERSIONS),
        Call::Hidden.success(),
    ];
    let (server, store) = store(script).await;
    let fetched = store.get_any_version(Bucket::Raw, "raw/x.json", 9).await;
    assert!(matches!(fetched.unwrap(), Fetched::Found(_)));
    let requests = server.requests();
    assert!(requests[2].contains("versionid=v1"), "{requests:?}");
}

#[tokio::test]
async fn what_remains_is_listed_by_key_over_all_pages() {
    let page = |rest: &str, key: &str| {
        let version = format!("<Version><Key>{key}</Key><VersionId>a</VersionId></Version>");
        let page = format!("<ListVersionsResult>{rest}{version}</ListVersionsResult>");
        Step::ok(&[], &page)
    };
    let more = "<IsTruncated>true</IsTruncated><NextKeyMarker>raw/a</NextKeyMarker><NextVersionIdMarker>a</NextVersionIdMarker>";
    let of_a_key = "<IsTruncated>true</IsTruncated><NextKeyMarker>raw/b</NextKeyMarker>";
    let (server, store) = store([
        page(more, "raw/a"),
        page(of_a_key, "raw/a"),
        page("<IsTruncated>false</IsTruncated>", "raw/b"),
    ])
    .await;
    let object = |key: &str, hidden| ObjectVersions {
        key: key.to_owned(),
        size: None,
        hidden,
    };
    let left = store.list_versions(Bucket::Raw, "raw/").await;
    assert_eq!(left.unwrap(), [object("raw/a", 2), object("raw/b", 1)]);
    let requests = server.requests();
    assert!(requests[1].contains("key-marker=raw%2fa"), "{requests:?}");
    assert!(requests[1].contains("version-id-marker=a"), "{requests:?}");
    assert!(!requests[2].contains("version-id-marker="), "{requests:?}");
}

#[tokio::test]
async fn an_object_that_a_deletion_hides_is_read_in_its_newest_version() {
    let (missing, versions) = (Step::xml(404, "NoSuchKey"), Step::ok(&[], VERSIONS));
    let (server, store) = store([missing, versions, Call::Hidden.success()]).await;
    let fetched = store.get_any_version(Bucket::Raw, "raw/x.json", 9).await;
    assert!(matches!(fetched.unwrap(), Fetched::Found(_)));
    let requests = server.requests();
    assert!(requests[2].contains("versionid=v2"), "{requests:?}");
}

#[tokio::test]
async fn a_deletion_that_is_not_allowed_says_so() {
    let denied = Step::xml(403, "AccessDenied");
    let (_server, store) = store([Step::ok(&[], VERSIONS), denied]).await;
    let error = store.erase(Bucket::Raw, "raw/x.json").await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Permanent);
    assert_eq!(error.action, "delete a version");
    assert!(error.source.to_string().contains("AccessDenied"));
}
