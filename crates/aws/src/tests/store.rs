use super::clients;
use super::server::{Server, Step};
use crate::{Buckets, S3Store};
use leadwire_pipeline::port::{
    Bucket, Created, ETag, Eraser as _, Fetched, NewObject, ObjectStore as _, PortErrorKind,
    Replaced,
};

const DATE: &str = "last-modified: Mon, 23 Nov 2026 06:50:00 GMT";

async fn store(server: &Server) -> S3Store {
    let buckets = Buckets {
        raw: Some("raw-bucket".into()),
        lookup: None,
        enriched: Some("enriched-bucket".into()),
        owner: Some("123456789012".into()),
    };
    S3Store::new(clients(server).await.s3(), buckets)
}

fn object() -> NewObject {
    NewObject {
        bytes: b"{}".to_vec(),
        metadata: [("lead-id".to_owned(), "test-1".to_owned())].into(),
    }
}

#[tokio::test]
async fn an_object_is_created_only_where_there_is_none() {
    let server = Server::start([Step::ok(&["etag: \"e1\""], "")]).await;
    let created = store(&server)
        .await
        .create(Bucket::Raw, "raw/x.json", object())
        .await
        .unwrap();
    assert_eq!(created, Created::New(ETag("e1".into())));
    let [request] = server.requests().try_into().unwrap();
    assert!(
        request.starts_with("put /raw-bucket/raw/x.json"),
        "path-style at another endpoint: {request}"
    );
    for header in [
        "if-none-match: *",
        "x-amz-meta-lead-id: test-1",
        "content-type: application/json",
        "x-amz-expected-bucket-owner: 123456789012",
    ] {
        assert!(request.contains(header), "{header} is not in {request}");
    }
}

#[tokio::test]
async fn a_412_says_that_something_is_there() {
    let server = Server::start([Step::xml(412, "PreconditionFailed")]).await;
    let store = store(&server).await;
    assert_eq!(
        store.create(Bucket::Raw, "x", object()).await.unwrap(),
        Created::Exists
    );
    let version = ETag("e1".into());
    assert_eq!(
        store
            .replace(Bucket::Enriched, "x", &version, object())
            .await
            .unwrap(),
        Replaced::Changed
    );
    assert_eq!(server.requests().len(), 2);
    assert!(server.requests()[1].contains("if-match: \"e1\""));
}

#[tokio::test]
async fn a_409_is_tried_again_and_then_says_that_something_is_there() {
    let conflict = || Step::xml(409, "ConditionalRequestConflict");
    let server = Server::start([conflict(), Step::ok(&["etag: \"e2\""], "")]).await;
    assert_eq!(
        store(&server)
            .await
            .create(Bucket::Raw, "x", object())
            .await
            .unwrap(),
        Created::New(ETag("e2".into()))
    );
    assert_eq!(server.requests().len(), 2);
    let server = Server::start([conflict()]).await;
    assert_eq!(
        store(&server)
            .await
            .create(Bucket::Raw, "x", object())
            .await
            .unwrap(),
        Created::Exists
    );
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn a_write_whose_reply_was_lost_meets_its_own_object() {
    let server = Server::start([Step::Reset, Step::xml(412, "PreconditionFailed")]).await;
    assert_eq!(
        store(&server)
            .await
            .create(Bucket::Raw, "x", object())
            .await
            .unwrap(),
        Created::Exists
    );
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn what_may_pass_is_tried_three_times_and_then_transient() {
    for step in [
        Step::xml(503, "SlowDown"),
        Step::xml(500, "InternalError"),
        Step::Reset,
    ] {
        let server = Server::start([step.clone()]).await;
        let error = store(&server)
            .await
            .put(Bucket::Enriched, "x", object())
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind, server.requests().len()),
            (PortErrorKind::Transient, 3),
            "{step:?}"
        );
    }
}

#[tokio::test]
async fn what_stays_is_asked_once_and_permanent() {
    for step in [
        Step::xml(403, "AccessDenied"),
        Step::xml(404, "NoSuchBucket"),
        Step::xml(400, "InvalidRequest"),
    ] {
        let server = Server::start([step.clone()]).await;
        let error = store(&server)
            .await
            .create(Bucket::Raw, "x", object())
            .await
            .unwrap_err();
        assert_eq!(
            (error.kind, server.requests().len()),
            (PortErrorKind::Permanent, 1),
            "{step:?}"
        );
    }
}

