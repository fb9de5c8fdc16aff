//! CEL with bounds, an order, and the functions of the workflow language.
//!
//! The parser is the `cel` crate's. Its evaluator iterates over maps in no order and has no bound on cost, so a fold that
//! must give the same bytes at every replay cannot use it: the parsed tree is compiled to `Node` and evaluated here, on
//! values that keep their order, with a counter that every step charges. References that need no computing (`tasks.x.f`,
//! `inputs.a`, `tasks.x[*].f`) are copied from payload to payload without building a value.

pub mod compare;
pub mod compile;
pub mod error;
pub mod eval;
pub mod expression;
pub mod functions;
pub mod node;
pub mod path;
pub mod scope;
pub mod template;

pub use error::{Error, ErrorKind};
pub use expression::Expression;
pub use path::{Path, Segment};
pub use scope::{Root, Scope};
pub use template::Template;
