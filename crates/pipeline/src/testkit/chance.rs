//! Chance from a seed: `SplitMix64`, which is short, fast, and stays what it is, so that a seed means the same for ever.

use std::time::Duration;

/// A stream of numbers.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, 0 where that is 0.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number().checked_rem(end).unwrap_or(0)
    }

    /// A place in a list of `length`.
    pub fn place(&mut self, length: usize) -> usize {
        let end = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(end)).unwrap_or(0)
    }

    /// Whether something happens that happens so often in a thousand.
    pub fn happens(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    /// One of them.
    pub fn pick<T: Copy>(&mut self, first: T, others: &[T]) -> T {
        let place = self.place(others.len() + 1);
        let other = place.checked_sub(1).and_then(|place| others.get(place));
        other.copied().unwrap_or(first)
    }

    /// A time of at most `millis`.
    pub fn millis(&mut self, millis: u64) -> Duration {
        Duration::from_millis(self.below(millis + 1))
    }

    /// Whether something happens that happens so often in a hundred.
    pub fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < u64::from(percent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_percent_are_about_five_in_a_hundred_and_the_same_for_the_same_seed() {
        let count = |seed| {
            let mut chance = Chance::new(seed);
            (0..10_000).filter(|_| chance.percent(5)).count()
        };
        assert!((400..600).contains(&count(7)), "{}", count(7));
        assert_eq!(count(7), count(7));
    }
}
