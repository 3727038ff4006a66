//! A small mutator: flips, cuts, repeats, tokens, splices. The same seed gives the same mutations, on every machine.

use leadwire_pipeline::testkit::Chance;
use std::ops::Range;

/// Longest input that it makes, in bytes.
const BYTES_MAX: usize = 1 << 14;
/// Bytes that end or begin something, somewhere.
const ODD_BYTES: [u8; 16] = *b"\0\t\n\r\x1b \"'\\<>{}[\x7f\xff";

/// Values that stand in the place of another, so that a document stays one more often than not.
const VALUES: [&[u8]; 16] = [
    b"null",
    b"true",
    b"0",
    b"-0",
    b"1e2",
    b"1e400",
    b"18446744073709551616",
    b"1.10",
    b"\"\"",
    b"\" \"",
    b"\"test-1\"",
    b"\"test-2\"",
    b"\"\\u0000\\ud83d\\ude00\"",
    b"[1,{\"a\":null}]",
    b"{}",
    b"{\"lead_id\":\"test-2\"}",
];

/// A source of mutations.
#[derive(Clone, Debug)]
pub struct Mutator {
    chance: Chance,
}

impl Mutator {
    /// The mutations of this seed.
    pub fn new(seed: u64) -> Self {
        let chance = Chance::new(seed);
        Self { chance }
    }

    /// A number below `bound`, or zero where that is zero.
    fn below(&mut self, bound: usize) -> usize {
        self.chance.place(bound)
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let at = self.below(items.len());
        items.get(at)
    }

    /// Some seed, mutated once or several times.
    pub fn mutate(&mut self, seeds: &[Vec<u8>], tokens: &[Vec<u8>]) -> Vec<u8> {
        let mut data = self.pick(seeds).cloned().unwrap_or_default();
        for _ in 0..=self.below(4) {
            self.step(&mut data, seeds, tokens);
        }
        data.truncate(BYTES_MAX);
        data
    }

    fn step(&mut self, data: &mut Vec<u8>, seeds: &[Vec<u8>], tokens: &[Vec<u8>]) {
        let (start, end) = self.range(data.len());
        match self.below(10) {
            8 | 9 => self.put_value(data),
            0 => {
                let bit = self.below(8);
                if let Some(byte) = data.get_mut(start) {
                    *byte ^= 1 << bit;
                }
            }
            1 => {
                let odd = self.pick(&ODD_BYTES).copied().unwrap_or_default();
                if let Some(byte) = data.get_mut(start) {
                    *byte = odd;
                }
            }
            2 => replace(data, start..end, &[]),
            3 => {
                let piece = data.get(start..end).unwrap_or_default();
                let piece = piece.repeat(1 + self.below(100));
                replace(data, start..start, &piece);
            }
            kind @ 4..=6 => {
                let token = self.pick(tokens).cloned().unwrap_or_default();
                let end = if kind == 6 { end } else { start };
                replace(data, start..end, &token);
            }
            _ => {
                let other = self.pick(seeds).cloned().unwrap_or_default();
                let (from, _) = self.range(other.len());
                data.truncate(start);
                data.extend_from_slice(other.get(from..).unwrap_or_default());
            }
        }
    }

    /// Puts another value behind some colon.
    fn put_value(&mut self, data: &mut Vec<u8>) {
        let colons = data.iter().enumerate().filter(|(_, byte)| **byte == b':');
        let colons: Vec<usize> = colons.map(|(at, _)| at + 1).collect();
        let (Some(start), Some(value)) = (self.pick(&colons), self.pick(&VALUES)) else {
            return;
        };
        let old = data.iter().skip(*start);
        let length = old
            .take_while(|byte| !matches!(**byte, b',' | b'}' | b'\n'))
            .count();
        replace(data, *start..*start + length, value);
    }

    /// A range within `len`, short ones often.
    fn range(&mut self, len: usize) -> (usize, usize) {
        let start = self.below(len + 1);
        let longest = if self.below(4) == 0 { len - start } else { 8 };
        let length = self.below(longest + 1).min(len - start);
        (start, start + length)
    }
}

fn replace(data: &mut Vec<u8>, range: Range<usize>, piece: &[u8]) {
    drop(data.splice(range, piece.iter().copied().take(BYTES_MAX)));
}
