//! The digests that senders sign with.

use hmac::digest::KeyInit;
use hmac::{Hmac, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

/// HMAC over a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

impl Digest {
    /// The digest of a scheme, `hmac-sha256`.
    pub(super) fn of_scheme(scheme: &str) -> Option<Self> {
        match scheme {
            "hmac-sha1" => Some(Self::Sha1),
            "hmac-sha256" => Some(Self::Sha256),
            "hmac-sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// The signature of what these parts are together.
    pub(super) fn sign(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha1 => finish(Hmac::<Sha1>::new_from_slice(key), parts),
            Self::Sha256 => finish(Hmac::<Sha256>::new_from_slice(key), parts),
            Self::Sha512 => finish(Hmac::<Sha512>::new_from_slice(key), parts),
        }
    }
}

fn finish<M: Mac, E: std::fmt::Debug>(mac: Result<M, E>, parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = mac.expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2202 and RFC 4231, test case 2.
    #[test]
    fn each_is_the_published_one() {
        for (scheme, expected) in [
            ("hmac-sha1", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (
                "hmac-sha256",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                "hmac-sha512",
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ] {
            let digest = Digest::of_scheme(scheme).unwrap();
            let signed = digest.sign(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
            assert_eq!(hex::encode(signed), expected);
        }
    }
}
