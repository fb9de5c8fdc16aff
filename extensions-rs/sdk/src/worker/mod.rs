//! The worker runtime: takes tasks, runs functions, and sees that every result reaches the log.

mod attempt;
mod beat;
pub mod context;
pub mod function;
mod leaving;
pub mod ledger;
pub mod offers;
pub mod outbox;
pub mod payloads;
pub mod runtime;
pub mod starter;

use std::collections::BTreeMap;

pub use context::Context;
pub use function::{FunctionError, Handler, Outcome};
pub use runtime::Worker;
pub use starter::Starter;

/// What whoever starts a worker may choose.
#[derive(Clone, Debug)]
pub struct WorkerOptions {
    pub name: String,
    pub slots: u32,
    pub pool: Option<String>,
    pub manifest_name: String,
    /// Where it is and what it has in all, for tasks that ask for either.
    pub labels: BTreeMap<String, String>,
    pub resources: BTreeMap<String, f64>,
}
