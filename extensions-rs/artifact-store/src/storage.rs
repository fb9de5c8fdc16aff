//! Blobs on the disk: written beside their place, synced, renamed, the folder synced. Nothing half is ever visible.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use symphony_protocol::{ArtifactView, Lineage, ListArtifacts, Trail};

use crate::blob::{Reader, Writer, Written};
use crate::catalogue::{About, Catalogue};
use crate::error::{Error, ErrorKind};
use crate::keyring::Keyring;
use crate::references::{self, VALUE_MEDIA_TYPE};

/// Locks of digests: a put and a delete of the same blob never interleave.
const STRIPES: usize = 64;
/// Of a text, what is indexed.
const TEXT_BYTES: usize = 64 * 1024;
/// Media types that are text beside `text/*`, by their ends.
const TEXTUAL: [&str; 4] = ["json", "xml", "yaml", "toml"];
/// Values whose references are looked up before one deletion; the next one goes on from there.
const WALKS_MAX: usize = 1024;

pub struct Storage {
    pub(crate) folder: PathBuf,
    pub(crate) catalogue: Mutex<Catalogue>,
    pub(crate) keyring: Keyring,
    stripes: Vec<Mutex<()>>,
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while it was held left nothing half: every change is one transaction or one rename.
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Storage {
    /// Open a folder; what a crash left behind of unfinished writes is removed.
    pub fn open(data: &Path) -> Result<Self, Error> {
        Self::open_with(data, Keyring::default())
    }

    /// What is stored from now on is encrypted where there are master keys.
    pub fn open_with(data: &Path, keyring: Keyring) -> Result<Self, Error> {
        let folder = data.join("artifacts");
        fs::create_dir_all(folder.join("part"))?;
        for entry in fs::read_dir(folder.join("part"))?.flatten() {
            fs::remove_file(entry.path())?;
        }
        let catalogue = Catalogue::open(&folder.join("catalogue.sqlite"))?;
        let stripes = (0..STRIPES).map(|_| Mutex::new(())).collect();
        Ok(Self {
            folder,
            catalogue: Mutex::new(catalogue),
            keyring,
            stripes,
        })
    }

    pub(crate) fn path(&self, digest: &str) -> Result<PathBuf, Error> {
        let hex = digest.len() == 64
            && digest
                .bytes()
                .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
        let (first, rest) = digest
            .split_at_checked(2)
            .filter(|_| hex)
            .ok_or_else(|| Error::new(ErrorKind::Invalid, format!("`{digest}` is no digest")))?;
        Ok(self.folder.join(first).join(rest))
    }

    pub(crate) fn lock(&self, digest: &str) -> Option<MutexGuard<'_, ()>> {
        let at = usize::from_str_radix(digest.get(..2).unwrap_or("0"), 16).unwrap_or_default() % STRIPES;
        self.stripes.get(at).map(locked)
    }

    /// A file to write a blob into; `name` is the upload's.
    pub fn begin(&self, name: &str) -> Result<(PathBuf, Writer), Error> {
        let path = self.folder.join("part").join(name);
        Ok((path.clone(), Writer::new(File::create(path)?, &self.keyring)?))
    }

    pub fn has(&self, digest: &str) -> bool {
        self.path(digest).is_ok_and(|path| path.exists())
    }

    /// Make a written blob visible under its digest. `expected`, when given, must be what was computed.
    pub fn commit(
        &self,
        part: &Path,
        writer: Writer,
        expected: Option<&str>,
        media_type: &str,
        lineage: &Lineage,
        now_ms: u64,
    ) -> Result<Written, Error> {
        let written = writer.finish()?;
        if expected.is_some_and(|expected| expected != written.digest) {
            fs::remove_file(part)?;
            return Err(Error::new(
                ErrorKind::Invalid,
                "the content is not that of the digest",
            ));
        }
        let path = self.path(&written.digest)?;
        let _held = self.lock(&written.digest);
        // Before the blob can be seen: nobody finds a value while what it names may still be deleted.
        if let Err(error) = self.walk(&written.digest, part, media_type) {
            self.discard(part);
            return Err(error);
        }
        if path.exists() {
            fs::remove_file(part)?; // known already: the same content
        } else {
            self.place(part, &path)?;
        }
        let about = About {
            digest: &written.digest,
            size: written.size,
            stored: written.stored,
            media_type,
            created_ms: now_ms,
        };
        locked(&self.catalogue).put(&about, lineage)?;
        self.index(&written.digest, media_type, lineage)?;
        Ok(written)
    }

    /// Move a file that is synced to where it belongs, in one step that a crash leaves done or not begun.
    pub(crate) fn place(&self, part: &Path, path: &Path) -> Result<(), Error> {
        let folder = path.parent().unwrap_or(&self.folder);
        if !folder.exists() {
            fs::create_dir_all(folder)?;
            File::open(&self.folder)?.sync_all()?;
        }
        fs::rename(part, path)?;
        Ok(File::open(folder)?.sync_all()?)
    }

