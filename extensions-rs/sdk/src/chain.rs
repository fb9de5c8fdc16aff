//! The hash of an entry of an audit trail: each covers the one before it, so that an edit breaks the chain from there on.

/// Before the first entry.
pub const BEGINNING: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The hash of an entry behind another. Lengths stand before the parts, so that no two entries read alike.
pub fn chained(before: &str, number: u64, at_ms: u64, parts: [&str; 3]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(before.as_bytes());
    hasher.update(&number.to_be_bytes());
    hasher.update(&at_ms.to_be_bytes());
    for part in parts {
        hasher.update(&(part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}
