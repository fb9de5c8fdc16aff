//! The pure core: no I/O, no clock, no randomness. What it becomes is a function of the log alone.

pub mod emit;
pub mod fold;
pub mod frames;
pub mod recover;
pub mod run;
pub mod scope;
pub mod state;
pub mod view;

pub use emit::Emitter;
pub use fold::{Effects, Event, Fold, FoldOptions};
pub use state::{ExecId, Run};
