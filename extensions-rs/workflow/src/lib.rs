//! Workflow documents: reading, checking, and the plan the tracker follows.
//!
//! What a document means is decided here and nowhere else: the tracker folds `Plan`s, `dag.check` and `symphony-pit check`
//! answer with `check`'s problems.

pub mod check;
pub mod inputs;
pub mod pack;
pub mod plan;
pub mod read;
pub mod types;
pub mod words;

pub use check::{Functions, NoFunctions, check};
pub use inputs::fill_inputs;
pub use pack::{pack, unpack};
pub use plan::{Action, Edge, EdgeKind, Fallback, ForEach, Kind, Node, OnFailure, Plan, Retry};
