//! Maps whose copies cost next to nothing: a copy shares everything, and what changes afterwards is copied piece by piece.
//!
//! A snapshot is made of such a copy, on a thread of its own: the beat is held up by the copying of some hundred pointers
//! and not by a hundred thousand runs. The price: a shard of the map, and a run, that change while the copy lives are
//! copied first, once each, within the event that changes them.

use std::collections::HashMap;
use std::sync::Arc;

use super::state::Run;

/// Pieces of a map. Of a hundred thousand entries one has four hundred, which are copied in microseconds.
const SHARDS: u128 = 256;

/// A map by run key. Keys are hashes, or drawn at random: their last byte spreads them evenly.
#[derive(Clone, Debug)]
pub struct Shared<V> {
    shards: Vec<Arc<HashMap<u128, V>>>,
    count: usize,
}

impl<V: Clone> Shared<V> {
    pub fn new() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Arc::default()).collect(),
            count: 0,
        }
    }

    pub fn len(&self) -> usize {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    pub fn get(&self, key: &u128) -> Option<&V> {
        self.shards.get(place(*key))?.get(key)
    }

    pub fn contains_key(&self, key: &u128) -> bool {
        self.get(key).is_some()
    }

    pub fn get_mut(&mut self, key: &u128) -> Option<&mut V> {
        let shard = self.shards.get_mut(place(*key))?;
        // Asked for first: what is not there is no reason to copy.
        if !shard.contains_key(key) {
            return None;
        }
        Arc::make_mut(shard).get_mut(key)
    }

    pub fn insert(&mut self, key: u128, value: V) {
        if let Some(shard) = self.shards.get_mut(place(key))
            && Arc::make_mut(shard).insert(key, value).is_none()
        {
            self.count += 1;
        }
    }

    pub fn remove(&mut self, key: &u128) -> Option<V> {
        let shard = self.shards.get_mut(place(*key))?;
        if !shard.contains_key(key) {
            return None;
        }
        let value = Arc::make_mut(shard).remove(key);
        self.count -= usize::from(value.is_some());
        value
    }

    pub fn iter(&self) -> impl Iterator<Item = (&u128, &V)> {
        self.shards.iter().flat_map(|shard| shard.iter())
    }
}

impl<V: Clone> Default for Shared<V> {
    fn default() -> Self {
        Self::new()
    }
}

fn place(key: u128) -> usize {
    usize::try_from(key % SHARDS).unwrap_or_default()
}

/// The runs of a partition.
#[derive(Clone, Debug, Default)]
pub struct Runs(Shared<Arc<Run>>);

impl Runs {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&self, key: &u128) -> Option<&Run> {
        self.0.get(key).map(|run| &**run)
    }

    pub fn contains_key(&self, key: &u128) -> bool {
        self.0.contains_key(key)
    }

    pub fn get_mut(&mut self, key: &u128) -> Option<&mut Run> {
        self.0.get_mut(key).map(Arc::make_mut)
    }

    pub fn insert(&mut self, key: u128, run: impl Into<Arc<Run>>) {
        self.0.insert(key, run.into());
    }

    pub fn remove(&mut self, key: &u128) -> Option<Arc<Run>> {
        self.0.remove(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&u128, &Run)> {
        self.0.iter().map(|(key, run)| (key, &**run))
    }

    pub fn keys(&self) -> impl Iterator<Item = &u128> {
        self.0.iter().map(|(key, _)| key)
    }

    pub fn values(&self) -> impl Iterator<Item = &Run> {
        self.0.iter().map(|(_, run)| &**run)
    }
}

#[cfg(test)]
mod tests {
    use super::Shared;

    #[test]
    fn a_copy_stays_as_it_was_whatever_happens_to_the_other() {
        let mut map = Shared::new();
        for key in 0..1000u128 {
            map.insert(key, key);
        }
        let copy = map.clone();
        map.insert(3, 33);
        map.insert(2000, 2000);
        assert_eq!(map.remove(&5), Some(5));
        assert_eq!(map.remove(&5), None);
        *map.get_mut(&7).unwrap() = 77;
        assert_eq!((map.len(), copy.len()), (1000, 1000));
        assert_eq!((map.get(&3), copy.get(&3)), (Some(&33), Some(&3)));
        assert_eq!((map.get(&5), copy.get(&5)), (None, Some(&5)));
        assert_eq!((map.get(&7), copy.get(&7)), (Some(&77), Some(&7)));
        assert_eq!((map.get(&2000), copy.get(&2000)), (Some(&2000), None));
        assert_eq!(copy.iter().count(), 1000);
    }
}
