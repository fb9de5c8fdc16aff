//! Payloads of every size: given to a run, through one step, and read back by the client. Above 64 KiB each way goes through
//! the Artifact Store, as every SDK does it. What the step gives back is what it was given, which the store has already.

use std::time::Instant;

use symphony_protocol::bounds::INLINE_PAYLOAD_BYTES_MAX;
use symphony_protocol::{Lineage, Value, values};
use symphony_sdk::artifacts::Artifacts;
use symphony_sdk::{Error, ErrorKind};

use super::Session;
use crate::documents;
use crate::floors::{PUBLISH, SIZES, Size};
use crate::report::{Load, Row, Times};

const MEDIA_TYPE: &str = "application/msgpack";
/// Bytes that one size may move: large ones are measured less often.
const MOVED_BYTES_MAX: usize = 128 << 20;
const ROUNDS_LEAST: usize = 5;

/// Every size, one run at a time.
pub async fn payload(session: &Session<'_>) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    for size in SIZES {
        rows.push(one(session, size).await?);
    }
    Ok(rows)
}

async fn one(session: &Session<'_>, size: Size) -> Result<Row, Error> {
    let mut client = session.client(&documents::echo()).await?;
    let artifacts = Artifacts::new(session.bus.clone());
    let most = (MOVED_BYTES_MAX / size.bytes).max(ROUNDS_LEAST);
    let mut times = Times::default();
    for round in 0..session.options.runs.min(most) {
        let data = noise(size.bytes, round);
        let packed = Value::Bin(data).pack();
        let began = Instant::now();
        let given = give(&artifacts, &packed).await?;
        client.give([&[0x81, 0xa4], b"data".as_slice(), &given].concat());
        client.post(&session.options.tenant, began).await?;
        let ended = client.next_end().await?;
        let back = read(&artifacts, &ended.run.outputs).await?;
        times.add(began.elapsed());
        if back != packed {
            return Err(Error::new(
                ErrorKind::Internal,
                "a payload came back as something else",
            ));
        }
    }
    let row = Row::times(format!("payload_{}", size.name), &times, 1.0).load(Load::Closed);
    let stored = size.bytes > INLINE_PAYLOAD_BYTES_MAX;
    let first = if stored { size.disk } else { PUBLISH };
    Ok(row.beside(first).beside(size.memcpy))
}

/// A packed value as a client gives it: as it is, or a reference to what it has stored first.
async fn give(artifacts: &Artifacts, packed: &[u8]) -> Result<Vec<u8>, Error> {
    if packed.len() + 16 <= INLINE_PAYLOAD_BYTES_MAX {
        return Ok(packed.to_vec());
    }
    let digest = artifacts
        .put(packed.to_vec().into(), MEDIA_TYPE, Lineage::default())
        .await?;
    let size = u64::try_from(packed.len()).unwrap_or(u64::MAX);
    Ok(values::reference(&digest, size, MEDIA_TYPE).pack())
}

/// The packed field `data` of a run's outputs.
async fn read(artifacts: &Artifacts, outputs: &[u8]) -> Result<Vec<u8>, Error> {
    let outputs = Value::unpack(outputs)?;
    let data = outputs.get("data").cloned().unwrap_or_default();
    if !data.is_reference() {
        return Ok(data.pack());
    }
    let digest = data.get("digest").and_then(Value::as_str).unwrap_or_default();
    let limit = u64::try_from(MOVED_BYTES_MAX).unwrap_or(u64::MAX);
    Ok(artifacts.get(digest, limit).await?.to_vec())
}

/// Bytes that do not compress and that no other round has.
fn noise(bytes: usize, round: usize) -> Vec<u8> {
    let mut made = Vec::with_capacity(bytes + 8);
    let mut state = Instant::now().elapsed().as_nanos() as u64
        ^ (round as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ u64::from(std::process::id()).rotate_left(32)
        | 1;
    while made.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        made.extend_from_slice(&state.to_le_bytes());
    }
    made.truncate(bytes);
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_of_its_size_and_another_each_round() {
        let (one, two) = (noise(1000, 1), noise(1000, 2));
        assert_eq!((one.len(), two.len()), (1000, 1000));
        assert_ne!(one, two);
    }
}
