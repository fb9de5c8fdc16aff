//! Documents as submissions carry them: canonical JSON under zstd, bounded before and after.

use std::io::Read;
use std::sync::Arc;

use symphony_protocol::Problem;
use symphony_protocol::bounds::{DOCUMENT_BYTES_MAX, DOCUMENT_PACKED_BYTES_MAX};

use crate::check::{NoFunctions, check};
use crate::plan::Plan;

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
    if packed.len() > DOCUMENT_PACKED_BYTES_MAX {
        return Err(format!(
            "the packed document has more than {DOCUMENT_PACKED_BYTES_MAX} bytes"
        ));
    }
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

/// The plan of a submission's document, functions unasked: what the fold runs must not hang on who is there.
pub fn compile(packed: &[u8]) -> Result<Arc<Plan>, Vec<Problem>> {
    let json = unpack(packed).map_err(|message| {
        vec![Problem {
            message,
            remedy: "send canonical JSON under zstd".to_owned(),
            ..Default::default()
        }]
    })?;
    check(&json, &NoFunctions)
}
