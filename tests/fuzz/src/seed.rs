//! The files of seeds and tokens, read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A folder of bad input to hold every law over: files, and their lines.
pub const CORPUS: &str = "LEADWIRE_TEST_CORPUS";

/// Longest file of a corpus that is read, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 16;

/// The folder of this package.
fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The seeds of a law.
pub fn seeds(law: &str) -> io::Result<Vec<Vec<u8>>> {
    let text = fs::read_to_string(folder().join(format!("seeds/{law}.txt")))?;
    let seeds = text.strip_suffix('\n').unwrap_or(&text).split("\n%%\n");
    Ok(seeds.map(|seed| seed.as_bytes().to_vec()).collect())
}

/// The tokens of `tokens.dict`, a dictionary in the form of libFuzzer: one quoted token a line, with `\\`, `\"` and `\xAB`.
pub fn tokens() -> io::Result<Vec<Vec<u8>>> {
    let text = fs::read_to_string(folder().join("tokens.dict"))?;
    let quoted = text
        .lines()
        .filter_map(|line| line.strip_prefix('"')?.strip_suffix('"'));
    Ok(quoted.map(unescape).collect())
}

fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        match rest.next() {
            Some(b'x') => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.extend(u8::from_str_radix(&digits, 16).ok());
            }
            other => bytes.extend(other),
        }
    }
    bytes
}

/// Every input of a corpus, where [`CORPUS`] names one: each file that is not too long, and each of its lines.
pub fn corpus() -> io::Result<Vec<Vec<u8>>> {
    let mut inputs = Vec::new();
    if let Some(folder) = std::env::var_os(CORPUS).filter(|folder| !folder.is_empty()) {
        collect(&PathBuf::from(folder), &mut inputs)?;
    }
    Ok(inputs)
}

fn collect(folder: &Path, inputs: &mut Vec<Vec<u8>>) -> io::Result<()> {
    let entries = fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    for path in paths {
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(&path, inputs)?;
        } else if path.metadata()?.len() <= FILE_BYTES_MAX {
            let bytes = fs::read(&path)?;
            let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec);
            inputs.extend(lines.filter(|line| line.len() < bytes.len()));
            inputs.push(bytes);
        }
    }
    Ok(())
}
