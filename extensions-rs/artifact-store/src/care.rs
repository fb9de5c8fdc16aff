//! Looking after blobs: read again, repaired, and put under another key.

use std::fs::{self, OpenOptions};

use symphony_protocol::{ArtifactExplained, Lineage, Needed, Rewrapped as Told, StoreShow, Verified};

use crate::blob::{Rewrapped, rewrap};
use crate::catalogue::About;
use crate::error::{Error, ErrorKind};
use crate::storage::{Storage, locked};

/// Digests that an answer names, and those of which it says who needs them.
const NAMED_MAX: usize = 4096;
const NEEDED_MAX: usize = 1024;

/// What can be wrong with a blob that is catalogued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    Missing,
    Corrupt,
}

impl Damage {
    fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Corrupt => "corrupt",
        }
    }
}

/// What a part of the slow check came to.
#[derive(Clone, Debug, Default)]
pub struct Scrubbed {
    /// Where to go on; none: from the beginning.
    pub behind: Option<String>,
    pub read: u64,
    pub bytes: u64,
    pub damaged: Vec<String>,
}

impl Storage {
    /// Read one blob, or all of them, and compare. With `repair` what is corrupt is set aside in `bad`, what is missing
    /// leaves the catalogue, so that either can be stored again, and what lies there unknown is catalogued.
    pub fn verify(&self, digest: Option<&str>, repair: bool, now_ms: u64) -> Result<Verified, Error> {
        let digests = match digest {
            Some(digest) => vec![digest.to_owned()],
            None => locked(&self.catalogue).digests()?,
        };
        let mut verified = Verified::default();
        for digest in digests {
            verified.checked += 1;
            let Some(what) = self.damage(&digest)? else {
                continue;
            };
            if verified.needed.len() < NEEDED_MAX {
                verified.needed.push(locked(&self.catalogue).needed(&digest)?);
            }
            if repair {
                self.set_aside(&digest, what, now_ms)?;
                verified.repaired += 1;
            }
            match what {
                Damage::Missing => verified.missing.push(digest),
                Damage::Corrupt => verified.corrupt.push(digest),
            }
            if verified.corrupt.len() + verified.missing.len() >= NAMED_MAX {
                break;
            }
        }
        if repair && digest.is_none() {
            verified.adopted = self.adopt(now_ms)?;
        }
        Ok(verified)
    }

