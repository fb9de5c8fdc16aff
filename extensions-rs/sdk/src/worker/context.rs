//! What a running function may ask of its attempt.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;

use crate::artifacts::Artifacts;

/// One attempt. Clones are cheap.
#[derive(Clone)]
pub struct Context {
    pub run: Arc<str>,
    pub task: Arc<str>,
    pub generation: u32,
    pub r#try: u32,
    pub worker: Arc<str>,
    pub artifacts: Artifacts,
    /// The tokens of the keys that are held for it: what a key guards may refuse a lower one than it has seen.
    pub fences: Arc<BTreeMap<String, u64>>,
    pub(crate) stop: watch::Receiver<bool>,
}

impl Context {
    /// Whether the attempt is wanted no more; long computations ask now and then.
    pub fn cancelled(&self) -> bool {
        *self.stop.borrow()
    }

    /// An attempt without a mesh around it: what unit tests of functions run with.
    pub fn detached(r#try: u32) -> Self {
        let (sender, stop) = watch::channel(false);
        drop(sender); // the last value stays readable
        Self {
            run: "0".repeat(32).into(),
            task: "task".into(),
            generation: 0,
            r#try,
            worker: "worker".into(),
            artifacts: Artifacts::detached(),
            fences: Arc::default(),
            stop,
        }
    }
}
