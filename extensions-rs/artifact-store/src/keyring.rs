//! Encryption at rest: the master keys, under which the keys of tenants lie (`domains.rs`).
//!
//! AES-256-GCM throughout (NIST SP 800-38D), by `ring`. Master keys stand in a file, one a line in hexadecimal; the last one
//! wraps from now on, the others are there to read. So a master key is changed by adding a line, and the keys of tenants follow
//! by a new wrapping, without a blob being written anew.

use std::collections::BTreeMap;
use std::path::Path;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};

use crate::error::{Error, ErrorKind};

pub const KEY_BYTES: usize = 32;
const TAG_BYTES: usize = 16;
pub const NONCE_BYTES: usize = NONCE_LEN;
/// A master key's name: the beginning of a digest of it, which tells nothing of it.
pub type KeyId = [u8; 8];
/// A key as it lies in its file: the master key's name, a nonce, and the key with its tag.
pub const SLOT_BYTES: usize = 8 + NONCE_LEN + KEY_BYTES + TAG_BYTES;
pub type Slot = [u8; SLOT_BYTES];

/// Why a blob's key cannot be had, or none be made.
fn refused(what: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("the blob cannot be decrypted: {what}"),
    )
}

fn cipher(key: &[u8]) -> Result<LessSafeKey, Error> {
    let unbound = UnboundKey::new(&AES_256_GCM, key).map_err(|_| refused("its key has another length"))?;
    Ok(LessSafeKey::new(unbound))
}

/// A key that encrypts. It is wiped when it is dropped.
pub struct Key {
    cipher: LessSafeKey,
    plain: [u8; KEY_BYTES],
}

impl Key {
    pub fn of(plain: [u8; KEY_BYTES]) -> Result<Self, Error> {
        Ok(Self {
            cipher: cipher(&plain)?,
            plain,
        })
    }

    pub(crate) fn plain(&self) -> &[u8; KEY_BYTES] {
        &self.plain
    }

    /// Its name, which tells nothing of it; never 0.
    pub fn id(&self) -> u64 {
        u64::from_be_bytes(id_of(&self.plain)).max(1)
    }

    /// Encrypt in place, the tag behind it. `bound` is authenticated with it. The nonce must be a new one.
    pub fn seal(&self, nonce: [u8; NONCE_BYTES], bound: &[u8], data: &mut Vec<u8>) -> Result<(), Error> {
        self.cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(bound), data)
            .map_err(|_| refused("it is too long"))
    }

    /// Decrypt in place.
    pub fn open(&self, nonce: [u8; NONCE_BYTES], bound: &[u8], data: &mut Vec<u8>) -> Result<(), Error> {
        let plain = self
            .cipher
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(bound), data)
            .map_err(|_| refused("it is not what was stored"))?
            .len();
        data.truncate(plain);
        Ok(())
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.plain.fill(0);
        std::hint::black_box(&self.plain);
    }
}

struct Master {
    cipher: LessSafeKey,
}

/// The master keys.
#[derive(Default)]
pub struct Keyring {
    masters: BTreeMap<KeyId, Master>,
    current: Option<KeyId>,
    random: Option<SystemRandom>,
}