#[tokio::test]
async fn an_object_is_read_with_its_version_and_metadata() {
    let headers = [
        DATE,
        "etag: \"e1\"",
        "x-amz-meta-accepted-at: 2026-11-23T06:50:00Z",
    ];
    let server = Server::start([Step::ok(&headers, "{\"a\":1}")]).await;
    let fetched = store(&server)
        .await
        .get(Bucket::Raw, "raw/x.json", 7)
        .await
        .unwrap();
    let Fetched::Found(object) = fetched else {
        panic!("{fetched:?}")
    };
    assert_eq!(object.bytes, b"{\"a\":1}");
    assert_eq!(object.etag, ETag("e1".into()));
    assert_eq!(object.metadata["accepted-at"], "2026-11-23T06:50:00Z");
    assert_eq!(
        object.last_modified,
        "2026-11-23T06:50:00Z".parse().unwrap()
    );
}

#[tokio::test]
async fn an_object_that_is_not_there_is_missing_and_one_that_is_hidden_denied() {
    let server = Server::start([Step::xml(404, "NoSuchKey")]).await;
    assert!(matches!(
        store(&server).await.get(Bucket::Raw, "x", 9).await,
        Ok(Fetched::Missing)
    ));
    let server = Server::start([Step::xml(403, "AccessDenied")]).await;
    assert!(matches!(
        store(&server).await.get(Bucket::Raw, "x", 9).await,
        Ok(Fetched::Denied)
    ));
    let server = Server::start([Step::xml(403, "SignatureDoesNotMatch")]).await;
    assert!(store(&server).await.get(Bucket::Raw, "x", 9).await.is_err());
    let server = Server::start([Step::xml(404, "NoSuchBucket")]).await;
    assert!(store(&server).await.get(Bucket::Raw, "x", 9).await.is_err());
}

#[tokio::test]
async fn an_object_over_the_limit_is_not_read() {
    // Only the length is announced: whoever waited for the body would wait for ever.
    let server = Server::start([Step::ok(&[DATE, "content-length: 1000000000"], "")]).await;
    assert!(matches!(
        store(&server).await.get(Bucket::Raw, "x", 9).await,
        Ok(Fetched::TooLarge)
    ));
    // No length is announced: reading stops at the limit.
    let chunked = [DATE, "transfer-encoding: chunked", "x-note: content-length"];
    let server = Server::start([Step::ok(&chunked, "a\r\n0123456789\r\n")]).await;
    assert!(matches!(
        store(&server).await.get(Bucket::Raw, "x", 9).await,
        Ok(Fetched::TooLarge)
    ));
}

#[tokio::test]
async fn a_listing_is_one_page() {
    let page = "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>mail/a.json</Key><Size>0</Size>\
                <LastModified>2026-11-23T06:50:00.000Z</LastModified></Contents></ListBucketResult>";
    let server = Server::start([Step::ok(&[], page)]).await;
    let listed = store(&server)
        .await
        .list(Bucket::Enriched, "mail/", Some("mail/0"))
        .await
        .unwrap();
    assert!(listed.more);
    assert_eq!(
        (listed.entries[0].key.as_str(), listed.entries[0].size),
        ("mail/a.json", 0)
    );
    let [request] = server.requests().try_into().unwrap();
    for part in [
        "list-type=2",
        "prefix=mail%2f",
        "start-after=mail%2f0",
        "max-keys=1000",
    ] {
        assert!(request.contains(part), "{part} is not in {request}");
    }
}

#[tokio::test]
async fn a_stage_without_a_bucket_is_told_so() {
    let server = Server::start([Step::Reset]).await;
    let error = store(&server)
        .await
        .get(Bucket::Lookup, "x", 9)
        .await
        .unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Permanent);
    assert!(server.requests().is_empty());
}

