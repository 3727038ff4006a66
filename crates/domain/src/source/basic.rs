//! HTTP Basic (RFC 7617), in UTF-8.

use super::delivery::{Headers, Unverified};
use super::intake::Secret;
use super::members::Members;
use super::signature::require;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub(super) const AUTHORIZATION: &str = "authorization";
const BASIC: &str = "Basic ";

/// User and password, joined by a colon, as a request's header has them.
pub(super) fn caller(headers: &dyn Headers) -> Result<Vec<u8>, Unverified> {
    let header = require(headers, AUTHORIZATION)?;
    let caller = header.strip_prefix(BASIC);
    let caller = caller.and_then(|caller| STANDARD.decode(caller).ok());
    caller.ok_or(Unverified::HeaderMalformed(AUTHORIZATION))
}

/// Reads `user` and `passwords`: who may send, as Basic joins them.
pub(super) fn callers(members: &mut Members<'_>) -> Option<Vec<Secret>> {
    let user = members.text("user");
    let is_user = |user: &String| is_printed(user) && !user.contains(':');
    if user.as_ref().is_some_and(|user| !is_user(user)) {
        let wrong = "has a colon or a control character, which HTTP Basic cannot send";
        members.wrong_member("user", wrong);
    }
    let user = user.unwrap_or_default();
    let form = "a text without control characters";
    members.secrets("passwords", form, |password| {
        let is_password = !password.is_empty() && is_printed(password);
        is_password.then(|| format!("{user}:{password}").into_bytes())
    })
}

fn is_printed(text: &str) -> bool {
    !text.contains(char::is_control)
}

/// The header of a request of this user and password.
pub(super) fn header(caller: &[u8]) -> String {
    format!("{BASIC}{}", STANDARD.encode(caller))
}
