//! True events of AWS, decoded; and the binaries themselves, started wrongly.

mod decoding;
mod starting;
