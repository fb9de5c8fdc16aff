//! The pure core: no I/O, no clock, no randomness. What it becomes is a function of the log alone.

pub mod called;
pub mod composed;
pub mod emit;
pub mod exec;
pub mod fold;
pub mod frame;
pub mod journal;
pub mod keep;
pub mod run;
pub mod scope;
pub mod shared;
pub mod state;
pub mod view;

pub use emit::Emitter;
pub use fold::{Control, Effects, Event, Fold, FoldOptions};
pub use state::{ExecId, Run};
