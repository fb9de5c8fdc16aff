//! The shape of a run as a MinHash signature: runs that did much the same have many of its numbers in common.
//!
//! Source: A. Broder, On the resemblance and containment of documents, 1997: two sets have the same least hash with the
//! probability of their Jaccard similarity.

/// Rows of the sketch.
pub const ROWS: usize = 8;
/// Least hashes that make the place in one row: runs of similarity s fall together there with probability s^4.
const HASHES: usize = 4;
/// Places of a row.
pub const WIDTH: usize = 4096;

/// Where a run falls in each row of the sketch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape(pub [u16; ROWS]);

/// FNV-1a, 64 bits (http://www.isthe.com/chongo/tech/comp/fnv/).
fn fnv(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The finalizer of SplitMix64 (https://prng.di.unimi.it/splitmix64.c).
fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

impl Shape {
    /// Of the features of a run, in any order.
    pub fn of<'a>(features: impl IntoIterator<Item = &'a str>) -> Self {
        let mut least = [u64::MAX; ROWS * HASHES];
        for feature in features {
            let hash = fnv(feature.as_bytes());
            for (place, least) in (1_u64..).zip(&mut least) {
                *least = (*least).min(mix(hash ^ place.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
            }
        }
        let mut shape = Self::default();
        for (at, hashes) in shape.0.iter_mut().zip(least.chunks(HASHES)) {
            let joined = hashes
                .iter()
                .fold(0, |sum: u64, hash| mix(sum.rotate_left(7) ^ hash));
            *at = u16::try_from(joined % WIDTH as u64).unwrap_or_default();
        }
        shape
    }

    pub fn to_bytes(self) -> Vec<u8> {
        self.0.iter().flat_map(|at| at.to_be_bytes()).collect()
    }

    /// What `to_bytes` made; of anything else the shape of nothing.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut shape = Self::of([]);
        if bytes.len() == ROWS * 2 {
            for (at, pair) in shape.0.iter_mut().zip(bytes.chunks(2)) {
                let found = pair.iter().fold(0_u16, |sum, byte| (sum << 8) | u16::from(*byte));
                *at = found % WIDTH as u16;
            }
        }
        shape
    }

    /// A name for the shape, the same for the same shape.
    pub fn name(self) -> String {
        format!("{:016x}", mix(fnv(&self.to_bytes())))
    }
}

/// The magnitude of a count or a time: how many binary digits it has. Runs that differ by less are alike.
pub fn magnitude(value: u64) -> u32 {
    u64::BITS - value.leading_zeros()
}
