//! Results that are used again: of the same function, the same key, and not too old by the fold's time.

use std::collections::BTreeMap;

use symphony_protocol::bounds::FIRST_VERSION;
use symphony_workflow::Cache as Words;

use super::*;

/// Results of a partition that are kept, and their bytes; the one that was used longest ago goes first.
const ENTRIES_MAX: usize = 10_000;
const BYTES_MAX: usize = 64 * 1024 * 1024;

type Key = [u8; 32];

#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
struct Entry {
    output: Payload,
    until_ms: u64,
    /// When it was used last, by the count of uses.
    used: u64,
}

/// The order of uses is the log's, so every tracker keeps the same.
#[derive(Clone, Debug, Default, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Cache {
    entries: BTreeMap<Key, Entry>,
    order: BTreeMap<u64, Key>,
    uses: u64,
    bytes: usize,
}

impl Cache {
    pub fn get(&mut self, key: &Key, now_ms: u64) -> Option<Payload> {
        let entry = self.entries.get_mut(key)?;
        if entry.until_ms <= now_ms {
            self.remove(key);
            return None;
        }
        self.order.remove(&entry.used);
        self.uses += 1;
        entry.used = self.uses;
        self.order.insert(self.uses, *key);
        Some(entry.output.clone())
    }

    pub fn put(&mut self, key: Key, output: Payload, until_ms: u64) {
        self.remove(&key);
        self.uses += 1;
        self.bytes += output.len();
        let used = self.uses;
        self.order.insert(used, key);
        self.entries.insert(
            key,
            Entry {
                output,
                until_ms,
                used,
            },
        );
        while self.entries.len() > ENTRIES_MAX || self.bytes > BYTES_MAX {
            let Some((_, oldest)) = self.order.pop_first() else {
                return;
            };
            self.remove(&oldest);
        }
    }

    fn remove(&mut self, key: &Key) {
        if let Some(gone) = self.entries.remove(key) {
            self.order.remove(&gone.used);
            self.bytes = self.bytes.saturating_sub(gone.output.len());
        }
    }
}

impl Walk<'_> {
    /// What the result of a call is kept under: the tenant, the function with its version, and the key, or all of the inputs.
    fn cache_key(
        &self,
        id: ExecId,
        words: &Words,
        called: &Function,
        version: &str,
    ) -> Result<Key, ErrorValue> {
        let own = match &words.key {
            Some(key) => self.render(id, key)?,
            None => self
                .run
                .exec(id)
                .map(|exec| exec.inputs.clone())
                .unwrap_or_default(),
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update(if words.key.is_some() { b"key\0" } else { b"all\0" });
        for part in [&*self.run.tenant, &called.capability, version] {
            hasher.update(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        Ok(*hasher.update(&own).finalize().as_bytes())
    }

    /// An earlier result of a call, of the newest version of its function that is served and fits.
    pub(super) fn earlier(
        &mut self,
        id: ExecId,
        words: &Words,
        called: &Function,
    ) -> Result<Option<Payload>, ErrorValue> {
        let key = self.cache_key(id, words, called, self.context.version(called))?;
        Ok(self.context.cache.get(&key, self.context.time_ms))
    }

    /// Keep a result that has just come, where its task says so, under the version that made it.
    pub(super) fn keep_result(&mut self, id: ExecId, node: &Node, output: &Payload) {
        let (Some(words), Some(exec)) = (&node.cache, self.run.exec(id)) else {
            return;
        };
        let Some(called) = function(node, exec) else {
            return;
        };
        // What the key is made from has not changed since the call began.
        let version = self.answered_by.as_deref().unwrap_or(FIRST_VERSION);
        if let Ok(key) = self.cache_key(id, words, called, version) {
            let until_ms = self.context.time_ms.saturating_add(words.ttl_ms);
            self.context.cache.put(key, output.clone(), until_ms);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failure is the message")]
mod tests {
    use super::{Cache, ENTRIES_MAX};

    fn key(number: usize) -> [u8; 32] {
        *blake3::hash(&number.to_be_bytes()).as_bytes()
    }

    #[test]
    fn what_was_used_longest_ago_goes_first() {
        let mut cache = Cache::default();
        for number in 0..ENTRIES_MAX {
            cache.put(key(number), vec![1].into(), 100);
        }
        assert!(cache.get(&key(0), 0).is_some());
        cache.put(key(ENTRIES_MAX), vec![1].into(), 100);
        assert!(cache.get(&key(0), 0).is_some());
        assert!(cache.get(&key(1), 0).is_none());
    }

    #[test]
    fn nothing_is_used_past_its_time() {
        let mut cache = Cache::default();
        cache.put(key(1), vec![1].into(), 100);
        assert!(cache.get(&key(1), 99).is_some());
        assert!(cache.get(&key(1), 100).is_none());
        assert_eq!(
            cache,
            Cache {
                uses: 2,
                ..Cache::default()
            }
        );
    }
}