    /// What is wrong with a blob; none where it is what it should be. A key that is not here is no damage: an error.
    pub fn damage(&self, digest: &str) -> Result<Option<Damage>, Error> {
        match self.reader(digest).and_then(|mut reader| reader.digest()) {
            Ok(found) if found == digest => Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some(Damage::Missing)),
            Err(error) if error.kind() == ErrorKind::Unavailable => Err(error),
            Ok(_) | Err(_) => Ok(Some(Damage::Corrupt)),
        }
    }

    fn set_aside(&self, digest: &str, what: Damage, now_ms: u64) -> Result<(), Error> {
        let path = self.path(digest)?;
        let _held = self.lock(digest);
        if path.exists() {
            self.place(&path, &self.folder.join("bad").join(digest))?;
        }
        let mut catalogue = locked(&self.catalogue);
        catalogue.remove(digest)?;
        catalogue.note(
            "set_aside",
            Some(digest),
            &format!("it was {}; it can be stored again", what.word()),
            now_ms,
        )
    }

    /// Catalogue blobs that lie on the disk and are in no catalogue, as after one that was lost.
    fn adopt(&self, now_ms: u64) -> Result<u64, Error> {
        let mut adopted = 0;
        for folder in fs::read_dir(&self.folder)?.flatten() {
            let first = folder.file_name().to_string_lossy().into_owned();
            if first.len() != 2 || !folder.path().is_dir() {
                continue;
            }
            for file in fs::read_dir(folder.path())?.flatten() {
                let digest = format!("{first}{}", file.file_name().to_string_lossy());
                let _held = self.lock(&digest);
                if self.path(&digest).is_err() || locked(&self.catalogue).view(&digest)?.is_some() {
                    continue;
                }
                if self.damage(&digest)?.is_some() {
                    continue; // nobody knows of it, and nobody can use it
                }
                let about = About {
                    digest: &digest,
                    size: self.reader(&digest)?.size(),
                    stored: file.metadata().map(|about| about.len()).unwrap_or_default(),
                    media_type: "application/octet-stream",
                    created_ms: now_ms,
                };
                let mut catalogue = locked(&self.catalogue);
                catalogue.put(&about, &Lineage::default())?;
                catalogue.note(
                    "adopted",
                    Some(&digest),
                    "it lay on the disk and in no catalogue",
                    now_ms,
                )?;
                adopted += 1;
            }
        }
        Ok(adopted)
    }

    /// Read the next blobs behind a digest, `budget` bytes of them or one.
    pub fn scrub(&self, behind: Option<&str>, budget: u64, now_ms: u64) -> Result<Scrubbed, Error> {
        let next = locked(&self.catalogue).behind(behind.unwrap_or_default(), 64)?;
        let mut made = Scrubbed::default();
        for (digest, stored) in next {
            if made.read > 0 && made.bytes.saturating_add(stored) > budget {
                break;
            }
            if let Some(what) = self.damage(&digest)? {
                let needed = locked(&self.catalogue).needed(&digest)?;
                let detail = format!(
                    "it is {}; {} runs and {} values need it",
                    what.word(),
                    needed.runs.len(),
                    needed.values.len()
                );
                locked(&self.catalogue).note("damaged", Some(&digest), &detail, now_ms)?;
                made.damaged.push(digest.clone());
            }
            made.bytes = made.bytes.saturating_add(stored);
            made.read += 1;
            made.behind = Some(digest);
        }
        Ok(made)
    }

    /// Put the keys of all blobs under the newest master key, and encrypt those that are plain.
    pub fn rewrap(&self, now_ms: u64) -> Result<Told, Error> {
        if !self.keyring.is_on() {
            let text = "nothing is encrypted: `keys_file` in [store] names no key file";
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        let mut told = Told::default();
        for digest in locked(&self.catalogue).digests()? {
            let _held = self.lock(&digest);
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .open(self.path(&digest)?);
            let made = file
                .map_err(Error::from)
                .and_then(|mut file| rewrap(&mut file, &self.keyring));
            let done = match made {
                Ok(Rewrapped::Plain) => self.seal(&digest).map(|()| told.sealed += 1),
                Ok(Rewrapped::Done) => {
                    told.rewrapped += 1;
                    Ok(())
                }
                Ok(Rewrapped::AsItWas) => {
                    told.kept += 1;
                    Ok(())
                }
                Err(error) => Err(error),
            };
            if let Err(error) = done {
                tracing::warn!(%error, digest, "the key of an artifact was not changed");
                told.failed += 1;
            }
        }
        let detail = format!(
            "{} put under the newest master key, {} encrypted",
            told.rewrapped, told.sealed
        );
        locked(&self.catalogue).note("rewrapped", None, &detail, now_ms)?;
        Ok(told)
    }

    /// Write a plain blob anew, encrypted, in its own place. Its lock is held.
    fn seal(&self, digest: &str) -> Result<(), Error> {
        let mut reader = self.reader(digest)?;
        let (part, mut writer) = self.begin(&format!("seal-{digest}"))?;
        for index in 0..reader.pieces() {
            writer.write(&reader.piece(index)?)?;
        }
        if writer.finish()?.digest != digest {
            self.discard(&part);
            return Err(Error::new(ErrorKind::Corrupt, "it is not what was stored"));
        }
        self.place(&part, &self.path(digest)?)
    }

    pub fn needed(&self, digest: &str) -> Result<Needed, Error> {
        locked(&self.catalogue).needed(digest)
    }

    pub fn show(&self) -> Result<StoreShow, Error> {
        let catalogue = locked(&self.catalogue);
        let (artifacts, size_bytes, stored_bytes) = catalogue.totals()?;
        Ok(StoreShow {
            artifacts,
            size_bytes,
            stored_bytes,
            encrypted: self.keyring.is_on(),
            keys: self.keyring.count() as u64,
            trail: catalogue.noted()?,
            ..Default::default()
        })
    }

    pub fn explain(&self, digest: &str, depth: usize) -> Result<ArtifactExplained, Error> {
        let encrypted = self.reader(digest).map(|reader| reader.is_encrypted());
        let catalogue = locked(&self.catalogue);
        let artifact = catalogue
            .view(digest)?
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("there is no artifact {digest}")))?;
        let named_by = catalogue.named_by(digest)?;
        let down = catalogue.graph(digest, false, depth)?;
        let runs = catalogue.needed(digest)?.runs.len();
        let why = if encrypted.is_err() {
            "it is catalogued, and cannot be read: `symphony artifacts verify` tells more".to_owned()
        } else if !named_by.is_empty() {
            format!(
                "{} stored values name it, and keep it as long as they are kept",
                named_by.len()
            )
        } else if runs > 0 {
            format!("{runs} runs made or used it; it goes with the last of them, by the retention's rules")
        } else {
            "no run made it: it was stored by hand, and goes by the retention's rules".to_owned()
        };
        Ok(ArtifactExplained {
            tags: catalogue.tags(digest)?,
            up: catalogue.graph(digest, true, depth)?,
            down,
            named_by,
            encrypted: encrypted.unwrap_or(false),
            why,
            artifact,
            ..Default::default()
        })
    }
}
