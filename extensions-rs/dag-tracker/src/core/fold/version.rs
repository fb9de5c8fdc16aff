//! Rule 12: by which version of the fold a partition is folded is an event of the log.
//!
//! A new program folds as the old one did until the log says otherwise, so every tracker makes the same of the same log,
//! whichever of them is new. The owner of the partition says it once every living tracker has announced the version. What a
//! later change of the fold means is asked for by its number: `if self.version >= 3 { .. }`, beside the old way, which
//! stays for the logs that were begun with it.

use super::*;

/// What a log begins with.
pub const FIRST: u32 = 1;
/// What this program knows. 2: snapshots say in their header which version they were folded by.
pub const NEWEST: u32 = 2;

impl Fold {
    /// Whether the log goes on by rules that are not known here, which is where this program has to stop.
    pub(super) fn is_beyond(&mut self, event: &Event) -> bool {
        if let Event::Version(told) = event
            && self.is_owner(told.epoch)
            && told.version > self.options.supports
        {
            self.beyond = Some(told.version);
        }
        self.beyond.is_some()
    }

    pub(super) fn versioned(&mut self, told: &FoldVersion) {
        self.version = self.version.max(told.version); // never back: what is folded is folded
    }
}
