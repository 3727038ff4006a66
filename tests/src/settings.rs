//! What a person may set for a run of the suite.

use std::ffi::OsString;
use std::path::PathBuf;

/// `docker` or `venv`: how the emulators are had, instead of the first way that works.
pub const EMULATORS: &str = "LEADWIRE_TEST_EMULATORS";
/// A folder that holds `ingest`, `enrich` and `sweep` already built, instead of building them.
pub const BIN_DIR: &str = "LEADWIRE_TEST_BIN_DIR";

/// The value of [`EMULATORS`], where it is set.
pub fn emulators() -> Option<OsString> {
    std::env::var_os(EMULATORS).filter(|value| !value.is_empty())
}

/// The value of [`BIN_DIR`], where it is set.
pub fn bin_dir() -> Option<PathBuf> {
    std::env::var_os(BIN_DIR)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}
