//! What a person reads of an event, on the console of one machine.

use jiff::SignedDuration;
use std::borrow::Cow;

/// What a person reads of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Words {
    /// Nothing.
    Quiet,
    /// Its message and its fields.
    Generic,
    /// This.
    Said {
        /// How it looks.
        tone: Tone,
        /// What happened, in a word.
        word: &'static str,
        /// More about it.
        text: Cow<'static, str>,
    },
}

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing special.
    Plain,
    /// Less important.
    Dim,
    /// Good news.
    Good,
    /// Something waits, or was coped with.
    Wait,
    /// Someone must act.
    Bad,
}

/// Words of its own.
pub fn said(tone: Tone, word: &'static str, text: impl Into<Cow<'static, str>>) -> Words {
    let text = text.into();
    Words::Said { tone, word, text }
}

/// A span in its two largest units: `10 min`, `1 h 5 min`, `3 d 4 h`, `450 ms`.
pub fn render(span: SignedDuration) -> String {
    let span = span.abs();
    let seconds = span.as_secs();
    if seconds == 0 {
        return format!("{} ms", span.as_millis());
    }
    let (major, major_unit, minor, minor_unit) = match seconds {
        0..60 => (seconds, "s", 0, ""),
        60..3600 => (seconds / 60, "min", seconds % 60, "s"),
        3600..86400 => (seconds / 3600, "h", seconds % 3600 / 60, "min"),
        _ => (seconds / 86400, "d", seconds % 86400 / 3600, "h"),
    };
    if minor == 0 {
        format!("{major} {major_unit}")
    } else {
        format!("{major} {major_unit} {minor} {minor_unit}")
    }
}

/// Seconds as [`render`] shows them.
pub fn render_seconds(seconds: u32) -> String {
    if seconds == 0 {
        return "0 s".to_owned();
    }
    render(SignedDuration::from_secs(i64::from(seconds)))
}
