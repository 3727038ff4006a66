//! AWS Signature Version 4, computed anew, to judge what came signed.

use anyhow::{Context, Result, ensure};
use hmac::{Hmac, KeyInit, Mac};
use hyper::header::HeaderMap;
use sha2::{Digest, Sha256};

use super::Post;

/// Checks the signature of a `POST` for a service and region, with a secret, and that it covers what must not change.
///
/// # Errors
/// It is absent, for another service, covers too little, or is not the one that the secret gives.
pub fn check(post: &Post, service: &str, region: &str, secret: &str) -> Result<()> {
    let authorization = header(&post.headers, "authorization")?;
    let fields = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .context("an algorithm")?;
    let field = |name: &str| {
        let mut fields = fields.split(',').map(str::trim);
        let found = fields.find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
        found.with_context(|| format!("no {name} in {authorization}"))
    };
    let (credential, signed) = (field("Credential")?, field("SignedHeaders")?);
    let (_id, scope) = credential.split_once('/').context("a scope")?;
    let time = header(&post.headers, "x-amz-date")?;
    let date = time.get(..8).context("a date")?;
    let expected = format!("{date}/{region}/{service}/aws4_request");
    ensure!(scope == expected, "{scope} instead of {expected}");
    let names: Vec<&str> = signed.split(';').collect();
    for name in ["content-type", "host", "x-amz-date", "x-amz-security-token"] {
        ensure!(names.contains(&name), "{name} is not covered: {signed}");
    }
    let line = |name: &&str| {
        let value = header(&post.headers, name)?;
        anyhow::Ok(format!("{name}:{}\n", value.trim()))
    };
    let headers: Vec<String> = names.iter().map(line).collect::<Result<_>>()?;
    let (path, headers) = (&post.path, headers.concat());
    let body = hex::encode(Sha256::digest(&post.body));
    let canonical = format!("POST\n{path}\n\n{headers}\n{signed}\n{body}");
    let digest = hex::encode(Sha256::digest(canonical));
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}");
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in [date, region, service, "aws4_request"] {
        key = mac(&key, part)?;
    }
    let signature = hex::encode(mac(&key, &text)?);
    ensure!(field("Signature")? == signature, "the signature is another");
    Ok(())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str> {
    let value = headers
        .get(name)
        .with_context(|| format!("no header {name}"))?;
    Ok(value.to_str()?)
}

fn mac(key: &[u8], text: &str) -> Result<Vec<u8>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)?;
    mac.update(text.as_bytes());
    Ok(mac.finalize().into_bytes().to_vec())
}
