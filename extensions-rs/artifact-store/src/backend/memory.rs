//! Objects in memory: for tests, and for what may be lost.

use std::collections::BTreeMap;
use std::sync::Mutex;

use super::{Backend, missing, short};
use crate::error::Error;
use crate::storage::locked;

#[derive(Default)]
pub struct Memory {
    objects: Mutex<BTreeMap<String, Vec<u8>>>,
}

impl Backend for Memory {
    fn put(&self, name: &str, data: Vec<u8>) -> Result<(), Error> {
        locked(&self.objects).insert(name.to_owned(), data);
        Ok(())
    }

    fn range(&self, name: &str, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
        let objects = locked(&self.objects);
        let data = objects.get(name).ok_or_else(|| missing(name))?;
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let part = data.get(from..from.saturating_add(length));
        Ok(part.ok_or_else(|| short(name))?.to_vec())
    }

    fn size(&self, name: &str) -> Result<Option<u64>, Error> {
        Ok(locked(&self.objects).get(name).map(|data| data.len() as u64))
    }

    fn delete(&self, name: &str) -> Result<(), Error> {
        locked(&self.objects).remove(name);
        Ok(())
    }

    fn list(&self) -> Result<Vec<String>, Error> {
        Ok(locked(&self.objects).keys().cloned().collect())
    }
}
