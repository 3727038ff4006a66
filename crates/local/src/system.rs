//! Random names.

use leadwire_pipeline::os::OsEntropy;
use leadwire_pipeline::port::Entropy as _;

/// 128 random bits in hexadecimal digits: ids, receipts, versions.
pub(crate) fn random_hex() -> String {
    hex::encode(OsEntropy.bits())
}
