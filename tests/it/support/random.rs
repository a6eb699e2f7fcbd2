//! Chance that can be repeated.

/// splitmix64, from a seed that is printed where it is used.
#[derive(Debug, Clone)]
pub struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    /// From this seed.
    pub fn new(seed: u64) -> Self {
        Self { seed, state: seed }
    }

    /// From `ROOFTOP_IT_SEED`, else from this seed.
    pub fn from_environment(seed: u64) -> Self {
        Self::new(std::env::var("ROOFTOP_IT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(seed))
    }

    /// Where it began.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A number below this one.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ z >> 31) % limit.max(1)
    }
}
