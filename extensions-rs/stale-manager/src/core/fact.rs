//! What retention knows of an archived run.

use std::sync::Arc;

use super::shape::Shape;

/// One archived run. Names are shared between facts: a look goes through all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    pub run: String,
    pub tenant: Arc<str>,
    pub workflow: Arc<str>,
    pub status: Arc<str>,
    pub tags: Vec<Arc<str>>,
    pub ended_ms: u64,
    /// Of its record on the disk.
    pub bytes: u64,
    /// Inside function code, over all its tasks.
    pub work_us: u64,
    /// Logged decisions, and the sum of -log2 of the probability of what was chosen.
    pub decisions: u64,
    pub bits: f64,
    pub shape: Shape,
    pub held: bool,
    /// By an undo: until then no rule has it go.
    pub spared_until_ms: u64,
    pub tombstoned: bool,
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// A run that succeeded, of a shape of its own workflow.
    pub fn fact(run: u64, workflow: &str, ended_ms: u64) -> Fact {
        Fact {
            run: format!("{run:032x}"),
            tenant: "acme".into(),
            workflow: workflow.into(),
            status: "succeeded".into(),
            tags: Vec::new(),
            ended_ms,
            bytes: 1000,
            work_us: 1000,
            decisions: 0,
            bits: 0.0,
            shape: Shape::of([workflow]),
            held: false,
            spared_until_ms: 0,
            tombstoned: false,
        }
    }
}
