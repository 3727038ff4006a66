//! Lead ids of other alphabets: a CRM may call its leads `urn:li:1:2` or `{0F5B…}`. In keys, files and commands such a lead goes by a
//! stand-in of plain characters; its own id is kept in the document as `external_id`.

use crate::limits::LEAD_ID_CHARS_MAX;
use sha2::{Digest, Sha256};

/// What every stand-in begins with.
const PREFIX: &str = "x-";
/// How many bytes of the digest follow, in hexadecimal digits. 128 bits: two ids never meet by chance.
const DIGEST_BYTES: usize = 16;

/// The stand-in of an id that has no form of ours: `x-` and the first 32 hexadecimal digits of its SHA-256. None where the text cannot be an
/// id at all, since nobody could write it down.
pub(super) fn stand_in(text: &str) -> Option<String> {
    let chars = text.chars().count();
    let is_id = (1..=LEAD_ID_CHARS_MAX).contains(&chars) && !text.chars().any(is_invisible);
    let digest = Sha256::digest(text);
    let digest = digest.get(..DIGEST_BYTES)?;
    is_id.then(|| format!("{PREFIX}{}", hex::encode(digest)))
}

/// White space (Z*), controls (Cc) and format characters (Cf, of Unicode 17).
fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{180e}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}'
            | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}' | '\u{e0020}'..='\u{e007f}')
}
