//! The worker runtime: takes tasks, runs functions, and sees that every result reaches the log.

mod attempt;
mod beat;
pub mod context;
pub mod function;
mod leaving;
pub mod ledger;
pub mod outbox;
pub mod payloads;
pub mod runtime;
pub mod starter;

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
}
