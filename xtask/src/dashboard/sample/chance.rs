//! Chance that is the same every time, on every machine: whole numbers only, until the last step.

/// A sequence of numbers (splitmix64).
pub(super) struct Chance(u64);

impl Chance {
    /// A sequence of its own for each seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        u32::try_from((mixed ^ (mixed >> 31)) >> 32).unwrap_or_default()
    }

    /// A number from 0 up to, not including, 1.
    pub(super) fn unit(&mut self) -> f64 {
        f64::from(self.next()) / 4_294_967_296.0
    }

    /// Whether something of this likelihood happens.
    pub(super) fn happens(&mut self, likelihood: f64) -> bool {
        self.unit() < likelihood
    }

    /// A number in a range, the low ones more often: how long calls take.
    pub(super) fn skewed(&mut self, least: f64, most: f64) -> f64 {
        let unit = self.unit();
        least + (most - least) * unit * unit * unit
    }

    /// A whole number of seconds below a bound.
    pub(super) fn seconds(&mut self, below: u32) -> i64 {
        i64::from(self.next() % below.max(1))
    }

    /// An id of a trace.
    pub(super) fn trace(&mut self) -> String {
        let words = [self.next(), self.next(), self.next(), self.next()];
        words.map(|word| format!("{word:08x}")).concat()
    }
}
