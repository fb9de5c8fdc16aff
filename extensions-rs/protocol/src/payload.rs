//! Byte strings inside messages: payloads, tokens and trace contexts.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::bounds::{TOKEN_BYTES, TRACE_BYTES};

/// One user's value as msgpack, or a piece of a blob. Cloning shares the bytes.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Payload(Bytes);

impl Payload {
    pub fn from_static(data: &'static [u8]) -> Self {
        Self(Bytes::from_static(data))
    }

    pub fn into_bytes(self) -> Bytes {
        self.0
    }
}

impl From<Vec<u8>> for Payload {
    fn from(data: Vec<u8>) -> Self {
        Self(data.into())
    }
}

impl From<Bytes> for Payload {
    fn from(data: Bytes) -> Self {
        Self(data)
    }
}

impl From<&[u8]> for Payload {
    fn from(data: &[u8]) -> Self {
        Self(Bytes::copy_from_slice(data))
    }
}

impl Deref for Payload {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Payload({} bytes)", self.0.len())
    }
}

impl Serialize for Payload {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

struct BytesVisitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a byte string")
    }

    fn visit_bytes<E: Error>(self, data: &[u8]) -> Result<Vec<u8>, E> {
        Ok(data.to_vec())
    }

    fn visit_byte_buf<E: Error>(self, data: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(data)
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(BytesVisitor).map(Self::from)
    }
}

macro_rules! fixed_bytes {
    ($(#[$doc:meta])* $name:ident, $length:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub struct $name(pub [u8; $length]);

        impl Default for $name {
            fn default() -> Self {
                Self([0; $length])
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_bytes(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let data = deserializer.deserialize_byte_buf(BytesVisitor)?;
                let array = data.try_into().map_err(|_| D::Error::custom(concat!("not a ", stringify!($name))))?;
                Ok(Self(array))
            }
        }
    };
}

fixed_bytes!(
    /// The first 16 bytes of a keyed BLAKE3 over a dispatch's identity and worker.
    Token,
    TOKEN_BYTES
);
fixed_bytes!(
    /// Trace identifier (16 bytes), span identifier (8), flags (1).
    Trace,
    TRACE_BYTES
);
