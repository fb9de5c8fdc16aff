//! Uploads under way: pieces may overtake each other by a few, memory is bounded, and who goes away is forgotten.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use symphony_protocol::{Lineage, Payload};

use crate::error::{Error, ErrorKind};
use crate::storage::Storage;
use crate::writer::Writer;

/// Uploads at once.
const UPLOADS_MAX: usize = 256;
/// Pieces that may be ahead of the one that is missing: 16 MiB of an upload at most.
const AHEAD_MAX: u64 = 16;
/// An upload that has not moved for so long is given up.
const SILENT_MS: u64 = 120_000;

/// One upload.
pub struct Upload {
    pub media_type: String,
    pub lineage: Lineage,
    writer: Option<Writer>,
    next: u64,
    ahead: BTreeMap<u64, Payload>,
    touched_ms: u64,
    bytes_max: u64,
}

impl Upload {
    /// Take a piece; one that came before is passed over.
    pub fn piece(&mut self, index: u64, data: Payload, now_ms: u64) -> Result<(), Error> {
        self.touched_ms = now_ms;
        if index < self.next || self.ahead.contains_key(&index) {
            return Ok(());
        }
        if index > self.next + AHEAD_MAX {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("piece {index} is too far ahead of piece {}", self.next),
            ));
        }
        self.ahead.insert(index, data);
        while let Some(data) = self.ahead.remove(&self.next) {
            let writer = self
                .writer
                .as_mut()
                .ok_or_else(|| Error::new(ErrorKind::Invalid, "the upload has ended"))?;
            if writer.size() + data.len() as u64 > self.bytes_max {
                return Err(Error::new(
                    ErrorKind::TooLarge,
                    format!("the blob has more than {} bytes", self.bytes_max),
                ));
            }
            writer.write(&data)?;
            self.next += 1;
        }
        Ok(())
    }

    /// The writer, once `count` pieces are written.
    pub fn finish(&mut self, count: u64) -> Result<Writer, Error> {
        if self.next != count {
            let message = format!("{} of {count} pieces have come", self.next);
            return Err(Error::new(ErrorKind::Invalid, message));
        }
        self.writer
            .take()
            .ok_or_else(|| Error::new(ErrorKind::Invalid, "the upload has ended"))
    }
}

/// All uploads.
#[derive(Default)]
pub struct Uploads {
    open: HashMap<String, Arc<std::sync::Mutex<Upload>>>,
    count: u64,
}

impl Uploads {
    pub fn begin(
        &mut self,
        storage: &Storage,
        tenant: &str,
        media_type: String,
        lineage: Lineage,
        bytes_max: u64,
        now_ms: u64,
    ) -> Result<String, Error> {
        self.expire(now_ms);
        if self.open.len() >= UPLOADS_MAX {
            return Err(Error::new(
                ErrorKind::Unavailable,
                "too many uploads are under way; try again",
            ));
        }
        self.count += 1;
        let name = format!("{}-{now_ms:x}-{}", std::process::id(), self.count);
        let writer = Some(storage.begin(tenant)?);
        let upload = Upload {
            media_type,
            lineage,
            writer,
            next: 0,
            ahead: BTreeMap::new(),
            touched_ms: now_ms,
            bytes_max,
        };
        self.open
            .insert(name.clone(), Arc::new(std::sync::Mutex::new(upload)));
        Ok(name)
    }

    pub fn get(&self, name: &str) -> Result<Arc<std::sync::Mutex<Upload>>, Error> {
        let unknown = || Error::new(ErrorKind::NotFound, "there is no such upload; begin again");
        self.open.get(name).cloned().ok_or_else(unknown)
    }

    pub fn end(&mut self, name: &str) {
        self.open.remove(name);
    }

    fn expire(&mut self, now_ms: u64) {
        self.open.retain(|_, upload| {
            let Ok(upload) = upload.lock() else { return false };
            upload.touched_ms + SILENT_MS > now_ms
        });
    }
}
