//! Msgpack without building values: heads, lengths, and the bytes of one part.
//!
//! Source: https://github.com/msgpack/msgpack/blob/master/spec.md. Extension types are refused, since no value of the
//! workflow language is one.

use crate::bounds::VALUE_DEPTH_MAX;
use crate::codec::{WireError, WireErrorKind};

/// The head of one value. `Map` and `Array` are followed by their entries, `Str` and `Bin` by their bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Head {
    Nil,
    Bool(bool),
    Int(i64),
    /// Only above `i64::MAX`.
    UInt(u64),
    Float(f64),
    Str(usize),
    Bin(usize),
    Array(usize),
    Map(usize),
}

/// Reads msgpack from a slice.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    data: &'a [u8],
}

pub fn truncated() -> WireError {
    WireError::new(WireErrorKind::Truncated, "the value is cut off")
}

pub fn invalid(what: &str) -> WireError {
    WireError::new(WireErrorKind::Invalid, what)
}

macro_rules! number {
    ($self:ident, $kind:ty) => {{
        let (head, rest) = $self.data.split_first_chunk().ok_or_else(truncated)?;
        $self.data = rest;
        <$kind>::from_be_bytes(*head)
    }};
}

fn length(count: u32) -> Result<usize, WireError> {
    usize::try_from(count).map_err(|_| invalid("too long"))
}

impl<'a> Reader<'a> {
    pub fn new(data: &'a [u8]) -> Self {
        Self { data }
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.data
    }

    pub fn take(&mut self, count: usize) -> Result<&'a [u8], WireError> {
        let (head, rest) = self.data.split_at_checked(count).ok_or_else(truncated)?;
        self.data = rest;
        Ok(head)
    }

    pub fn head(&mut self) -> Result<Head, WireError> {
        let marker = number!(self, u8);
        Ok(match marker {
            0x00..=0x7f => Head::Int(i64::from(marker)),
            0x80..=0x8f => Head::Map(usize::from(marker & 0x0f)),
            0x90..=0x9f => Head::Array(usize::from(marker & 0x0f)),
            0xa0..=0xbf => Head::Str(usize::from(marker & 0x1f)),
            0xc0 => Head::Nil,
            0xc2 => Head::Bool(false),
            0xc3 => Head::Bool(true),
            0xc4 => Head::Bin(usize::from(number!(self, u8))),
            0xc5 => Head::Bin(usize::from(number!(self, u16))),
            0xc6 => Head::Bin(length(number!(self, u32))?),
            0xca => Head::Float(f64::from(number!(self, f32))),
            0xcb => Head::Float(number!(self, f64)),
            0xcc => Head::Int(i64::from(number!(self, u8))),
            0xcd => Head::Int(i64::from(number!(self, u16))),
            0xce => Head::Int(i64::from(number!(self, u32))),
            0xcf => {
                let value = number!(self, u64);
                i64::try_from(value).map_or(Head::UInt(value), Head::Int)
            }
            0xd0 => Head::Int(i64::from(number!(self, i8))),
            0xd1 => Head::Int(i64::from(number!(self, i16))),
            0xd2 => Head::Int(i64::from(number!(self, i32))),
            0xd3 => Head::Int(number!(self, i64)),
            0xd9 => Head::Str(usize::from(number!(self, u8))),
            0xda => Head::Str(usize::from(number!(self, u16))),
            0xdb => Head::Str(length(number!(self, u32))?),
            0xdc => Head::Array(usize::from(number!(self, u16))),
            0xdd => Head::Array(length(number!(self, u32))?),
            0xde => Head::Map(usize::from(number!(self, u16))),
            0xdf => Head::Map(length(number!(self, u32))?),
            0xe0..=0xff => Head::Int(i64::from(marker as i8)),
            0xc1 | 0xc7..=0xc9 | 0xd4..=0xd8 => return Err(invalid("an extension type is no value")),
        })
    }

    /// A string that must stand here.
    pub fn text(&mut self) -> Result<&'a str, WireError> {
        match self.head()? {
            Head::Str(count) => std::str::from_utf8(self.take(count)?).map_err(|_| invalid("not UTF-8")),
            _ => Err(invalid("not a string")),
        }
    }

    /// The bytes of the next value, whatever it is; nested at most `VALUE_DEPTH_MAX` deep.
    pub fn value(&mut self) -> Result<&'a [u8], WireError> {
        let start = self.data;
        self.skip(0)?;
        start.get(..start.len() - self.data.len()).ok_or_else(truncated)
    }

    fn skip(&mut self, depth: usize) -> Result<(), WireError> {
        if depth > VALUE_DEPTH_MAX {
            return Err(invalid("nested too deeply"));
        }
        let entries = match self.head()? {
            Head::Str(count) | Head::Bin(count) => {
                self.take(count)?;
                0
            }
            Head::Array(count) => count,
            Head::Map(count) => count.checked_mul(2).ok_or_else(truncated)?,
            _ => 0,
        };
        for _ in 0..entries {
            self.skip(depth + 1)?;
        }
        Ok(())
    }

    /// The bytes of a field of the map that stands here; None where it has no such field, or is no map.
    pub fn field(&mut self, name: &str) -> Result<Option<&'a [u8]>, WireError> {
        let Head::Map(count) = self.head()? else {
            return Ok(None);
        };
        for _ in 0..count {
            let key = self.text()?;
            let value = self.value()?;
            if key == name {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }
}

/// Whether `data` is one whole value of allowed types, with nothing behind it.
pub fn is_value(data: &[u8]) -> bool {
    let mut reader = Reader::new(data);
    reader.value().is_ok() && reader.rest().is_empty()
}

/// The head of a map of `count` entries.
pub fn write_map(count: usize, out: &mut Vec<u8>) {
    head(count, out, (0x80, 16), None, 0xde, 0xdf);
}

/// The head of an array of `count` items.
pub fn write_array(count: usize, out: &mut Vec<u8>) {
    head(count, out, (0x90, 16), None, 0xdc, 0xdd);
}

pub fn write_text(text: &str, out: &mut Vec<u8>) {
    head(text.len(), out, (0xa0, 32), Some(0xd9), 0xda, 0xdb);
    out.extend_from_slice(text.as_bytes());
}

fn head(count: usize, out: &mut Vec<u8>, fix: (u8, usize), small: Option<u8>, middle: u8, large: u8) {
    if count < fix.1 {
        out.push(fix.0 | (count as u8));
        return;
    }
    match (u8::try_from(count), u16::try_from(count), small) {
        (Ok(short), _, Some(marker)) => out.extend_from_slice(&[marker, short]),
        (_, Ok(short), _) => {
            out.push(middle);
            out.extend_from_slice(&short.to_be_bytes());
        }
        _ => {
            out.push(large);
            out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_be_bytes());
        }
    }
}
