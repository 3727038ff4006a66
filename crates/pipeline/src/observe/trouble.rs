//! The events of any stage that are not one lead's fate.

use super::entry::events;
use super::event::{Subject, chain};
use crate::port::PortError;

events! {
    /// A call on a port failed, and the stage coped or reported it; `error` is the whole chain.
    CallFailed<'a> [subject: Subject<'a>] {
        /// What failed.
        error: &'a PortError,
    } => e, "call_failed" {
        line: WARN "a call failed";
        fields: { error: chain(e.error) }
    }
}
