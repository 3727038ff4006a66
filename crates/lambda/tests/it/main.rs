//! True events of AWS, decoded; and the binaries themselves, started wrongly.

#[cfg(test)]
mod decoding;
#[cfg(test)]
mod starting;
