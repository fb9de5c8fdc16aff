//! The messages and subjects of the mesh.
//!
//! `messages` is made from `conductor/wire`; the golden vectors of `schemas/vectors` hold both languages to the same bytes.
//! Payloads, the users' values, are byte strings inside messages: they are forwarded as they are.

pub mod bounds;
pub mod check;
pub mod codec;
pub mod messages;
pub mod payload;
pub mod raw;
pub mod subjects;
pub mod trace;
pub mod values;

pub use check::Bounded;
pub use codec::{WireError, WireErrorKind, decode, encode};
pub use messages::*;
pub use payload::{Payload, Token, Trace};
pub use trace::TraceContext;
pub use values::Value;
