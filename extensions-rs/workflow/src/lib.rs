//! Workflow documents: reading, checking, and the plan the tracker follows.
//!
//! What a document means is decided here and nowhere else: the tracker folds `Plan`s, `dag.check` and `symphony-pit check`
//! answer with `check`'s problems.

mod check;
mod checked;
mod inputs;
mod nearest;
mod pack;
mod plan;
mod read;
mod types;
mod values;
mod versions;
mod words;

pub use check::{Functions, NoFunctions, check};
pub use checked::{checked, cli_check};
pub use inputs::fill_inputs;
pub use pack::{compile, pack, unpack};
pub use plan::{
    Action, Approve, Branch, Budget, Cache, Child, Compensate, Edge, EdgeKind, Fallback, ForEach, Function,
    Graph, GraphIndex, Kind, Node, OnFailure, Plan, Rate, Repeat, Retry, ScopedLock, Semaphore, Test, Wait,
};
pub use read::TASKS_MAX;
pub use types::{compatible, fits};
pub use versions::{VersionRange, compare_versions};
