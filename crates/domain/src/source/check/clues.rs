//! What is known beside a case, and the ways in which it could have been meant.

use super::case::{Asked, Case};
use super::mistake::Mistake;
use crate::source::{Source, Unverified};
use serde_json::{Map, Value};

/// What else is known beside the case.
pub(super) struct Clues<'a> {
    /// The other sources of the document.
    pub(super) others: Vec<(Source, Map<String, Value>)>,
    /// The source in documents from before.
    pub(super) previous: Vec<(Source, Map<String, Value>)>,
    /// What the door says of the request as it is.
    pub(super) why: Unverified,
    /// The headers that the source has asked for so far.
    pub(super) asked: &'a Asked,
}

/// Ways in which a case could have been meant.
pub(super) type Ways<'a> = Box<dyn Iterator<Item = (Mistake, Case)> + 'a>;
