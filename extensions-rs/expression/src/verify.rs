//! What is written has to be a value that every reader takes: not too deep, no NaN, no infinity.

use symphony_protocol::WireError;
use symphony_protocol::bounds::VALUE_DEPTH_MAX;
use symphony_protocol::raw::{Head, Reader};

use crate::error::{Error, ErrorKind, type_error};

/// Whether `data` is one value. Copying a part of a payload does not look at what is in it, and wrapping nests deeper.
pub fn verify(data: &[u8]) -> Result<(), Error> {
    walk(&mut Reader::new(data), 0)
}

fn broken(error: WireError) -> Error {
    type_error(format!("a payload cannot be read: {error}"))
}

fn walk(reader: &mut Reader<'_>, depth: usize) -> Result<(), Error> {
    if depth > VALUE_DEPTH_MAX {
        let message = format!("the value is nested more than {VALUE_DEPTH_MAX} deep");
        return Err(Error::new(ErrorKind::Limit, message));
    }
    let entries = match reader.head().map_err(broken)? {
        Head::Str(count) | Head::Bin(count) => {
            reader.take(count).map_err(broken)?;
            0
        }
        Head::Float(value) if !value.is_finite() => {
            return Err(Error::new(ErrorKind::Arithmetic, "not a finite number"));
        }
        Head::Array(count) => count,
        Head::Map(count) => count.saturating_mul(2),
        _ => 0,
    };
    for _ in 0..entries {
        walk(reader, depth + 1)?;
    }
    Ok(())
}
