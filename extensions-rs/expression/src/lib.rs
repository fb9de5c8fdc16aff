//! CEL with bounds, an order, and the functions of the workflow language.
//!
//! The parser is the `cel` crate's. Its evaluator iterates over maps in no order and has no bound on cost, so a fold that
//! must give the same bytes at every replay cannot use it: the parsed tree is compiled to `Node` and evaluated here, on
//! values that keep their order, with a counter that every step charges. References that need no computing (`tasks.x.f`,
//! `inputs.a`, `tasks.x[*].f`) are copied from payload to payload without building a value.

mod compare;
mod compile;
mod error;
mod eval;
mod expression;
mod fold;
mod functions;
mod node;
mod path;
mod prepare;
mod reach;
mod scan;
mod scope;
mod template;
mod verify;

pub use compile::TEXT_LENGTH_MAX;
pub use error::{Error, ErrorKind};
pub use eval::COST_MAX;
pub use expression::{Expression, Reference};
pub use functions::names as function_names;
pub use path::{Path, Segment};
pub use scope::{Empty, Root, Scope};
pub use template::{Piece, Template};
