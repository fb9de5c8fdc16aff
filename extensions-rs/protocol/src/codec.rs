//! Messages to bytes and back.

use serde::{Serialize, de::DeserializeOwned};

use crate::bounds::MESSAGE_BYTES_MAX;
use crate::check::Bounded;

/// Why a message cannot be read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireErrorKind {
    Truncated,
    Invalid,
    TooLarge,
}

/// A message that cannot be read or written, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct WireError {
    kind: WireErrorKind,
    message: String,
}

impl WireError {
    pub fn new(kind: WireErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    pub fn kind(&self) -> WireErrorKind {
        self.kind
    }
}

/// A message as a msgpack map with names, as msgspec writes it.
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, WireError> {
    rmp_serde::to_vec_named(message)
        .map_err(|error| WireError::new(WireErrorKind::Invalid, error.to_string()))
}

/// A message of a known type. Unknown fields are skipped, absent ones take their defaults, bounds are checked.
pub fn decode<T: DeserializeOwned + Bounded>(data: &[u8]) -> Result<T, WireError> {
    if data.len() > MESSAGE_BYTES_MAX {
        return Err(WireError::new(
            WireErrorKind::TooLarge,
            format!("{} bytes, at most {MESSAGE_BYTES_MAX}", data.len()),
        ));
    }
    let mut reader = data;
    let mut deserializer = rmp_serde::Deserializer::new(&mut reader);
    let message = T::deserialize(&mut deserializer).map_err(from_serde)?;
    if !reader.is_empty() {
        return Err(WireError::new(WireErrorKind::Invalid, "bytes after the message"));
    }
    message.check()?;
    Ok(message)
}

fn from_serde(error: rmp_serde::decode::Error) -> WireError {
    use rmp_serde::decode::Error;
    let kind = match &error {
        Error::InvalidMarkerRead(_) | Error::InvalidDataRead(_) => WireErrorKind::Truncated,
        _ => WireErrorKind::Invalid,
    };
    WireError::new(kind, error.to_string())
}
