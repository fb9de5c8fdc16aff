//! Keys of tenants: what a tenant stores is sealed under a key of its own, which lies in a file under the master key.
//!
//! A key file is `SYMKEYS1`, two slots for the wrapped key (`keyring.rs`), of which one may be empty, and the tenant's name. A new
//! master key's wrapping is written and synced beside the old one before that is wiped, so that whenever it is cut off one of
//! the two reads. So a change of the master key writes one slot a tenant, and no blob.
//!
//! Each record has a key made from the tenant's and from its digest, and a random nonce: no key seals more than the few copies
//! of one content, so that random nonces never come near their bound (NIST SP 800-38D, 8.3).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::error::{Error, ErrorKind};
use crate::faults;
use crate::keyring::{Key, Keyring, NONCE_BYTES, SLOT_BYTES, Slot};
use crate::record::{Digest, Kind};
use crate::storage::locked;

const HEAD: &[u8; 8] = b"SYMKEYS1";

/// A tenant's key.
pub struct Domain {
    id: u64,
    key: Key,
    keyring: Arc<Keyring>,
}

impl Domain {
    pub fn id(&self) -> u64 {
        self.id
    }

    fn of_record(&self, kind: Kind, digest: &Digest) -> Result<Key, Error> {
        let mut named = [0; 33];
        let parts = std::iter::once(kind as u8).chain(*digest);
        named.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        Key::of(*blake3::keyed_hash(self.key.plain(), &named).as_bytes())
    }

    /// Nonce, ciphertext and tag.
    pub fn seal(
        &self,
        kind: Kind,
        digest: &Digest,
        bound: &[u8],
        mut data: Vec<u8>,
    ) -> Result<Vec<u8>, Error> {
        let mut nonce = [0; NONCE_BYTES];
        self.keyring.fill(&mut nonce)?;
        self.of_record(kind, digest)?.seal(nonce, bound, &mut data)?;
        Ok([nonce.as_slice(), &data].concat())
    }

    /// The other way, in place. Kind `Corrupt`: it was sealed as something else, or under another key.
    pub fn open(&self, kind: Kind, digest: &Digest, bound: &[u8], data: &mut Vec<u8>) -> Result<(), Error> {
        let cut = || Error::new(ErrorKind::Corrupt, "the blob is damaged: it is cut off");
        let nonce: [u8; NONCE_BYTES] = *data.first_chunk().ok_or_else(cut)?;
        data.drain(..NONCE_BYTES);
        self.of_record(kind, digest)?.open(nonce, bound, data)
    }
}

/// What came of the keys when they were to be put under the newest master key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    pub done: u64,
    pub kept: u64,
    pub failed: u64,
}

#[derive(Default)]
struct Known {
    keys: HashMap<u64, Arc<Domain>>,
    tenants: BTreeMap<String, u64>,
    files: HashMap<u64, PathBuf>,
    /// Keys of no tenant.
    house: BTreeSet<u64>,
}

/// The keys of all tenants.
pub struct Domains {
    folder: PathBuf,
    keyring: Arc<Keyring>,
    known: Mutex<Known>,
}

