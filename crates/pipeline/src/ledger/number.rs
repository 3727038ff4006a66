//! `replay/X.r1`: the number of a replay.

use super::{Kind, Ledger, Read};
use crate::port::{Created, NewObject, ObjectStore, PortError};
use jiff::Timestamp;
use leadwire_domain::key::EventName;
use leadwire_domain::limits::MESSAGE_BYTES_MAX;
use leadwire_domain::message::Notify;
use serde::{Deserialize, Serialize};

const READ: &str = "read the replay's number";

/// Who took the number of a replay, and for what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReplayNumber {
    pub(crate) v: u32,
    pub(crate) notify: Notify,
    /// The run of the command.
    pub(crate) run: String,
    pub(crate) requested_at: Timestamp,
    /// Distinguishes one call's own write from another's, where its reply is lost.
    pub(crate) token: String,
}

impl<S: ObjectStore> Ledger<'_, S> {
    /// Takes the number of a revision, where it is free.
    pub(crate) async fn create_replay_number(
        self,
        name: &EventName,
        number: &ReplayNumber,
    ) -> Result<Created, PortError> {
        let bytes = serde_json::to_vec(number).expect("plain fields always serialise");
        self.create(Kind::Replay, name, NewObject::of(bytes)).await
    }

    /// Who took it. What cannot be read is a number that is taken, and nothing more.
    pub(crate) async fn replay_number(
        self,
        name: &EventName,
    ) -> Result<Option<ReplayNumber>, PortError> {
        let read = self.read_kind(READ, Kind::Replay, name, MESSAGE_BYTES_MAX);
        Ok(match read.await? {
            Read::Found(object) => serde_json::from_slice(&object.bytes).ok(),
            Read::Missing | Read::TooLarge => None,
        })
    }
}
