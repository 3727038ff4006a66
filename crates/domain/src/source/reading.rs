//! Other ways to read a configured secret: those that people and libraries take by mistake.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// How a secret is read, in place of what its kind does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// As its kind reads it, without the white space around it.
    Trimmed,
    /// As its kind reads it, with a line feed behind it.
    LineFeed,
    /// As text.
    Text,
    /// As text, without `whsec_`.
    TextAfterPrefix,
    /// As hexadecimal digits.
    Hex,
    /// As base64.
    Base64,
    /// As base64, after `whsec_`.
    Base64AfterPrefix,
}

impl Reading {
    pub(super) const ALL: [Self; 7] = [
        Self::Text,
        Self::TextAfterPrefix,
        Self::Hex,
        Self::Base64,
        Self::Base64AfterPrefix,
        Self::Trimmed,
        Self::LineFeed,
    ];

    /// The key that a secret's text is; `decode` is what the kind does.
    pub(super) fn key(
        self,
        text: &str,
        decode: impl Fn(&str) -> Option<Vec<u8>>,
    ) -> Option<Vec<u8>> {
        let unprefixed = || text.strip_prefix("whsec_");
        let key = match self {
            Self::Trimmed => decode(text.trim())?,
            Self::LineFeed => {
                let mut key = decode(text)?;
                key.push(b'\n');
                key
            }
            Self::Text => text.as_bytes().to_vec(),
            Self::TextAfterPrefix => unprefixed()?.as_bytes().to_vec(),
            Self::Hex => hex::decode(text).ok()?,
            Self::Base64 => decode_base64(text)?,
            Self::Base64AfterPrefix => decode_base64(unprefixed()?)?,
        };
        // An empty key is anybody's.
        (!key.is_empty()).then_some(key)
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Trimmed => {
                "The configured secret has white space around it that the sender's does not have."
            }
            Self::LineFeed => {
                "The sender's secret has a line feed at its end that the configured one does not have."
            }
            Self::Text => {
                "The sender takes the secret's text for the key, which is to be decoded first."
            }
            Self::TextAfterPrefix => {
                "The sender takes the text after whsec_ for the key, which is base64 and to be decoded first."
            }
            Self::Hex => {
                "The sender decodes the secret as hexadecimal digits, and the source takes it otherwise."
            }
            Self::Base64 => {
                "The sender decodes the secret as base64, and the source takes it otherwise."
            }
            Self::Base64AfterPrefix => {
                "The sender decodes what stands after whsec_ as base64, and the source takes the secret otherwise."
            }
        }
    }

    pub(super) fn advice(self) -> &'static str {
        match self {
            Self::Trimmed => "Remove the white space in the sources document.",
            Self::LineFeed => {
                "Paste the secret into the sender once more, without its line end (`printf %s`, and not `echo`)."
            }
            Self::Text | Self::TextAfterPrefix => {
                "Have the sender decode the secret before it signs."
            }
            Self::Hex | Self::Base64 | Self::Base64AfterPrefix => {
                "Have the sender use the secret's text as it is, or, where the kind has secret_encoding, set it to what the sender does."
            }
        }
    }
}

/// Base64 of either alphabet, with or without padding.
pub(super) fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim();
    STANDARD
        .decode(text)
        .or_else(|_other| URL_SAFE.decode(text))
        .ok()
}
