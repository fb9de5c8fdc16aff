//! What happened to a run, step by step, as `runs history` tells it.

use std::borrow::Cow;
use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Steps of one run's history that are kept: its first and its last. The middle of a very long history is what a reader
/// misses least.
const FIRST_COUNT_MAX: usize = 10_000;
const LAST_COUNT_MAX: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub sequence: u64,
    pub at_ms: u64,
    pub event: Cow<'static, str>,
    pub task: Option<String>,
    pub attempt: u32,
    pub accepted: bool,
    pub by: String,
    pub detail: String,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Journal {
    first: Vec<Entry>,
    last: VecDeque<Entry>,
}

impl Journal {
    pub fn note(&mut self, entry: Entry) {
        if self.first.len() < FIRST_COUNT_MAX {
            if self.first.is_empty() {
                self.first.reserve_exact(1); // most of many waiting runs have one step
            }
            self.first.push(entry);
            return;
        }
        if self.last.len() >= LAST_COUNT_MAX {
            self.last.pop_front();
        }
        self.last.push_back(entry);
    }

    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.first.iter().chain(&self.last)
    }

    pub fn len(&self) -> usize {
        self.first.len() + self.last.len()
    }

    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }
}
