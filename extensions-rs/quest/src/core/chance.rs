//! Chance as a function of a seed and of names: the same call of the same world has the same end, whoever plays.

/// Mixes a seed and words into 64 bits (the finaliser of splitmix64, <https://prng.di.unimi.it/splitmix64.c>).
pub fn mix(seed: u64, words: [u64; 3]) -> u64 {
    let mut state = seed;
    for word in words {
        state = finish(
            state
                .wrapping_add(word.wrapping_mul(0x9E37_79B9_7F4A_7C15))
                .wrapping_add(0x9E37_79B9_7F4A_7C15),
        );
    }
    state
}

fn finish(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A stream of numbers for players that roll dice.
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        finish(self.0)
    }

    /// In 0..1.
    pub fn unit(&mut self) -> f64 {
        unit(self.bits())
    }

    pub fn below(&mut self, count: usize) -> usize {
        (self.unit() * count as f64) as usize
    }
}

/// The upper 53 bits as a number in 0..1.
pub fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

/// Bounds of the spread in standard deviations: what makes lower bounds of time possible.
pub const LOW: f64 = -1.5;
pub const HIGH: f64 = 2.5;

/// A factor with mean about 1 whose logarithm has the deviation `spread`.
pub fn factor(bits: u64, spread: f64) -> f64 {
    if spread <= 0.0 {
        return 1.0;
    }
    let (u, v) = (unit(bits).max(1e-12), unit(finish(bits)));
    let normal = (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos();
    (spread * normal.clamp(LOW, HIGH) - spread * spread / 2.0).exp()
}

/// The least that `factor` gives.
pub fn least(spread: f64) -> f64 {
    if spread <= 0.0 {
        1.0
    } else {
        (spread * LOW - spread * spread / 2.0).exp()
    }
}
