//! Packs: files that records are appended to, so that a million small blobs are a few files, and what many put at the same time is
//! synced once.
//!
//! A pack begins with `SYMPACK1` (`SYMPACK2`: all of it is sealed) and takes records until it is full; a start begins a new one,
//! so that what a crash left at the end of the last is never written behind. Which records count is said by the catalogue (`places.rs`).

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

use crate::error::{Error, ErrorKind};
use crate::faults;
use crate::storage::locked;

pub const HEAD: &[u8; 8] = b"SYMPACK1";
pub const HEAD_SEALED: &[u8; 8] = b"SYMPACK2";
/// A pack is closed once it has so many bytes: small enough to be copied in a second, large enough that a terabyte is some
/// thousands of files.
pub const PACK_BYTES: u64 = 64 << 20;
/// Files held open for reading.
const HANDLES_MAX: usize = 64;

/// Where a record lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    pub pack: u64,
    pub offset: u64,
    pub length: u32,
}

impl Spot {
    pub fn end(&self) -> u64 {
        self.offset + u64::from(self.length)
    }
}

/// The pack that is written to.
struct Active {
    number: u64,
    file: Arc<File>,
    end: u64,
    synced: u64,
}

#[derive(Default)]
struct Book {
    active: Option<Active>,
    next: u64,
    syncing: bool,
    /// Packs of which the disk did not take a sync: nothing of them is acknowledged any more.
    failed: BTreeSet<u64>,
    /// Records that are written and not catalogued yet, by pack and offset.
    pending: BTreeSet<(u64, u64)>,
    /// Packs with content that somebody is about to catalogue: they are not compacted.
    pins: HashMap<u64, usize>,
}

pub struct Packs {
    folder: PathBuf,
    pack_bytes: u64,
    head: &'static [u8; 8],
    book: Mutex<Book>,
    synced: Condvar,
    handles: Mutex<HashMap<u64, Arc<File>>>,
}

/// A pack is not compacted as long as this is held.
pub struct Pin {
    packs: Arc<Packs>,
    pack: u64,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut book = locked(&self.packs.book);
        if let Some(count) = book.pins.get_mut(&self.pack) {
            *count -= 1;
            if *count == 0 {
                book.pins.remove(&self.pack);
            }
        }
    }
}

/// A record is written and not catalogued as long as this is held.
pub struct Pending {
    packs: Arc<Packs>,
    pub spot: Spot,
    _pin: Pin,
}

impl Drop for Pending {
    fn drop(&mut self) {
        locked(&self.packs.book)
            .pending
            .remove(&(self.spot.pack, self.spot.offset));
    }
}

impl Packs {
    /// `next` is above the number of every pack that ever was.
    pub fn open(folder: &Path, pack_bytes: u64, sealed: bool, next: u64) -> Result<Self, Error> {
        fs::create_dir_all(folder)?;
        let book = Book {
            next,
            ..Book::default()
        };
        Ok(Self {
            folder: folder.to_owned(),
            pack_bytes,
            head: if sealed { HEAD_SEALED } else { HEAD },
            book: Mutex::new(book),
            synced: Condvar::new(),
            handles: Mutex::default(),
        })
    }

    pub fn path(&self, pack: u64) -> PathBuf {
        self.folder.join(format!("{pack:012}.pack"))
    }

