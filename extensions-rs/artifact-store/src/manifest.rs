//! A large blob as the list of its chunks.

use crate::error::{Error, ErrorKind};
use crate::packs::Spot;
use crate::record::Digest;

const ENTRY_BYTES: usize = 36;

/// A part of a blob. `at`, where it is known, saves asking the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    pub digest: Digest,
    pub size: u32,
    pub at: Option<(Spot, u64)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    pub parts: Vec<Part>,
    /// Where each part begins in the blob.
    starts: Vec<u64>,
    pub size: u64,
}

impl Manifest {
    pub fn new(parts: Vec<Part>) -> Self {
        let mut size = 0;
        let mut starts = Vec::with_capacity(parts.len());
        for part in &parts {
            starts.push(size);
            size += u64::from(part.size);
        }
        Self { parts, starts, size }
    }

    pub fn encode(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(self.parts.len() * ENTRY_BYTES);
        for part in &self.parts {
            data.extend_from_slice(&part.digest);
            data.extend_from_slice(&part.size.to_be_bytes());
        }
        data
    }

    pub fn decode(data: &[u8]) -> Result<Self, Error> {
        let (entries, []) = data.as_chunks::<ENTRY_BYTES>() else {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "the blob is damaged: its list of parts is cut off",
            ));
        };
        let part = |entry: &[u8; ENTRY_BYTES]| {
            let (digest, size) = entry.split_first_chunk::<32>()?;
            Some(Part {
                digest: *digest,
                size: u32::from_be_bytes(*size.first_chunk()?),
                at: None,
            })
        };
        Ok(Self::new(entries.iter().filter_map(part).collect()))
    }

    /// The first part that reaches behind an offset, and where it begins.
    pub fn at(&self, offset: u64) -> Option<(usize, u64)> {
        let index = self
            .starts
            .partition_point(|start| *start <= offset)
            .checked_sub(1)?;
        (offset < self.size).then_some((index, self.starts.get(index).copied()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_by_offset_and_come_back_as_written() {
        let part = |n: u8, size| Part {
            digest: [n; 32],
            size,
            at: None,
        };
        let manifest = Manifest::new(vec![part(1, 10), part(2, 5), part(3, 1)]);
        assert_eq!(Manifest::decode(&manifest.encode()).unwrap(), manifest);
        let found: Vec<_> = [0, 9, 10, 14, 15].iter().map(|at| manifest.at(*at)).collect();
        let expected = [(0, 0), (0, 0), (1, 10), (1, 10), (2, 15)].map(Some);
        assert_eq!(found, expected);
        assert_eq!(manifest.at(16), None);
        assert!(Manifest::decode(&[0; 35]).is_err());
    }
}
