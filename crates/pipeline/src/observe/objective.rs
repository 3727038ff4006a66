//! The objective: of the leads that count, so many are mailed in time.

use jiff::SignedDuration;

/// The share of leads that are mailed in time.
pub const OBJECTIVE: f64 = 0.99;

/// In time is a mail within this of the later of `not_before` and the owner file.
pub const IN_TIME: SignedDuration = SignedDuration::from_secs(60);
