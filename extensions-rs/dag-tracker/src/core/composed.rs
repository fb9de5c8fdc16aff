//! Composed inputs that are too large to travel inline: the largest fields become references, their bytes frames.

use symphony_protocol::bounds::{COMPOSED_INPUT_BYTES_MAX, INLINE_PAYLOAD_BYTES_MAX};
use symphony_protocol::raw::{Head, Reader, write_map, write_text};
use symphony_protocol::{Payload, WireError, values};

/// A value that is to be stored before a task that refers to it may start.
#[derive(Clone, Debug, PartialEq)]
pub struct Composed {
    pub digest: String,
    pub data: Payload,
}

/// A payload of at most 64 KiB, and what it refers to. Smaller payloads are given back as they are.
///
/// Errors: the payload is no map, or over the bound of composed inputs.
pub fn compose(payload: &Payload) -> Result<(Payload, Vec<Composed>), WireError> {
    if payload.len() <= INLINE_PAYLOAD_BYTES_MAX {
        return Ok((payload.clone(), Vec::new()));
    }
    let too_large = || symphony_protocol::raw::invalid("the composed input is over the bound");
    if payload.len() > COMPOSED_INPUT_BYTES_MAX {
        return Err(too_large());
    }
    let mut reader = Reader::new(payload);
    let Head::Map(count) = reader.head()? else {
        return Err(too_large());
    };
    let mut fields: Vec<(&str, &[u8])> = Vec::with_capacity(count);
    for _ in 0..count {
        fields.push((reader.text()?, reader.value()?));
    }
    let mut largest: Vec<usize> = (0..fields.len()).collect();
    largest.sort_by_key(|at| std::cmp::Reverse(fields.get(*at).map_or(0, |(_, data)| data.len())));
    let mut total = payload.len();
    let mut stored: Vec<Option<Composed>> = fields.iter().map(|_| None).collect();
    for at in largest {
        if total <= INLINE_PAYLOAD_BYTES_MAX {
            break;
        }
        let (Some((_, data)), Some(slot)) = (fields.get(at), stored.get_mut(at)) else {
            break;
        };
        total = total.saturating_sub(data.len()) + 160;
        *slot = Some(Composed {
            digest: blake3::hash(data).to_hex().to_string(),
            data: (*data).into(),
        });
    }
    let mut out = Vec::with_capacity(total);
    write_map(fields.len(), &mut out);
    for ((name, data), composed) in fields.iter().zip(&stored) {
        write_text(name, &mut out);
        match composed {
            Some(composed) => {
                let size = u64::try_from(data.len()).unwrap_or(u64::MAX);
                values::reference(&composed.digest, size, "application/msgpack").write(&mut out);
            }
            None => out.extend_from_slice(data),
        }
    }
    Ok((out.into(), stored.into_iter().flatten().collect()))
}
