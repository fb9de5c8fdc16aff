//! Documents as submissions carry them: canonical JSON under zstd, bounded before and after.

use std::io::Read;

use symphony_protocol::bounds::{DOCUMENT_BYTES_MAX, DOCUMENT_PACKED_BYTES_MAX};

/// Compress; None: over a bound.
pub fn pack(json: &[u8]) -> Option<Vec<u8>> {
    if json.len() > DOCUMENT_BYTES_MAX {
        return None;
    }
    let packed = zstd::encode_all(json, 3).ok()?;
    (packed.len() <= DOCUMENT_PACKED_BYTES_MAX).then_some(packed)
}

/// Decompress, giving up at the bound; the error is a sentence.
pub fn unpack(packed: &[u8]) -> Result<Vec<u8>, String> {
    let broken = |error: std::io::Error| format!("the document cannot be decompressed: {error}");
    let decoder = zstd::Decoder::new(packed).map_err(broken)?;
    let limit = u64::try_from(DOCUMENT_BYTES_MAX).unwrap_or(u64::MAX);
    let mut json = Vec::new();
    decoder.take(limit + 1).read_to_end(&mut json).map_err(broken)?;
    if json.len() > DOCUMENT_BYTES_MAX {
        return Err(format!("the document has more than {DOCUMENT_BYTES_MAX} bytes"));
    }
    Ok(json)
}