impl Keyring {
    /// From the text of a key file. Kind `Invalid`: a line that is no key; which one is said, and nothing of it.
    pub fn read(text: &str) -> Result<Self, Error> {
        let mut keyring = Self {
            random: Some(SystemRandom::new()),
            ..Self::default()
        };
        let lines = text
            .lines()
            .enumerate()
            .map(|(number, line)| (number + 1, line.trim()));
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let key = unhex(line).ok_or_else(|| {
                let text = format!("line {number} of the key file is no key: 64 hexadecimal digits");
                Error::new(ErrorKind::Invalid, text)
            })?;
            let id = id_of(&key);
            let master = Master {
                cipher: cipher(&key)?,
            };
            keyring.masters.insert(id, master);
            keyring.current = Some(id);
        }
        if keyring.current.is_none() {
            return Err(Error::new(ErrorKind::Invalid, "the key file has no key"));
        }
        Ok(keyring)
    }

    /// From a file that nobody else may read. Kind `Invalid`: others may, or it has no keys.
    pub fn open(path: &Path) -> Result<Self, Error> {
        use std::os::unix::fs::PermissionsExt;
        let said =
            |error: std::io::Error| Error::new(ErrorKind::Invalid, format!("{}: {error}", path.display()));
        let mode = std::fs::metadata(path).map_err(said)?.permissions().mode();
        if mode & 0o077 != 0 {
            let text = format!("{}: others may read the keys; `chmod 600` it", path.display());
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        Self::read(&std::fs::read_to_string(path).map_err(said)?)
    }

    pub fn is_on(&self) -> bool {
        self.current.is_some()
    }

    pub fn count(&self) -> usize {
        self.masters.len()
    }

    pub(crate) fn fill(&self, data: &mut [u8]) -> Result<(), Error> {
        let none = || Error::new(ErrorKind::Unavailable, "the system gives no random numbers");
        self.random
            .as_ref()
            .ok_or_else(none)?
            .fill(data)
            .map_err(|_| none())
    }

    /// A new key.
    pub fn make(&self) -> Result<Key, Error> {
        let mut plain = [0; KEY_BYTES];
        self.fill(&mut plain)?;
        Key::of(plain)
    }

    /// A key under the current master key.
    pub fn wrap(&self, key: &Key) -> Result<Slot, Error> {
        let none = || Error::new(ErrorKind::Invalid, "there is no master key");
        let id = self.current.ok_or_else(none)?;
        let master = self.masters.get(&id).ok_or_else(none)?;
        let mut nonce = [0; NONCE_LEN];
        self.fill(&mut nonce)?;
        let mut wrapped = key.plain.to_vec();
        master
            .cipher
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(id), &mut wrapped)
            .map_err(|_| refused("its key cannot be wrapped"))?;
        let mut slot = [0; SLOT_BYTES];
        let parts = id.iter().chain(&nonce).chain(&wrapped);
        slot.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        Ok(slot)
    }

    /// The key that a slot holds; none where the slot is empty or under a master key that is not here.
    pub fn unwrap(&self, slot: &Slot) -> Result<Option<Key>, Error> {
        let (id, rest) = slot
            .split_first_chunk::<8>()
            .ok_or_else(|| refused("it is cut off"))?;
        let (nonce, wrapped) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or_else(|| refused("it is cut off"))?;
        let Some(master) = self.masters.get(id) else {
            return Ok(None);
        };
        let mut wrapped = wrapped.to_vec();
        let opened =
            master
                .cipher
                .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(*id), &mut wrapped);
        let Ok(plain) = opened else {
            return Ok(None); // half written: the other slot has it
        };
        let plain =
            <[u8; KEY_BYTES]>::try_from(&*plain).map_err(|_| refused("its key has another length"))?;
        Key::of(plain).map(Some)
    }

    /// Whether a slot is under the current master key.
    pub fn is_current(&self, slot: &Slot) -> bool {
        self.current.is_some_and(|id| slot.starts_with(&id))
    }
}

fn id_of(key: &[u8]) -> KeyId {
    let digest = blake3::derive_key("symphony artifact store 2026 master key id", key);
    let mut id = [0; 8];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    id
}

fn unhex(text: &str) -> Option<[u8; KEY_BYTES]> {
    let mut key = [0; KEY_BYTES];
    if text.len() != KEY_BYTES * 2 || !text.is_ascii() {
        return None;
    }
    for (at, to) in key.iter_mut().enumerate() {
        *to = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(digit: char) -> String {
        digit.to_string().repeat(64)
    }

    #[test]
    fn what_is_sealed_is_opened_by_the_same_key_nonce_and_words_alone() {
        let keyring = Keyring::read(&key('a')).unwrap();
        let made = keyring.make().unwrap();
        let slot = keyring.wrap(&made).unwrap();
        let mut data = b"a secret".to_vec();
        made.seal([3; NONCE_BYTES], b"bound", &mut data).unwrap();
        assert!(!data.windows(6).any(|part| part == b"secret"));
        let again = keyring.unwrap(&slot).unwrap().unwrap();
        for (nonce, bound) in [([2; NONCE_BYTES], b"bound"), ([3; NONCE_BYTES], b"other")] {
            assert!(again.open(nonce, bound, &mut data.clone()).is_err());
        }
        again.open([3; NONCE_BYTES], b"bound", &mut data).unwrap();
        assert_eq!((data, again.id()), (b"a secret".to_vec(), made.id()));
    }

    #[test]
    fn an_older_master_key_reads_and_the_last_one_wraps() {
        let old = Keyring::read(&key('a')).unwrap();
        let blob = old.make().unwrap();
        let slot = old.wrap(&blob).unwrap();
        let both = Keyring::read(&format!("# two keys\n{}\n\n{}\n", key('a'), key('b'))).unwrap();
        assert!(!both.is_current(&slot));
        assert_eq!(both.unwrap(&slot).unwrap().unwrap().plain, blob.plain);
        let anew = both.wrap(&blob).unwrap();
        assert!(both.is_current(&anew));
        let new = Keyring::read(&key('b')).unwrap();
        assert!(new.unwrap(&slot).unwrap().is_none());
        assert_eq!(new.unwrap(&anew).unwrap().unwrap().plain, blob.plain);
        assert!(old.unwrap(&anew).unwrap().is_none());
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_shown() {
        for text in ["", "# nothing", "abc", &format!("{}\nsecret", key('a'))] {
            let Err(error) = Keyring::read(text) else {
                panic!("{text} was taken")
            };
            assert_eq!(error.kind(), ErrorKind::Invalid);
            assert!(!error.to_string().contains("secret"));
        }
    }
}
