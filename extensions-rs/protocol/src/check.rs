//! The checks that a decoded message has to pass: what the bounds refuse, refused with a sentence that names the field.

use crate::codec::{WireError, WireErrorKind};

pub type Verdict = Result<(), WireError>;

/// A message or part whose fields have bounds.
pub trait Bounded {
    /// The first field that is over a bound, as an error of kind `invalid`.
    fn check(&self) -> Verdict;
}

fn refuse(field: &str, what: &str) -> Verdict {
    Err(WireError::new(WireErrorKind::Invalid, format!("{field}: {what}")))
}

fn is_hex(text: &str) -> bool {
    text.bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

pub fn run_id(field: &str, text: &str) -> Verdict {
    if text.len() == 32 && is_hex(text) {
        Ok(())
    } else {
        refuse(field, "not 32 lower-case hexadecimal digits")
    }
}

pub fn digest(field: &str, text: &str) -> Verdict {
    if text.len() == 64 && is_hex(text) {
        Ok(())
    } else {
        refuse(field, "not 64 lower-case hexadecimal digits")
    }
}

pub fn digest_prefix(field: &str, text: &str) -> Verdict {
    if text.len() <= 64 && is_hex(text) {
        Ok(())
    } else {
        refuse(field, "not the beginning of a digest")
    }
}

/// Dot-separated words of letters, digits, `_` and `-`.
pub fn capability(field: &str, text: &str) -> Verdict {
    let word = |w: &str| {
        !w.is_empty()
            && w.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    if text.split('.').all(word) {
        Ok(())
    } else {
        refuse(field, "not a capability")
    }
}

/// Lengths are counted in characters, as Python counts them.
pub fn text(field: &str, text: &str, low: usize, high: usize) -> Verdict {
    if text.len() >= low && text.len() <= high {
        return if low > 0 && text.is_empty() {
            refuse(field, "empty")
        } else {
            Ok(())
        };
    }
    let count = text.chars().count();
    if count < low || count > high {
        refuse(field, "its length is out of bounds")
    } else {
        Ok(())
    }
}

pub fn bytes(field: &str, length: usize, high: usize) -> Verdict {
    if length > high {
        refuse(field, "too many bytes")
    } else {
        Ok(())
    }
}

pub fn count(field: &str, length: usize, low: usize, high: usize) -> Verdict {
    if length < low || length > high {
        refuse(field, "its count is out of bounds")
    } else {
        Ok(())
    }
}

pub fn range(field: &str, value: impl Into<u64>, low: u64, high: u64) -> Verdict {
    let value = value.into();
    if value < low || value > high {
        refuse(field, "out of range")
    } else {
        Ok(())
    }
}

pub fn finite(field: &str, value: f64) -> Verdict {
    if value.is_finite() {
        Ok(())
    } else {
        refuse(field, "not a finite number")
    }
}
