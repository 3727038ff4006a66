//! Where a bucket is. S3's rules say it from some seventeen parameters, by hundreds of steps, and the SDK keeps the last answer alone: a key is
//! one of the parameters, so that each call would ask them anew. No rule looks at the key.

use aws_sdk_s3::config::endpoint::{
    DefaultResolver, Endpoint, EndpointFuture, Params, ResolveEndpoint,
};
use std::sync::{PoisonError, RwLock};

/// Buckets that are remembered: of one function or command there are three, and what is beyond is resolved each time.
const BUCKETS_MAX: usize = 16;

/// The SDK's own answers, remembered by bucket. Nothing else differs between the calls of one client.
#[derive(Debug, Default)]
pub(crate) struct KnownEndpoints {
    rules: DefaultResolver,
    known: RwLock<Vec<(String, Endpoint)>>,
}

impl KnownEndpoints {
    fn find(&self, bucket: &str) -> Option<Endpoint> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut known = known.iter();
        known.find_map(|(name, endpoint)| (name == bucket).then(|| endpoint.clone()))
    }

    fn remember(&self, bucket: &str, endpoint: &Endpoint) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() < BUCKETS_MAX && known.iter().all(|(name, _)| name != bucket) {
            known.push((bucket.to_owned(), endpoint.clone()));
        }
    }
}

impl ResolveEndpoint for KnownEndpoints {
    fn resolve_endpoint<'a>(&'a self, params: &'a Params) -> EndpointFuture<'a> {
        let Some(bucket) = params.bucket() else {
            return ResolveEndpoint::resolve_endpoint(&self.rules, params);
        };
        if let Some(endpoint) = self.find(bucket) {
            return EndpointFuture::ready(Ok(endpoint));
        }
        let resolved = ResolveEndpoint::resolve_endpoint(&self.rules, params);
        EndpointFuture::new(async move {
            let endpoint = resolved.await?;
            self.remember(bucket, &endpoint);
            Ok(endpoint)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolved(resolver: &impl ResolveEndpoint, bucket: &str, key: &str) -> Endpoint {
        let params = Params::builder()
            .region("eu-west-1".to_owned())
            .bucket(bucket.to_owned())
            .key(key.to_owned());
        let params = params.build().unwrap();
        resolver.resolve_endpoint(&params).await.unwrap()
    }

    #[tokio::test]
    async fn a_bucket_that_is_known_is_where_the_rules_say_whatever_the_key() {
        let known = KnownEndpoints::default();
        for bucket in ["raw", "owners", "a.b", "raw"] {
            for key in ["raw/a.json", "b/é ?&#.json"] {
                let rules = resolved(&DefaultResolver::new(), bucket, key).await;
                assert_eq!(resolved(&known, bucket, key).await, rules, "{bucket} {key}");
            }
        }
        assert_eq!(known.known.read().unwrap().len(), 3);
    }

    #[tokio::test]
    async fn no_more_buckets_are_remembered_than_there_is_room_for() {
        let known = KnownEndpoints::default();
        for number in 0..=BUCKETS_MAX {
            resolved(&known, &format!("bucket-{number}"), "k").await;
        }
        assert_eq!(known.known.read().unwrap().len(), BUCKETS_MAX);
        let beyond = format!("bucket-{BUCKETS_MAX}");
        let url = resolved(&known, &beyond, "k").await.url().to_owned();
        assert!(url.contains(&beyond), "{url}");
    }
}
