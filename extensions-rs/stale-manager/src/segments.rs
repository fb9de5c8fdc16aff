//! Segments: files of archived runs, each record a zstd frame of msgpack of its own, so that one is read without the others.
//!
//! A segment is written under another name, synced, renamed, and its folder synced; the catalogue names it only then. So
//! what the catalogue names is whole, and a file that it does not name is what a crash left.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use symphony_protocol::{ArchiveRecord, decode, encode};
use symphony_sdk::Error;

use crate::disk;

const LEVEL: i32 = 3;
/// A record unpacked: views with values are bounded by a message.
const RECORD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Where a record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub segment: u64,
    pub offset: u64,
    pub length: u64,
}

pub struct Segments {
    folder: PathBuf,
}

impl Segments {
    pub fn open(folder: &Path) -> Result<Self, Error> {
        fs::create_dir_all(folder).map_err(disk)?;
        Ok(Self {
            folder: folder.to_owned(),
        })
    }

    fn path(&self, segment: u64) -> PathBuf {
        self.folder.join(format!("{segment:016}.zst"))
    }

    /// Write a segment; where each record lies, in their order.
    pub fn write(&self, segment: u64, records: &[ArchiveRecord]) -> Result<Vec<Place>, Error> {
        let frame = |record| zstd::encode_all(encode(record)?.as_slice(), LEVEL).map_err(disk);
        let frames = records.iter().map(frame).collect::<Result<Vec<_>, _>>()?;
        self.write_frames(segment, &frames)
    }

    /// The same of records as they lie in another segment.
    pub fn write_frames(&self, segment: u64, frames: &[Vec<u8>]) -> Result<Vec<Place>, Error> {
        let part = self.folder.join(format!("{segment:016}.part"));
        let mut file = File::create(&part).map_err(disk)?;
        let mut places = Vec::with_capacity(frames.len());
        let mut offset = 0;
        for frame in frames {
            file.write_all(frame).map_err(disk)?;
            let length = u64::try_from(frame.len()).unwrap_or_default();
            places.push(Place {
                segment,
                offset,
                length,
            });
            offset += length;
        }
        file.sync_all().map_err(disk)?;
        fs::rename(&part, self.path(segment)).map_err(disk)?;
        self.sync()?;
        Ok(places)
    }

    fn sync(&self) -> Result<(), Error> {
        let folder = File::open(&self.folder).map_err(disk)?;
        folder.sync_all().map_err(disk)
    }

    /// A record as it lies there: a zstd frame of its own.
    pub fn frame(&self, place: Place) -> Result<Vec<u8>, Error> {
        let mut file = File::open(self.path(place.segment)).map_err(disk)?;
        file.seek(SeekFrom::Start(place.offset)).map_err(disk)?;
        let mut frame = Vec::new();
        file.take(place.length).read_to_end(&mut frame).map_err(disk)?;
        Ok(frame)
    }

    pub fn read(&self, place: Place) -> Result<ArchiveRecord, Error> {
        let data = zstd::bulk::decompress(&self.frame(place)?, RECORD_BYTES_MAX).map_err(disk)?;
        Ok(decode(&data)?)
    }

    pub fn size(&self, segment: u64) -> u64 {
        fs::metadata(self.path(segment)).map_or(0, |data| data.len())
    }

    pub fn remove(&self, segment: u64) -> Result<(), Error> {
        match fs::remove_file(self.path(segment)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(disk(error)),
            _ => self.sync(),
        }
    }

    /// The numbers of the segments on disk; what a crash left half-written is removed on the way.
    pub fn list(&self) -> Result<Vec<u64>, Error> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(disk)? {
            let path = entry.map_err(disk)?.path();
            let number = path
                .file_stem()
                .and_then(|stem| stem.to_str())
                .and_then(|stem| stem.parse().ok());
            match (path.extension().and_then(|kind| kind.to_str()), number) {
                (Some("zst"), Some(number)) => found.push(number),
                (Some("part"), _) => fs::remove_file(&path).map_err(disk)?,
                _ => {}
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}