impl Domains {
    /// Read the key files of a folder. Those under a master key that is not here stay, and cannot be used.
    pub fn open(folder: &Path, keyring: Keyring) -> Result<Self, Error> {
        fs::create_dir_all(folder)?;
        let keyring = Arc::new(keyring);
        let mut known = Known::default();
        for entry in fs::read_dir(folder)?.flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            let id = name
                .strip_suffix(".key")
                .and_then(|hex| u64::from_str_radix(hex, 16).ok());
            let Some(id) = id else {
                fs::remove_file(&path)?; // half written: nothing can be sealed under it
                continue;
            };
            let (slots, tenant) = slots(&mut File::open(&path)?)?;
            for slot in &slots {
                if let Some(key) = keyring.unwrap(slot)? {
                    let keyring = keyring.clone();
                    known.keys.insert(id, Arc::new(Domain { id, key, keyring }));
                    known.tenants.insert(tenant.clone(), id);
                }
            }
            if tenant.is_empty() {
                known.house.insert(id);
            }
            known.files.insert(id, path);
        }
        Ok(Self {
            folder: folder.to_owned(),
            keyring,
            known: Mutex::new(known),
        })
    }

    pub fn is_on(&self) -> bool {
        self.keyring.is_on()
    }

    pub fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Master keys.
    pub fn masters(&self) -> usize {
        self.keyring.count()
    }

    /// Tenants' keys that can be used.
    pub fn count(&self) -> usize {
        locked(&self.known).keys.len()
    }

    /// The key of a tenant, made if there is none; none where nothing is encrypted.
    pub fn of_tenant(&self, tenant: &str) -> Result<Option<Arc<Domain>>, Error> {
        if !self.is_on() {
            return Ok(None);
        }
        let mut known = locked(&self.known);
        let there = known.tenants.get(tenant).and_then(|id| known.keys.get(id));
        if let Some(domain) = there {
            return Ok(Some(domain.clone()));
        }
        let key = self.keyring.make()?;
        let id = key.id();
        let path = self.folder.join(format!("{id:016x}.key"));
        let part = path.with_extension("part");
        let mut file = File::create(&part)?;
        let head = [
            HEAD.as_slice(),
            &self.keyring.wrap(&key)?,
            &[0; SLOT_BYTES],
            tenant.as_bytes(),
        ];
        file.write_all(&head.concat())?;
        file.sync_all()?;
        faults::at("key.written");
        fs::rename(&part, &path)?;
        File::open(&self.folder)?.sync_all()?;
        let keyring = self.keyring.clone();
        let domain = Arc::new(Domain { id, key, keyring });
        known.keys.insert(id, domain.clone());
        known.tenants.insert(tenant.to_owned(), id);
        known.files.insert(id, path);
        Ok(Some(domain))
    }

    /// The key of a record; none where it is not sealed.
    ///
    /// Errors: `Unavailable`, it is under a master key that is not here; `NotFound`, its tenant was erased.
    pub fn of_record(&self, id: u64) -> Result<Option<Arc<Domain>>, Error> {
        if id == 0 {
            return Ok(None);
        }
        let known = locked(&self.known);
        if let Some(domain) = known.keys.get(&id) {
            return Ok(Some(domain.clone()));
        }
        Err(if known.files.contains_key(&id) {
            let text = "the blob is encrypted under a master key that is not in the key file";
            Error::new(ErrorKind::Unavailable, text)
        } else {
            Error::new(
                ErrorKind::NotFound,
                "the key of the blob was destroyed with its tenant",
            )
        })
    }

    /// Within what the same content is stored once under a key: 0 where it is the house's, else the tenant's own.
    pub fn scope(&self, id: u64) -> u64 {
        let known = locked(&self.known);
        let of_house = id == 0 || known.tenants.get("") == Some(&id) || known.house.contains(&id);
        if of_house { 0 } else { id }
    }

    /// Whether the file of a key is here, readable or not.
    pub fn is_known(&self, id: u64) -> bool {
        locked(&self.known).files.contains_key(&id)
    }

    /// The keys of a tenant by their numbers.
    pub fn ids(&self, tenant: &str) -> Result<Vec<u64>, Error> {
        let files = locked(&self.known).files.clone();
        let mut ids = Vec::new();
        for (id, path) in files {
            if slots(&mut File::open(path)?)?.1 == tenant {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    /// Destroy a key: what was sealed under it can never be read again, wherever copies of the packs lie.
    pub fn destroy(&self, id: u64) -> Result<(), Error> {
        let mut known = locked(&self.known);
        if let Some(path) = known.files.get(&id) {
            let mut file = OpenOptions::new().write(true).open(path)?;
            file.seek(SeekFrom::Start(HEAD.len() as u64))?;
            file.write_all(&[0; SLOT_BYTES * 2])?;
            file.sync_all()?;
            fs::remove_file(path)?;
            File::open(&self.folder)?.sync_all()?;
        }
        known.files.remove(&id);
        known.keys.remove(&id);
        known.tenants.retain(|_, known| *known != id);
        Ok(())
    }

    /// Put all keys under the newest master key, and nothing of them under another.
    pub fn rewrap(&self) -> Rewrapped {
        let mut made = Rewrapped::default();
        let known = locked(&self.known);
        for (id, path) in &known.files {
            match known
                .keys
                .get(id)
                .map(|domain| self.rewrap_one(path, &domain.key))
            {
                Some(Ok(true)) => made.done += 1,
                Some(Ok(false)) => made.kept += 1,
                Some(Err(error)) => {
                    tracing::warn!(%error, "the key of a tenant was not changed");
                    made.failed += 1;
                }
                None => made.failed += 1,
            }
        }
        made
    }

    fn rewrap_one(&self, path: &Path, key: &Key) -> Result<bool, Error> {
        let mut file = OpenOptions::new().read(true).write(true).open(path)?;
        let (slots, _) = slots(&mut file)?;
        let empty = [0; SLOT_BYTES];
        let reads = |slot: &Slot| matches!(self.keyring.unwrap(slot), Ok(Some(_)));
        let current = slots
            .iter()
            .position(|slot| self.keyring.is_current(slot) && reads(slot));
        if current.is_some() && slots.contains(&empty) {
            return Ok(false);
        }
        let mut write = |at: usize, slot: &Slot| -> Result<(), Error> {
            file.seek(SeekFrom::Start((HEAD.len() + at * SLOT_BYTES) as u64))?;
            file.write_all(slot)?;
            Ok(file.sync_all()?)
        };
        let current = match current {
            Some(at) => at,
            None => {
                // Not over the one that can be read.
                let at = usize::from(slots.first().is_some_and(reads));
                write(at, &self.keyring.wrap(key)?)?;
                at
            }
        };
        write(1 - current, &empty)?;
        Ok(true)
    }
}

fn slots(file: &mut File) -> Result<([Slot; 2], String), Error> {
    let cut = |_| Error::new(ErrorKind::Corrupt, "a key file is cut off");
    let mut head = [0; HEAD.len()];
    file.seek(SeekFrom::Start(0))?;
    file.read_exact(&mut head).map_err(cut)?;
    if &head != HEAD {
        return Err(Error::new(ErrorKind::Corrupt, "a key file does not begin as one"));
    }
    let mut slots = [[0; SLOT_BYTES]; 2];
    for slot in &mut slots {
        file.read_exact(slot).map_err(cut)?;
    }
    let mut tenant = String::new();
    file.read_to_string(&mut tenant)?;
    Ok((slots, tenant))
}
