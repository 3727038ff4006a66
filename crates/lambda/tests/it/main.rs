//! True events of AWS and of its library, decoded; and the binaries themselves, started wrongly.

#[cfg(test)]
mod decoding;
#[cfg(test)]
mod library;
#[cfg(test)]
mod starting;