    /// The packs that lie in a folder, by their numbers.
    pub fn listed(folder: &Path) -> Result<Vec<u64>, Error> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            found.extend(
                name.strip_suffix(".pack")
                    .and_then(|number| number.parse::<u64>().ok()),
            );
        }
        found.sort_unstable();
        Ok(found)
    }

    pub fn head(&self) -> &'static [u8; 8] {
        self.head
    }

    pub fn pack_bytes(&self) -> u64 {
        self.pack_bytes
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A number that no pack had.
    pub fn number(&self) -> u64 {
        let mut book = locked(&self.book);
        book.next += 1;
        book.next - 1
    }

    fn begin(&self, book: &mut Book) -> Result<(), Error> {
        let number = book.next;
        book.next += 1;
        let file = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .open(self.path(number))?;
        file.write_all_at(self.head, 0)?;
        File::open(&self.folder)?.sync_all()?;
        faults::at("pack.created");
        let end = HEAD.len() as u64;
        book.active = Some(Active {
            number,
            file: Arc::new(file),
            end,
            synced: 0,
        });
        Ok(())
    }

    fn write(&self, book: &mut Book, record: &[u8]) -> Result<Spot, Error> {
        let length = u32::try_from(record.len())
            .map_err(|_| Error::new(ErrorKind::TooLarge, "a part of the blob is too large"))?;
        let empty = HEAD.len() as u64;
        let full = |active: &Active| active.end > empty && active.end + u64::from(length) > self.pack_bytes;
        if book.active.as_ref().is_some_and(full) {
            self.close(book)?;
        }
        if book.active.is_none() {
            self.begin(book)?;
        }
        let active = book
            .active
            .as_mut()
            .ok_or_else(|| Error::new(ErrorKind::Unavailable, "there is no pack to write to"))?;
        let spot = Spot {
            pack: active.number,
            offset: active.end,
            length,
        };
        if cfg!(feature = "faults") {
            // The process may die in the middle of a record.
            let half = record.get(..record.len() / 2).unwrap_or_default();
            active.file.write_all_at(half, spot.offset)?;
            faults::at("pack.torn");
        }
        if let Err(error) = active.file.write_all_at(record, spot.offset) {
            book.active = None; // what is there now is not known: nothing is written behind it
            return Err(error.into());
        }
        active.end = spot.end();
        faults::at("pack.appended");
        Ok(spot)
    }

    /// Close the pack that is written to, with all of it on the disk.
    fn close(&self, book: &mut Book) -> Result<(), Error> {
        let Some(active) = book.active.take() else {
            return Ok(());
        };
        if let Err(error) = active.file.sync_data() {
            book.failed.insert(active.number);
            return Err(error.into());
        }
        Ok(())
    }

    /// Have the next record begin a new pack.
    pub fn roll(&self) -> Result<(), Error> {
        self.close(&mut locked(&self.book))
    }

    /// Write a record that will be catalogued by itself. It is on the disk after `sync`.
    pub fn append(self: &Arc<Self>, record: &[u8]) -> Result<Pending, Error> {
        let mut book = locked(&self.book);
        let spot = self.write(&mut book, record)?;
        book.pending.insert((spot.pack, spot.offset));
        Ok(Pending {
            packs: self.clone(),
            spot,
            _pin: self.pinned(&mut book, spot.pack),
        })
    }

    /// Write a record that only another one, written later, makes part of something.
    pub fn append_part(self: &Arc<Self>, record: &[u8]) -> Result<(Spot, Pin), Error> {
        let mut book = locked(&self.book);
        let spot = self.write(&mut book, record)?;
        Ok((spot, self.pinned(&mut book, spot.pack)))
    }

    fn pinned(self: &Arc<Self>, book: &mut Book, pack: u64) -> Pin {
        *book.pins.entry(pack).or_default() += 1;
        Pin {
            packs: self.clone(),
            pack,
        }
    }

    pub fn pin(self: &Arc<Self>, pack: u64) -> Pin {
        self.pinned(&mut locked(&self.book), pack)
    }

    /// Whether a pack may be compacted: nobody writes to it, and nobody is about to catalogue what is in it.
    pub fn is_free(&self, pack: u64) -> bool {
        let book = locked(&self.book);
        let active = book.active.as_ref().is_some_and(|active| active.number == pack);
        !active && !book.pins.contains_key(&pack)
    }

    /// Up to where a pack is catalogued once a record is, those of uploads under way aside.
    pub fn catalogued(&self, spot: &Spot) -> u64 {
        let book = locked(&self.book);
        let of_pack = book.pending.range((spot.pack, 0)..(spot.pack + 1, 0));
        let first = of_pack
            .map(|(_, offset)| *offset)
            .find(|offset| *offset != spot.offset);
        let end = book
            .active
            .as_ref()
            .filter(|active| active.number == spot.pack)
            .map_or(spot.end(), |active| active.end);
        first.unwrap_or(end)
    }

    /// Return once a record is on the disk. Whoever comes first syncs for all that have come until then.
    pub fn sync(&self, spot: &Spot) -> Result<(), Error> {
        let mut book = locked(&self.book);
        loop {
            if book.failed.contains(&spot.pack) {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    "the disk did not take what was written",
                ));
            }
            let Some(active) = book.active.as_ref().filter(|active| active.number == spot.pack) else {
                return Ok(()); // closed, and synced by that
            };
            if active.synced >= spot.end() {
                return Ok(());
            }
            if book.syncing {
                book = self
                    .synced
                    .wait(book)
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                continue;
            }
            let (file, end) = (active.file.clone(), active.end);
            book.syncing = true;
            drop(book);
            let done = file.sync_data();
            book = locked(&self.book);
            book.syncing = false;
            self.synced.notify_all();
            match done {
                Ok(()) => {
                    let active = book.active.as_mut();
                    if let Some(active) = active.filter(|active| active.number == spot.pack) {
                        active.synced = active.synced.max(end);
                    }
                    faults::at("pack.synced");
                }
                Err(error) => {
                    // What the kernel dropped is not written by a second try.
                    book.failed.insert(spot.pack);
                    book.active = None;
                    return Err(error.into());
                }
            }
        }
    }

    /// The bytes of a record. Kind `NotFound`: the pack is not here (any more).
    pub fn read(&self, spot: &Spot) -> Result<Vec<u8>, Error> {
        let file = self.handle(spot.pack)?;
        let mut data = vec![0; spot.length as usize];
        file.read_exact_at(&mut data, spot.offset)
            .map_err(|_| Error::new(ErrorKind::Corrupt, "the blob is damaged: its pack is cut off"))?;
        Ok(data)
    }

    fn handle(&self, pack: u64) -> Result<Arc<File>, Error> {
        let mut handles = locked(&self.handles);
        if let Some(file) = handles.get(&pack) {
            return Ok(file.clone());
        }
        let file = Arc::new(File::open(self.path(pack))?);
        if handles.len() >= HANDLES_MAX {
            handles.clear(); // they are opened again in some microseconds
        }
        handles.insert(pack, file.clone());
        Ok(file)
    }

    /// Remove a pack that nothing lies in any more. Who reads from it still can.
    pub fn remove(&self, pack: u64) -> Result<(), Error> {
        locked(&self.handles).remove(&pack);
        match fs::remove_file(self.path(pack)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_where_they_were_written_over_many_packs() {
        let folder = tempfile::tempdir().unwrap();
        let packs = Arc::new(Packs::open(folder.path(), 1000, false, 1).unwrap());
        let records: Vec<Vec<u8>> = (0..40_u8).map(|n| vec![n; 100 + usize::from(n)]).collect();
        let spots: Vec<Spot> = records
            .iter()
            .map(|record| packs.append_part(record).unwrap().0)
            .collect();
        for (record, spot) in records.iter().zip(&spots) {
            packs.sync(spot).unwrap();
            assert_eq!(&packs.read(spot).unwrap(), record);
        }
        let listed = Packs::listed(folder.path()).unwrap();
        assert_eq!(listed, (1..=spots.last().unwrap().pack).collect::<Vec<_>>());
        assert!(listed.len() > 4);
        packs.remove(1).unwrap();
        assert_eq!(packs.read(&spots[0]).unwrap_err().kind(), ErrorKind::NotFound);
    }

    #[test]
    fn a_pack_counts_as_catalogued_up_to_the_first_record_that_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let packs = Arc::new(Packs::open(folder.path(), PACK_BYTES, false, 1).unwrap());
        let (one, two) = (packs.append(b"one").unwrap(), packs.append(b"two").unwrap());
        assert_eq!(packs.catalogued(&two.spot), one.spot.offset);
        assert_eq!(packs.catalogued(&one.spot), two.spot.offset);
        drop(one);
        assert_eq!(packs.catalogued(&two.spot), two.spot.end());
        assert!(!packs.is_free(1));
        packs.roll().unwrap();
        assert!(!packs.is_free(1), "what is in it is about to be catalogued");
        drop(two);
        assert!(packs.is_free(1));
    }
}