    /// Note what a value names, unless that is known.
    fn walk(&self, digest: &str, file: &Path, media_type: &str) -> Result<(), Error> {
        if media_type != VALUE_MEDIA_TYPE || locked(&self.catalogue).walked(digest)? {
            return Ok(());
        }
        let named = references::named(Reader::open(File::open(file)?, &self.keyring)?)?;
        locked(&self.catalogue).name(digest, &named)
    }

    /// Note what those values name that were stored before anyone did so. False: some are left, so nothing is sure yet.
    pub fn walk_rest(&self) -> Result<bool, Error> {
        let rest = locked(&self.catalogue).unwalked(VALUE_MEDIA_TYPE, WALKS_MAX)?;
        for digest in &rest {
            let _held = self.lock(digest);
            let path = self.path(digest)?;
            if path.exists() {
                self.walk(digest, &path, VALUE_MEDIA_TYPE)?;
            } else {
                locked(&self.catalogue).remove(digest)?;
            }
        }
        Ok(rest.len() < WALKS_MAX)
    }

    pub fn discard(&self, part: &Path) {
        let _ = fs::remove_file(part); // it may never have been made
    }

    /// Note that a blob which is here was stored once more.
    pub fn touch(
        &self,
        digest: &str,
        media_type: &str,
        lineage: &Lineage,
        now_ms: u64,
    ) -> Result<u64, Error> {
        let _held = self.lock(digest);
        let size = self.reader(digest)?.size();
        self.walk(digest, &self.path(digest)?, media_type)?;
        let about = About {
            digest,
            size,
            stored: 0,
            media_type,
            created_ms: now_ms,
        };
        locked(&self.catalogue).put(&about, lineage)?;
        if lineage.name.is_some() {
            locked(&self.catalogue).index(digest, media_type, "")?;
        }
        Ok(size)
    }

    /// Have it found by words: what has a name, or is text. Steps' values are neither, and cost nothing here. The text of
    /// what is encrypted is in no index.
    fn index(&self, digest: &str, media_type: &str, lineage: &Lineage) -> Result<(), Error> {
        let textual =
            media_type.starts_with("text/") || TEXTUAL.iter().any(|known| media_type.ends_with(known));
        if !textual && lineage.name.is_none() {
            return Ok(());
        }
        let text = if textual && !self.keyring.is_on() {
            String::from_utf8_lossy(&self.reader(digest)?.range(0, TEXT_BYTES)?).into_owned()
        } else {
            String::new()
        };
        locked(&self.catalogue).index(digest, media_type, &text)
    }

    pub fn search(&self, words: &str, limit: usize) -> Result<Vec<ArtifactView>, Error> {
        locked(&self.catalogue).search(words, limit)
    }

    /// Kind `NotFound`: there is no such artifact.
    pub fn tag(
        &self,
        digest: &str,
        add: &[String],
        remove: &[String],
        now_ms: u64,
    ) -> Result<Vec<String>, Error> {
        let mut catalogue = locked(&self.catalogue);
        let media_type = catalogue
            .media_type(digest)?
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no artifact {digest}")))?;
        let tags = catalogue.tag(digest, add, remove)?;
        catalogue.index(digest, &media_type, "")?;
        catalogue.note("tagged", Some(digest), &tags.join(" "), now_ms)?;
        Ok(tags)
    }

    /// Write down what was done, for the audit trail.
    pub fn note(&self, what: &str, digest: Option<&str>, detail: &str, now_ms: u64) -> Result<(), Error> {
        locked(&self.catalogue).note(what, digest, detail, now_ms)
    }

    pub fn trail(&self, start: u64, limit: usize) -> Result<Trail, Error> {
        locked(&self.catalogue).trail(start, limit)
    }

    pub(crate) fn reader(&self, digest: &str) -> Result<Reader, Error> {
        let file = File::open(self.path(digest)?).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::new(ErrorKind::NotFound, format!("there is no artifact {digest}"))
            }
            _ => error.into(),
        })?;
        Reader::open(file, &self.keyring)
    }

    /// A range, the whole's size and its media type.
    pub fn get(&self, digest: &str, offset: u64, length: usize) -> Result<(Vec<u8>, u64, String), Error> {
        let mut reader = self.reader(digest)?;
        let data = reader.range(offset, length)?;
        let media_type = locked(&self.catalogue).media_type(digest)?;
        Ok((
            data,
            reader.size(),
            media_type.unwrap_or_else(|| "application/octet-stream".to_owned()),
        ))
    }

    pub fn list(&self, ask: &ListArtifacts) -> Result<(Vec<ArtifactView>, Option<u64>), Error> {
        locked(&self.catalogue).list(ask)
    }

    /// Delete a blob, unless it was stored after `before_ms` or a stored value names it: its content is part of that
    /// value. Gives the bytes that became free, or None where it stays.
    pub fn delete(&self, digest: &str, before_ms: u64) -> Result<Option<u64>, Error> {
        let path = self.path(digest)?;
        let _held = self.lock(digest);
        let mut catalogue = locked(&self.catalogue);
        if catalogue.created_ms(digest)?.is_some_and(|at| at >= before_ms) || catalogue.is_named(digest)? {
            return Ok(None);
        }
        let bytes = fs::metadata(&path).map(|about| about.len()).unwrap_or_default();
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        catalogue.remove(digest)?;
        Ok(Some(bytes))
    }
}
