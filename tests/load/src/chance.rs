//! Chance that comes out alike for the same seed.

/// A small generator (xorshift64*): for faults and pauses, not for secrets.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The chance of a seed.
    pub fn new(seed: u64) -> Self {
        // Zero is the one state that never changes.
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `bound`; zero where that is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let word = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        word.checked_rem(bound).unwrap_or(0)
    }

    /// True so many times in a hundred.
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
