//! Headers as a declaration names them.

use super::{header_name, is_header_name};
use crate::source::delivery::{Delivery, Unverified};
use crate::source::members::Members;
use crate::source::signature::require;

/// A header, or of the list that it is, separated by commas, what has this prefix.
pub(super) struct HeaderPart {
    pub(super) name: &'static str,
    pub(super) prefix: String,
}

impl HeaderPart {
    /// What the header has; of a list, everything with the prefix.
    pub(super) fn all<'a>(&self, delivery: &Delivery<'a>) -> Result<Vec<&'a str>, Unverified> {
        let value = require(delivery.headers, self.name)?;
        if self.prefix.is_empty() {
            return Ok(vec![value]);
        }
        let items = value.split(',').map(str::trim);
        let ours = items.filter_map(|item| item.strip_prefix(&self.prefix));
        let ours: Vec<_> = ours.collect();
        if ours.is_empty() {
            return Err(Unverified::HeaderMalformed(self.name));
        }
        Ok(ours)
    }

    pub(super) fn only<'a>(&self, delivery: &Delivery<'a>) -> Result<&'a str, Unverified> {
        match self.all(delivery)?[..] {
            [only] => Ok(only),
            _ => Err(Unverified::HeaderMalformed(self.name)),
        }
    }
}

/// A member that names a header.
pub(super) fn header(members: &mut Members<'_>, name: &'static str) -> Option<&'static str> {
    let header: String = members.optional(name, "the name of a header")?;
    if !is_header_name(&header) {
        members.wrong_member(name, "is not the name of a header");
        return None;
    }
    Some(header_name(&header))
}

/// A header of a time, or what has a prefix in a list that it is.
pub(super) fn timestamp(members: &mut Members<'_>) -> Option<HeaderPart> {
    let is_object = members.json("timestamp")?.get().starts_with('{');
    if is_object {
        return members.object(("timestamp", "/verify/timestamp/"), |members| {
            let (name, prefix) = (header(members, "header"), members.text("prefix"));
            if !members.has("header") {
                members.miss("header");
            }
            Some(HeaderPart {
                name: name?,
                prefix: prefix?,
            })
        });
    }
    header(members, "timestamp").map(|name| HeaderPart {
        name,
        prefix: String::new(),
    })
}
