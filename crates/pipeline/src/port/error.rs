//! A call on a port that failed.

use leadwire_domain::limits::DETAIL_CHARS_MAX;
use std::error::Error;

/// What the caller does about a failed call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortErrorKind {
    /// The same call may succeed later. It may also have taken effect, with its reply lost.
    Transient,
    /// The same call fails until someone changes something.
    Permanent,
}

/// A call on a port that failed. Code branches on `kind`, people read the chain.
#[derive(Debug, thiserror::Error)]
#[error("could not {action}")]
pub struct PortError {
    /// What was attempted: `put object`, `send message`, ….
    pub action: &'static str,
    /// What to do about it.
    pub kind: PortErrorKind,
    /// The service's own code of it, where it gave one: `550 5.1.1`, `MessageRejected`. See [`Self::with_detail`].
    pub detail: Option<String>,
    /// Why.
    #[source]
    pub source: Box<dyn Error + Send + Sync>,
}

impl PortError {
    /// A failure that may pass.
    pub fn transient(
        action: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            action,
            kind: PortErrorKind::Transient,
            detail: None,
            source: source.into(),
        }
    }

    /// A failure that stays.
    pub fn permanent(
        action: &'static str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self {
            action,
            kind: PortErrorKind::Permanent,
            detail: None,
            source: source.into(),
        }
    }

    /// The same failure with the service's code of it, which is stored: never its words, which may repeat an address. Of a code that is none
    /// only the visible characters are taken, and no more than [`DETAIL_CHARS_MAX`].
    #[must_use]
    pub fn with_detail(mut self, code: Option<&str>) -> Self {
        let is_shown = |char: &char| matches!(char, ' '..='~');
        let shown = |code: &str| {
            code.chars()
                .filter(is_shown)
                .take(DETAIL_CHARS_MAX)
                .collect()
        };
        self.detail = code.map(shown);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detail_is_short_and_one_line_of_visible_characters() {
        let detail = |code| {
            let error = PortError::transient("send mail", "x").with_detail(code);
            error.detail
        };
        assert_eq!(detail(None), None);
        assert_eq!(detail(Some("550 5.1.1")).unwrap(), "550 5.1.1");
        assert_eq!(detail(Some("5\r\n5\u{202e}0\té\0")).unwrap(), "550");
        assert_eq!(detail(Some(&"x".repeat(500))).unwrap(), "x".repeat(120));
    }
}