/// The object and a longer name, as S3 lists their versions: each kind by itself, the newest first.
const VERSIONS: &str = "<ListVersionsResult><IsTruncated>false</IsTruncated>\
    <Version><Key>raw/x.json</Key><VersionId>v2</VersionId><IsLatest>false</IsLatest><LastModified>2026-11-23T06:50:02Z</LastModified></Version>\
    <Version><Key>raw/x.json</Key><VersionId>v1</VersionId><IsLatest>false</IsLatest><LastModified>2026-11-23T06:50:01Z</LastModified></Version>\
    <Version><Key>raw/x.jsonx</Key><VersionId>v9</VersionId><IsLatest>true</IsLatest><LastModified>2026-11-23T06:50:01Z</LastModified></Version>\
    <DeleteMarker><Key>raw/x.json</Key><VersionId>v3</VersionId><IsLatest>true</IsLatest><LastModified>2026-11-23T06:50:02Z</LastModified></DeleteMarker>\
    </ListVersionsResult>";

fn deleted() -> Step {
    Step::Answer(204, Vec::new(), String::new())
}

#[tokio::test]
async fn every_version_of_one_object_is_erased_and_what_hides_them_last() {
    let server = Server::start([Step::ok(&[], VERSIONS), deleted()]).await;
    let erased = store(&server).await.erase(Bucket::Raw, "raw/x.json").await;
    assert_eq!(erased.unwrap(), 3);
    let requests = server.requests();
    assert!(requests[0].starts_with("get /raw-bucket/?versions"));
    assert!(requests[0].contains("prefix=raw%2fx.json"), "{requests:?}");
    assert_eq!(requests.len(), 4);
    for (request, version) in requests[1..].iter().zip(["v1", "v2", "v3"]) {
        assert!(
            request.starts_with("delete /raw-bucket/raw/x.json?"),
            "{request}"
        );
        assert!(
            request.contains(&format!("versionid={version}")),
            "{request}"
        );
        assert!(request.contains("x-amz-expected-bucket-owner: 123456789012"));
    }
}

#[tokio::test]
async fn what_remains_is_told_by_key_over_all_pages() {
    let page = |rest: &str, key: &str| {
        format!(
            "<ListVersionsResult>{rest}<Version><Key>{key}</Key><VersionId>a</VersionId></Version></ListVersionsResult>"
        )
    };
    let more = "<IsTruncated>true</IsTruncated><NextKeyMarker>raw/a</NextKeyMarker><NextVersionIdMarker>a</NextVersionIdMarker>";
    let server = Server::start([
        Step::ok(&[], &page(more, "raw/a")),
        Step::ok(
            &[],
            &page(
                "<IsTruncated>true</IsTruncated><NextKeyMarker>raw/b</NextKeyMarker>",
                "raw/a",
            ),
        ),
        Step::ok(&[], &page("<IsTruncated>false</IsTruncated>", "raw/b")),
    ])
    .await;
    let keys = store(&server).await.remains(Bucket::Raw, "raw/").await;
    assert_eq!(keys.unwrap(), ["raw/a", "raw/b"]);
    let requests = server.requests();
    assert!(requests[1].contains("key-marker=raw%2fa"), "{requests:?}");
    assert!(requests[1].contains("version-id-marker=a"), "{requests:?}");
    assert!(!requests[2].contains("version-id-marker="), "{requests:?}");
}

#[tokio::test]
async fn an_object_that_a_deletion_hides_is_read_in_its_newest_version() {
    let server = Server::start([
        Step::xml(404, "NoSuchKey"),
        Step::ok(&[], VERSIONS),
        Step::ok(&[DATE, "etag: \"e2\""], "{}"),
    ])
    .await;
    let fetched = store(&server)
        .await
        .get_remains(Bucket::Raw, "raw/x.json", 9)
        .await;
    assert!(matches!(fetched.unwrap(), Fetched::Found(_)));
    let requests = server.requests();
    assert!(requests[2].contains("versionid=v2"), "{requests:?}");
}

#[tokio::test]
async fn who_may_not_delete_is_told_so() {
    let server = Server::start([Step::ok(&[], VERSIONS), Step::xml(403, "AccessDenied")]).await;
    let erased = store(&server).await.erase(Bucket::Raw, "raw/x.json").await;
    let error = erased.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Permanent);
    assert_eq!(error.action, "delete a version");
    assert!(error.source.to_string().contains("AccessDenied"));
}
